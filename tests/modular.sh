#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# modular.sh - libvirt's modular daemons, for machines whose distribution has none
#
#	tests/modular.sh build		build them if needed, and print their folder
#	tests/modular.sh folder		print their folder, or fail
#
# Fedora, RHEL and SUSE run one daemon for each driver of libvirt (virtqemud, virtstoraged
# and so on), started by systemd's sockets, and their libvirt.so connects to these. Debian
# has the same source, but packages only libvirtd. This script fetches the source package
# of the installed libvirt from the machine's own package sources and builds the parts that
# a host with QEMU has: daemons, drivers, library, virsh, units. The folder contains a
# usr/, which lab.sh overlays on the machine's /usr.
#
# BUSFLIP_MODULAR names the folder; the default is a folder in CI's cache with the version
# in its name. It gets its final name by a rename when it is complete.

set -eu

# shellcheck source=tests/lib-source.sh
. "${BASH_SOURCE[0]%/*}/lib-source.sh"

# Everything that decides what comes out: a change builds it once more. No optimization:
# it takes half the time, and nothing here waits for the daemons. The owners of images
# are remembered in extended attributes, so these matter.
options=(--auto-features=disabled --buildtype=plain
	--prefix=/usr --sysconfdir=/etc --localstatedir=/var --libexecdir=/usr/lib/libvirt
	-Drunstatedir=/run -Dno_git=true -Dinit_script=systemd
	-Ddriver_libvirtd=enabled -Ddriver_remote=enabled -Dremote_default_mode=direct
	-Ddriver_qemu=enabled -Dqemu_user=libvirt-qemu -Dqemu_group=libvirt-qemu
	-Dqemu_datadir=/usr/share/qemu -Ddriver_network=enabled -Ddriver_secrets=enabled
	-Dstorage_fs=enabled -Dstorage_iscsi=enabled -Dlibnl=enabled -Dattr=enabled)

die()
{
	echo "modular.sh: $*" >&2
	exit 1
}

version=$(dpkg-query -W -f '${source:Version}' libvirt-daemon 2>/dev/null) ||
	die "libvirt-daemon is not a package of this machine; install.sh --deps=run installs it"
modular=${BUSFLIP_MODULAR:-/var/cache/busflip-ci/modular-$version}
recipe="$version ${options[*]}"

is_built()
{
	[ "$(cat "$modular/recipe" 2>/dev/null)" = "$recipe" ]
}

unpack()
{
	local patch

	mkdir source
	tar -xf libvirt_*.orig.tar.?z -C source --strip-components=1
	tar -xf libvirt_*.debian.tar.?z -C source
	while read -r patch; do
		patch -s -d source -p1 < "source/debian/patches/$patch"
	done < <(grep -v '^#' source/debian/patches/series)
}

compile()
{
	local triplet json=yajl

	triplet=$(gcc -print-multiarch)
	# 10.9 took another library.
	! grep -q "^option('json_c'" source/meson_options.txt || json=json_c
	meson setup build source "${options[@]}" "--libdir=lib/$triplet" "-D$json=enabled" \
		"-Dqemu_moddir=/usr/lib/$triplet/qemu"
	ninja -C build
	DESTDIR=$PWD/root meson install -C build --no-rebuild
	# No host has libvirtd as well. Configuration is the lab's, or what the programs have.
	rm -r root/etc root/var root/run root/usr/include root/usr/sbin/libvirtd \
		root/usr/lib/systemd/system/libvirtd*
}

build()
{
	mkdir -p "${modular%/*}"
	work=$(mktemp -d "$modular.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	trap 'exit 143' TERM INT HUP
	if ! "$0" build-in "$work" > "$work/log" 2>&1; then
		tail -n 30 "$work/log" >&2
		die "libvirt $version can't be built; see above. It needs the packages of" \
			"install.sh --deps=modular"
	fi
	echo "$recipe" > "$work/root/recipe"
	# Another one may have come first.
	is_built || { rm -rf "$modular" && mv -T "$work/root" "$modular"; } || is_built
}

case ${1:-} in
build)
	is_built || build
	echo "$modular" ;;
folder)
	is_built || die "libvirt's modular daemons are not built; do that with: $0 build"
	echo "$modular" ;;
build-in)
	# A process of its own: what fails ends it.
	cd "$2"
	fetch_source . "libvirt=$version" --tar-only --diff-only ||
		die "the package sources of this machine don't have the source of libvirt" \
			"$version, maybe a newer one: apt-get update && apt-get upgrade"
	unpack
	compile ;;
*)
	die "usage: modular.sh build | folder" ;;
esac
