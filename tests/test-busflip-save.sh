#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A saved session has not ended: its bus does not change. A snapshot restores definition
# and disk together, and the phase with them.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
busflip_required "$@"
# shellcheck source=tests/disklib.sh
. "${BASH_SOURCE[0]%/*}/disklib.sh"
disk_required
plan 29

busflip()
{
	command busflip "$@"
}

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

# --- what the saved guest knows of its disk is so when it goes on

windows_disk()
{
	local size=$((80 * 1048576))

	make_windows "$work/c.ntfs" $size
	"$tests/mkdisk.sh" -f raw -t mbr "$LAB/$1.img" "$work/c.ntfs"
	boot_sectors "$LAB/$1.img" stay
}

windows_disk windows
make_domain windows image="$LAB/windows.img" > "$LAB/windows.xml"
quietly virsh -q define "$LAB/windows.xml" && quietly busflip stage windows
# Not patched before this session, so there would be something to write.
helper=/usr/local/libexec/busflip/busflip-helper
mv $helper $helper.away
virsh -q start windows
wait_boot windows 1
ok "a guest with an unpatched Windows is saved" virsh -q managedsave windows
wait_off windows 60
mv $helper.away $helper
note=$(cat "/var/lib/busflip/session/$(uuid_of windows)")
is "a session that is saved is not over" "$(grep -E '^(busflip|over 1)' <<< "$note")" "busflip 1"
sum=$(sha256sum < "$LAB/windows.img")
ok "and restored" virsh -q start windows
is "its disk is not written to" "$(sha256sum < "$LAB/windows.img")" "$sum"
is "the note is that of its start" "$(cat "/var/lib/busflip/session/$(uuid_of windows)")" "$note"
virsh -q destroy windows
wait_off windows
# A restore that fails is no restore: the next start is a fresh one.
"$BUSFLIP_BUILD/busflip-hook" windows restore begin - < <(virsh dumpxml --inactive windows)
"$BUSFLIP_BUILD/busflip-hook" windows release end failed < <(virsh dumpxml --inactive windows)
wait_off windows
ok "started anew" virsh -q start windows
unlike "its disk is made ready" "$(sha256sum < "$LAB/windows.img")" "$sum"
wait_boot windows 3
quietly virsh -q managedsave windows
wait_off windows
quietly virsh -q managedsave-remove windows
note=/var/lib/busflip/session/$(uuid_of windows)
ok "saved, and that is thrown away" test -e "$note"
"$BUSFLIP_BUILD/busflip-hook" windows restore begin - < <(virsh dumpxml --inactive windows)
quietly virsh -q start windows
ok "booted after a restore that did not begin: the note of the saved session is not its own" \
	test ! -e "$note"
virsh -q destroy windows
