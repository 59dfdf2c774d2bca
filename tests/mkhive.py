#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""mkhive.py OUT - an empty registry hive, to be filled by hivexregedit --merge

One bin of 4096 bytes with a root key and its security descriptor, format 1.5 (specified
in github.com/msuhanov/regf). Uses neither busflip's code nor libhivex.
"""

import struct
import sys

NONE = 0xFFFFFFFF


def cell(data):
    size = (len(data) + 4 + 7) // 8 * 8
    return struct.pack('<i', -size) + data.ljust(size - 4, b'\0')


def root_key(security, name):
    return struct.pack('<2sHQIIIIIIIIIIIIIIIHH', b'nk', 0x2C, 0, 0, NONE, 0, 0, NONE,
                       NONE, 0, NONE, security, NONE, 0, 0, 0, 0, 0,
                       len(name), 0) + name


def security_key(at):
    # Owner and group: Administrators; DACL: full access for them.
    sid = struct.pack('<BB6sII', 1, 2, b'\0\0\0\0\0\5', 32, 544)
    ace = struct.pack('<BBHI', 0, 2, 8 + len(sid), 0xF003F) + sid
    acl = struct.pack('<BBHHH', 2, 0, 8 + len(ace), 1, 0) + ace
    sd = struct.pack('<BBHIIII', 1, 0, 0x8004, 20 + len(acl), 20 + len(acl) + len(sid),
                     0, 20) + acl + sid + sid
    return struct.pack('<2sHIIII', b'sk', 0, at, at, 1, len(sd)) + sd


def main():
    name = b'CMI-CreateHive{0}'
    root_at = 32
    root_size = len(cell(root_key(0, name)))
    security_at = root_at + root_size
    body = cell(root_key(security_at, name)) + cell(security_key(security_at))
    left = 4096 - 32 - len(body)
    body += struct.pack('<i', left).ljust(left, b'\0')
    hbin = struct.pack('<4sIIQQI', b'hbin', 0, 4096, 0, 0, 0) + body
    base = bytearray(4096)
    struct.pack_into('<4sIIQIIIIIII', base, 0, b'regf', 1, 1, 0, 1, 5, 0, 1, root_at,
                     len(hbin), 1)
    checksum = 0
    for i in range(127):
        checksum ^= struct.unpack_from('<I', base, 4 * i)[0]
    struct.pack_into('<I', base, 508, checksum)
    with open(sys.argv[1], 'wb') as out:
        out.write(base + hbin)


main()
