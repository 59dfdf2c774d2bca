#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# setup.sh - changes on the host when busflip is installed and removed
#
#	setup.sh add		for a package, after its files are installed
#	setup.sh drop		for a package, before its files are removed
#	setup.sh hook-add PROGRAM DIRECTORY
#	setup.sh hook-drop DIRECTORY
#	setup.sh watchers-end PROGRAM
#
# There are three ways to install busflip: install.sh, which sources this file,
# the Makefile, which runs the last three commands, and packages, which install
# it in share/busflip. They all make the same changes to libvirt and its hooks.

set -euo pipefail

# ---- the hook -------------------------------------------------------------

# busflip's hook is a program with its name in it; anything else is another hook.
is_ours()
{
	head -c 4 "$1" 2>/dev/null | grep -q ELF && grep -q busflip-hook "$1"
}

# hook_add PROGRAM DIRECTORY - installed by a rename: libvirt may run the hook
# at any moment, and an incomplete one would keep a guest from starting. The
# temporary file is not in qemu.d/, where libvirt would run it.
hook_add()
{
	local hook=$2/qemu hook_d=$2/qemu.d/50-busflip

	install -d "$2"
	install -m 755 "$1" "$2/.busflip-new"
	if { [ -e "$hook" ] || [ -L "$hook" ]; } && ! is_ours "$hook"; then
		install -d "$hook.d"
		mv -f "$2/.busflip-new" "$hook_d"
		echo "hook: $hook_d ($hook belongs to somebody else)"
	else
		mv -f "$2/.busflip-new" "$hook"
		rm -f "$hook_d"
		echo "hook: $hook"
	fi
}

# hook_drop DIRECTORY
hook_drop()
{
	if is_ours "$1/qemu"; then
		rm -f "$1/qemu"
	fi
	rm -f "$1/qemu.d/50-busflip"
	rmdir "$1/qemu.d" 2>/dev/null || :
}

# hook_prefix DIRECTORY - print the prefix of the program that busflip's hook there runs:
# the hook contains its path
hook_prefix()
{
	local hook

	for hook in "$1/qemu" "$1/qemu.d/50-busflip"; do
		! is_ours "$hook" ||
			tr '\0' '\n' < "$hook" | LC_ALL=C sed -nE 's,^(/.*)/sbin/busflip$,\1,p'
	done
}

# runs PID PROGRAM - true if the process runs that file, or one that had this path until it
# was replaced. A process in a container may have another file with that path.
runs()
{
	[ "/proc/$1/exe" -ef "$2" ] ||
		{ [ "$(readlink "/proc/$1/exe")" = "$2 (deleted)" ] &&
			[ "/proc/$1/ns/mnt" -ef /proc/self/ns/mnt ]; }
}

# watchers_end PROGRAM - end the processes that watch guests on trial: without the hook,
# one of them would destroy its guest and nothing would start it again. Call it after the
# hook is removed, which starts new ones.
watchers_end()
{
	local program pid args

	program=$(readlink -f "$1") || return 0
	for pid in /proc/[0-9]*; do
		pid=${pid#/proc/} args=()
		{ mapfile -d '' -t args < "/proc/$pid/cmdline"; } 2>/dev/null || continue
		if [ "${args[1]:-}" = watch ] && runs "$pid" "$program"; then
			kill "$pid" 2>/dev/null || :
		fi
	done
}

# ---- libvirt --------------------------------------------------------------

with_systemd()
{
	[ -d /run/systemd/system ] && command -v systemctl >/dev/null
}

# The process of a system daemon, not one of a session or in a container.
daemon_pid()
{
	local pid

	pid=$(cat "/run/$1.pid" 2>/dev/null) &&
		[ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "$1" ] && echo "$pid"
}

# libvirt looks for hooks when it starts and when it reloads, and remembers whether there
# was one (virHookInitialize() in src/util/virhook.c). A reload does not affect guests.
reload_daemons()
{
	local daemon pid found=no

	say "reload libvirt, so that it looks for hooks again"
	for daemon in virtqemud libvirtd; do
		if with_systemd && systemctl -q is-active "$daemon.service"; then
			set -- systemctl reload "$daemon.service"
		elif pid=$(daemon_pid "$daemon"); then
			set -- kill -HUP "$pid"
		else
			continue
		fi
		found=yes
		if "$@"; then
			echo "    $daemon: reloaded"
		else
			warn "$daemon was not reloaded; it does not run a new hook until you run: $*"
		fi
	done
	[ $found = yes ] || echo "    no daemon is running; it will find the hook when it starts"
}

# under_way - print the domains whose conversion is in progress
under_way()
{
	local out

	# shellcheck disable=SC2154	# prefix is install.sh's, or set below
	out=$("$prefix/sbin/busflip" status --json) || return
	sed -nE 's/^\{"name":"(.*)","uuid":"[^"]*","phase":"(staged|trial)".*/    \1 (\2)/p' <<< "$out"
}

# ---- AppArmor and SELinux -------------------------------------------------

conf=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
# shellcheck source=conf/security.sh
. "$conf/security.sh"

# ---- packages -------------------------------------------------------------

state=/var/lib/busflip

# An installation by install.sh has its own units, which override a package's,
# and both share one hook.
other_installation()
{
	[ ! -x /usr/local/sbin/busflip ] ||
		warn "/usr/local/sbin/busflip is from install.sh; remove it with" \
			"\"install.sh --uninstall\", then reinstall this package"
}

package_add()
{
	install -d "$state"
	"$prefix/sbin/busflip" bait || warn "the bait could not be created; busflip tries again when it stages a domain"
	apparmor_add
	selinux_prepare
	selinux_check
	hook_add "$prefix/libexec/busflip/busflip-hook" /etc/libvirt/hooks
	! with_selinux || restorecon -R /etc/libvirt/hooks 2>/dev/null || :
	reload_daemons
	other_installation
}

# A package manager has no --force, so conversions in progress are reported and do not
# make the removal fail. Staged domains still start: their bait is kept.
package_drop()
{
	local domains=''

	domains=$(timeout 20 "$conf/setup.sh" under-way 2>/dev/null) || :
	[ ! "$domains" ] ||
		warn "the conversion of these domains is in progress and stops without busflip:" \
			$'\n'"$domains"
	! compgen -G "$state/journal/*.journal" >/dev/null ||
		warn "a patch was interrupted, and its disk is half written. Only busflip can" \
			"finish it: $(echo "$state"/journal/*.journal)"
	hook_drop /etc/libvirt/hooks
	watchers_end "$prefix/sbin/busflip"
	apparmor_drop
	selinux_drop
	reload_daemons
	grep -qsF "$state/bait.img" /etc/libvirt/qemu/*.xml || rm -f "$state/bait.img"
	rm -rf "$state/session" "$state/last" "$state/story" /run/busflip
	rmdir "$state/pending" "$state/journal" "$state" 2>/dev/null || :
}

[ "${BASH_SOURCE[0]}" = "$0" ] || return 0

say()
{
	echo "==> $*"
}

warn()
{
	echo "busflip: $*" >&2
}

die()
{
	warn "$*"
	exit 1
}

prefix=${conf%/share/busflip}
case ${1:-} in
add) package_add ;;
drop) package_drop ;;
under-way) under_way ;;
hook-add) hook_add "$2" "$3" ;;
hook-drop) hook_drop "$2" ;;
watchers-end) watchers_end "$2" ;;
*) die "usage: setup.sh add | drop | hook-add PROGRAM DIRECTORY | hook-drop DIRECTORY |" \
	"watchers-end PROGRAM" ;;
esac
