#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The compression formats of the model's kernel: if the program that unpacks one is missing
# or fails, a message says so.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/../../lib.sh"
requires python3 --version
plan 7

work=$(mktemp -d)
cleanup_fn rm -rf "$work"
mkdir "$work/modules"
: > "$work/init"

# image PAYLOAD - a bzImage with that in it, as bytes for printf
image()
{
	# Setup of one sector; where the payload is, and how long, at 0x248.
	truncate -s 1024 "$work/image"
	printf '\001' | dd of="$work/image" bs=1 seek=$((0x1f1)) conv=notrunc status=none
	printf '\0\0\0\0\020\0\0\0' | dd of="$work/image" bs=1 seek=$((0x248)) conv=notrunc status=none
	printf '%b' "$1" | dd of="$work/image" bs=1 seek=1024 conv=notrunc status=none
	truncate -s 2048 "$work/image"
}

# made [PATH] - by mkinitrd.py, with programs from there alone
made()
{
	PATH=$1 "$python" "$tests/guest/windows/mkinitrd.py" "$work" "$work/image" "$work/modules"
}

python=$(command -v python3)
for packed in zstd='\x28\xb5\x2f\xfd' gzip='\x1f\x8b' lz4='\x02\x21\x4c\x18'; do
	image "${packed#*=}"
	fails "${packed%%=*} is missing" 1 made "$work"
	is "${packed%%=*}: a sentence says so" "$output" "mkinitrd.py: $work/image is packed with \
${packed%%=*}, which this machine lacks; install it"
done
image 'none'
like "packed in an unknown way" "$(made "$PATH" 2>&1)" "^mkinitrd.py: $work/image is packed in an unknown way\$"
