#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A daemon that finds no QEMU reports that the guest crashed, even if Windows had shut
# down. The disk then decides: a Windows that was fully shut down counts, any other state
# does not. (ntsim does to the disk what Windows would do, see lib-kill.sh.)

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
busflip_required "$@"
# shellcheck source=tests/disklib.sh
. "${BASH_SOURCE[0]%/*}/disklib.sh"
disk_required
# shellcheck source=tests/lib-kill.sh
. "${BASH_SOURCE[0]%/*}/lib-kill.sh"
guest_required
plan 62

make_guest

# runs WINDOWS - a session, in which Windows ran and was shut down (yes), only ran
# (half), or does not run (no); its QEMU is still there
runs()
{
	: > "$LAB/win.serial"
	quietly virsh -q start win
	wait_boot win 1
	case $1 in
	yes) windows_runs || bail_out "Windows does not run: $(cat "$LAB/said")" ;;
	half)
		machine > "$LAB/machine"
		"$windows_bin/ntsim" "$LAB/win.img" "$LAB/machine" "$(cat "$LAB/controller")" \
			"$uuid" end=crash > "$LAB/said" || bail_out "Windows does not run" ;;
	esac
}

# crashes WINDOWS - a session that ends as QEMU ends with kill -9
crashes()
{
	runs "$1"
	kill -9 "$(cat /run/libvirt/qemu/win.pid)"
	wait_off win && wait_for 'no_work win' 20
}

ends()
{
	is "$1: libvirt calls it crashed" "$(virsh domstate win --reason | head -n 1)" \
		"shut off (crashed)"
	is "$1: it is where it should be" "$(where win)/$(attempts_of win)" "$2"
}

new_guest
quietly command busflip stage win
ok "on SATA, Windows does not run" crashes no
ends "no Windows" staged/sata/0
ok "on SATA, it runs and is shut down" crashes yes
ends "Windows" trial/virtio/0
like "the log says that the disk counts" "$(cat "$LAB/log")" \
	'reports "crashed" as the reason of its end, but Windows was shut down'
quietly command busflip hold win
quietly command busflip retry win
ok "on SATA once more" crashes yes
ends "once more" trial/virtio/0
ok "on VirtIO, Windows does not run" crashes no
ends "no Windows on VirtIO" staged/sata/1
ok "on SATA after that" crashes yes
ends "after that" trial/virtio/1
ok "on VirtIO, it runs and is shut down" crashes yes
ends "Windows on VirtIO" 'done/virtio/1'
is "and all is put back" "$(for_the_way "$LAB/win.img")" "$(for_the_way "$LAB/old.img")"

# Of a session before: the disk says so, but not of this one.
new_guest
quietly command busflip stage win
ok "a start, and Windows is shut down" crashes yes
quietly command busflip rollback win
ok "a start without Windows" crashes no
ends "what an earlier session left does not count" staged/sata/0

# Windows came up on VirtIO, but its end is one that nobody wants.
new_guest
quietly command busflip stage win
ok "on SATA, it runs and is shut down" crashes yes
ends "before" trial/virtio/0
ok "on VirtIO, it runs and is not shut down" crashes half
ends "a Windows that is not shut down" staged/sata/1

# West of UTC, with a clock in UTC: Windows notes a start that is later than its shutdown.
make_guest_disk "$LAB/old.img" bias=480
new_guest
quietly command busflip stage win
ok "west of UTC, on SATA: it runs and is shut down" crashes yes
ends "west" trial/virtio/0
ok "on VirtIO as well" crashes yes
ends "west, on VirtIO" done/virtio/0
new_guest
quietly command busflip stage win
ok "west of UTC, on SATA: it runs and is not shut down" crashes half
ends "west, no shutdown" staged/sata/0

# Who destroys it has the last word, whatever is on the disk.
new_guest
quietly command busflip stage win
runs yes
quietly virsh -q destroy win
ok "destroyed" eval "wait_off win && wait_for 'no_work win' 20"
is "stays where it is" "$(where win)/$(attempts_of win)" staged/sata/0

# Saved and restored in between, which is no end: what was noted when it began is
# compared with what is there when it has ended. Memory may take minutes to load.
mkdir -p /etc/libvirt/hooks/qemu.d
cat > /etc/libvirt/hooks/qemu.d/slow <<-END
	#!/bin/bash
	cat > /dev/null
	cd /run/busflip && [ "\$2" = prepare ] && [ -e $uuid.continues ] || exit 0
	[ ! -s $uuid.continues ] || echo \$((\$(< $uuid.continues) - 180000)) > $uuid.continues
	touch -d '-3 minutes' $uuid.continues
	echo \$1 >> "$LAB/slow"
END
chmod +x /etc/libvirt/hooks/qemu.d/slow

# goes_on WAY - saved that way, and restored
goes_on()
{
	case $1 in
	managedsave) virsh -q managedsave win && wait_off win && virsh -q start win ;;
	file) virsh -q save win "$LAB/win.save" && wait_off win &&
		virsh -q restore "$LAB/win.save" ;;
	esac
}

new_guest
quietly command busflip stage win
for phase in staged trial; do
	runs yes
	note=$(cat "$folder/session/$uuid")
	for way in managedsave file managedsave; do
		ok "$phase: saved ($way) and restored" goes_on $way
		is "$phase: the note of its start stays" "$(cat "$folder/session/$uuid")" "$note"
	done
	quietly virsh -q shutdown win
	ok "$phase: shut down" wait_off win
done
is "the loads were slow" "$(wc -l < "$LAB/slow")" 6
is "both sessions count, the first time" "$(where win)/$(attempts_of win)" "done/virtio/0"
rm /etc/libvirt/hooks/qemu.d/slow

# A clone of a domain on trial, or one that was moved to another host: nothing is kept here.
new_guest
quietly command busflip stage win
ok "on SATA, it runs and is shut down" crashes yes
virsh dumpxml --inactive win > "$LAB/clone.xml"
quietly virsh -q undefine win
rm -rf /var/lib/busflip/*-*
was=$uuid uuid=$(uuidgen)
sed -i "s/$was/$uuid/" "$LAB/clone.xml"
quietly virsh -q define "$LAB/clone.xml"
ok "the clone runs on VirtIO" crashes yes
ends "the clone" "done/virtio/0"
is "and its settings are put back" "$(for_the_way "$LAB/win.img")" "$(for_the_way "$LAB/old.img")"
