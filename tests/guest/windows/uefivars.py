#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""uefivars.py - variables of a guest's firmware, in the file in which OVMF stores them

uefivars.py windows VARS DISK HOW - add what a Windows on that raw disk would have left: a
	variable of its own, and Boot0000, "Windows Boot Manager". HOW is the device path
	of that entry: "short" begins with the partition; "sata" and "vmware" begin with
	the controller, of QEMU's q35 or of an LSI SAS on VMware; "none" adds no Boot0000,
	as on a new machine
uefivars.py list VARS - one line for each variable: its name, namespace and value
uefivars.py kept BEFORE AFTER - is everything in BEFORE the same in AFTER, except what the
	firmware itself writes? Prints the differences.

The format is that of the UEFI specification (load options, device paths) and of EDK2
(VariableFormat.h): a firmware volume contains a store, which contains the variables one
after the other; deleted variables remain until there is no space left.
"""

import struct
import sys
import uuid

GLOBAL = uuid.UUID("8be4df61-93ca-11d2-aa0d-00e098032b8c")
MICROSOFT = uuid.UUID("eaec226f-c9a3-477a-a826-ddc716cdc0e3")
AUTHENTICATED_STORE = uuid.UUID("aaf32c78-947b-439a-a180-2e144ec37792")
STORE_HEADER = 28
VARIABLE_HEADER = 60
ADDED, DELETED = 0x3f, 0x3d    # of a variable's state; bits are cleared one by one
NON_VOLATILE, BOOT_SERVICE, RUNTIME = 1, 2, 4


class Store:
    def __init__(self, path):
        self.path = path
        with open(path, "rb") as file:
            self.data = bytearray(file.read())
        if self.data[40:44] != b"_FVH":
            sys.exit("uefivars.py: %s: not a firmware volume" % path)
        at, = struct.unpack_from("<H", self.data, 48)
        kind = uuid.UUID(bytes_le=bytes(self.data[at:at + 16]))
        size, = struct.unpack_from("<I", self.data, at + 16)
        if kind != AUTHENTICATED_STORE:
            sys.exit("uefivars.py: %s: its variables are in another format" % path)
        self.first = at + STORE_HEADER
        self.end = at + size

    def variables(self):
        """(offset, state, namespace, name, attributes, value) of each, and at the end
        the offset of the free room"""
        at = self.first
        while at + VARIABLE_HEADER <= self.end and self.data[at:at + 2] == b"\xaa\x55":
            state = self.data[at + 2]
            attributes, = struct.unpack_from("<I", self.data, at + 4)
            name_size, size = struct.unpack_from("<II", self.data, at + 36)
            space = uuid.UUID(bytes_le=bytes(self.data[at + 44:at + 60]))
            name = at + VARIABLE_HEADER
            value = name + name_size
            yield (at, state, space, self.data[name:value].decode("utf-16-le").rstrip("\0"),
                   attributes, bytes(self.data[value:value + size]))
            at = (value + size + 3) & ~3
        yield at, None, None, None, None, None

    def put(self, space, name, value):
        at = self.first
        for at, state, its_space, its_name, _, _ in self.variables():
            if state == ADDED and (its_space, its_name) == (space, name):
                self.data[at + 2] = state & DELETED
        wide = (name + "\0").encode("utf-16-le")
        variable = struct.pack("<HBBI28xII", 0x55aa, ADDED, 0,
                               NON_VOLATILE | BOOT_SERVICE | RUNTIME, len(wide), len(value))
        variable += space.bytes_le + wide + value
        if at + len(variable) > self.end:
            sys.exit("uefivars.py: %s is full" % self.path)
        self.data[at:at + len(variable)] = variable

    def write(self):
        with open(self.path, "wb") as file:
            file.write(self.data)


# ---- device paths ----

def node(kind, subkind, data):
    return struct.pack("<BBH", kind, subkind, 4 + len(data)) + data


def pci(device, function):
    return node(1, 1, bytes([function, device]))


ROOT = node(2, 1, struct.pack("<II", 0x0a0341d0, 0))
CONTROLLERS = {
    "short": b"",
    "sata": ROOT + pci(0x1f, 2) + node(3, 18, struct.pack("<HHH", 0, 0xffff, 0)),
    "vmware": ROOT + pci(0x15, 0) + pci(0, 0) + node(3, 2, struct.pack("<HH", 0, 0)),
}
BOOT_MANAGER = "\\EFI\\Microsoft\\Boot\\bootmgfw.efi"
END = node(0x7f, 0xff, b"")


def first_partition(disk):
    with open(disk, "rb") as file:
        file.seek(2 * 512)
        entry = file.read(128)
    start, last = struct.unpack_from("<QQ", entry, 32)
    return node(4, 1, struct.pack("<IQQ", 1, start, last - start + 1) +
                entry[16:32] + b"\2\2")


def windows(path, disk, how):
    store = Store(path)
    store.put(MICROSOFT, "UnlockIDCopy", bytes(range(32)))
    if how != "none":
        boot = CONTROLLERS[how] + first_partition(disk) + \
            node(4, 4, (BOOT_MANAGER + "\0").encode("utf-16-le")) + END
        store.put(GLOBAL, "Boot0000", struct.pack("<IH", 1, len(boot)) +
                  "Windows Boot Manager\0".encode("utf-16-le") + boot)
        store.put(GLOBAL, "BootOrder", struct.pack("<H", 0))
    store.write()


def listing(path):
    for _, state, space, name, attributes, value in Store(path).variables():
        if state == ADDED:
            print(name, space, "%x" % attributes, value.hex())


# Firmware's own: what it counts starts and memory with, and where it remembers the
# place of a disk; and the boot options that it makes for each device by itself, which
# end with this. A disk that changes its bus is another device.
FIRMWARE = "MTC", "MemoryTypeInformation", "HDDP"
AUTOMATIC = uuid.UUID("8108ac4e-9f11-4d59-850e-e21a522c59b2").bytes_le


def comparable(path):
    """What is not firmware's own; in the boot order, too"""
    values = {(name, space): (attributes, value)
              for _, state, space, name, attributes, value in Store(path).variables()
              if state == ADDED and name not in FIRMWARE and not value.endswith(AUTOMATIC)}
    order = values.pop(("BootOrder", GLOBAL), (0, b""))[1]
    numbers = ["Boot%04X" % number for number, in struct.iter_unpack("<H", order)]
    return values, [name for name in numbers if (name, GLOBAL) in values]


def shown(variable):
    return "%x %s" % (variable[0], variable[1].hex()) if variable else "not there"


def kept(before, after):
    (old, old_order), (new, new_order) = comparable(before), comparable(after)
    lost = ["%s %s: was %s, is %s" % (*key, shown(old[key]), shown(new.get(key)))
            for key in old if new.get(key) != old[key]]
    if [name for name in new_order if name in old_order] != old_order:
        lost.append("BootOrder: was %s, is %s" % (old_order, new_order))
    for line in lost:
        print(line)
    return not lost


def main():
    if sys.argv[1] == "windows":
        windows(*sys.argv[2:])
    elif sys.argv[1] == "kept":
        sys.exit(0 if kept(*sys.argv[2:]) else 1)
    else:
        listing(sys.argv[2])


main()
