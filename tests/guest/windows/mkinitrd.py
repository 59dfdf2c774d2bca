#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""mkinitrd.py DIR IMAGE MODULES MODULE... - DIR/vmlinux, vmlinuz and initrd

IMAGE is a kernel, MODULES its /lib/modules directory; DIR/init is the program.
Modules go in with all that they need, and a list "modules" in the order in which
they have to be loaded. vmlinux is the kernel without its own decompressor, which
under emulation takes longer than all the rest.
"""

import lzma
import os
import re
import struct
import subprocess
import sys


def cpio_entry(name, mode, data=b"", device=(0, 0)):
    head = "070701" + "".join("%08X" % field for field in (
        0, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(name) + 1, 0))
    entry = head.encode() + name.encode() + b"\0"
    entry += b"\0" * (-len(entry) % 4) + data
    return entry + b"\0" * (-len(data) % 4)


def vmlinux(image):
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
            return subprocess.run([tool, "-dc"], input=payload[:-4], check=True,
                                  stdout=subprocess.PIPE).stdout
    raise SystemExit("mkinitrd.py: a kernel compressed in an unknown way")


def module_name(path):
    return re.sub(r"\.ko(\.\w+)?$", "", os.path.basename(path)).replace("-", "_")


def module_files(modules, wanted):
    """Paths below modules/, each after those that it needs"""
    needs, paths = {}, {}
    for root, _, names in os.walk(os.path.join(modules, "kernel")):
        for name in names:
            if re.search(r"\.ko(\.\w+)?$", name):
                paths[module_name(name)] = os.path.join(root, name)

    def info(name):
        if name not in needs:
            data = read_module(paths[name])
            found = re.search(rb"\0depends=([^\0]*)\0", data)
            needs[name] = found.group(1).decode().replace("-", "_").split(",") \
                if found and found.group(1) else []
        return needs[name]

    order = []

    def add(name):
        if name in order or name not in paths:
            return      # built in, or this kernel has no such driver
        for other in info(name):
            add(other)
        order.append(name)

    for name in wanted:
        add(name)
    return [paths[name] for name in order]


def read_module(path):
    tools = {".xz": "xz", ".zst": "zstd", ".gz": "gzip"}
    tool = tools.get(os.path.splitext(path)[1])
    if tool:
        return subprocess.run([tool, "-dc", path], check=True,
                              stdout=subprocess.PIPE).stdout
    with open(path, "rb") as file:
        return file.read()


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
    names = []
    made = {"/dev", "/lib"}
    for path in libraries(program):
        for end in range(1, len(path)):
            if path[end] == "/" and path[:end] not in made:
                made.add(path[:end])
                out.append(cpio_entry(path[1:end], 0o40755))
        with open(path, "rb") as file:
            out.append(cpio_entry(path[1:], 0o100755, file.read()))
    for path in module_files(modules, wanted):
        name = "/lib/%s.ko" % module_name(path)
        out.append(cpio_entry(name[1:], 0o100644, read_module(path)))
        names.append(name)
    out.append(cpio_entry("modules", 0o100644, ("\n".join(names) + "\n").encode()))
    out.append(cpio_entry("TRAILER!!!", 0))
    write(os.path.join(directory, "vmlinuz"), image)
    write(os.path.join(directory, "vmlinux"), vmlinux(image))
    write(os.path.join(directory, "initrd"), b"".join(out))


main()
