#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# busflip clean: data of a domain is removed only after libvirt no longer has the domain
# and its disk no longer exists.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
busflip_required "$@"
# shellcheck source=tests/disklib.sh
. "${BASH_SOURCE[0]%/*}/disklib.sh"
disk_required
plan 36

# The installed one, with its own configuration and folders.
busflip()
{
	command busflip "$@"
}

kept=/var/lib/busflip
printf '[busflip]\nvirtio_win = %s\n' "$work/vw" > /etc/busflip.conf
make_windows "$work/c.ntfs" $((80 * 1048576))
"$tests/mkdisk.sh" "$work/old.qcow2" "$work/c.ntfs"

# patched NAME - a domain that has been patched, with its registry, session and story kept
patched()
{
	cp "$work/old.qcow2" "$LAB/$1.qcow2"
	image=$LAB/$1.qcow2 format=qcow2
	make_domain "$1" image="$image" format=$format > "$LAB/$1.xml"
	quietly virsh -q define "$LAB/$1.xml"
	quietly busflip stage "$1"
	quietly busflip patch "$1"
	quietly virsh -q start "$1"
	quietly virsh -q destroy "$1"
	wait_off "$1"
	uuid=$(virsh domuuid "$1" | head -n 1)
}

# all_of UUID - which of its three kinds are kept
all_of()
{
	local path

	for path in "$1" "last/$1" "story/$1"; do
		[ ! -e "$kept/$path" ] || echo "${path%/*}"
	done | xargs
}

patched here && here=$uuid
patched gone && gone=$uuid
patched disk && disk=$uuid
cp "$work/old.qcow2" "$LAB/path.qcow2"
quietly busflip patch --format qcow2 "$LAB/path.qcow2"
by_path=$(cd $kept && echo image-*)
all="$gone last story"
is "registry, session and story are kept" "$(all_of "$gone")" "$all"
like "so is the registry of an image that was given by path" "$by_path" '^image-[0-9a-f]{64}$'

fails "nothing is to be removed" 0 busflip clean
like "it is said which disk still exists" "$output" "$by_path: kept, since its disk still exists: $LAB/path.qcow2"
like "and how much was removed" "$output" '0 removed, 0 KiB; 1 left$'

quietly virsh undefine gone
quietly virsh undefine disk
rm "$LAB/gone.qcow2" "$LAB/path.qcow2"
fails "--dry-run" 0 busflip clean --dry-run
like "lists the domain without a disk" "$output" "$gone: to be removed, [1-9][0-9]* KiB, of $LAB/gone.qcow2"
like "and the image that is gone" "$output" "$by_path: to be removed, [1-9][0-9]* KiB, of $LAB/path.qcow2"
like "not the domain whose disk exists" "$output" "$disk: kept, since its disk still exists: $LAB/disk.qcow2"
unlike "nor one that is defined" "$output" "$here"
like "and sums up" "$output" '2 to be removed, [1-9][0-9]* KiB; 1 left$'
is "--dry-run removes nothing" "$(all_of "$gone"), $(all_of "$disk")" "$all, $disk last story"

fails "--connect elsewhere" 2 busflip clean --connect qemu+ssh://other/system
like "it is said why" "$output" 'clean removes data of this host'
is "and nothing is removed" "$(all_of "$gone")" "$all"
fails "another argument" 2 busflip clean gone

# A damaged one says whose it is by nothing.
info=$(echo "$kept/$gone"/*/patch.info)
cp "$info" "$work/info"
echo > "$info"
fails "damaged: it fails" 1 busflip clean
like "it is said why" "$output" "^busflip: $gone: .*patch.info.*; left as it is"
is "and it stays" "$(all_of "$gone")" "$all"
ok "the others are dealt with" test ! -e "$kept/$by_path"
cp "$work/info" "$info"

fails "clean" 0 busflip clean
is "removes all of the domain without a disk" "$(all_of "$gone")" ""
is "nothing of the one whose disk exists" "$(all_of "$disk")" "$disk last story"
is "nor of one that is defined" "$(all_of "$here")" "$here last story"
ok "undo finds the registry for that disk" busflip undo --format qcow2 "$LAB/disk.qcow2"

# Defined, but its disk is gone: perhaps not mounted.
rm "$LAB/here.qcow2"
fails "a defined domain without a disk" 0 busflip clean
is "is left" "$(all_of "$here")" "$here last story"

# Only a story or a session: nothing tells of a disk.
rm -rf "${kept:?}/$disk"
fails "without registries" 0 busflip clean
is "the rest goes" "$(all_of "$disk")" ""

# While somebody else works on that domain.
quietly virsh undefine here
exec 5>"/run/busflip/$here.lock"
flock 5
fails "locked: it fails" 1 busflip clean
like "it is said of which" "$output" "^busflip: $here: .*; left as it is"
is "and nothing is removed" "$(all_of "$here")" "$here last story"
exec 5>&-
fails "not locked any more" 0 busflip clean
is "all is gone" "$(all_of "$here")" ""
fails "without libvirt" 1 busflip clean --config <(echo '[busflip]'; echo 'uri = qemu+unix:///system?socket=/none')
like "it is said" "$output" 'cannot connect'
