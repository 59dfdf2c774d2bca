#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lab.sh - run a command with a private libvirt daemon
#
#	tests/lab.sh run COMMAND [ARG...]
#
# Theory of operation. "run" starts this script again as the first process of new
# namespaces, and sets up everything there that a test needs:
#
#   pid     when the first process ends, all others end: daemons, guests, processes
#           that detached themselves. Nothing survives a lab, even if it is killed
#           with SIGKILL.
#   mount   /etc, /usr, /var and /dev are overlays whose upper layers are on a tmpfs;
#           /run is that tmpfs. Hooks, configuration, programs and domain definitions
#           are installed at their real paths, the host's files are never written,
#           and there is no directory to remove.
#   net, ipc, uts   the daemon cannot touch the host's bridges or firewall.
#
# Several labs can therefore run at once: all use the same paths, each with its own files.
#
# COMMAND runs as root. LAB is set to the directory of this lab, TMPDIR and HOME are in
# it, and LIBVIRT_DEFAULT_URI is set. lab.sh returns COMMAND's exit status. Variables for
# the caller: LAB_KEEP=DIR copies logs and definitions to DIR at the end;
# BUSFLIP_BUILD=DIR takes the programs from DIR instead of build/; LAB_DAEMON=modular runs
# virtqemud and the other modular daemons, as built by modular.sh, instead of libvirtd,
# started by their sockets as on Fedora, RHEL and SUSE.

set -u

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
export BUSFLIP_BUILD=${BUSFLIP_BUILD:-$(dirname "$here")/build}

# The daemon that runs guests, where it leaves its process id, and the others.
export LAB_DAEMON=${LAB_DAEMON:-libvirtd}
case $LAB_DAEMON in
modular) lab_daemon=virtqemud lab_others=(virtlogd virtstoraged virtsecretd virtnetworkd) ;;
*) lab_daemon=libvirtd lab_others=(virtlogd) ;;
esac

die()
{
	echo "lab.sh: $*" >&2
	exit 1
}

# The upper layers are in memory, and so are the guests' disks: small ones.
overlay()
{
	local layer=/run/lab/layers$1 lower=$1

	# The modular daemons' programs, library and units are laid over the machine's.
	[ "${LAB_MODULAR:-}$1" = "$1" ] || [ ! -d "$LAB_MODULAR$1" ] || lower=$LAB_MODULAR$1:$1
	mkdir -p "$layer/upper" "$layer/work"
	mount -t overlay -o "lowerdir=$lower,upperdir=$layer/upper,workdir=$layer/work" \
		lab "$1" || die "cannot put an overlay on $1"
}

lab_mounts()
{
	# With the host's /run go its sockets: no systemd and no message bus
	# that the daemon could register its guests with.
	mount -t tmpfs -o mode=755 lab /run || die "cannot mount a tmpfs on /run"
	mkdir -p /run/lab/tmp /run/lab/home /run/lock
	overlay /etc
	overlay /usr
	overlay /var
	# pts and shm are mounts of their own, an overlay does not show them.
	mkdir -p /run/lab/host
	mount --rbind /dev /run/lab/host || die "cannot bind /dev"
	overlay /dev
	mount --rbind /run/lab/host/pts /dev/pts
	mount -t tmpfs -o mode=1777 lab /dev/shm
	umount -l /run/lab/host
	# A /dev/kvm that is there but does not work makes each start wait for
	# a guest that hangs; and results must not depend on the machine.
	rm -f /dev/kvm /dev/log
	# Links into /run that the host may have, such as systemd's /dev/log,
	# are gone now; these directories must be empty ones.
	for dir in /etc/libvirt/hooks /etc/libvirt/qemu /var/lib/libvirt \
		/var/log/libvirt /var/cache/libvirt /var/lib/busflip; do
		rm -rf "$dir"
		mkdir -p "$dir"
	done
	rm -f /etc/busflip.conf
	rmdir /var/lib/busflip
	# Nor may a program find the daemon that such a host does not have.
	[ "$LAB_DAEMON" != modular ] || rm -f /usr/sbin/libvirtd
}

lab_config()
{
	local daemon

	# Guests run as the distribution's user for QEMU, as on a real host, so
	# that wrong owners and modes of files are noticed. No cgroups, and no
	# mount namespaces for guests: neither works in every container.
	cat > /etc/libvirt/qemu.conf <<-'END'
	security_driver = "none"
	namespaces = []
	cgroup_controllers = []
	END
	cat > /etc/libvirt/$lab_daemon.conf <<-END
	unix_sock_group = "root"
	auth_unix_rw = "none"
	END
	for daemon in "$lab_daemon" "${lab_others[@]}"; do
		echo "log_outputs = \"2:file:$LAB/$daemon.log\"" >> "/etc/libvirt/$daemon.conf"
	done
	: > /etc/libvirt/libvirt.conf
}

# The usual guests are boot sectors: no Windows is on their disks.
default_config()
{
	printf '[busflip]\nevidence = shutdown\n' > /etc/busflip.conf
}

# As "make install" puts them, only without asking make: a change of the
# sources in the middle of a test run must not build anything.
lab_install()
{
	[ -x "$BUSFLIP_BUILD/busflip" ] && [ -x "$BUSFLIP_BUILD/busflip-hook" ] ||
		return
	mkdir -p /usr/local/sbin /var/lib/busflip
	install -m 755 "$BUSFLIP_BUILD/busflip" /usr/local/sbin/busflip
	install -D -m 755 "$BUSFLIP_BUILD/busflip-helper" \
		/usr/local/libexec/busflip/busflip-helper
	install -m 755 "$BUSFLIP_BUILD/busflip-hook" /etc/libvirt/hooks/qemu
	default_config
	/usr/local/sbin/busflip bait
}

