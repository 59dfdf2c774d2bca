#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Many domains at the same time, and one that is started again immediately.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
busflip_required "$@"
plan 5

for i in {1..20}; do
	staged_domain "win$i" guest=stay machine=pc >/dev/null
	virsh -q start "win$i"
done
up=0
for i in {1..20}; do
	wait_for "[ \"\$(guest_boots win$i)\" -ge 1 ]" 120 && up=$((up + 1))
done
is "20 guests are up on SATA" $up 20
for i in {1..20}; do
	virsh -q shutdown "win$i" &
done
wait
trial=0
for i in {1..20}; do
	wait_off "win$i" 120 && [ "$(where "win$i")" = trial/virtio ] &&
		trial=$((trial + 1))
done
is "all went off together, and all are on trial" $trial 20

# A script that starts a guest the moment it is off gets there all the same.
staged_domain again guest=off
for _ in {1..12}; do
	virsh -q start again
	wait_for "is_off again" 60
done
wait_off again 60
is "started again at once, over and over, it arrives" "$(where again)" "done/virtio"
same_as_original again "with its own definition"
is "without a failed attempt" "$(attempts_of again)" 0
