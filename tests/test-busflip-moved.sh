#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# After a session on SATA, busflip enables a driver that Windows has disabled. It does not
# write to an image that is no longer the guest's disk, or may not be: the definition names
# an overlay by then, or a block job was active when QEMU exited.
# (ntsim does to the disk what Windows would do, see lib-kill.sh.)

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
busflip_required "$@"
# shellcheck source=tests/disklib.sh
. "${BASH_SOURCE[0]%/*}/disklib.sh"
disk_required
# shellcheck source=tests/lib-kill.sh
. "${BASH_SOURCE[0]%/*}/lib-kill.sh"
guest_required
plan 16

make_guest

override()
{
	"$windows_bin/ntpeek" "$LAB/win.img" "$1" 'CS\Services\viostor\StartOverride' 0 "${@:2}"
}

# windows_session - Windows runs on SATA, is shut down, and has switched its driver off;
# its QEMU is still there
windows_session()
{
	new_guest
	quietly busflip stage win
	quietly virsh -q start win
	wait_boot win 1
	windows_runs || bail_out "Windows does not run: $(cat "$LAB/said")"
	override set 3 || bail_out "cannot switch it off"
	sum=$(sha256sum < "$LAB/win.img")
}

ends()
{
	quietly virsh -q shutdown win
	wait_off win && wait_for 'no_work win' 20
}

windows_session
ok "Windows has switched its driver off" ends
is "it is switched on, and goes to VirtIO" "$(where win)" trial/virtio
unlike "the image was written to" "$(sha256sum < "$LAB/win.img")" "$sum"
no_guest

windows_session
qemu-img create -q -f qcow2 -F raw -b "$LAB/win.img" "$LAB/win.qcow2"
virsh -q dumpxml --inactive win | python3 -c "import re, sys
print(re.sub(r\"type='raw'(/>\\s*<source file='[^']*)win.img\", r\"type='qcow2'\\1win.qcow2\", sys.stdin.read()))" \
	> "$LAB/overlay.xml"
ok "the definition has an overlay by then" virsh -q define "$LAB/overlay.xml"
like "it has" "$(xpath win "string($system_disk/source/@file)")" 'win.qcow2$'
ok "the session ends" ends
is "what is below the overlay is not written to" "$(sha256sum < "$LAB/win.img")" "$sum"
is "it stays on SATA" "$(where win)" staged/sata
like "and why is known" "$(state_attr win reason)" 'no-start-override'
no_guest

windows_session
target=$(xpath win "string($system_disk/target/@dev)")
ok "a job copies its disk" virsh -q blockcopy win "$target" "$LAB/copy.img" --format raw \
	--transient-job
wait_for "virsh -q blockjob win $target | grep -q 100" 60
ok "it is on" grep -q "blockjobs active='yes'" /run/libvirt/qemu/win.xml
kill -9 "$(cat /run/libvirt/qemu/win.pid)"
ok "its QEMU is gone in the middle" eval "wait_off win && wait_for 'no_work win' 20"
is "the image is not written to" "$(sha256sum < "$LAB/win.img")" "$sum"
is "it stays on SATA" "$(where win)" staged/sata
like "and why is known" "$(state_attr win reason)" 'no-start-override'
like "the next session begins without it" "$(virsh -q start win &&
	cat "/var/lib/busflip/session/$(uuid_of win)")" 'job 0'
no_guest
