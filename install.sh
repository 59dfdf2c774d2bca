#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# install.sh - packages, build and installation of busflip; see --help
#
# The order ensures that a failed run leaves nothing half done: all parts of
# busflip are installed and checked before the hook, and the hook, which libvirt
# runs, is installed by one rename. If a first installation fails before that,
# it is removed again.

set -euo pipefail

usage()
{
	cat <<-'END'
	Usage: ./install.sh [OPTION...]

	Without an option: install the packages that busflip needs, build it,
	install it on this host and make the running libvirt daemon use it.
	Guests keep running. It is safe to run it again.

	  --demo          show what busflip does, with its own libvirt daemon and
	                  guest; leaves nothing behind except the packages
	  --test          install what the tests need, build and run them
	  --deps[=LIST]   install packages only; LIST of build, run, test, demo, ci,
	                  fleet, v2v, modular (default: build,run)
	  --uninstall     remove busflip from this host; refuses while a conversion
	                  is in progress (staged or trial) or a disk is half
	                  patched, and if busflip is a package or has another prefix
	  --force         with --uninstall: remove it anyway, except a package
	  --prefix DIR    prefix of the program and its manual pages (/usr/local);
	                  units go where systemd looks; also for --uninstall
	  --destdir DIR   install below DIR, change nothing else: for packaging
	  --help          print this help

	Debian, Fedora and their derivatives are supported. On other systems, install
	the packages by hand (see conf/packages.sh) and run make.
	END
}

say()
{
	echo "==> $*"
}

warn()
{
	echo "install.sh: $*" >&2
}

die()
{
	warn "$*"
	exit 1
}

caller=$PWD
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
cd "$here"

arguments=${*:+ $*}
action=install prefix=/usr/local destdir='' force=no purposes=build,run
while [ $# -gt 0 ]; do
	case $1 in
	--demo | --test | --uninstall) action=${1#--} ;;
	--deps) action=deps ;;
	--deps=*) action=deps purposes=${1#*=} ;;
	--force) force=yes ;;
	--prefix=*) prefix=${1#*=} ;;
	--destdir=*) destdir=${1#*=} ;;
	--prefix | --destdir)
		[ $# -gt 1 ] || { warn "$1 needs a directory"; exit 2; }
		printf -v "${1#--}" %s "$2"
		shift ;;
	-h | --help)
		usage
		exit 0 ;;
	*)
		warn "unknown option $1; see ./install.sh --help"
		exit 2 ;;
	esac
	shift
