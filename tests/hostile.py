#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
#
# hostile.py - replaces busflip-helper: a helper that a hostile guest has taken over
#
# busflip starts it without arguments and with an environment of its own, so the name by
# which it is called selects what it does: one of the functions below; "large-SECTION", a
# section with one byte more than allowed; or "json-NAME", a JSON report from below. What it
# asks busflip to write is a page of "B" at the start of the disk.

import os
import socket
import struct
import sys

# As helper/shared/job.h has them.
REQUEST, REPLY, LOG, DISK, KEEP, KEPT = 0, 1, 2, 3, 8, 9
PATCH = 2
SECTIONS = ["text", "json", "reg", "evidence", "log1", "log2", "runs", "pages"]
MIB = 1 << 20
LIMITS = {"text": 4 * MIB, "json": 4 * MIB, "reg": 4 * MIB, "evidence": 65536,
          "log1": 32 * MIB, "log2": 32 * MIB, "runs": MIB, "pages": 64 * MIB}
HEADER, PAGE = 4096, 4096


class Reply:
    """What an honest helper could say."""

    def __init__(self):
        self.hive = 8192
        self.path = b"Windows/System32/config/SYSTEM"
        self.at = HEADER
        self.place = {}
        self.data = {}
        self.kept = None
        self.code = 0
        for name, data in (("text", b"report\n"), ("json", b'{ "disk": { "size": 1 } }\n'),
                           ("reg", b"reg\n"), ("evidence", b"flip=no\n"),
                           ("log1", b"one"), ("log2", b"two"),
                           ("runs", struct.pack("<QII", 0, PAGE, 0)), ("pages", b"B" * PAGE)):
            self.put(name, data)

    def put(self, name, data):
        self.data[name] = data
        self.hole(name, len(data))

    def hole(self, name, size):
        """That many bytes, none of them written unless put() gave some."""
        self.place[name] = (self.at, size)
        self.at += size

    def keep(self):
        """Hand over a hive, and say so."""
        grow(KEEP, self.hive)
        os.write(KEPT, b"k")

    def send(self):
        header = bytearray(HEADER)
        changed = "pages" in self.data and not self.code
        struct.pack_into("<8sIIII", header, 0, b"BFLPANS", 3, self.code, changed, 1)
        struct.pack_into("<QII", header, 24, self.hive, 1, 1)
        header[40:40 + len(self.path)] = self.path
        for i, name in enumerate(SECTIONS):
            struct.pack_into("<QQ", header, 1320 + 16 * i, *self.place[name])
        kept = self.hive if self.kept is None else self.kept
        struct.pack_into("<Q", header, 1320 + 16 * len(SECTIONS), kept)
        for name, data in self.data.items():
            os.pwrite(REPLY, data, self.place[name][0])
        grow(REPLY, max(off + size for off, size in self.place.values()))
        os.pwrite(REPLY, header, 0)


def grow(fd, size):
    """As far as it may."""
    try:
        os.ftruncate(fd, size)
        return True
    except OSError:
        return False


def honest(reply):
    """Nothing of this."""


def largest(reply):
    """All that is kept, as large as it may be."""
    reply.hive = 128 * MIB
    for name in ("log1", "log2"):
        reply.hole(name, LIMITS[name])
        del reply.data[name]


def large(reply, name):
    del reply.data[name]
    reply.hole(name, LIMITS[name] + {"runs": 16, "pages": PAGE}.get(name, 1))


def hive(reply):
    reply.hive = 512 * MIB


def promised(reply):
    """Less of a hive is there than it says."""
    reply.kept = reply.hive + 1


def same(reply):
    """One stretch of the reply is both logs."""
    reply.place["log2"] = reply.place["log1"]


def within(reply):
    """A log is bytes of a report."""
    off, size = reply.place["text"]
    reply.place["log1"] = (off + 1, size - 2)


def edge(reply):
    """The last byte of the pages is the first of a log."""
    off, size = reply.place["pages"]
    reply.place["log1"] = (off + size - 1, 3)


def keys(reply):
    """Lines of its own for the file that says what is kept."""
    reply.path = b"Windows/x\nkept=1\npartition=7\nimage=/other"


def pwrite(fd):
    os.pwrite(fd, b"x", (1 << 30) - 1)


def fallocate(fd):
    os.posix_fallocate(fd, 0, 1 << 30)


def truncate(fd):
    os.ftruncate(fd, 1 << 30)


def memory(reply):
    """Each memory file that it has, and one of its own, to 1 GiB in each way."""
    grown = []
    for name, fd in (("reply", REPLY), ("log", LOG), ("hive", KEEP),
                     ("own", os.memfd_create("own"))):
        before = os.fstat(fd).st_size
        for way in (pwrite, fallocate, truncate):
            try:
                way(fd)
            except (OSError, ValueError):
                pass
            if os.fstat(fd).st_size > max(before, 144 * MIB):
                grown.append(name + " by " + way.__name__)
                os.ftruncate(fd, before)
    reply.put("text", ("grown: " + (", ".join(grown) or "none") + "\n").encode())


