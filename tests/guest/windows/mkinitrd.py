#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""mkinitrd.py DIR IMAGE MODULES MODULE... - make DIR/vmlinux, vmlinuz, initrd and
initrd-signed

IMAGE is a kernel, MODULES its /lib/modules directory; DIR/init is the program. Each MODULE
is added with its dependencies, and a list "modules" says which devices they are for.
vmlinux is the kernel without its own decompressor, which under emulation takes longer than
everything else. initrd-signed is for Secure Boot, where the kernel checks the signatures
of its modules.
"""

import lzma
import os
import re
import struct
import subprocess
import sys
import tempfile


def cpio_entry(name, mode, data=b"", device=(0, 0)):
    head = "070701" + "".join("%08X" % field for field in (
        0, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(name) + 1, 0))
    entry = head.encode() + name.encode() + b"\0"
    entry += b"\0" * (-len(entry) % 4) + data
    return entry + b"\0" * (-len(data) % 4)


def unpack(tool, what, data):
    """What such a program makes of the data"""
    try:
        run = subprocess.run([tool, "-dc"], input=data, check=True,
                             stdout=subprocess.PIPE)
    except FileNotFoundError:
        raise SystemExit("mkinitrd.py: %s is packed with %s, which this machine lacks; "
                         "install it" % (what, tool)) from None
    except subprocess.CalledProcessError as error:
        raise SystemExit("mkinitrd.py: %s: %s ends with status %d" %
                         (what, tool, error.returncode)) from None
    return run.stdout


def vmlinux(path, image):
    """The payload of a bzImage, as the boot protocol describes it."""
    start = ((image[0x1f1] or 4) + 1) * 512
    offset, length = struct.unpack_from("<II", image, 0x248)
    payload = image[start + offset:start + offset + length]
    if payload.startswith(b"\xfd7zXZ"):
        return lzma.LZMADecompressor().decompress(payload)
    tools = {b"\x28\xb5\x2f\xfd": "zstd", b"\x1f\x8b": "gzip",
             b"\x02\x21\x4c\x18": "lz4"}
    for magic, tool in tools.items():
        if payload.startswith(magic):
            # The four bytes behind it are the unpacked size.
            return unpack(tool, path, payload[:-4])
    raise SystemExit("mkinitrd.py: %s is packed in an unknown way" % path)


def module_name(path):
    return re.sub(r"\.ko(\.\w+)?$", "", os.path.basename(path)).replace("-", "_")


class Modules:
    def __init__(self, directory):
        self.paths = {}
        self.read = {}
        for root, _, names in os.walk(os.path.join(directory, "kernel")):
            for name in names:
                if re.search(r"\.ko(\.\w+)?$", name):
                    self.paths[module_name(name)] = os.path.join(root, name)

    def data(self, name):
        if name not in self.read:
            self.read[name] = read_module(self.paths[name])
        return self.read[name]

    def info(self, name, field):
        return [value.decode() for value in
                re.findall(rb"\0%s=([^\0]+)\0" % field.encode(),
                           self.data(name).replace(b"\0", b"\0\0"))]

    def with_needs(self, name, order=None):
        """It and all that it needs, each after what it needs itself"""
        order = [] if order is None else order
        if name in order or name not in self.paths:
            return order    # built in, or this kernel has no such driver
        for needs in self.info(name, "depends"):
            for other in needs.replace("-", "_").split(","):
                self.with_needs(other, order)
        order.append(name)
        return order

    def line(self, name):
        """"ALIAS... | PATH...": loaded when a device has such a modalias"""
        aliases = [alias for alias in self.info(name, "alias")
                   if re.match(r"(pci|virtio):", alias)]
        return " ".join(aliases + ["|"] + [
            "/lib/%s.ko" % other for other in self.with_needs(name)])


def bare(data):
    """A module without its signature, which takes long to check, and without
    what only debuggers read"""
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        run = subprocess.run(["objcopy", "--strip-debug", "-R", ".BTF", file.name],
                             stderr=subprocess.DEVNULL, check=False)
        if run.returncode == 0:
            with open(file.name, "rb") as stripped:
                return stripped.read()
    return data


def read_module(path):
    tools = {".xz": "xz", ".zst": "zstd", ".gz": "gzip"}
    tool = tools.get(os.path.splitext(path)[1])
    with open(path, "rb") as file:
        data = file.read()
    return unpack(tool, path, data) if tool else data


def libraries(program):
    """Paths that a program which is not static wants to find"""
    run = subprocess.run(["ldd", program], stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL, text=True, check=False)
    return re.findall(r"(?<!\S)(/\S+)(?= \()", run.stdout)


def write(path, data):
    with open(path + ".new", "wb") as file:
        file.write(data)
    os.rename(path + ".new", path)


def main():
    directory, kernel, modules, *wanted = sys.argv[1:]
    with open(kernel, "rb") as file:
        image = file.read()
    program = os.path.join(directory, "init")
    with open(program, "rb") as file:
        init = file.read()
    out = [cpio_entry("dev", 0o40755), cpio_entry("lib", 0o40755),
           cpio_entry("dev/console", 0o20600, device=(5, 1)),
           cpio_entry("init", 0o100755, init)]
    modules = Modules(modules)
    wanted = [name for name in wanted if name in modules.paths]
    lines = "".join(modules.line(name) + "\n" for name in wanted)
    out.append(cpio_entry("modules", 0o100644, lines.encode()))
    needed = {other for name in wanted for other in modules.with_needs(name)}
    write(os.path.join(directory, "vmlinuz"), image)
    write(os.path.join(directory, "vmlinux"), vmlinux(kernel, image))
    for file, change in ("initrd-signed", bytes), ("initrd", bare):
        write(os.path.join(directory, file), b"".join(
            out + [cpio_entry("lib/%s.ko" % name, 0o100644, change(modules.data(name)))
                   for name in sorted(needed)] + [cpio_entry("TRAILER!!!", 0)]))


main()
