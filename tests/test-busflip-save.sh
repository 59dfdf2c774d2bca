#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A session that is saved is not over: nothing moves under it. A snapshot brings
# definition and disk back together, and the phase with them.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
busflip_required "$@"
plan 20

# resume_and_press NAME - start a guest from its saved state and end it
resume_and_press()
{
	virsh -q start "$1" && wait_for "is_running '$1'" 60 && sleep 0.5 &&
		virsh -q shutdown "$1" && wait_off "$1" 60
}

staged_domain win guest=stay
virsh -q start win
wait_boot win 1
ok "saved on SATA" virsh -q managedsave win
wait_off win 60
is "is no end of the session" "$(where win)" staged/sata
ok "restored, it ends cleanly" resume_and_press win
is "that is the end of it" "$(where win)" trial/virtio
is "it was one boot" "$(guest_boots win)" 1

virsh -q start win
wait_boot win 2
ok "saved on trial" virsh -q managedsave win
wait_off win 60
is "it stays on trial" "$(where win)" trial/virtio
is "no attempt is counted" "$(attempts_of win)" 0
ok "restored, it ends cleanly" resume_and_press win
is "and is done" "$(where win)" "done/virtio"
same_as_original win "with the user's definition"

staged_domain snap guest=stay format=qcow2
ok "a snapshot while staged" virsh -q snapshot-create-as snap before
ok "a session" press snap
ok "and the trial" press snap
is "done" "$(where snap)" "done/virtio"
ok "back to the snapshot" virsh -q snapshot-revert snap before
is "it is staged again" "$(where snap)" staged/sata
ok "a session" press snap
ok "and the trial" press snap
is "done again" "$(where snap)" "done/virtio"
