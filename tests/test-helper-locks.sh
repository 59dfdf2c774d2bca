#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# While busflip looks into an image or patches it, nobody else gets to write to
# it: QEMU's own locks are there, of a qemu-nbd that is in its jail. Without
# /dev/null in that jail QEMU would warn once and take none.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
# shellcheck source=tests/disklib.sh
. "${BASH_SOURCE[0]%/*}/disklib.sh"
disk_required
requires qemu-io --version
requires qemu-system-x86_64 --version
plan 32

output=''
make_windows "$work/c.ntfs" 64M
# A helper that can be held up.
cat > "$work/helper" <<END
#!/bin/sh
: > "$work/started"
until [ -e "$work/go" ]; do sleep 0.02; done
exec "$BUSFLIP_BUILD/busflip-helper"
END
chmod +x "$work/helper"

# held NAME COMMAND... - busflip in the background, as far as its helper
held()
{
	local inode

	inode=$(stat -c %i "${!#}")
	rm -f "$work/started" "$work/go"
	"$BUSFLIP_BUILD/busflip" --config /dev/null --state-dir "$state" \
		--helper "$work/helper" "${@:2}" > "$work/out" 2>&1 &
	# qemu-nbd takes its locks when it opens the image.
	wait_for "[ -e $work/started ] && grep -q ':$inode 100 ' /proc/locks" 10
	is "$1: QEMU's lock is there" $? 0
}

go_on()
{
	: > "$work/go"
	wait $!
	is "$1: ends well" $? 0
}

# guest IMAGE FORMAT - would run for ever if it could start
guest()
{
	timeout 20 qemu-system-x86_64 -S -display none -monitor none -serial none \
		-drive "file=$1,format=$2,if=virtio"
}

for format in raw qcow2; do
	image=$work/disk.$format
	"$tests/mkdisk.sh" -f $format "$image" "$work/c.ntfs"
	held "$format, patch" patch --format $format --virtio-win "$work/vw" "$image"
	fails "$format, patch: no guest can start" 1 guest "$image" $format
	like "$format, patch: for its lock" "$output" "Failed to get .*lock"
	fails "$format, patch: nor another patch" 10 busflip patch --format $format "$image"
	like "$format: says by whom" "$output" \
		"$image: the image is in use by another process, another busflip: try again"
	fails "$format, patch: nor does one look" 10 busflip inspect --format $format "$image"
	go_on "$format, patch"
	unlike "$format, patch: no word of locks" "$(cat "$work/out")" "[Ll]ock"

	held "$format, inspect" inspect --format $format "$image"
	fails "$format, inspect: no guest can start" 1 guest "$image" $format
	like "$format, inspect: for its lock" "$output" "Failed to get .*lock"
	fails "$format, inspect: nor a patch" 10 busflip patch --format $format "$image"
	like "$format, inspect: which says by whom" "$output" 'another busflip: try again'
	ok "$format, inspect: others may look" busflip inspect --format $format "$image"
	go_on "$format, inspect"
	ok "$format: then it can be written" qemu-io -f $format -c 'write 0 512' "$image"
done
