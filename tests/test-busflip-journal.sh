#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# An interrupted patch is finished on its own image, also after a rename, and on no other
# image with the same path, the same inode or the journal's name. The journal of an image
# that no longer exists keeps no guest from starting, is reported, and is removed by clean.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
busflip_required "$@"
# shellcheck source=tests/disklib.sh
. "${BASH_SOURCE[0]%/*}/disklib.sh"
# shellcheck source=tests/lib-check.sh
. "${BASH_SOURCE[0]%/*}/lib-check.sh"
disk_required
killer=$BUSFLIP_BUILD/tests/killer.so
[ -e "$killer" ] || skip_all "killer.so is not built"
images=/run/images
# A file system on which a new file gets the inode of the one before it.
mkdir "$images"
truncate -s 700M /run/ext4
mkfs.ext4 -q -F /run/ext4
mount -o loop /run/ext4 "$images" 2> "$work/err" || skip_all "there is no loop device"
chmod 755 "$images"
plan 57

# The installed one, with its own configuration and folders.
busflip()
{
	command busflip "$@"
}

journals=/var/lib/busflip/journal
over="<busflip:state xmlns:busflip='$state_uri' phase='done' attempts='0'/>"
printf '[busflip]\nvirtio_win = %s\n' "$work/vw" > /etc/busflip.conf
make_windows "$work/c.ntfs" $((80 * 1048576))
windows_disk "$work/old.raw" mbr
cp --sparse=always "$work/old.raw" "$work/new.raw"
LD_PRELOAD=$killer KILLER_COUNT=$work/count command busflip patch --format raw "$work/new.raw" \
	> /dev/null
calls=$(cat "$work/count")

