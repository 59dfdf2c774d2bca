#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A host without space for backups or for an image that has to grow, and a host without the
# required programs and files: busflip reports it clearly, and nothing is half written.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
namespace_required "$@"
# shellcheck source=tests/disklib.sh
. "${BASH_SOURCE[0]%/*}/disklib.sh"
disk_required
plan 41

size=$((64 * 1048576)) offset=$((117 * 1048576))
hive=Windows/System32/config/SYSTEM
driver=Windows/System32/drivers/viostor.sys
output=''
make_windows "$work/c.ntfs" $size
"$tests/mkdisk.sh" -f raw "$work/old.raw" "$work/c.ntfs"
"$tests/mkdisk.sh" -f qcow2 "$work/base.qcow2" "$work/c.ntfs"
qemu-img create -q -f qcow2 -b "$work/base.qcow2" -F qcow2 "$work/old.qcow2"
mkdir "$work/full"

patch()
{
	busflip patch --format "$format" --virtio-win "$work/vw" "$@"
}

# sums FORMAT IMAGE - of hive and driver; the volume is in $work/now.ntfs then
sums()
{
	get_volume "$2" "$1" $offset $size "$work/now.ntfs" || return
	echo "$(sum_file "$work/now.ntfs" $hive) $(sum_file "$work/now.ntfs" $driver)"
}

format=raw image=$work/disk.raw
cp --sparse=always "$work/old.raw" "$image"
old_sums=$(sums raw "$image")
patch "$image" > "$work/patch.out" 2>&1 || bail_out "$(cat "$work/patch.out")"
new_sums=$(sums raw "$image")
unlike "the patch changes hive and driver" "$new_sums" "$old_sums"

# --- the folder of the state is too small: each size up to what is enough ---
bad='' steps='' tried=0
mkdir -p "$state"
for ((kib = 4; kib < 4096; kib = kib < 64 ? kib * 2 : kib + kib / 4 / 4 * 4)); do
	tried=$((tried + 1))
	cp --sparse=always "$work/old.raw" "$image"
	mount -t tmpfs -o size=${kib}k tmpfs "$state" || bail_out "no tmpfs"
	patch "$image" > "$work/out" 2>&1
	status=$?
	if [ $status = 0 ]; then
		steps+=" fits:$kib"
		now=$(sums raw "$image")
		[ "$now" = "$new_sums" ] || bad+="$kib KiB: patched, but $now"$'\n'
	else
		[ $status = 40 ] || bad+="$kib KiB: status $status"$'\n'
		grep -q "^busflip: $image: .*No space left on device" "$work/out" ||
			bad+="$kib KiB: $(cat "$work/out")"$'\n'
		grep -q "backup of the hive" "$work/out" && steps+=" backup:$kib"
		grep -q "journal" "$work/out" && steps+=" journal:$kib"
		cmp -s "$image" "$work/old.raw" || bad+="$kib KiB: the image has changed"$'\n'
		left=$(find "$state" -type f)
		[ -z "$left" ] || bad+="$kib KiB: left is $left"$'\n'
	fi
	umount "$state"
	[ $status != 0 ] || break
done
diag "tried $tried sizes:$steps"
is "no room for backup or journal: exit status 40, all as it was, nothing left" "$bad" ""
like "too small for the backup, then for the journal, then it fits" "$steps" \
	"backup:.*journal:.*fits:"

# --- nor do the backups suffer that are there: room for some files only, or bytes ---
bad='' failures=0
printf '[busflip]\nkeep = 1\n' > "$work/keep.conf"
mount -t tmpfs -o size=16m tmpfs "$state" || bail_out "no tmpfs"
cp --sparse=always "$work/old.raw" "$image"
patch "$image" > /dev/null || bad+="the first patch fails"
kept=$(find "$state" -name SYSTEM -type f)

# short WHAT - patch with a small rest of the room; the backup must stay
short()
{
	mount -o "remount,$1" "$state" || bail_out "cannot remount"
	cp --sparse=always "$work/old.raw" "$image"
	patch "$image" --config "$work/keep.conf" > /dev/null 2>&1 && return 1
	failures=$((failures + 1))
	[ -s "$kept" ] || bad+="$1: the backup of the first patch is gone"$'\n'
	[ ! "$bad" ]
}

