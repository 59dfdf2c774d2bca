#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Run times of inspect and patch on a disk of 2 TiB and one of 20 GiB with the same
# Windows, run alternately: medians and their ratios.
#
# BENCH_RUNS: runs of each (15).

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
# shellcheck source=tests/disklib.sh
. "${BASH_SOURCE[0]%/*}/disklib.sh"
disk_required

# On the disk, as on a host.
mkdir -p "$work/bench-state" "$state"
mount --bind "$work/bench-state" "$state"
for gib in 20 2048; do
	make_windows "$work/c.ntfs" ${gib}G
	"$tests/mkdisk.sh" -f raw "$work/$gib.raw" "$work/c.ntfs"
	qemu-img convert -f raw -O qcow2 "$work/$gib.raw" "$work/$gib.qcow2"
done

# measured FORMAT GIB COMMAND [OPTION...] - one more line for it
measured()
{
	"$tests/measure.py" "$BUSFLIP_BUILD/busflip" --config /dev/null \
		--helper "$BUSFLIP_BUILD/busflip-helper" "$3" --format "$1" \
		"${@:4}" "$work/run.$2" >> "$work/$3.$1.$2" || exit
}

median()
{
	sort -n "$work/$1" | awk '{ t[NR] = $1 } END { print t[int((NR + 1) / 2)] }'
}

for ((n = 0; n < ${BENCH_RUNS:-15}; n++)); do
	for format in raw qcow2; do
		for gib in 20 2048; do
			cp --sparse=always "$work/$gib.$format" "$work/run.$gib"
			rm -rf "${state:?}"/*
			measured $format $gib inspect
			measured $format $gib patch --virtio-win "$work/vw"
		done
	done
done
for format in raw qcow2; do
	for what in inspect patch; do
		small=$(median $what.$format.20)
		large=$(median $what.$format.2048)
		awk -v s="$small" -v l="$large" -v name="$what, $format" 'BEGIN {
			printf "%-14s %5d ms with 20 GiB, %5d ms with 2 TiB: %.2f times\n",
				name, s, l, l / s }'
	done
done
