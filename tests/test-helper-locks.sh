#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# While busflip inspects or patches an image, nobody else can write to it: qemu-nbd holds
# QEMU's own locks inside its jail. Without /dev/null in that jail, QEMU would warn once
# and take no locks.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
# shellcheck source=tests/disklib.sh
. "${BASH_SOURCE[0]%/*}/disklib.sh"
disk_required
requires qemu-io --version
requires qemu-system-x86_64 --version
plan 28

output='' others=()
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
	"$BUSFLIP_BUILD/busflip" --config /dev/null \
		--helper "$work/helper" "${@:2}" > "$work/out" 2>&1 &
	first=$!
	# qemu-nbd takes its locks when it opens the image.
	wait_for "[ -e $work/started ] && grep -q ':$inode 100 ' /proc/locks" 10
	is "$1: QEMU's lock is there" $? 0
}

# waits COMMAND... - busflip in the background, which sleeps until it gets the image
waits()
{
	"$BUSFLIP_BUILD/busflip" --config /dev/null \
		--helper "$BUSFLIP_BUILD/busflip-helper" "$@" > "$work/out.$1" 2>&1 &
	others+=($!)
	wait_for "grep -q nanosleep /proc/$!/wchan || ! kill -0 $!" 10 2> /dev/null
}

# go_on NAME - and all that wait
go_on()
{
	: > "$work/go"
	wait "$first"
	is "$1: ends well" $? 0
	for other in "${others[@]}"; do
		wait "$other"
		is "$1: one that has waited ends well, too" $? 0
	done
	others=()
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
	waits patch --format $format "$image"
	waits inspect --format $format "$image"
	go_on "$format, patch"
	unlike "$format, patch: no word of locks" "$(cat "$work/out")" "[Ll]ock"

	held "$format, inspect" inspect --format $format "$image"
	fails "$format, inspect: no guest can start" 1 guest "$image" $format
	like "$format, inspect: for its lock" "$output" "Failed to get .*lock"
	ok "$format, inspect: others may look" busflip inspect --format $format "$image"
	waits patch --format $format "$image"
	go_on "$format, inspect"
	ok "$format: then it can be written" qemu-io -f $format -c 'write 0 512' "$image"
done
