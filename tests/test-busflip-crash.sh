#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Guests whose sessions end badly without a user's doing: on SATA this is no reason to go
# to VirtIO, and on VirtIO it is a reason to go back.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
busflip_required "$@"
plan 88

# What is started again by itself is the last part's matter.
printf '[busflip]\nevidence = shutdown\nauto_recover = no\n' > /etc/busflip.conf

reason_of()
{
	virsh -q domstate --reason "$1"
}

# becomes NAME GUEST - the disk of NAME behaves as GUEST from now on
becomes()
{
	make_image "$LAB/$1.img" "$2" raw
}

qemu_pid()
{
	cat "/run/libvirt/qemu/$1.pid"
}

# killed NAME - start it, and kill its QEMU when it has booted
killed()
{
	local before

	before=$(guest_boots "$1")
	virsh -q start "$1" && wait_boot "$1" $((before + 1)) &&
		kill -9 "$(qemu_pid "$1")" && wait_off "$1"
}

# --- it tells the host that it has crashed, and libvirt destroys it

staged_domain panic guest=crash
ok "a guest crashes on SATA" run_once panic
is "libvirt calls it crashed" "$(reason_of panic)" "shut off (crashed)"
is "it booted from SATA" "$(boot_kind panic)" ahci
is "it is still there" "$(where panic)/$(attempts_of panic)" staged/sata/0
becomes panic off
run_once panic
is "it is promoted once it ends cleanly" "$(where panic)" trial/virtio
becomes panic crash
ok "it crashes on VirtIO" run_once panic
is "it booted from VirtIO" "$(boot_kind panic)" virtio-blk
is "it is back on SATA, one attempt is counted" \
	"$(where panic)/$(attempts_of panic)" staged/sata/1
becomes panic off
run_once panic
becomes panic crash
ok "it crashes on VirtIO again" run_once panic
is "it is held" "$(where panic)/$(attempts_of panic)" held/sata/2

# --- its QEMU is gone all at once

staged_domain killed guest=stay
ok "QEMU is killed on SATA" killed killed
is "libvirt calls it crashed" "$(reason_of killed)" "shut off (crashed)"
is "it is still there" "$(where killed)/$(attempts_of killed)" staged/sata/0
press killed
is "it is promoted once it ends cleanly" "$(where killed)" trial/virtio
ok "QEMU is killed on VirtIO" killed killed
is "it is back on SATA, one attempt is counted" \
	"$(where killed)/$(attempts_of killed)" staged/sata/1

# --- it resets for ever, as Windows does that can't find its disk

staged_domain loop guest=reset
virsh -q start loop
ok "a guest resets on SATA again and again" wait_boot loop 3
is "meanwhile it is staged" "$(where loop)" staged/sata
virsh -q destroy loop
wait_off loop
is "destroyed, it still is" "$(where loop)/$(attempts_of loop)" staged/sata/0
becomes loop off
run_once loop
is "it is promoted once it ends cleanly" "$(where loop)" trial/virtio
becomes loop reset
before=$(guest_boots loop)
virsh -q start loop
ok "it resets on VirtIO again and again" wait_boot loop $((before + 3))
is "booting from VirtIO" "$(boot_kind loop)" virtio-blk
is "meanwhile it is on trial" "$(where loop)" trial/virtio
virsh -q destroy loop
wait_off loop
is "destroyed, it goes back" "$(where loop)/$(attempts_of loop)" staged/sata/1

# --- a restart is not the end of a session: libvirt's hook is not called

becomes loop stay
virsh -q start loop
wait_boot loop $(($(guest_boots loop) + 1))
before=$(guest_boots loop)
ok "a guest is reset in the middle of its session on SATA" virsh -q reset loop
wait_boot loop $((before + 1))
is "and goes on there" "$(where loop)/$(boot_kind loop)" staged/sata/ahci
virsh -q shutdown loop
wait_off loop
is "its clean end counts" "$(where loop)" trial/virtio

