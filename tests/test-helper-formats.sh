#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Kinds of images that test-helper-images.sh does not cover: other features of qcow2,
# backing chains, extents, encryption, block devices, sectors of 4096 bytes, and disks with
# several volumes.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
# shellcheck source=tests/disklib.sh
. "${BASH_SOURCE[0]%/*}/disklib.sh"
disk_required
requires nbdinfo --version
plan 209

size=$((64 * 1048576)) gpt=$((117 * 1048576))
hive=Windows/System32/config/SYSTEM
driver=Windows/System32/drivers/viostor.sys
output=''
make_windows "$work/c.ntfs" $size
"$tests/mkdisk.sh" -f raw "$work/old.raw" "$work/c.ntfs"

patch()
{
	busflip patch --virtio-win "$work/vw" "$@"
}

# sums FORMAT IMAGE [OFFSET [VOLUME-SIZE]] - of hive and driver
sums()
{
	get_volume "$2" "$1" "${3:-$gpt}" "${4:-$size}" "$work/now.ntfs" || return
	echo "$(sum_file "$work/now.ntfs" $hive) $(sum_file "$work/now.ntfs" $driver)"
}

# becomes_new NAME FORMAT IMAGE [OFFSET [VOLUME-SIZE]] - by a patch
becomes_new()
{
	ok "$1: patch" patch --format "$2" "$3"
	is "$1: hive and driver are new" "$(sums "${@:2}")" "$new_sums"
	ok "$1: the volume is sound" volume_sound "$work/now.ntfs"
}

# sound FORMAT IMAGE - by itself: nothing leaks, nothing is damaged
sound()
{
	ok "$1: qemu-img check" qemu-img check -q -f "$1" "$2"
}

old_sums=$(sums raw "$work/old.raw")
cp --sparse=always "$work/old.raw" "$work/new.raw"
patch --format raw "$work/new.raw" > "$work/out" 2>&1 || bail_out "$(cat "$work/out")"
new_sums=$(sums raw "$work/new.raw")
unlike "a patch changes hive and driver" "$new_sums" "$old_sums"

# convert FORMAT [QEMU-IMG-OPTION...] - into $image
convert()
{
	image=$work/image.$1
	rm -f "$work"/image*
	# On a busy machine QEMU at times fails to time the hash of LUKS.
	for _ in 1 2 3 4 5 6 7 8; do
		qemu-img convert -q -f raw -O "$1" "${@:2}" "$work/old.raw" "$image" && return
	done
	bail_out "convert $*"
}

# --- a raw disk into which its guest has written the header of a qcow2 ---

echo "nobody's business" > "$work/victim"
cp --sparse=always "$work/old.raw" "$work/liar.raw"
python3 - "$work/liar.raw" "$work/victim" <<'END'
import struct, sys
name = sys.argv[2].encode()
header = struct.pack(">4sIQIIQIIQQIIQ", b"QFI\xfb", 2, 128, len(name), 16, 64 << 20, 0, 1,
                     196608, 65536, 1, 0, 0)
with open(sys.argv[1], "r+b") as f:
    f.write(header.ljust(128, b"\0") + name)
END
like "whoever guesses takes it for one" "$(qemu-img info "$work/liar.raw" 2>&1)" \
	'file format: qcow2.*backing file: [^ ]*victim'
ok "as raw it is one: inspect" busflip inspect --format raw "$work/liar.raw"
ok "as raw it is one: patch" patch --format raw "$work/liar.raw"
is "as raw it is one: its Windows is patched" "$(sums raw "$work/liar.raw")" "$new_sums"

# --- ways to make one ---
while read -r -a options; do
	convert "${options[@]}"
	becomes_new "${options[*]}" "${options[0]}" "$image"
	[ "${options[0]}" != qcow2 ] || sound qcow2 "$image"
done <<-END
	qcow2 -c
	qcow2 -o compat=0.10
	qcow2 -o cluster_size=512
	qcow2 -o extended_l2=on,cluster_size=128k
	vmdk -o subformat=monolithicSparse
	vmdk -o subformat=monolithicFlat
	vmdk -o subformat=twoGbMaxExtentSparse
	vmdk -o subformat=twoGbMaxExtentFlat
	vdi
	vpc
