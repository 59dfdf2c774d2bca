#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""changer.py - a proxy between a client and libvirtd that runs a command in between

    changer.py LISTEN DAEMON WHEN TIMES COMMAND [ARG...]

Listens on the socket LISTEN and forwards everything to the socket DAEMON and back. COMMAND
is run the first TIMES that WHEN occurs:

    xml      a domain's XML is about to be returned: COMMAND makes it outdated before
             the client sees it
    suspend  a domain is about to be suspended: COMMAND changes the domain after the
             client has decided to suspend it
"""
import socket
import struct
import subprocess
import sys
import threading

# remote_protocol.x of libvirt: REMOTE_PROC_DOMAIN_GET_XML_DESC and VIR_NET_REPLY,
# REMOTE_PROC_DOMAIN_SUSPEND and VIR_NET_CALL
MOMENTS = {"xml": (14, 1), "suspend": (34, 0)}


def exactly(sock, size):
    data = b""
    while len(data) < size:
        part = sock.recv(size - len(data))
        if not part:
            raise EOFError
        data += part
    return data


def packet(sock):
    head = exactly(sock, 4)
    return head + exactly(sock, struct.unpack(">I", head)[0] - 4)


def pump(source, target, before):
    try:
        while True:
            data = packet(source)
            before(data)
            target.sendall(data)
    except (EOFError, OSError):
        for sock in (source, target):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def main():
    listen, daemon, moment, left = sys.argv[1], sys.argv[2], MOMENTS[sys.argv[3]], int(sys.argv[4])
    command = sys.argv[5:]

    def change(data):
        nonlocal left
        if struct.unpack(">II", data[12:20]) == moment and left > 0:
            left -= 1
            subprocess.run(command, stdin=subprocess.DEVNULL, check=True)

    server = socket.socket(socket.AF_UNIX)
    server.bind(listen)
    server.listen()
    while True:
        client = server.accept()[0]
        to = socket.socket(socket.AF_UNIX)
        to.connect(daemon)
        threading.Thread(target=pump, args=(client, to, change), daemon=True).start()
        threading.Thread(target=pump, args=(to, client, change), daemon=True).start()


main()