# --- it does not even begin

staged_domain gone
mv "$LAB/gone.img" "$LAB/gone.away"
fails "a start without the disk fails on SATA" 1 virsh -q start gone
ok "and leaves no work" wait_off gone
is "it is still there" "$(where gone)/$(attempts_of gone)" staged/sata/0
mv "$LAB/gone.away" "$LAB/gone.img"
run_once gone
is "with its disk it is promoted" "$(where gone)" trial/virtio
mv "$LAB/gone.img" "$LAB/gone.away"
fails "a start without the disk fails on VirtIO" 1 virsh -q start gone
ok "and leaves no work" wait_off gone
is "once is no attempt" "$(where gone)/$(attempts_of gone)" trial/virtio/0
like "and that is said" "$(busflip status gone)" 'its start failed before the guest ran'
fails "it fails again" 1 virsh -q start gone
ok "and leaves no work" wait_off gone
is "then it goes back" "$(where gone)/$(attempts_of gone)" staged/sata/1
like "for a reason" "$(busflip status gone)" 'start on VirtIO failed twice: back to SATA'
mv "$LAB/gone.away" "$LAB/gone.img"
run_once gone
is "on VirtIO once more" "$(where gone)" trial/virtio
# A session in between ends the count (a save is one that is not over).
mv "$LAB/gone.img" "$LAB/gone.away"
fails "the first of two that fail" 1 virsh -q start gone
ok "and leaves no work" wait_off gone
mv "$LAB/gone.away" "$LAB/gone.img"
becomes gone stay
quietly virsh -q start gone
quietly virsh -q managedsave gone
ok "saved" wait_off gone
quietly virsh -q managedsave-remove gone
mv "$LAB/gone.img" "$LAB/gone.away"
fails "fails with a session in between" 1 virsh -q start gone
ok "and leaves no work" wait_off gone
is "is the first again" "$(where gone)/$(attempts_of gone)" trial/virtio/1
mv "$LAB/gone.away" "$LAB/gone.img"
busflip rollback gone > "$LAB/said" || sed 's/^/# /' "$LAB/said"
becomes gone off
run_once gone
# None of that is VirtIO's fault: a hook that dies before QEMU is there, or after, or
# with its work done.
mv /etc/libvirt/hooks/qemu "$LAB/hook"
# shellcheck disable=SC2016	# for the hook
for dies in '[ $2 = prepare ] && kill -9 $$' '[ $2 = started ] && kill -9 $$' \
	'[ $2 = prepare ] && /usr/local/sbin/busflip event -- "$@" && kill -9 $$' \
	'[ $2 = prepare ] && kill -9 $$'; do
	printf '#!/bin/sh\n%s\nexec %s "$@"\n' "$dies" "$LAB/hook" > /etc/libvirt/hooks/qemu
	chmod +x /etc/libvirt/hooks/qemu
	is "on VirtIO: $dies" "$(where gone)" trial/virtio
	fails "the start fails" 1 virsh -q start gone
	ok "and leaves no work" wait_off gone
	is "it is still on trial, nothing is counted" \
		"$(where gone)/$(attempts_of gone)" trial/virtio/1
done
mv "$LAB/hook" /etc/libvirt/hooks/qemu
run_once gone
is "and gets there in the end" "$(where gone)" "done/virtio"

# --- who reads the disk at the end is killed, as the hook does it after 60 s: what libvirt
# says of the end is not lost

helper=/usr/local/libexec/busflip/busflip-helper

