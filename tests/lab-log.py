#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""lab-log.py FILE - listen on /dev/log and append each message as a line to FILE"""

import os
import socket
import sys

listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
listener.bind("/dev/log")
os.chmod("/dev/log", 0o666)
with open(sys.argv[1], "ab", buffering=0) as log:
	while True:
		message = listener.recv(65536)
		log.write(message.rstrip(b"\n\0").replace(b"\n", b"\\n") + b"\n")
