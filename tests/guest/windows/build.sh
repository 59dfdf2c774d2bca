#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# build.sh DIR - make what the Windows model boots from, in DIR, where "make
# check-model" has put its program DIR/init:
#	DIR/vmlinux	the kernel, as <kernel> for SeaBIOS (starts at once)
#	DIR/vmlinuz	the same as the distribution ships it, for OVMF
#	DIR/initrd	the model and the modules that it loads
#
# The kernel is the one that this machine has; or Debian's, downloaded with
# apt-get and unpacked in DIR; or KERNEL_DEB=FILE. Exits with 1 where there is
# none. Does nothing that is new enough already; safe to run twice at once.

set -eu

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
dir=${1:?usage: build.sh DIR}
[ -x "$dir/init" ] || {
	echo "build.sh: $dir/init is not built" >&2
	exit 1
}
dir=$(cd "$dir" && pwd -P)
exec 9> "$dir/lock"
flock 9

# What Linux needs for every controller that a test may use, and for the
# power button, in this order: disks are looked for while the rest is loaded.
wanted="virtio_pci virtio_blk virtio_scsi sd_mod ahci vmw_pvscsi nvme ata_piix
	button evdev"

# installed_kernel - "IMAGE MODULES" of one that this machine has: where Debian
# puts it, or Fedora
installed_kernel()
{
	local modules version image

	for modules in /lib/modules/*/kernel; do
		modules=${modules%/kernel}
		version=${modules##*/}
		case $version in *-cloud-* | *-rt-*) continue ;; esac
		for image in "/boot/vmlinuz-$version" "$modules/vmlinuz"; do
			if [ -r "$image" ] && [ -d "$modules/kernel/drivers/ata" ]; then
				echo "$image $modules"
				return
			fi
		done
	done
	return 1
}

# The metapackage depends on one exact kernel.
kernel_package()
{
	apt-cache depends linux-image-amd64 2>/dev/null |
		sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1 | grep .
}

# unpacked_kernel - the same of a package, unpacked in DIR/kernel
unpacked_kernel()
{
	local package deb=${KERNEL_DEB:-} new=$dir/kernel.new image

	if ! [ -d "$dir/kernel" ]; then
		rm -rf "$new"
		mkdir "$new"
		if ! [ "$deb" ]; then
			package=$(kernel_package) ||
				{ apt-get -q update && package=$(kernel_package); } >&2 ||
				return 1
			(cd "$new" && apt-get -q download "$package") >&2 || return 1
			deb=$(echo "$new"/*.deb)
		fi
		dpkg-deb -x "$deb" "$new" || return 1
		rm -f "$new"/*.deb
		mv "$new" "$dir/kernel"
	fi
	image=$(echo "$dir"/kernel/boot/vmlinuz-*)
	package=${image##*/vmlinuz-}
	for deb in "$dir/kernel/lib/modules/$package" "$dir/kernel/usr/lib/modules/$package"; do
		if [ -r "$image" ] && [ -d "$deb/kernel" ]; then
			echo "$image $deb"
			return
		fi
	done
	return 1
}

for file in "$dir/init" "$here/mkinitrd.py" "$here/build.sh"; do
	[ "$dir/initrd" -nt "$file" ] && continue
	kernel=$(installed_kernel) || kernel=$(unpacked_kernel) || {
		echo "build.sh: no kernel: neither installed nor to be downloaded" >&2
		exit 1
	}
	# shellcheck disable=SC2086	# image, modules, names
	"$here/mkinitrd.py" "$dir" $kernel $wanted
	break
done