used=$(df --output=iused "$state" | tail -n 1)
for ((n = used; n < used + 4; n++)); do
	short "nr_inodes=$n" || break
done
mount -o remount,nr_inodes=1000 "$state"
used=$(df --output=used "$state" | tail -n 1)
for ((n = used + 4; n < used + 2000; n += 32)); do
	short "size=${n}k" || break
done
umount "$state"
is "no room for another backup: the one before stays" "$bad" ""
ok "it did fail" test $failures -ge 10

# --- the image can't grow ---
for format in raw qcow2; do
	rm -rf "$state"
	used=$(du -k "$work/old.$format" | cut -f1)
	mount -t tmpfs -o size=$((used + 64))k tmpfs "$work/full"
	image=$work/full/disk
	cp --sparse=always "$work/old.$format" "$image"
	sum=$(sums $format "$image")
	is "$format on a file system with 64 KiB left: there" "$sum" "$old_sums"
	fails "$format: patch fails" 1 patch "$image"
	like "$format: names the image, the reason, what to do" "$output" \
		"$image: .*the next busflip command on it finishes the patch.*No space left"
	fails "$format, still no room: inspect fails" 1 busflip inspect --format $format "$image"
	like "$format: names the image, the reason, what to do" "$output" \
		"$image: .*the next busflip command on it.*No space left"
	mount -o "remount,size=$((used + 4096))k" "$work/full"
	ok "$format, room again: inspect finishes it" busflip inspect --format $format "$image"
	sum=$(sums $format "$image")
	is "$format: it is new" "$sum" "$new_sums"
	ok "$format: the volume is sound" volume_sound "$work/now.ntfs"
	ok "$format: no journal is left" test -z "$(find "$state/journal" -type f)"
	umount "$work/full"
done

# --- something is missing ---
format=raw image=$work/disk.raw
rm -rf "$state"
cp --sparse=always "$work/old.raw" "$image"
fails "no helper" 1 patch "$image" --helper "$work/nothing"
like "says so" "$output" "^busflip: $image: cannot run $work/nothing: reinstall busflip"
# helper NAME STATUS WORDS COMMAND - what is said of one that ends with that COMMAND
helper()
{
	printf '#!/bin/sh\necho "at fault" >&2\n%s\n' "$4" > "$work/helper"
	chmod 755 "$work/helper"
	fails "helper, $1: exit status $2" "$2" patch "$image" --helper "$work/helper"
	like "helper, $1: says so" "$output" "$image: $3; nothing was written; try again; "
}
helper "ended badly" 38 "busflip-helper ended with status 5" 'exit 5'
helper "crashed" 38 "busflip-helper was killed by signal 11 .*" 'kill -SEGV $$'
helper "no reply" 38 "busflip-helper gave no reply" 'exit 0'
fails "no virtio_win" 32 patch "$image" --virtio-win "$work/nothing"
like "says so" "$output" "^busflip: $image: virtio_win = $work/nothing: No such file.*; set virtio_win in .* to a virtio-win ISO"
qemu_nbd=$(command -v qemu-nbd)
printf x > "$work/empty"
chmod 644 "$work/empty"
mount --bind "$work/empty" "$qemu_nbd" || bail_out "cannot hide qemu-nbd"
fails "no qemu-nbd that can be run" 1 patch "$image"
umount "$qemu_nbd"
like "says so" "$output" "^busflip: $image: .*cannot run $qemu_nbd: Permission denied"
fails "no image" 1 busflip patch --format raw --virtio-win "$work/vw" "$work/nothing"
like "says so" "$output" "^busflip: $work/nothing: No such file"
mkdir "$work/nothing.lib"
mount --bind -o ro "$work/nothing.lib" /var/lib || bail_out "cannot hide /var/lib"
fails "no folder for the state" 1 patch "$image"
umount /var/lib
like "says so" "$output" "^busflip: $image: .*$state: Read-only file system"
ok "nothing was written" cmp "$image" "$work/old.raw"
ok "and nothing is kept" test -z "$(find "$state" -type f 2>/dev/null)"