# Finding out what QEMU can do takes the daemon a second, and it keeps the
# answer in files that it checks against the programs' times. They are the same
# in every lab.
capabilities=/var/cache/libvirt/qemu/capabilities
kept=$BUSFLIP_BUILD/lab-capabilities-$LAB_DAEMON

lab_cache_get()
{
	mkdir -p "$capabilities"
	cp "$kept"/*.xml "$capabilities/" 2>/dev/null
	chmod -f 600 "$capabilities"/*.xml
}

lab_cache_put()
{
	local file new

	mkdir -p "$kept" 2>/dev/null || return
	for file in "$capabilities"/*.xml; do
		cmp -s "$file" "$kept/${file##*/}" && continue
		# Another lab may be doing the same: never half a file.
		new=$(mktemp "$kept/new.XXXXXX") || return
		cp "$file" "$new" && mv "$new" "$kept/${file##*/}"
	done
}

# Where AppArmor runs, the distribution's profile of the daemon would forbid
# what install.sh has an exception for. That is not what these tests are about.
unconfined()
(
	local attr=/proc/self/attr/apparmor/exec

	[ -w $attr ] && echo "exec unconfined" 2>/dev/null > $attr
	exec "$@"
)

# Used by tests too, through lib.sh.
lab_daemon_pid()
{
	cat "$LAB/$lab_daemon.pid" 2>/dev/null
}

# lab_sockets NAME DAEMON... - listen for them; NAME.sockets has the id of what does
lab_sockets()
{
	local file=$LAB/$1.sockets

	shift
	! kill -0 "$(cat "$file" 2>/dev/null)" 2>/dev/null || return 0
	unconfined "$here/sockets.py" "$file" /usr/lib/systemd/system "$@" \
		</dev/null >>"$file.log" 2>&1 &
}

# What the daemon needs to be there before it is.
lab_others_start()
{
	if [ "$LAB_DAEMON" = modular ]; then
		# A place that all daemons have by default, for tests that look there.
		ln -s "/run/$lab_daemon.pid" "$LAB/$lab_daemon.pid"
		lab_sockets others "${lab_others[@]}"
	else
		unconfined virtlogd -d -p "$LAB/virtlogd.pid" || die "virtlogd does not start"
	fi
}

# With sockets it is started by the first one who asks it for something.
lab_daemon_start()
{
	if [ "$LAB_DAEMON" = modular ]; then
		lab_sockets daemon $lab_daemon
	else
		unconfined libvirtd -d -p "$LAB/libvirtd.pid" || return 1
	fi
	for _ in {1..500}; do
		virsh -q version >"$LAB/tmp/start" 2>&1 && return 0
		sleep 0.02
	done
	cat "$LAB/tmp/start" >&2
	return 1
}

# So that it stays away when it is ended.
lab_sockets_close()
{
	local pid

	pid=$(cat "$LAB/daemon.sockets" 2>/dev/null) || return 0
	rm "$LAB/daemon.sockets"
	kill -9 "$pid"
}

lab_keep()
{
	[ "${LAB_KEEP:-}" ] || return
	mkdir -p "$LAB_KEEP"
	cp -r "$LAB/log" "$LAB"/*.log "$LAB"/*.serial /etc/libvirt/qemu \
		/var/log/libvirt/qemu "$LAB_KEEP/" 2>/dev/null
}

lab_inside()
{
	export LAB=/run/lab TMPDIR=/run/lab/tmp HOME=/run/lab/home
	export LIBVIRT_DEFAULT_URI=qemu:///system
	unset XDG_RUNTIME_DIR XDG_CONFIG_HOME XDG_CACHE_HOME NOTIFY_SOCKET
	export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
	lab_mounts
	lab_config
	lab_install
	ip link set lo up 2>/dev/null

	"$here/lab-log.py" "$LAB/log" &
	lab_others_start
	lab_cache_get
	lab_daemon_start || die "the daemon does not answer; see above"
	lab_cache_put

	# In the background, so that a signal to this script is not held back
	# until the command ends.
	trap 'lab_keep; exit 143' TERM INT HUP
	"$@" <&0 &
	wait $!
	local status=$?
	lab_keep
	exit $status
}

case ${1:-} in
run)
	shift
	[ $# -gt 0 ] || die "usage: lab.sh run COMMAND [ARG...]"
	[ "$(id -u)" = 0 ] || die "must be run by root: it makes namespaces and starts libvirtd"
	if [ "$LAB_DAEMON" = modular ]; then
		LAB_MODULAR=$("$here/modular.sh" folder) || exit 1
		export LAB_MODULAR
	fi
	exec unshare --mount --pid --fork --kill-child --mount-proc --ipc --uts --net \
		-- "$here/lab.sh" inside "$@"
	;;
inside)
	shift
	[ $$ = 1 ] || die "\"inside\" is for lab.sh itself; use \"run\""
	lab_inside "$@"
	;;
functions)
	# Sourced by lib.sh.
	;;
*)
	die "usage: lab.sh run COMMAND [ARG...]"
	;;
esac
