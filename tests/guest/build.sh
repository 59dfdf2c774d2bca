#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# build.sh DIR - make DIR/off.img, stay.img, reset.img, crash.img and write.img, raw disks
# that boot. boot.S describes what they do. Skips those that are up to date; two runs at the
# same time are safe.

set -eu

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
dir=${1:?usage: build.sh DIR}
mkdir -p "$dir"

# The order is that of the KIND_ numbers in boot.S.
number=0
for kind in off stay reset crash write; do
	image=$dir/$kind.img
	if ! [ "$image" -nt "$here/boot.S" ]; then
		work=$(mktemp -d "$dir/new.XXXXXX")
		as --32 --defsym KIND=$number -o "$work/boot.o" "$here/boot.S"
		ld -m elf_i386 --oformat binary -Ttext 0x7c00 -o "$work/image" "$work/boot.o"
		# Not empty space behind: a disk of 1 MiB is one that every
		# controller and the BIOS agree to be a disk.
		truncate -s 1M "$work/image"
		mv "$work/image" "$image"
		rm -r "$work"
	fi
	number=$((number + 1))
done
