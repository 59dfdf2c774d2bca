#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# install.sh - packages, build and installation of busflip; see --help
#
# The order makes that a run which fails leaves nothing half done: everything
# that busflip consists of is in place and checked before the hook is, and the
# hook, which libvirt runs, comes into its place by one rename. A failure
# before that takes away what a first installation has put there.

set -euo pipefail

usage()
{
	cat <<-'END'
	Usage: ./install.sh [OPTION...]

	Without an option: install the packages that busflip needs, build it,
	install it on this host and make the running libvirt daemon use it.
	Guests go on running. Safe to be run again.

	  --demo          show what busflip does, with a libvirt daemon and a guest
	                  of its own; leaves nothing behind but the packages
	  --test          install what the tests need, build and run them
	  --deps[=LIST]   install packages only; LIST of build, run, test, demo, ci,
	                  fleet, v2v, modular (default: build,run)
	  --uninstall     take busflip off this host; refuses while a domain is on
	                  its way (staged or trial) or a disk half patched, and
	                  where busflip is a package or has another prefix
	  --force         with --uninstall: even then, but for a package
	  --prefix DIR    where the program and its manual go (/usr/local), while
	                  units are where systemd looks; for --uninstall, too
	  --destdir DIR   install below DIR, touch nothing else: for packaging
	  --help          this text

	Debian, Fedora and what derives from them are known. Elsewhere, install
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
*[[:space:]]*) die "--prefix and --destdir can't have spaces" ;;
esac

# Which packages, and how they are got.
# shellcheck source=conf/packages.sh
. conf/packages.sh

need_root()
{
	[ "$(id -u)" = 0 ] || die "must be run by root $1; try: sudo ./install.sh$arguments"
}

# ---- build ----------------------------------------------------------------

static_libc()
{
	echo 'int main(void) { return 0; }' |
		${CC:-cc} -static -x c -o /dev/null - 2>/dev/null
}

# build DIRECTORY - the paths are compiled in, so another prefix is another
# build. Files in the source tree stay its owner's, not root's.
build()
{
	local dir=$1 output

	say "build"
	make_args=(B="$dir" PREFIX="$prefix" DESTDIR="$destdir")
	if ! static_libc; then
		warn "no static libc here: the hook is linked dynamically, which takes it longer to start"
		make_args+=(FRONT_STATIC=)
	fi
	if [ -d "$dir" ] && [ "$(cat "$dir/prefix" 2>/dev/null || echo /usr/local)" != "$prefix" ]; then
		# Packages that were made there have a prefix of their own.
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
		say "no systemd here: tagged domains are staged at their first start"
		return
	}
	say "systemd units"
	systemctl daemon-reload
	systemctl -q enable busflip-stage.service
	systemctl -q enable --now busflip-stage.path
	# For domains that are tagged already. Without a daemon it fails, and
	# the next boot or definition does it.
	systemctl start busflip-stage.service || warn "busflip stage --all failed; see journalctl -u busflip-stage"
	echo "    busflip-stage.path watches for new definitions"
}

disable_units()
{
	with_systemd || return 0
	systemctl -q disable --now busflip-stage.path busflip-stage.service 2>/dev/null || :
}

# Hook, daemons, AppArmor, SELinux.
# shellcheck source=conf/setup.sh
. conf/setup.sh

# ---- actions --------------------------------------------------------------

# Takes a first installation back when a later step of it fails.
undo=no
take_back()
{
	local status=$?

	trap - EXIT
	if [ "$undo" = yes ]; then
		warn "failed; taking back what was installed"
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
		die "busflip is installed as a package; remove that first"
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
	Tag a domain, and start it as ever:
	    busflip enable DOMAIN
	    virsh start DOMAIN
	See where it stands with: busflip status; more in: man busflip
	END
}

do_destdir()
{
	build build
	say "files below $destdir"
	run_make install
	cat <<-END
	Left to the package: reload libvirtd or virtqemud, enable busflip-stage.path
	and busflip-stage.service, "busflip bait", an AppArmor rule where busflip is not in /usr/sbin
	(see conf/security.sh), for SELinux conf/busflip-hook.cil and the type
	virt_content_t for /var/lib/busflip/bait.img.
	END
}

# There is one hook and one bait on a host: whoever takes them away has to ask the
# busflip that they belong to. One that is beside a package sees the same domains.
check_prefix()
{
	local other=$prefix

	if ! is_package; then
		other=$(hook_prefix /etc/libvirt/hooks)
	elif [ "$prefix" = /usr ] || ! is_here; then
		die "busflip is installed as a package; remove that, with" \
			"\"apt remove busflip\" or \"dnf remove busflip\""
	fi
	[ $force = no ] || return 0
	[ "${other:-$prefix}" = "$prefix" ] || [ "$other" -ef "$prefix" ] ||
		die "the hook is of the busflip below $other; take that away first, with" \
			"\"./install.sh --uninstall --prefix $other\", or use --force"
	is_here ||
		die "nothing of busflip is below $prefix; was it installed with another" \
			"--prefix? To take away what else there is of it, use --force"
}

do_uninstall()
{
	local domains

	[ ! "$destdir" ] || die "--uninstall takes no --destdir: use make uninstall DESTDIR=$destdir"
	need_root "to uninstall"
	command -v make >/dev/null || die "--uninstall needs make: apt-get install make, or dnf"
	check_prefix
	say "uninstall from $prefix"
	if [ $force = no ]; then
		domains=$(under_way) ||
			die "can't ask libvirt which domains are on their way; see above, or use --force"
		if [ "$domains" ]; then
			warn "these domains are on their way; let them arrive, or take them back" \
				"with \"busflip disable DOMAIN\", or use --force:"
			echo "$domains" >&2
			exit 1
		fi
	fi
	if [ $force = no ] && compgen -G '/var/lib/busflip/journal/*.journal' >/dev/null; then
		warn "a patch was interrupted, and its disk is half written; finish it with" \
			"\"busflip inspect DOMAIN\" or by starting the domain, or use --force. It is in:"
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
	[ ! -e /etc/busflip.conf ] || echo "/etc/busflip.conf was changed and stays."
	rmdir /var/lib/busflip/journal /var/lib/busflip 2>/dev/null || :
	[ ! -e /var/lib/busflip ] || echo "/var/lib/busflip has kept registries or" \
		"records of unfinished work, and stays."
	! is_package || warn "the package of busflip has lost its hook with it: install it once more"
}

do_test()
{
	local status=0

	need_root "because the tests start libvirt daemons of their own"
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

	need_root "because the demo starts a libvirt daemon of its own"
	install_packages build demo
	work=$(mktemp -d)
	# shellcheck disable=SC2064	# the value of now
	trap "rm -rf $work" EXIT
	trap 'exit 143' TERM INT HUP
	build "$work"
	say "the demo's guest"
	# Its kernel is downloaded where the machine has none; the tests have it, too.
	mkdir -p "$work/windows"
	[ ! -d build/windows/kernel ] ||
		ln -s "$here/build/windows/kernel" "$work/windows/kernel"
	if ! output=$(make -j"$(nproc)" "${make_args[@]}" demo-guest 2>&1); then
		tail -n 20 <<< "$output" >&2
		die "the guest can't be built; see above"
	fi
	say "demo"
	BUSFLIP_BUILD=$work tests/lab.sh run tests/demo.sh
	say "done; the lab is gone, and so is the build"
}

case $action in
deps)
	# shellcheck disable=SC2086	# a list
	install_packages ${purposes//,/ } ;;
install)
	if [ "$destdir" ]; then do_destdir; else do_install; fi ;;
*)
	"do_$action" ;;
esac
