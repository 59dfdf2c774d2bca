#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# setup.sh - what a host has to be told when busflip comes and goes
#
#	setup.sh add		of a package, when its files are in place
#	setup.sh drop		of a package, before its files go
#	setup.sh hook-add PROGRAM DIRECTORY
#	setup.sh hook-drop DIRECTORY
#	setup.sh watchers-end PROGRAM
#
# There are three ways to install busflip: install.sh, which sources this file,
# the Makefile, which runs the last three, and packages, which have it in
# share/busflip. What they do to libvirt and to its hooks is the same.

set -euo pipefail

# ---- the hook -------------------------------------------------------------

# Ours is a program with its name in it; anything else is somebody's own hook.
is_ours()
{
	head -c 4 "$1" 2>/dev/null | grep -q ELF && grep -q busflip-hook "$1"
}

# hook_add PROGRAM DIRECTORY - put in its place by a rename: libvirt may run it
# at any moment, and half a hook would keep a guest from starting. Never beside
# the other ones in qemu.d/, where libvirt would run the half one.
hook_add()
{
	local hook=$2/qemu hook_d=$2/qemu.d/50-busflip

	install -d "$2"
	install -m 755 "$1" "$2/.busflip-new"
	if { [ -e "$hook" ] || [ -L "$hook" ]; } && ! is_ours "$hook"; then
		install -d "$hook.d"
		mv -f "$2/.busflip-new" "$hook_d"
		echo "hook: $hook_d ($hook is not ours)"
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

# hook_prefix DIRECTORY - below which prefix the program is that our hook there runs: it
# has the path in it
hook_prefix()
{
	local hook

	for hook in "$1/qemu" "$1/qemu.d/50-busflip"; do
		! is_ours "$hook" ||
			tr '\0' '\n' < "$hook" | LC_ALL=C sed -nE 's,^(/.*)/sbin/busflip$,\1,p'
	done
}

# runs PID PROGRAM - does it run that very file, or one that was at its path until it was
# replaced? Another with that path may be in a container.
runs()
{
	[ "/proc/$1/exe" -ef "$2" ] ||
		{ [ "$(readlink "/proc/$1/exe")" = "$2 (deleted)" ] &&
			[ "/proc/$1/ns/mnt" -ef /proc/self/ns/mnt ]; }
}

# watchers_end PROGRAM - end those that the hook has left behind to watch a guest on
# trial: one of them would take its guest down, and nothing would start that again. To
# be done when the hook is gone, which starts new ones.
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

# libvirt looks for hooks when it starts and when it reloads, and keeps in mind
# whether there was one (virHookInitialize() in src/util/virhook.c). A reload
# leaves guests alone.
reload_daemons()
{
	local daemon pid found=no

	say "libvirt looks for its hooks again"
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
			warn "$daemon was not reloaded; until it is, it does not know of a new hook: $*"
		fi
	done
	[ $found = yes ] || echo "    no daemon runs; it will find the hook when it starts"
}

# under_way - print the domains that need busflip to arrive
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

# An installation by install.sh has its own units, which win over a package's,
# and both have one hook.
other_installation()
{
	[ ! -x /usr/local/sbin/busflip ] ||
		warn "/usr/local/sbin/busflip is from install.sh; take it away with" \
			"\"install.sh --uninstall\", then install this package once more"
}

package_add()
{
	install -d "$state"
	"$prefix/sbin/busflip" bait || warn "the bait could not be made; busflip does so when it stages"
	apparmor_add
	selinux_prepare
	selinux_check
	hook_add "$prefix/libexec/busflip/busflip-hook" /etc/libvirt/hooks
	! with_selinux || restorecon -R /etc/libvirt/hooks 2>/dev/null || :
	reload_daemons
	other_installation
}

# A package manager has no --force to ask for, so what is under way is named and
# not a reason to fail. Staged domains still start: the bait stays for them.
package_drop()
{
	local domains=''

	domains=$(timeout 20 "$conf/setup.sh" under-way 2>/dev/null) || :
	[ ! "$domains" ] ||
		warn "these domains are on their way, and stay where they are without busflip:" \
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
	rm -rf "$state/session" "$state/story" /run/busflip
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