done
[ "$prefix" = / ] || prefix=${prefix%/}
case ${destdir:-/} in
/*) ;;
*) destdir=$caller/$destdir ;;
esac
case $prefix in
/*) ;;
*) die "--prefix must be an absolute path" ;;
esac
case $prefix$destdir in
*[[:space:]]*) die "--prefix and --destdir cannot contain spaces" ;;
esac

# Package names, and functions that install packages.
# shellcheck source=conf/packages.sh
. conf/packages.sh

need_root()
{
	[ "$(id -u)" = 0 ] || die "must be run as root $1; try: sudo ./install.sh$arguments"
}

# ---- build ----------------------------------------------------------------

static_libc()
{
	echo 'int main(void) { return 0; }' |
		${CC:-cc} -static -x c -o /dev/null - 2>/dev/null
}

# build DIRECTORY - build busflip there. Paths are compiled in, so another prefix needs
# another build. Files in the source tree keep the tree's owner, even if root builds.
build()
{
	local dir=$1 output

	say "build"
	make_args=(B="$dir" PREFIX="$prefix" DESTDIR="$destdir")
	if ! static_libc; then
		warn "no static libc on this host: the hook is linked dynamically and starts more slowly"
		make_args+=(FRONT_STATIC=)
	fi
	if [ -d "$dir" ] && [ "$(cat "$dir/prefix" 2>/dev/null || echo /usr/local)" != "$prefix" ]; then
		# Keep packages built there: they have their own prefix.
		find "$dir" -mindepth 1 -maxdepth 1 ! -name deb ! -name rpm -exec rm -rf {} +
	fi
	mkdir -p "$dir"
	echo "$prefix" > "$dir/prefix"
	if ! output=$(make -j"$(nproc)" "${make_args[@]}" all 2>&1); then
		tail -n 20 <<< "$output" >&2
		die "the build failed; see above"
	fi
	own_build "$dir"
}

own_build()
{
	[ "$(id -u)" != 0 ] || chown -R --reference="$here" "$1"
}

# ---- systemd --------------------------------------------------------------

enable_units()
{
	with_systemd || {
		say "no systemd on this host: tagged domains are staged at their first start"
		return
	}
	say "systemd units"
	systemctl daemon-reload
	systemctl -q enable busflip-stage.service
	systemctl -q enable --now busflip-stage.path
	# Stages domains that are already tagged. It fails if no daemon runs; the
	# next boot or definition runs it again.
	systemctl start busflip-stage.service ||
		warn "busflip stage --all failed; see journalctl -u busflip-stage"
	echo "    busflip-stage.path watches for new definitions"
}

disable_units()
{
	with_systemd || return 0
	systemctl -q disable --now busflip-stage.path busflip-stage.service 2>/dev/null || :
}

# Functions for hook, daemons, AppArmor, SELinux.
# shellcheck source=conf/setup.sh
. conf/setup.sh

# ---- actions --------------------------------------------------------------

# Remove a first installation if a later step fails.
undo=no
take_back()
{
	local status=$?

	trap - EXIT
	if [ "$undo" = yes ]; then
		warn "failed; removing what was installed"
		disable_units
		apparmor_drop || :
		make "${make_args[@]}" uninstall >/dev/null 2>&1 || :
		! with_systemd || systemctl daemon-reload || :
	fi
	exit $status
}

is_here()
{
	[ -x "$destdir$prefix/sbin/busflip" ]
}

is_package()
{
	[ -e /usr/share/busflip/setup.sh ]
}

run_make()
{
	local output

	output=$(make "${make_args[@]}" "$@" 2>&1) || {
		tail -n 20 <<< "$output" >&2
		die "make $* failed; see above"
	}
	grep '^hook: ' <<< "$output" | sed 's/^/    /' || :
}

do_install()
{
	need_root "to install into $prefix and /etc"
	! is_package ||
		die "busflip is installed as a package; remove the package first"
	install_packages build run
	build build
	trap take_back EXIT
	is_here || undo=yes
	say "program, manual pages, units, configuration below $prefix and /etc"
	run_make install-files install-bait
	"$prefix/sbin/busflip" --version >/dev/null || die "$prefix/sbin/busflip does not run"
	apparmor_add
	selinux_prepare
	selinux_check
	say "hook"
	run_make install-hook
	! with_selinux || restorecon -R /etc/libvirt/hooks 2>/dev/null || :
	enable_units
	reload_daemons
	undo=no
	say "done"
	cat <<-END
	Tag a domain, and start it as usual:
	    busflip enable DOMAIN
	    virsh start DOMAIN
	See its state with busflip status, and man busflip for more.
	END
}

do_destdir()
{
	build build
	say "files below $destdir"
	run_make install
	cat <<-END
	The package must: reload libvirtd or virtqemud, enable busflip-stage.path and
	busflip-stage.service, run "busflip bait", add an AppArmor rule if busflip is not
	in /usr/sbin (see conf/security.sh), and for SELinux load conf/busflip-hook.cil
	and set the type virt_content_t for /var/lib/busflip/bait.img.
	END
}

# There is one hook and one bait on a host, so they must be removed by the busflip
# that they belong to. An installation beside a package sees the same domains.
check_prefix()
{
	local other=$prefix

	if ! is_package; then
		other=$(hook_prefix /etc/libvirt/hooks)
	elif [ "$prefix" = /usr ] || ! is_here; then
		die "busflip is installed as a package; remove it with" \
			"\"apt remove busflip\" or \"dnf remove busflip\""
	fi
	[ $force = no ] || return 0
	[ "${other:-$prefix}" = "$prefix" ] || [ "$other" -ef "$prefix" ] ||
		die "the hook belongs to the busflip below $other; remove that first, with" \
			"\"./install.sh --uninstall --prefix $other\", or use --force"
	is_here ||
		die "busflip is not installed below $prefix; was it installed with another" \
			"--prefix? To remove its other parts, use --force"
}

do_uninstall()
{
	local domains

	[ ! "$destdir" ] || die "--uninstall takes no --destdir: use make uninstall DESTDIR=$destdir"
	need_root "to uninstall"
	command -v make >/dev/null ||
		die "--uninstall needs make; run apt-get install make, or dnf install make"
	check_prefix
	say "uninstall from $prefix"
	if [ $force = no ]; then
		domains=$(under_way) ||
			die "cannot ask libvirt which conversions are in progress; see above, or use --force"
		if [ "$domains" ]; then
			warn "the conversion of these domains is in progress; let it finish, or undo it" \
				"with \"busflip disable DOMAIN\", or use --force:"
			echo "$domains" >&2
			exit 1
		fi
	fi
	if [ $force = no ] && compgen -G '/var/lib/busflip/journal/*.journal' >/dev/null; then
		warn "a patch was interrupted, and its disk is half written; finish it with" \
			"\"busflip inspect DOMAIN\" or by starting the domain, or use --force. Journal:"
		ls /var/lib/busflip/journal/*.journal >&2
		exit 1
	fi
	disable_units
	make_args=(PREFIX="$prefix")
	run_make uninstall
	! with_systemd || systemctl daemon-reload
	apparmor_drop
	selinux_drop
	reload_daemons
	rm -rf /run/busflip
	say "done"
	[ ! -e /etc/busflip.conf ] || echo "/etc/busflip.conf was changed and is kept."
	rmdir /var/lib/busflip/journal /var/lib/busflip 2>/dev/null || :
	[ ! -e /var/lib/busflip ] || echo "/var/lib/busflip contains registry backups or" \
		"records of unfinished work, and is kept."
	! is_package ||
		warn "this also removed the hook of the busflip package: reinstall the package"
}

do_test()
{
	local status=0

	need_root "because the tests start their own libvirt daemons"
	install_packages build test
	build build
	say "tests"
	make -s -j"$(nproc)" "${make_args[@]}" check || status=$?
	own_build build
	return $status
}

do_demo()
{
	local work output

	need_root "because the demo starts its own libvirt daemon"
	install_packages build demo
	work=$(mktemp -d)
	# shellcheck disable=SC2064	# expand $work now
	trap "rm -rf $work" EXIT
	trap 'exit 143' TERM INT HUP
	build "$work"
	say "the demo's guest"
	# Its kernel is downloaded if the host has none; reuse the one of the tests.
	mkdir -p "$work/windows"
	[ ! -d build/windows/kernel ] ||
		ln -s "$here/build/windows/kernel" "$work/windows/kernel"
	if ! output=$(make -j"$(nproc)" "${make_args[@]}" demo-guest 2>&1); then
		tail -n 20 <<< "$output" >&2
		die "cannot build the guest; see above"
	fi
	say "demo"
	BUSFLIP_BUILD=$work tests/lab.sh run tests/demo.sh
	say "done; the lab and the build are removed"
}

case $action in
deps)
	# shellcheck disable=SC2086	# expand the list into words
	install_packages ${purposes//,/ } ;;
install)
	if [ "$destdir" ]; then do_destdir; else do_install; fi ;;
*)
	"do_$action" ;;
esac
