#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Why a session ended: libvirt passes the reason to the release hook since 10.5, and
# earlier versions write it to the domain's log. busflip decides the same with either.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
busflip_required "$@"
plan 22

# Another hook beside ours writes down what it was given.
mkdir -p /etc/libvirt/hooks/qemu.d
cat > /etc/libvirt/hooks/qemu.d/spy <<-END
	#!/bin/sh
	cat > /dev/null
	[ "\$2" != release ] || echo "\$1 \$4" >> $LAB/released
END
chmod +x /etc/libvirt/hooks/qemu.d/spy
quietly lab_daemon_restart

# ends NAME REASON WHERE - the last release hook was given that reason, or none by a
# libvirt that has none for it, and busflip came to that
ends()
{
	local reason=-

	libvirt_from 10.5 && reason=$2
	is "$1: $2: the release hook is given it" "$(tail -n 1 "$LAB/released")" "$1 $reason"
	is "$1: $2: libvirt's log of the domain has it" \
		"$(sed -n 's/.*: shutting down, reason=//p' "/var/log/libvirt/qemu/$1.log" | tail -n 1)" "$2"
	is "$1: $2: what busflip makes of it" "$(where "$1")" "$3"
}

staged_domain win guest=stay format=qcow2
quietly press win
ends win shutdown trial/virtio
quietly busflip rollback win
cut_off win
ends win destroyed staged/sata
quietly virsh -q start win
wait_boot win 3
kill -9 "$(cat /run/libvirt/qemu/win.pid)"
wait_off win
ends win crashed staged/sata
quietly virsh -q start win
wait_boot win 4
ok "win: saved" virsh -q managedsave win
wait_off win
ends win saved staged/sata
quietly virsh -q start win
quietly virsh -q snapshot-create-as win up
ok "win: reverted" virsh -q snapshot-revert win up
wait_for 'no_work win' 30
ends win "from snapshot" staged/sata
quietly virsh -q destroy win

# QEMU's own word is that it can't have the disk.
staged_domain broken guest=stay
truncate -s 1 "$LAB/broken.img"
qemu-img create -q -f qcow2 "$LAB/other.img" 1M
virsh dumpxml --inactive broken | sed "s|broken.img|other.img|; s|type='raw'/>|type='qed'/>|" |
	virsh -q define /dev/stdin
fails "broken: its start fails" 1 virsh -q start broken
wait_off broken
ends broken failed staged/sata

# --- a crash that leaves the guest as it is: libvirt 12.6 has that for one that runs on

make_domain preserved guest=stay panic='' |
	sed 's|<on_crash>destroy|<on_crash>preserve-running|' > "$LAB/preserved.xml"
if virsh -q define "$LAB/preserved.xml" > "$LAB/refused" 2>&1; then
	quietly busflip stage preserved
	quietly busflip promote preserved
	is "preserved: busflip adds no device that tells of crashes" \
		"$(xpath preserved 'count(//devices/panic)')" 0
else
	like "preserved: this libvirt has no such action" "$(cat "$LAB/refused")" 'crash'
fi
