#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""sockets.py PIDFILE UNITS DAEMON... - start daemons by their sockets, without systemd

Does what systemd does with the .socket and .service files of each DAEMON in the folder
UNITS: listens, starts the service with these sockets at the first connection, and listens
again when the service has ended, so that no connection is ever refused. A service that
fails is restarted at once if its Restart= says so. A signal ends sockets.py; the daemons
keep running.
"""

import configparser
import fcntl
import os
import select
import shlex
import socket
import subprocess
import sys
import time


class Unit(configparser.RawConfigParser):
	"""names are case sensitive, and most may be there several times"""
	def __init__(self, path):
		super().__init__(strict=False, delimiters="=", comment_prefixes="#")
		self.optionxform = str
		with open(path, encoding="utf-8") as file:
			self.read_file(file)


def listen(path, mode):
	if os.path.exists(path):
		os.unlink(path)
	os.makedirs(os.path.dirname(path), exist_ok=True)
	listener = socket.socket(socket.AF_UNIX)
	listener.bind(path)
	os.chmod(path, mode)
	listener.listen(4096)
	return listener


class Daemon:
	def __init__(self, units, name):
		self.service = Unit(f"{units}/{name}.service")["Service"]
		self.names, self.listeners = [], []
		for unit in (f"{name}.socket", f"{name}-ro.socket", f"{name}-admin.socket"):
			if not os.path.exists(f"{units}/{unit}"):
				continue
			own = Unit(f"{units}/{unit}")["Socket"]
			mode = int(own.get("SocketMode", "0666"), 8)
			self.names.append(unit)
			self.listeners.append(listen(own["ListenStream"], mode))
		self.process = None

	def settings(self):
		"""Environment=, then EnvironmentFile=, which is read at each start"""
		words = shlex.split(self.service.get("Environment", ""))
		path = self.service.get("EnvironmentFile", "").lstrip("-")
		if os.path.exists(path):
			with open(path, encoding="utf-8") as file:
				words += shlex.split(file.read(), comments=True)
		return dict(word.split("=", 1) for word in words)

	def arguments(self, settings):
		for word in self.service["ExecStart"].split():
			if word.startswith("$"):
				yield from settings.get(word[1:], "").split()
			else:
				yield word

	def start(self):
		settings = self.settings()
		# The shell is still this process when it becomes the daemon.
		script = 'export LISTEN_PID=$$; exec "$@"'
		self.process = subprocess.Popen(
			["/bin/sh", "-c", script, "sh", *self.arguments(settings)],
			env={**os.environ, **settings, "LISTEN_FDS": str(len(self.listeners)),
			     "LISTEN_FDNAMES": ":".join(self.names)},
			preexec_fn=self.hand_over, close_fds=False, cwd="/",
			stdin=subprocess.DEVNULL)

	def hand_over(self):
		high = [fcntl.fcntl(listener, fcntl.F_DUPFD_CLOEXEC, 100)
			for listener in self.listeners]
		for target, number in enumerate(high, 3):
			os.dup2(number, target, inheritable=True)

	def look_after(self):
		"""is it to be started when somebody connects?"""
		if self.process and self.process.poll() is not None:
			failed = self.process.returncode != 0
			self.process = None
			if failed and self.service.get("Restart") == "on-failure":
				time.sleep(0.1)
				self.start()
		return self.process is None


daemons = [Daemon(sys.argv[2], name) for name in sys.argv[3:]]
with open(sys.argv[1], "w", encoding="utf-8") as pidfile:
	print(os.getpid(), file=pidfile)
while True:
	waiting = {listener: daemon for daemon in daemons if daemon.look_after()
		   for listener in daemon.listeners}
	for daemon in {waiting[ready] for ready in select.select(waiting, [], [], 0.05)[0]}:
		daemon.start()
