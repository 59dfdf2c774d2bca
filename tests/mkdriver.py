#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""mkdriver.py FOLDER NAME MACHINE VERSION [SIZE] - generate a driver: .sys, .inf, .cat

The files have the headers of a PE file (machine, subsystem native, a resource section
with a version) and no code. For tests: real drivers must not be copied into the project.
"""

import os
import struct
import sys

MACHINES = {'x86': 0x014C, 'amd64': 0x8664, 'arm64': 0xAA64}


def pe_file(machine, version, size):
    data = bytearray((i * 7919 >> 3) & 0xFF for i in range(size))
    data[:0x400] = bytes(0x400)
    data[0:2] = b'MZ'
    struct.pack_into('<I', data, 0x3C, 0x80)
    wide = machine != 'x86'
    optional = 240 if wide else 224
    struct.pack_into('<4sHHIIIHH', data, 0x80, b'PE\0\0', MACHINES[machine], 1, 0, 0, 0,
                     optional, 0x22)
    at = 0x80 + 24
    struct.pack_into('<H', data, at, 0x20B if wide else 0x10B)
    struct.pack_into('<HH', data, at + 40, 6, 1)
    struct.pack_into('<H', data, at + 68, 1)
    # The certificate table: signed, as far as one can see.
    struct.pack_into('<II', data, at + (112 if wide else 96) + 32, size - 512, 512)
    struct.pack_into('<8sIIII', data, at + optional, b'.rsrc', 512, 0x1000, 512, 0x400)
    data[0x400:0x600] = bytes(512)
    numbers = [int(n) for n in version.split('.')]
    struct.pack_into('<IIHHHH', data, 0x440, 0xFEEF04BD, 0x10000, numbers[1], numbers[0],
                     numbers[3], numbers[2])
    return bytes(data)


def main():
    folder, name, machine, version = sys.argv[1:5]
    size = int(sys.argv[5]) if len(sys.argv) > 5 else 130000
    os.makedirs(folder, exist_ok=True)
    for suffix, data in (
            ('sys', pe_file(machine, version, size)),
            ('inf', b'[Version]\r\nSignature="$WINDOWS NT$"\r\n' * 100),
            ('cat', b'\x30\x82' + bytes(11000))):
        with open(os.path.join(folder, name + '.' + suffix), 'wb') as out:
            out.write(data)


main()
