#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Formats, partition tables, backing files, devices; undo; and a host without space for
# what has to be written.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
# shellcheck source=tests/disklib.sh
. "${BASH_SOURCE[0]%/*}/disklib.sh"
disk_required
plan 37

size=$((64 * 1048576))
hive=Windows/System32/config/SYSTEM
driver=Windows/System32/drivers/viostor.sys
output=
make_windows "$work/c.ntfs" $size
old=$(sum_file "$work/c.ntfs" $hive)

patch()
{
	busflip patch --virtio-win "$work/vw" "$@"
}

# patched NAME IMAGE FORMAT OFFSET - patched, sound, and a second time unchanged
patched()
{
	ok "$1: patch" patch --format "$3" "$2"
	get_volume "$2" "$3" "$4" $size "$work/now.ntfs"
	ok "$1: the volume is sound" volume_sound "$work/now.ntfs"
	is "$1: the driver is there" "$(sum_file "$work/now.ntfs" $driver)" \
		"$(sha256sum < "$work/vw/viostor/w10/amd64/viostor.sys" | cut -c1-16)"
	cp --sparse=always "$2" "$work/before"
	fails "$1: patch again" 0 patch --format "$3" "$2"
	like "$1: nothing to change" "$output" "Nothing to change"
	[ "$3" = raw ] && ok "$1: nothing written" cmp "$2" "$work/before"
}

gpt=$((117 * 1048576))
for format in qcow2 vmdk vhdx; do
	"$tests/mkdisk.sh" -f $format "$work/d.$format" "$work/c.ntfs"
	patched $format "$work/d.$format" $format $gpt
done
"$tests/mkdisk.sh" -f raw -t mbr "$work/mbr.raw" "$work/c.ntfs"
patched "MBR, raw" "$work/mbr.raw" raw 1048576
"$tests/mkdisk.sh" -f raw -t logical "$work/logical.raw" "$work/c.ntfs"
patched "logical drive" "$work/logical.raw" raw $((2 * 1048576))

# --- backing files ---
"$tests/mkdisk.sh" "$work/base.qcow2" "$work/c.ntfs"
qemu-img create -q -f qcow2 -b base.qcow2 -F qcow2 "$work/top.qcow2"
cp "$work/base.qcow2" "$work/base.before"
ok "overlay: patch" patch --format qcow2 "$work/top.qcow2"
ok "overlay: its backing file is as it was" cmp "$work/base.qcow2" "$work/base.before"
# As old versions of QEMU made them: the header's extension with the format goes.
cp "$work/base.qcow2" "$work/a base; reboot"
qemu-img create -q -f qcow2 -b "$work/a base; reboot" -F qcow2 "$work/bad.qcow2"
python3 -c 'import sys; f = open(sys.argv[1], "r+b"); d = f.read(4096)
f.seek(d.index(b"\xe2\x79\x2a\xca")); f.write(b"skip")' "$work/bad.qcow2"
fails "backing file without a format: refused" 12 patch --format qcow2 "$work/bad.qcow2"
like "says how to mend it, and the name is no command" "$output" \
	"qemu-img rebase -u -b '$work/a base; reboot' -F FORMAT $work/bad.qcow2"

# --- undo ---
rm -rf "$state"
image=$work/base.qcow2
ok "undo: patch" patch --format qcow2 "$image"
ok "undo" busflip undo --format qcow2 "$image"
get_volume "$image" qcow2 $gpt $size "$work/now.ntfs"
is "undo: the hive is as it was, to the byte" "$(sum_file "$work/now.ntfs" $hive)" "$old"

# --- no room on the host ---
rm -rf "$state"
mkdir "$state"
if mount -t tmpfs -o size=64k tmpfs "$state" 2>/dev/null; then
	cp "$work/base.before" "$image"
	fails "no room for backup and journal" 40 patch --format qcow2 "$image"
	ok "nothing was written" cmp "$image" "$work/base.before"
	ok "and nothing is left" test -z "$(find "$state" -type f)"
else
	skip_some 3 "no room for backup and journal" "a tmpfs can't be mounted"
fi
