#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# build.sh DIR - make what the Windows model boots from, in DIR. "make check-model" has
# put the model's program there as DIR/init. Makes
#	DIR/vmlinux	the kernel, as <kernel> for SeaBIOS (starts at once)
#	DIR/vmlinuz	the same as the distribution ships it, for UEFI
#	DIR/initrd	the model and the modules that it loads
#	DIR/initrd-signed	the same with signed modules, for Secure Boot
#
# The kernel is the installed one; or Debian's, downloaded with apt-get and unpacked in DIR;
# or the one of KERNEL_DEB=FILE. If there is none, the exit status is 1. Skips what is up to
# date; two runs at the same time are safe.

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

# kernel_below ROOT - "IMAGE MODULES" of one that is there: where Debian puts it, or
# Fedora and Debian 14
kernel_below()
{
	local modules version image

	for modules in "$1"/lib/modules/*/kernel "$1"/usr/lib/modules/*/kernel; do
		modules=${modules%/kernel}
		version=${modules##*/}
		case $version in *-cloud-* | *-rt-*) continue ;; esac
		for image in "$1/boot/vmlinuz-$version" "$modules/vmlinuz"; do
			if [ -r "$image" ] && [ -d "$modules/kernel/drivers/ata" ]; then
				echo "$image $modules"
				return
			fi
		done
	done
	return 1
}

depends()
{
	apt-cache depends "$1" 2>/dev/null | sed -n 's/^ *Depends: //p'
}

# The metapackage depends on one exact kernel; in Debian 14 that is but a name for two
# packages more, which hold the kernel and its modules.
kernel_packages()
{
	local package version

	package=$(depends linux-image-amd64 | grep -m 1 '^linux-image-[0-9]') || return 1
	version=${package#linux-image-}
	echo "$package"
	depends "$package" | grep -xF -e "linux-binary-$version" -e "linux-modules-$version" || :
}

# unpacked_kernel - the same of packages, unpacked in DIR/kernel
unpacked_kernel()
{
	local packages deb new=$dir/kernel.new

	if ! [ -d "$dir/kernel" ]; then
		rm -rf "$new"
		mkdir "$new"
		if [ "${KERNEL_DEB:-}" ]; then
			cp "$KERNEL_DEB" "$new/kernel.deb"
		else
			packages=$(kernel_packages) ||
				{ apt-get -q update && packages=$(kernel_packages); } >&2 ||
				return 1
			# shellcheck disable=SC2086	# a list
			(cd "$new" && apt-get -q download $packages) >&2 || return 1
		fi
		for deb in "$new"/*.deb; do
			dpkg-deb -x "$deb" "$new" || return 1
			rm "$deb"
		done
		mv "$new" "$dir/kernel"
	fi
	kernel_below "$dir/kernel"
}

for file in "$dir/init" "$here/mkinitrd.py" "$here/build.sh"; do
	[ "$dir/initrd" -nt "$file" ] && continue
	kernel=$(kernel_below "") || kernel=$(unpacked_kernel) || {
		echo "build.sh: no kernel: neither installed nor to be downloaded" >&2
		exit 1
	}
	# shellcheck disable=SC2086	# image, modules, names
	"$here/mkinitrd.py" "$dir" $kernel $wanted
	break
done