class Nbd:
    """Its connection to the disk, by hand (https://github.com/NetworkBlockDevice/nbd)."""

    WRITE, TRIM, WRITE_ZEROES = 1, 4, 6
    OPTION, ANSWER = 0x49484156454F5054, 0x3E889045565A9
    GO, LIST, INFO_EXPORT, ACK, SERVER = 7, 3, 0, 1, 2

    def __init__(self):
        self.socket = socket.socket(fileno=DISK)
        self.file = self.socket.makefile("rb")
        if self.file.read(16) != b"NBDMAGICIHAVEOPT":
            raise EOFError
        self.file.read(2)
        self.socket.sendall(struct.pack(">I", 3))

    def option(self, number, data):
        """The answers to one, until the last."""
        self.socket.sendall(struct.pack(">QII", self.OPTION, number, len(data)) + data)
        while True:
            _, _, kind, size = struct.unpack(">QIII", self.file.read(20))
            body = self.file.read(size)
            if kind == self.ACK or kind >> 31:
                return
            yield kind, body

    def exports(self):
        """All names that can be had."""
        return [body[4:4 + struct.unpack(">I", body[:4])[0]]
                for kind, body in self.option(self.LIST, b"") if kind == self.SERVER]

    def open(self, name):
        """Is it said to be read-only?"""
        flags = 0
        for _, body in self.option(self.GO, struct.pack(">I", len(name)) + name + b"\0\0"):
            if struct.unpack(">H", body[:2])[0] == self.INFO_EXPORT:
                flags, = struct.unpack(">H", body[10:12])
        return bool(flags & 2)

    def command(self, number, data):
        """The error that it ends with, 0: done."""
        self.socket.sendall(struct.pack(">IHHQQI", 0x25609513, 0, number, 1, 0, 512) + data)
        return struct.unpack(">IIQ", self.file.read(16))[1]


def write(reply):
    """512 bytes to the disk itself, in each way and to whatever is served."""
    nbd = Nbd()
    names = nbd.exports()
    said = "%d served" % len(names)
    said += ", read-only" if nbd.open(names[-1]) else ", writable"
    for what, number, data in (("trim", nbd.TRIM, b""), ("zeroes", nbd.WRITE_ZEROES, b""),
                               ("write", nbd.WRITE, b"W" * 512)):
        said += ", %s: %s" % (what, "refused" if nbd.command(number, data) else "done")
    reply.put("text", said.encode() + b"\n")
    for name in ("runs", "pages"):
        reply.place[name] = (0, 0)
        del reply.data[name]


def write_failing(reply):
    """And then it has failed, and nothing was written."""
    write(reply)
    reply.code = 5


JSON = {
    "two-documents": '{ "disk": 1 }\n{ "disk": 2 }\n',
    "closed-early": '{ "disk": 1 },\n"domain": { "phase": "done" }, "x": {\n}\n',
    "domain": '{ "disk": 1, "domain": { "name": "forged", "phase": "done" } }\n',
    "conditions": '{ "conditions": [ { "name": "booted", "holds": true } ] }\n',
    "next": '{ "disk": 1, "next": "delete it" }\n',
    "error": '{ "error": null }\n',
    "escaped": '{ "\\u0064omain": 1 }\n',
    "twice": '{ "disk": 1, "disk": 2 }\n',
    "no-object": '[ { "disk": 1 } ]\n',
    "no-json": 'disk: 1\n',
    "no-utf8": b'{ "disk": "\xff" }\n',
}


def json(reply, name):
    text = JSON[name]
    reply.put("json", text if isinstance(text, bytes) else text.encode())


def failing(reply):
    """A failure has a report, too."""
    json(reply, "domain")
    reply.code = 5
    for name in ("runs", "pages"):
        reply.place[name] = (0, 0)
        del reply.data[name]


def eager(reply):
    """A hive to keep, although nobody is going to write."""


def chatter(reply):
    """As many lines as fit what is read of its log."""
    for i in range(4098):
        try:
            os.write(LOG, b"x\n")
        except OSError:
            break


def main():
    mode = os.path.basename(sys.argv[0])
    action, = struct.unpack_from("<I", os.read(REQUEST, 4096), 12)
    reply = Reply()
    if mode.startswith("large-"):
        large(reply, mode[6:])
    elif mode.startswith("json-"):
        json(reply, mode[5:])
    else:
        globals()[mode.replace("-", "_")](reply)
    if action == PATCH or mode == "eager":
        reply.keep()
    reply.send()


main()