# finished IMAGE - what the only journal makes of it, to $work/finished.raw
finished()
{
	cp --sparse=always "$1" "$work/finished.raw"
	python3 - $journals/*.journal "$work/finished.raw" <<-'END'
	import struct, sys
	journal = open(sys.argv[1], "rb").read()
	runs, path = struct.unpack_from("<II", journal, 48)
	at = 96 + path + struct.unpack_from("<I", journal, 88)[0]
	data = at + 16 * runs
	with open(sys.argv[2], "r+b") as disk:
	    for i in range(runs):
	        off, length = struct.unpack_from("<QI", journal, at + 16 * i)
	        disk.seek(off)
	        disk.write(journal[data + length:data + 2 * length])
	        data += 2 * length
	END
}

# torn IMAGE - patched by its path, killed with a journal, the image between old and new
torn()
{
	local n

	for ((n = calls; n > 0; n--)); do
		cp --sparse=always "$work/old.raw" "$1"
		rm -rf $journals
		LD_PRELOAD=$killer KILLER_AT=$n KILLER_WHO=all command busflip patch \
			--format raw "$1" > /dev/null
		wait_for "! pgrep -f 'qemu-nbd.*$1'" 5
		compgen -G "$journals/*.journal" > /dev/null || continue
		finished "$1"
		cmp -s "$1" "$work/old.raw" || cmp -s "$1" "$work/finished.raw" || return 0
	done
	bail_out "no kill left $1 between old and new"
} 2> /dev/null

# guest NAME IMAGE - of whose disk busflip writes only what a journal has
guest()
{
	define_domain "$1" image="$2" metadata="$over"
}

# started NAME - and off again
started()
{
	virsh -q start "$1" && quietly virsh -q destroy "$1" && wait_off "$1"
}

count()
{
	find $journals -name '*.journal' | wc -l
}

# fnv PATH - as journals were named once
fnv()
{
	python3 - "$1" <<-'END'
	import os, sys
	h = 0xcbf29ce484222325
	for byte in os.fsencode(sys.argv[1]):
	    h = (h ^ byte) * 0x100000001b3 % (1 << 64)
	print("%016x" % h)
	END
}

# --- its own image ---

torn "$images/win.img"
like "a journal has the name of one image" "$(ls $journals)" '^[0-9a-f]{64}\.journal$'
unlike "status says nothing of one that will be finished" "$(busflip status)" 'interrupted'
fails "clean" 0 busflip clean
like "leaves it" "$output" "[0-9a-f]{64}\.journal: kept: a patch of $images/win.img was interrupted, 20..-.*Z: it is finished before the image is used again"
mv "$images/win.img" "$images/renamed.img"
unlike "nor does status when it was renamed" "$(busflip status)" 'interrupted'
guest win "$images/renamed.img"
ok "renamed: its guest starts" started win
ok "and the patch was finished before" cmp "$images/renamed.img" "$work/finished.raw"
is "no journal is left" "$(count)" 0
quietly virsh -q undefine win
rm "$images/renamed.img"

# --- an inode that is used again ---

torn "$images/evil.img"
inode=$(stat -c %i "$images/evil.img")
rm "$images/evil.img"
umount "$images"
mount -o loop /run/ext4 "$images"
cp --sparse=always "$work/old.raw" "$images/victim.img"
is "a new image has the inode of one that was half patched" \
	"$(stat -c %i "$images/victim.img")" "$inode"
guest victim "$images/victim.img"
ok "its guest starts" started victim
ok "nothing was written to it" cmp "$images/victim.img" "$work/old.raw"
is "the journal stays" "$(count)" 1
# The old busflip refused this for ever.
truncate -s +1M "$images/victim.img"
ok "of another size: it starts as well" started victim
like "status reports the journal" "$(busflip status)" \
	"Note: a patch of $images/evil.img was interrupted, 20..-.*Z: the image is gone; cure: busflip clean"
like "check does" "$(busflip check victim)" \
	"journal +not known a patch of $images/evil.img was interrupted, .*: the image is gone"$'\n'" +cure: busflip clean"
unlike "which is not wrong with that domain" "$(busflip check victim)" 'journal +not ok'

# Under a name that the path of the victim's image has, by a hash that can be had for two.
truncate -s -1M "$images/victim.img"
mv $journals/*.journal "$journals/$(fnv "$images/victim.img").journal"
ok "the journal has the name of the victim's path: it starts" started victim
ok "and nothing was written" cmp "$images/victim.img" "$work/old.raw"

fails "clean --dry-run" 0 busflip clean --dry-run
like "lists it" "$output" "\.journal: to be removed, [1-9][0-9]* KiB: a patch of $images/evil.img was interrupted, .*: the image is gone"
is "and leaves it" "$(count)" 1
umount "$images"
fails "clean, while the file system is not mounted" 0 busflip clean
like "leaves it" "$output" "\.journal: kept: a patch of $images/evil.img was interrupted, .*: the image is not there now; cure: make its storage available and start its guest; if it is gone for good, rm $journals/.*\.journal"
mount -o loop /run/ext4 "$images"
fails "clean, when it is mounted" 0 busflip clean
like "removes it" "$output" "\.journal: removed, [1-9][0-9]* KiB: a patch of $images/evil.img was interrupted, .*: the image is gone"
is "it is gone" "$(count)" 0
rm "$images/victim.img"
quietly virsh -q undefine victim

# --- another image of that path ---

guest win "$images/win.img"
torn "$images/win.img"
cp --sparse=always "$images/win.img" "$work/torn.raw"

# other FILE - takes the place of the image that is half patched
other()
{
	cp --sparse=always "$1" "$images/win.new"
	mv "$images/win.new" "$images/win.img"
}

other "$work/old.raw"
ok "one that holds nothing of the patch: its guest starts" started win
ok "nothing was written" cmp "$images/win.img" "$work/old.raw"
other "$work/finished.raw"
ok "one that holds all of it: its guest starts" started win
ok "and nothing was written" cmp "$images/win.img" "$work/finished.raw"
is "the journal stays" "$(count)" 1
like "status reports it" "$(busflip status)" \
	"Note: a patch of $images/win.img was interrupted, 20..-.*Z: the image is gone, and another one is at its path; cure: busflip clean"
other "$work/old.raw"
ok "one that holds nothing of it is patched" busflip patch win
is "and the journal was another one" "$(count)" 1

other "$work/torn.raw"
fails "a copy of the half patched one: its guest does not start" 1 virsh -q start win
like "it is said why" "$output" "this is not the image that was being patched, but it holds a part of that patch; if it is a copy of that image, busflip patch --force finishes the patch"
like "and how it starts as it is" "$output" "remove the journal named here to start it as it is: .*$journals/[0-9a-f]{64}\.journal"
ok "nothing was written" cmp "$images/win.img" "$work/torn.raw"
fails "patch" 36 busflip patch win
like "says the same" "$output" "busflip patch --force finishes the patch"
fails "inspect" 36 busflip inspect --format raw "$images/win.img"
fails "a dry run with --force" 36 busflip patch --dry-run --force win
ok "nothing was written" cmp "$images/win.img" "$work/torn.raw"
ok "patch --force" busflip patch --force win
ok "finishes it" cmp "$images/win.img" "$work/finished.raw"
is "no journal is left" "$(count)" 0
ok "and the guest starts" started win

torn "$images/win.img"
other "$work/old.raw"
fails "clean, when another image has the path" 0 busflip clean
like "removes the journal" "$output" "removed, .*a patch of $images/win.img was interrupted, .*another one is at its path"
is "it is gone" "$(count)" 0

# --- one whose header is damaged ---

torn "$images/win.img"
printf X | dd of="$(echo $journals/*.journal)" bs=1 seek=32 conv=notrunc status=none
fails "damaged, with the name of the image: its guest does not start" 1 virsh -q start win
like "it is said why" "$output" 'it is damaged \(checksum of its header\)'
mv $journals/*.journal "$journals/$(fnv "$images/win.img").journal"
rm "$images/win.img"
cp --sparse=always "$work/old.raw" "$images/win.img"
ok "with another name: it starts" started win
like "status reports it" "$(busflip status)" "Note: $journals/.*\.journal, of 20.*Z, is damaged: it is not known which image it belongs to; cure: restore .*, and rm $journals/"
fails "clean" 0 busflip clean
like "leaves it" "$output" "\.journal: kept: .* is damaged"
is "it is there still" "$(count)" 1
umount "$images"
