#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
#
# mkiso.py - write an ISO image with one driver, and optionally one fault
#
# mkiso.py FILE SYS [FAULT]. Without FAULT the image is valid: ISO 9660 level 1, no
# extensions.

import struct
import sys

SECTOR = 2048
END = 8000  # of the image, in sectors


def both(fmt, value):
    return struct.pack("<" + fmt, value) + struct.pack(">" + fmt, value)


def record(name, sector, size, folder):
    """An entry of a directory."""
    data = bytearray(33) + name
    if len(data) % 2:
        data += b"\0"
    data[0] = len(data) & 255
    data[2:10] = both("I", sector)
    data[10:18] = both("I", size)
    data[18:25] = bytes((124, 1, 1, 0, 0, 0, 0))
    data[25] = 2 if folder else 0
    data[28:32] = both("H", 1)
    data[32] = len(name) & 255
    return bytes(data)


class Iso:
    def __init__(self):
        self.sectors = {}
        self.first = END

    def room(self, size=SECTOR):
        """From the end: libarchive reads front to back, folders before what is in them."""
        self.first -= -(-size // SECTOR)
        return self.first

    def put(self, sector, data):
        self.sectors[sector] = data

    def folder(self, entries, at=None):
        """Where it is, and its size. entries: records."""
        size = 2 * 34
        for entry in entries:
            if size % SECTOR + len(entry) > SECTOR:
                size += SECTOR - size % SECTOR
            size += len(entry)
        size += -size % SECTOR
        at = self.room(size) if at is None else at
        data = bytearray(record(b"\0", at, size, True) + record(b"\1", at, SECTOR, True))
        for entry in entries:
            if len(data) % SECTOR + len(entry) > SECTOR:
                data += bytes(-len(data) % SECTOR)
            data += entry
        self.put(at, data + bytes(-len(data) % SECTOR))
        return at, size

    def write(self, path, root, cut=None):
        pvd = bytearray(SECTOR)
        pvd[:7] = b"\1CD001\1"
        pvd[8:72] = b" " * 64
        pvd[80:88] = both("I", END)
        pvd[120:124] = both("H", 1)
        pvd[124:128] = both("H", 1)
        pvd[128:132] = both("H", SECTOR)
        pvd[132:140] = both("I", 10)
        pvd[140:144] = struct.pack("<I", 18)
        pvd[148:152] = struct.pack(">I", 19)
        pvd[156:190] = record(b"\0", root[0], root[1], True)
        pvd[881] = 1
        self.put(16, bytes(pvd))
        self.put(17, b"\xffCD001\1" + bytes(SECTOR - 7))
        with open(path, "wb") as file:
            for sector, data in self.sectors.items():
                file.seek(sector * SECTOR)
                file.write(data)
            file.truncate(cut or END * SECTOR)


def main():
    path, sys_path, fault = sys.argv[1], sys.argv[2], (sys.argv + [""])[3]
    with open(sys_path, "rb") as file:
        driver = file.read()
    iso = Iso()
    at = iso.room(len(driver))
    iso.put(at, driver)
    size = {"size-4g": 0xffffffff, "size-8m": 8 << 20}.get(fault, len(driver))
    where = {"beyond": 0x7fffffff, "last": 0xffffffff}.get(fault, at)
    files = [record(b"VIOSTOR.SYS;1", where, size, False)]
    if fault == "many-large":
        files = [record(b"V%07X.SYS;1" % i, at, 8 << 20, False) for i in range(600)]
    if fault == "long-names":
        files = [record(b"A" * 222, at, size, False) for i in range(5000)] + files
    if fault == "no-length":
        files[0] = b"\x01" + files[0][1:]
    if fault == "name-beyond":
        files[0] = files[0][:32] + b"\xff" + files[0][33:]
    arch = iso.folder(files)
    if fault == "many-files":
        arch = iso.folder([record(b"F%07X.TXT;1" % i, at, 1, False) for i in range(120000)] + files)
    entries = [record(b"AMD64", arch[0], arch[1], True)]
    place = iso.room()
    if fault == "circle":
        entries = [record(b"AMD64", place, SECTOR, True)]
    if fault == "circles":
        entries = [record(b"D%02d" % i, place, SECTOR, True) for i in range(40)]
    os_ = iso.folder(entries, place)
    viostor = iso.folder([record(b"W10", os_[0], os_[1], True)])
    root = iso.folder([record(b"VIOSTOR", viostor[0], viostor[1], True)])
    if fault == "deep":
        for _ in range(3000):
            root = iso.folder([record(b"D", root[0], root[1], True)])
    if fault == "wide":
        # Each of 24 folders has each folder of the next level twice: 2^24 paths.
        inner = arch
        for _ in range(24):
            inner = iso.folder([record(b"A", inner[0], inner[1], True),
                                record(b"B", inner[0], inner[1], True)])
        root = inner
    if fault == "root-4g":
        root = (root[0], 0xfffff800)
    iso.write(path, root, (at * SECTOR + 100) if fault == "cut" else None)


main()
