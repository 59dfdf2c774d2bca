#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# distro.sh - run a command on a copy of this checkout in another release of Debian
#
#	tests/distro.sh SUITE COMMAND [ARG...]
#	tests/distro.sh trixie ./install.sh --test
#
# Theory of operation. BUSFLIP_TREES (/var/cache/busflip-ci) contains, for each SUITE:
#
#   SUITE/       the tree that debootstrap made, with the packages that install.sh of this
#                checkout needs for BUSFLIP_DEPS (build,test,demo). If it is missing, it is
#                made from the archives that this machine's own apt uses, or from
#                BUSFLIP_MIRROR. It is named SUITE.new until all packages are installed,
#                so an interrupted run starts again from the beginning.
#   SUITE.kept/  what tests have downloaded or built: a kernel, the source of libvirt,
#                its modular daemons
#   SUITE.lock   locked exclusively while the tree is changed, shared while it is in use
#
# COMMAND runs in its own namespaces with the tree as "/", mounted read-only; the copy of
# the checkout, /tmp and /run are in memory. It therefore leaves nothing behind when it
# ends, and several can run at once. systemd does not run there; the network is that of
# this machine.

set -u

self=$(readlink -f "${BASH_SOURCE[0]}")
checkout=${self%/tests/*}
cache=${BUSFLIP_TREES:-/var/cache/busflip-ci}
deps=${BUSFLIP_DEPS:-build,test,demo}

die()
{
	echo "distro.sh: $*" >&2
	exit 1
}

# alone COMMAND [ARG...] - in namespaces of its own: nothing of it outlives this script,
# no process and no mount
child=''
trap '[ ! "$child" ] || kill -9 "$child"; exit 143' TERM INT HUP
alone()
{
	local status

	setpriv --pdeathsig KILL \
		unshare --mount --mount-proc --pid --fork --kill-child --ipc --uts -- "$@" <&0 9>&- &
	child=$!
	wait $child
	status=$?
	child=''
	return $status
}

# within TREE ro|rw COMMAND [ARG...] - there, with a copy of the checkout
within()
{
	alone "$self" inside "$@"
}

# ---- the tree ---------------------------------------------------------------

# archives SUITE - lines of a sources.list: where this machine's release comes from,
# in whatever form that is written down, there are others, too. Fails before the first
# "apt-get update".
archives()
{
	local codename uri component here

	if [ "${BUSFLIP_MIRROR:-}" ]; then
		echo "deb $BUSFLIP_MIRROR $1 main"
		return
	fi
	# shellcheck disable=SC1091	# not ours
	here=$(. /etc/os-release && echo "${VERSION_CODENAME:-unknown}")
	# shellcheck disable=SC2016	# for apt-get
	apt-get indextargets --format '$(ORIGIN) $(CODENAME) $(REPO_URI) $(COMPONENT)' \
		'Identifier: Packages' 2>/dev/null | sed -n "s/^Debian $here/$1/p" | sort -u |
		while read -r codename uri component; do
			echo "deb $uri $codename $component"
		done | grep .
}

# quietly COMMAND [ARG...] - show what it prints only when it fails
quietly()
{
	"$@" > "$cache/$suite.log" 2>&1 || {
		tail -n 20 "$cache/$suite.log" >&2
		return 1
	}
}

make_tree()
{
	local list mirror

	command -v debootstrap >/dev/null || die "there is no debootstrap: ./install.sh --deps=ci"
	list=$(archives "$suite") || { quietly apt-get -q update && list=$(archives "$suite"); } ||
		die "apt knows of no archive of Debian; name one by BUSFLIP_MIRROR"
	mirror=$(sed -n "s/^deb \\(.*\\) $suite main$/\\1/p" <<< "$list" | head -n 1)
	echo "==> a tree of Debian $suite in $tree"
	rm -rf "$tree.new"
	quietly alone debootstrap --variant=minbase --include=ca-certificates "$suite" "$tree.new" \
		"${mirror:-unknown}" || die "debootstrap $suite has failed; see above"
	echo "$list" > "$tree.new/etc/apt/sources.list"
	apt-config dump | grep -i '^Acquire::.*Proxy' > "$tree.new/etc/apt/apt.conf.d/90machine"
	within "$tree.new" rw apt-get -qq update || die "apt-get update in $tree.new has failed"
}

# is_complete - with the packages of this install.sh? What they were for is noted.
is_complete()
{
	grep -qsxF "$stamp" "$tree/etc/tree-deps"
}

complete_tree()
{
	! is_complete || return 0
	if [ -d "$tree" ]; then
		mv "$tree" "$tree.new"
	else
		make_tree
	fi
	within "$tree.new" rw ./install.sh --deps="$deps" ||
		die "the packages can't be installed in $tree.new; see above"
	rm -f "$tree.new"/var/cache/apt/archives/*.deb
	echo "$stamp" >> "$tree.new/etc/tree-deps"
	mv "$tree.new" "$tree"
}

# ---- in it ------------------------------------------------------------------

# enter TREE ro|rw - it is "/" then, with a copy of the checkout in /root/busflip
enter()
{
	local dir kept=$cache/$suite.kept hives=${BUSFLIP_HIVES:-$checkout/../shared/hives}

	mount --bind "$1" "$1" && mount -t proc proc "$1/proc" && mount --rbind /sys "$1/sys" &&
		mount --rbind /dev "$1/dev" || return
	for dir in root run tmp var/tmp; do
		mount -t tmpfs -o mode=1777 distro "$1/$dir" || return
	done
	chmod 755 "$1/run" "$1/root"
	mkdir -p "$kept/libvirt-source" "$1/root/kept" "$1/root/hives" "$1/root/busflip/build/windows"
	mount --bind "$kept" "$1/root/kept" || return
	[ ! -d "$hives" ] || mount --bind -o ro "$hives" "$1/root/hives" || return
	for dir in resolv.conf hosts; do
		[ ! -e "/etc/$dir" ] || [ ! -e "$1/etc/$dir" ] ||
			mount --bind "$(readlink -f "/etc/$dir")" "$1/etc/$dir" || return
	done
	tar -C "$checkout" --exclude='./build*' --exclude=./.git -c . |
		tar -C "$1/root/busflip" -x || return
	[ "$2" = rw ] || mount -o remount,ro,bind "$1" || return
	cd "$1" && pivot_root . mnt && umount -l /mnt && cd /root/busflip || return
	ln -s /root/kept/libvirt-source build/
	[ ! -d /root/kept/kernel ] || ln -s /root/kept/kernel build/windows/
}

# The kernel of the Windows model is a big package, to be downloaded once.
keep_kernel()
{
	local new=/root/kept/kernel.$RANDOM

	[ -d build/windows/kernel ] && [ ! -L build/windows/kernel ] &&
		[ ! -e /root/kept/kernel ] || return 0
	cp -a build/windows/kernel $new && mv -T $new /root/kept/kernel && return
	rm -rf $new
}

inside()
{
	local name

	enter "$1" "$2" || die "can't make $1 the root directory of a namespace"
	shift 2
	for name in $(compgen -e); do
		case $name in
		BUSFLIP_BUILD) unset "$name" ;;
		BUSFLIP_* | WERROR | *_proxy | TERM) ;;
		*) unset "$name" ;;
		esac
	done
	export HOME=/root BUSFLIP_HIVES=/root/hives BUSFLIP_MODULAR=/root/kept/modular
	export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
	# In the background, so that a signal to this script is not held back.
	trap 'exit 143' TERM INT HUP
	"$@" <&0 &
	wait $!
	local status=$?
	keep_kernel
	exit $status
}

if [ "${1:-}" = inside ]; then
	suite=${2##*/} suite=${suite%.new}
	shift
	inside "$@"
fi
[ $# -ge 2 ] || die "usage: distro.sh SUITE COMMAND [ARG...]"
[ "$(id -u)" = 0 ] || die "must be run by root: it makes a tree and namespaces"
suite=$1 tree=$cache/$1
shift
mkdir -p "$cache" || die "can't make $cache"
stamp="$deps $(cksum < "$checkout/conf/packages.sh")"
exec 9> "$tree.lock"
flock -s 9
# Whoever changes the tree waits for those that use it.
is_complete || { flock 9 && complete_tree && flock -s 9; }
# On one line: this file may be another one by the end.
within "$tree" ro "$@"; exit
