#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""mkefi.py OUT STUB NAME=FILE... - one EFI program from systemd's stub and what it starts: a
section for each NAME, such as linux, initrd and cmdline

PE format: the table of section headers has room for more entries, and the sections' data
is appended to the file.
"""

import struct
import sys

SECTION = 40                # bytes of a section header
DATA_READABLE = 0x40000040


def aligned(number, to):
    return -(-number // to) * to


def add_sections(stub, sections):
    image = bytearray(stub)
    pe, = struct.unpack_from("<I", image, 0x3c)
    if image[pe:pe + 4] != b"PE\0\0":
        sys.exit("mkefi.py: the stub is no PE program")
    count, = struct.unpack_from("<H", image, pe + 6)
    optional_size, = struct.unpack_from("<H", image, pe + 20)
    optional = pe + 24
    memory_align, file_align = struct.unpack_from("<II", image, optional + 32)
    table = optional + optional_size
    old = [struct.unpack_from("<IIII", image, table + SECTION * i + 8)
           for i in range(count)]
    if table + SECTION * (count + len(sections)) > min(raw for _, _, _, raw in old):
        sys.exit("mkefi.py: the stub has no room for %d more sections" % len(sections))
    end = max(address + size for size, address, _, _ in old)
    for name, data in sections:
        address = aligned(end, max(memory_align, 4096))
        start = aligned(len(image), file_align)
        size = aligned(len(data), file_align)
        image += b"\0" * (start - len(image)) + data + b"\0" * (size - len(data))
        struct.pack_into("<8sIIII12xI", image, table + SECTION * count, name.encode(),
                         len(data), address, size, start, DATA_READABLE)
        count += 1
        end = address + len(data)
    struct.pack_into("<H", image, pe + 6, count)
    struct.pack_into("<I", image, optional + 56, aligned(end, memory_align))
    return image


def main():
    out, stub, *words = sys.argv[1:]
    sections = []
    for word in words:
        name, _, path = word.partition("=")
        with open(path, "rb") as file:
            sections.append(("." + name, file.read()))
    with open(stub, "rb") as file:
        image = add_sections(file.read(), sections)
    with open(out, "wb") as file:
        file.write(image)


main()