# cut_short NAME - shut down; nothing of the disk is known when its hook is killed
cut_short()
{
	local event

	rm -f "$LAB/asked"
	mv $helper "$LAB/helper"
	printf '#!/bin/sh\n: > "%s"\nexec sleep 600\n' "$LAB/asked" > $helper
	chmod +x $helper
	quietly virsh -q shutdown "$1"
	# shellcheck disable=SC2016	# for wait_for
	wait_for '[ -e "$LAB/asked" ]' 60 &&
		event=$(pgrep -fo "^busflip event -- $1 release") && kill -9 "$event" &&
		wait_for "is_off '$1'" 60
	mv "$LAB/helper" $helper
}

staged_domain short guest=stay
virsh -q start short && wait_boot short 1
ok "the hook is killed at the end of a session on SATA" cut_short short
ok "its end is recorded" test -e "$pending/$(uuid_of short)"
like "status says so" "$(busflip status short)" 'Next: a step that a hook has recorded'
ok "stage --all" busflip stage --all
is "the session counts" "$(where short)" trial/virtio
virsh -q start short && wait_boot short 2
printf '[busflip]\nauto_recover = no\n' > /etc/busflip.conf
ok "the same on trial, where the disk must be read" cut_short short
quietly busflip stage --all
is "it stays on trial" "$(where short)/$(attempts_of short)" trial/virtio/0
like "for that reason" "$(busflip status short)" \
	'whether Windows ran: stays on trial: the hook was killed before it had read the disk'

# --- auto_recover: it runs again, on SATA

default_config
staged_domain again guest=off panic=
run_once again
is "it is on trial" "$(where again)" trial/virtio
is "with a panic device" "$(virsh -q dumpxml again | grep -c "<panic model='isa'")" 1
becomes again crash
virsh -q start again
ok "a crash on VirtIO: started again by itself" \
	wait_boot again 3
is "there" "$(boot_kind again)" ahci
is "on SATA, once" "$(where again)/$(attempts_of again)" staged/sata/1
is "without the panic device" "$(virsh -q dumpxml again | grep -c '<panic')" 0
quietly virsh -q destroy again
is "and only once" "$(grep -c 'domain=again .*started again, on SATA' "$LAB/log")" 1

# --- auto_recover, but that start fails

staged_domain fails guest=off panic=
run_once fails
mkdir -p /etc/libvirt/hooks/qemu.d
cat > /etc/libvirt/hooks/qemu.d/refuse <<-END
	#!/bin/sh
	cat > /dev/null
	[ "\$1 \$2" != "fails release" ] || : > "$LAB/refuse"
	[ "\$1 \$2" != "fails prepare" ] || ! [ -e "$LAB/refuse" ]
END
chmod +x /etc/libvirt/hooks/qemu.d/refuse
becomes fails crash
virsh -q start fails
ok "a crash on VirtIO, and another hook refuses the start on SATA" wait_off fails
output=$(busflip status fails)
like "the story says so" "$output" "can't be started again on SATA: cannot start the guest: "
unlike "and not that it was started" "$output" "started again, on SATA"
unlike "nor that it stays as it is" "$output" "  stays as it is: "
rm /etc/libvirt/hooks/qemu.d/refuse

# --- auto_recover, but no way back: another disk would boot on SATA

staged_domain stuck guest=off panic=
run_once stuck
is "stuck: on trial" "$(where stuck)" trial/virtio
data_disk stuck-1 sda sata > "$LAB/stuck-1.xml"
virsh -q attach-device stuck "$LAB/stuck-1.xml" --config
becomes stuck crash
before=$(guest_boots stuck)
ok "stuck: it crashes on VirtIO" run_once stuck
ok "stuck: why it can't go back is logged" \
	wait_for 'logged "domain=stuck .*can.t go back to SATA: "' 30
wait_for "no_work stuck" 30
sleep 1
is "stuck: it is held where it is" "$(where stuck)/$(attempts_of stuck)" held/virtio/1
is "stuck: and not started again, to the same end" \
	"$(state_of stuck)/$(($(guest_boots stuck) - before))" "shut off/1"
is "stuck: without the panic device" "$(virsh -q dumpxml stuck | grep -c '<panic')" 0
