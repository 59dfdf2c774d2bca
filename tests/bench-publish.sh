#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# bench-publish.sh [ROUNDS] - how soon after a guest shuts down is its definition updated?
#
# The interval begins with the line "shutting down", which libvirt writes to the domain's
# log when QEMU has exited, before it runs the last two hooks. It ends when the file of
# the persistent definition has been replaced. Times are in milliseconds, because the log
# has no finer resolution. ROUNDS (20) guests are staged, run and promoted, one after the
# other.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
busflip_required "$@"
trap - EXIT
rounds=${1:-20}

for ((i = 1; i <= rounds; i++)); do
	staged_domain "round$i" > /dev/null
	run_once "round$i" > /dev/null || bail_out "round $i did not end"
	[ "$(where "round$i")" = trial/virtio ] || bail_out "round $i: $(where "round$i")"
	off=$(sed -n 's/^\(.*\): shutting down, reason=shutdown$/\1/p' "/var/log/libvirt/qemu/round$i.log")
	off=$(date -d "$off" +%s%3N)
	defined=$(stat -c %.3Y "/etc/libvirt/qemu/round$i.xml")
	echo $((${defined/./} - off))
done > "$LAB/tmp/times"

sort -n "$LAB/tmp/times" | awk '
	{ t[NR] = $1 }
	END {
		printf "guest off to definition changed, %d rounds: median %d ms, fastest %d ms, slowest %d ms\n",
			NR, (t[int((NR + 1) / 2)] + t[int(NR / 2) + 1]) / 2, t[1], t[NR]
	}'