END

# --- qcow2 with more in it ---
convert qcow2
qemu-img snapshot -c before "$image"
becomes_new "internal snapshot" qcow2 "$image"
sound qcow2 "$image"
ok "internal snapshot: back to it" qemu-img snapshot -a before "$image"
is "internal snapshot: it has the old state" "$(sums qcow2 "$image")" "$old_sums"

convert qcow2
qemu-img bitmap --add "$image" backup
becomes_new "dirty bitmap" qcow2 "$image"
is "dirty bitmap: kept, recording, not in use" "$(qemu-img info --output=json "$image" |
	python3 -c 'import json, sys
for b in json.load(sys.stdin)["format-specific"]["data"]["bitmaps"]:
    print(b["name"], b["flags"])')" "backup ['auto']"
nbdinfo --json --map=qemu:dirty-bitmap:backup -- \
	[ qemu-nbd -r -f qcow2 -B backup "$image" ] > "$work/map.json"
qemu-img convert -q -f qcow2 -O raw "$image" "$work/now.raw"
# As many clusters must be marked as differ, and just those.
like "dirty bitmap: what was written is marked" "$(python3 - "$work" <<'END'
import json, sys
work, cluster = sys.argv[1], 65536
marked, changed = set(), set()
for e in json.load(open(work + '/map.json')):
    if e['type'] & 1:
        marked |= set(range(e['offset'] // cluster, (e['offset'] + e['length']) // cluster))
with open(work + '/old.raw', 'rb') as a, open(work + '/now.raw', 'rb') as b:
    n = 0
    while True:
        x, y = a.read(cluster), b.read(cluster)
        if not x:
            break
        if x != y:
            changed.add(n)
        n += 1
print('%d changed, %d not marked, %d marked in vain' %
      (len(changed), len(changed - marked), len(marked - changed)))
END
)" "^[1-9][0-9]* changed, 0 not marked, 0 marked in vain"

for raw in off on; do
	convert qcow2 -o "data_file=$work/image.data,data_file_raw=$raw"
	cp "$image" "$work/head"
	becomes_new "data file, data_file_raw=$raw" qcow2 "$image"
	sound qcow2 "$image"
	fails "data file, data_file_raw=$raw: that is where it went" 1 \
		cmp -s "$work/old.raw" "$work/image.data"
done

# Whoever made the image chose the names in its header.
mkdir "$work/theirs"
cp --sparse=always "$work/old.raw" "$work/victim.raw"
for kind in qcow2 monolithicFlat; do
	format=${kind/monolithicFlat/vmdk}
	data_of $kind "$work/theirs/victim" "$work/victim.raw"
	fails "$kind on a disk elsewhere: refused" 12 patch --format "$format" "$work/theirs/victim"
	like "it says so" "$output" "keeps its data in $work/victim.raw, which is not"
done
ok "it is not written to" cmp "$work/victim.raw" "$work/old.raw"

# refused NAME FORMAT IMAGE DATA SAYS - neither written to nor looked into
refused()
{
	sha256sum "$4" > "$work/before.sum"
	fails "$1: patch" 12 patch --format "$2" "$3"
	like "$1: says so" "$output" "^busflip: $3: $5"
	ok "$1: not a byte is written" sha256sum --quiet -c "$work/before.sum"
	fails "$1: inspect" 12 busflip inspect --format "$2" "$3"
	unlike "$1: nothing of it is printed" "$output" "Windows"
}

# Another guest's disk in the same folder: by its name, and by its owner where its name
# is right. Nobody has user 64999.
neighbour=$work/theirs/neighbour.raw own=$work/theirs/win-own
while read -r kind format suffix; do
	rm -f "$work"/theirs/win.*
	for data in "$neighbour$suffix" "$own$suffix"; do
		qemu-img convert -O "$([ "$suffix" ] && echo vmdk || echo raw)" "$work/old.raw" "$data"
		chmod 600 "$data"
	done
	data_of "$kind" "$work/theirs/win.$format" "$neighbour$suffix"
	refused "$kind on a neighbour" "$format" "$work/theirs/win.$format" "$neighbour$suffix" \
		"keeps its data in $neighbour$suffix, which by its name may be another disk: .*convert"
	data_of "$kind" "$work/theirs/win.$format" "$own$suffix"
	chown 64999 "$work/theirs/win.$format"
	refused "$kind on root's file" "$format" "$work/theirs/win.$format" "$own$suffix" \
		"keeps its data in $own$suffix, which neither .* chown --reference"
	qemu-img create -q -f qcow2 -b "$work/theirs/win.$format" -F "$format" "$work/theirs/top"
	refused "on top of $kind on root's file" qcow2 "$work/theirs/top" "$own$suffix" \
		"$work/theirs/win.$format: keeps its data in $own$suffix, .* may read"
	chown --reference="$work/theirs/win.$format" "$own$suffix"
	ok "$kind: that is cured by what it says" busflip inspect --format "$format" \
		"$work/theirs/win.$format"
	chown root "$own$suffix"
done <<-END
	qcow2 qcow2
	monolithicFlat vmdk
	twoGbMaxExtentFlat vmdk
	twoGbMaxExtentSparse vmdk .sparse
END

# One that another image beside it is called after.
for kind in qcow2 monolithicFlat; do
	format=${kind/m*/vmdk}
	rm -f "$work"/theirs/win*
	cp --sparse=always "$work/old.raw" "$work/theirs/win-server-flat.img"
	data_of $kind "$work/theirs/win-server.$format" "$work/theirs/win-server-flat.img"
	data_of $kind "$work/theirs/win.$format" "$work/theirs/win-server-flat.img"
	refused "$kind on that of another image" "$format" "$work/theirs/win.$format" \
		"$work/theirs/win-server-flat.img" \
		"keeps its data in .*, which also belongs to $work/theirs/win-server.$format: "
	ok "$kind: that image may use it" busflip inspect --format "$format" \
		"$work/theirs/win-server.$format"
done
rm -f "$work"/theirs/win*

# Names in other formats are not followed at all.
while read -r format data; do
	rm -f "$work/theirs/win.$format"
	qemu-img create -q -f "$format" -b "$neighbour${data#raw}" -F "${data/.sparse/vmdk}" \
		"$work/theirs/win.$format"
	refused "$format on a neighbour" "$format" "$work/theirs/win.$format" \
		"$neighbour${data#raw}" ".*a file that busflip did not find in it"
done <<-END
	qed raw
	qcow raw
	vmdk .sparse
END

mkfifo "$work/theirs/fifo"
for name in "$work/theirs/fifo" /dev/zero; do
	qemu-img create -q -f qcow2 -u -b "$name" -F qcow2 "$work/theirs/image" 64M
	fails "backed by $name: not even opened" 12 timeout 20 "$BUSFLIP_BUILD/busflip" \
		--config /dev/null --helper "$BUSFLIP_BUILD/busflip-helper" \
		inspect --format qcow2 "$work/theirs/image"
done
like "it says so" "$output" "refers to /dev/zero, which is neither a file nor"

# --- a chain of three ---
cp --sparse=always "$work/old.raw" "$work/image-base.raw"
qemu-img create -q -f qcow2 -b image-base.raw -F raw "$work/image-middle.qcow2"
qemu-img create -q -f qcow2 -b "$work/image-middle.qcow2" -F qcow2 "$work/image-top.qcow2"
before=$(cd "$work" && sha256sum image-base.raw image-middle.qcow2)
becomes_new "chain of three" qcow2 "$work/image-top.qcow2"
sound qcow2 "$work/image-top.qcow2"
is "chain of three: only the top is written" \
	"$(cd "$work" && sha256sum image-base.raw image-middle.qcow2)" "$before"

# --- on one that can't be written itself ---
qemu-img convert -q -f raw -O vmdk -o subformat=streamOptimized "$work/old.raw" \
	"$work/image-packed.vmdk"
before=$(sha256sum < "$work/image-packed.vmdk")
qemu-img create -q -f qcow2 -b image-packed.vmdk -F vmdk "$work/image-packed.qcow2"
becomes_new "on a streamOptimized vmdk" qcow2 "$work/image-packed.qcow2"
is "on a streamOptimized vmdk: which is as it was" "$(sha256sum < "$work/image-packed.vmdk")" \
	"$before"

# --- encrypted by QEMU ---
printf secret > "$work/key"
convert qcow2 --object "secret,id=key,file=$work/key" \
	-o encrypt.format=luks,encrypt.key-secret=key,encrypt.iter-time=10
cp "$image" "$work/before"
fails "LUKS in qcow2: refused" 12 patch --format qcow2 "$image"
like "LUKS in qcow2: says so" "$output" "$image: the image is encrypted"
ok "LUKS in qcow2: not a byte is written" cmp "$image" "$work/before"
convert luks --object "secret,id=key,file=$work/key" -o key-secret=key,iter-time=10
cp "$image" "$work/before"
fails "LUKS: refused" 12 patch --format luks "$image"
like "LUKS: says so" "$output" "$image: the image is encrypted"
ok "LUKS: not a byte is written" cmp "$image" "$work/before"

# --- several volumes, one Windows ---
make_volume "$work/data.ntfs" 16M mkdir Users mkdir Windows/System32 text Users/a text
"$tests/mkdisk.sh" -f raw "$work/several.raw" "$work/data.ntfs" "$work/c.ntfs" "$work/data.ntfs"
fails "several volumes: inspect" 0 busflip inspect --format raw "$work/several.raw"
like "several volumes: finds the one with Windows" "$output" "^Windows on partition 4 "
becomes_new "several volumes" raw "$work/several.raw" $((gpt + 16 * 1048576))
for at in $gpt $((gpt + 16 * 1048576 + size)); do
	get_volume "$work/several.raw" raw "$at" $((16 * 1048576)) "$work/now.ntfs"
	ok "several volumes: another one is as it was" cmp "$work/now.ntfs" "$work/data.ntfs"
done

# --- sectors of 4096 bytes ---
# A file has no sectors: the same bytes are a disk of 512 or of 4096, as the guest
# sees it. The GPT tells, by where its header is.
mkntfs_4k()
{
	rm -f "$1"
	truncate -s $size "$1"
	mkntfs -F -Q -q -s 4096 -p 256 -H 255 -S 63 "$1" > /dev/null 2>&1
}
mkntfs_4k "$work/c4k.ntfs" || bail_out "mkntfs failed"
"$mkvol" "$work/c4k.ntfs" mkdir Windows/System32/config mkdir Windows/System32/drivers \
	put $hive "$work/SYSTEM" put Windows/System32/config/SOFTWARE "$work/SOFTWARE" \
	put Windows/System32/ntoskrnl.exe "$work/in/ntoskrnl.sys" \
	put Windows/System32/drivers/storahci.sys "$work/in/storahci.sys" || bail_out "mkvol failed"
truncate -s 128M "$work/4k.raw"
printf 'g\nn\n1\n256\n+64M\nt\n11\nw\n' | fdisk -b 4096 "$work/4k.raw" > "$work/out" 2>&1
qemu-img convert -n -f raw "$work/c4k.ntfs" --target-image-opts \
	"driver=raw,offset=1048576,size=$size,file.driver=file,file.filename=$work/4k.raw"
cp --sparse=always "$work/4k.raw" "$work/4k-device.raw"
fails "4096 bytes: inspect" 0 busflip inspect --json --format raw "$work/4k.raw"
like "4096 bytes: the table is read so" "$output" '"sector": ?4096'
becomes_new "4096 bytes" raw "$work/4k.raw" 1048576
qemu-img convert -q -f raw -O qcow2 "$work/4k-device.raw" "$work/4k.qcow2"
becomes_new "4096 bytes, qcow2" qcow2 "$work/4k.qcow2" 1048576

# --- block devices ---
# on_device NAME IMAGE OFFSET [LOSETUP-OPTION...]
on_device()
{
	local name=$1 image=$2 offset=$3 device

	shift 3
	if ! device=$(losetup --find --show "$@" "$image" 2> "$work/err"); then
		skip_some 7 "$name" "there is no loop device: $(cat "$work/err")"
		return
	fi
	cleanup_fn eval "losetup -d $device 2>/dev/null"
	rm -rf "$state"
	ok "$name: inspect --live" busflip inspect --live --format raw "$device"
	ok "$name: patch" patch --format raw "$device"
	sync "$device"
	is "$name: hive and driver are new" "$(sums raw "$image" "$offset")" "$new_sums"
	ok "$name: the volume is sound" volume_sound "$work/now.ntfs"
	output=$(patch --format raw "$device" 2>&1)
	like "$name: nothing to change" "$output" "Nothing to change"
	ok "$name: undo" busflip undo --format raw "$device"
	sync "$device"
	like "$name: the hive is old" "$(sums raw "$image" "$offset")" "^${old_sums% *} "
	losetup -d "$device"
}

cp --sparse=always "$work/old.raw" "$work/device.raw"
on_device "block device" "$work/device.raw" $gpt
on_device "block device, 4096 bytes" "$work/4k-device.raw" 1048576 --sector-size 4096

# The name that a disk is given by stays when its number is another one, as after a
# boot of the host (/dev/vg/win, /dev/dm-3).
killer=$BUSFLIP_BUILD/tests/killer.so
cp --sparse=always "$work/old.raw" "$work/device.raw"
cp --sparse=always "$work/old.raw" "$work/other.raw"
rm -rf "$state"
if [ -e "$killer" ] && device=$(losetup --find --show "$work/device.raw" 2> "$work/err"); then
	cleanup_fn eval "losetup -d $device 2>/dev/null"
	ln -s "$device" "$work/device"
	# Between the pages.
	LD_PRELOAD=$killer KILLER_COUNT=$work/count patch --format raw "$work/device" > /dev/null
	busflip undo --format raw "$work/device" > /dev/null
	dd if="$work/old.raw" of="$device" bs=1M conv=nocreat,notrunc status=none
	rm -rf "$state"
	# In a boot before this one: within one, another number is another disk.
	echo 11111111-2222-4333-8444-555555555555 > "$work/boot"
	# shellcheck disable=SC2016	# the other bash expands them
	KILLER_AT=$(($(cat "$work/count") - 6)) KILLER_WHO=all unshare -m bash -c '
		mount --bind "$1" /proc/sys/kernel/random/boot_id
		export LD_PRELOAD=$2
		exec "${@:3}"' "" "$work/boot" "$killer" "$BUSFLIP_BUILD/busflip" --config /dev/null \
		--helper "$BUSFLIP_BUILD/busflip-helper" patch \
		--virtio-win "$work/vw" --format raw "$work/device" > /dev/null 2>&1
	ok "block device, patch killed: there is a journal" compgen -G "$state/journal/*.journal"
	sync "$device"
	losetup -d "$device"
	# Takes the number.
	other=$(losetup --find --show "$work/other.raw")
	cleanup_fn eval "losetup -d $other 2>/dev/null"
	device=$(losetup --find --show "$work/device.raw")
	cleanup_fn eval "losetup -d $device 2>/dev/null"
	ln -sfn "$device" "$work/device"
	ok "it has another number: inspect" busflip inspect --format raw "$work/device"
	sync "$device"
	is "it was finished" "$(sums raw "$work/device.raw" $gpt)" "$new_sums"
	losetup -d "$device" "$other"

	# Numbers are used again at once.
	cp --sparse=always "$work/old.raw" "$work/device.raw"
	rm -rf "$state"
	device=$(losetup --find --show "$work/device.raw")
	LD_PRELOAD=$killer KILLER_AT=$(($(cat "$work/count") - 6)) KILLER_WHO=all \
		patch --format raw "$device" > /dev/null 2>&1
	ok "block device, patch killed: a journal" compgen -G "$state/journal/*.journal"
	wait_for "! pgrep -f 'qemu-nbd.*$device'" 5
	losetup -d "$device"
	quietly losetup "$device" "$work/other.raw"
	ok "another device with its number: inspect" busflip inspect --format raw "$device"
	sync "$device"
	ok "nothing was written to it" cmp "$work/other.raw" "$work/old.raw"
	losetup -d "$device"
else
	skip_some 6 "a device with another number" "there is no loop device, or no killer.so"
fi
