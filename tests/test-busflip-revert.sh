#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# After a revert to a snapshot, a guest continues with its memory, or boots. A guest that
# continues is never destroyed, and its images are not written to. A guest that is started
# paused and then resumed has booted like any other.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
busflip_required "$@"
# shellcheck source=tests/disklib.sh
. "${BASH_SOURCE[0]%/*}/disklib.sh"
disk_required
plan 47

printf '[busflip]\nevidence = shutdown\ntrial_timeout = 5\n' > /etc/busflip.conf

busflip()
{
	command busflip "$@"
}

# id_of NAME - libvirt's number of the run
id_of()
{
	virsh -q domid "$1"
}

# outlast - as long as a trial is given, and more: another one that is taken down
# meanwhile is the measure
outlast()
{
	local other=decoy$BASHPID

	on_trial "$other" && wait_for "bounced $other" 60 && virsh -q destroy "$other"
}

# --- an internal snapshot of a guest on trial

staged_domain trial guest=stay format=qcow2
quietly busflip promote trial
virsh -q start trial
wait_boot trial 1
ok "on trial: a snapshot with memory" virsh -q snapshot-create-as trial up
id=$(id_of trial)
ok "the guest is reverted to it" virsh -q snapshot-revert trial up
unlike "by another QEMU" "$(id_of trial)" "^$id\$"
ok "nobody watches it" wait_for "! watcher_of trial" 30
id=$(id_of trial)
ok "the time of a trial goes by" outlast
is "it was not taken down" "$(id_of trial)/$(where trial)" "$id/trial/virtio"
is "nor booted anew" "$(guest_boots trial)" 1
virsh -q shutdown trial
ok "its clean end" wait_off trial
is "does not count against it" "$(where trial)/$(attempts_of trial)" "done/virtio/0"
quietly busflip rollback trial
quietly busflip promote trial
for how in --running --paused; do
	ok "reverted $how while it is off" virsh -q snapshot-revert trial up $how
	id=$(id_of trial)
	[ $how = --running ] || virsh -q resume trial
	fails "nobody watches it" 1 watcher_of trial
	ok "the time of a trial goes by" outlast
	is "it was not taken down" "$(id_of trial)/$(state_of trial)/$(guest_boots trial)" "$id/running/1"
	virsh -q destroy trial
	wait_off trial
done

# --- one without memory: that boots

staged_domain cold guest=stay format=qcow2
quietly busflip promote cold
ok "a snapshot of a guest that is off" virsh -q snapshot-create-as cold off
ok "reverted to it, it is started" virsh -q snapshot-revert cold off --running
ok "it boots and hangs: taken down, started again on SATA" \
	wait_for 'logged "domain=cold .*started again, on SATA"' 60
is "there" "$(where cold)" staged/sata
virsh -q destroy cold

# --- tagged, and not staged: with QEMU held still, so that whoever is about to take it
# down sees libvirt in the middle

# hold_qemu NAME SECONDS - stop the next QEMU of it for so long
hold_qemu()
{
	local file=/run/libvirt/qemu/$1.pid old pid

	old=$(cat "$file" 2>/dev/null)
	until pid=$(cat "$file" 2>/dev/null) && [ "$pid" ] && [ "$pid" != "$old" ]; do
		sleep 0.005
	done
	kill -STOP "$pid" && sleep "$2"
	kill -CONT "$pid"
}

mv /etc/libvirt/hooks/qemu "$LAB/hook"
define_domain tagged guest=stay format=qcow2
virsh -q start tagged
wait_boot tagged 1
virsh -q snapshot-create-as tagged up
mv "$LAB/hook" /etc/libvirt/hooks/qemu
hold_qemu tagged 1.5 &
ok "tagged, not staged: reverted" virsh -q snapshot-revert tagged up
wait $!
id=$(id_of tagged)
ok "the time of a trial goes by" outlast
is "it was not taken down" "$(id_of tagged)/$(where tagged)/$(guest_boots tagged)" "$id/none/virtio/1"
is "nobody has tried to" "$(grep 'domain=tagged ' "$LAB/log")" ""
virsh -q destroy tagged
wait_off tagged

# --- an external snapshot with memory: the hook's XML has the image below the overlays

windows_disk()
{
	local size=$((80 * 1048576))

	make_windows "$work/$1.ntfs" $size
	"$tests/mkdisk.sh" -f raw -t mbr "$LAB/$1.img" "$work/$1.ntfs"
	boot_sectors "$LAB/$1.img" stay
}

windows_disk outside
make_domain outside image="$LAB/outside.img" > "$LAB/outside.xml"
quietly virsh -q define "$LAB/outside.xml" && quietly busflip stage outside
# Its disk is not patched: there would be something to write.
helper=/usr/local/libexec/busflip/busflip-helper
mv $helper $helper.away
virsh -q start outside
wait_boot outside 1
system=$(xpath outside "string($system_disk/target/@dev)")
ok "an external snapshot with memory" virsh -q snapshot-create-as outside up \
	--memspec "$LAB/outside.memory" --diskspec "$system,file=$LAB/outside.overlay"
is "the bait is no part of it" "$(xpath outside "string($bait_disk/source/@file)")" "$bait"
mv $helper.away $helper
sum=$(sha256sum < "$LAB/outside.img")
id=$(id_of outside)
if libvirt_from 9.9; then
	ok "is reverted" virsh -q snapshot-revert outside up
	unlike "by another QEMU" "$(id_of outside)" "^$id\$"
	ok "it is told that nothing is written" \
		logged 'domain=outside .*starts with its disks as they are: they differ from its definition'
	is "the guest goes on" "$(state_of outside)/$(guest_boots outside)" running/1
else
	fails "this libvirt reverts none" 1 virsh -q snapshot-revert outside up
	is "the guest is as it was" "$(id_of outside)" "$id"
	like "it says so" "$output" 'external snapshot'
	is "the guest goes on" "$(state_of outside)/$(guest_boots outside)" running/1
fi
is "the image below was not written to" "$(sha256sum < "$LAB/outside.img")" "$sum"
overlay=$(compgen -G "${bait%.img}.[0-9]*")
is "its definition names what libvirt has made of the bait" \
	"$(xpath outside "string($bait_disk/source/@file)")" "${overlay:-$bait}"
# As one of a session that has lasted; a file of another name is not libvirt's, and one that
# a definition names is in use.
define_domain keeper devices="<disk type='file' device='disk'><driver name='qemu' type='raw'/>
	<source file='${bait%.img}.2'/><target dev='vdb' bus='virtio'/></disk>"
touch -d '1 hour ago' "${overlay:-$LAB/none}" "${bait%.img}.123x" "${bait%.img}".{1,2}
virsh -q shutdown outside
ok "its end" wait_off outside
is "leaves the bait where it is" "$(where outside)/$(ls "${overlay:-$bait}")" "staged/sata/${overlay:-$bait}"
quietly busflip promote outside
staged_domain other guest=stay
ok "when it is on VirtIO, the end of any session" press other
ok "removes what libvirt left beside the bait" \
	wait_for "[ ! -e '${overlay:-$LAB/nothing}' ] && [ ! -e '${bait%.img}.1' ]" 30
is "and nothing else" "$(echo "${bait%.img}"*)" "${bait%.img}.123x ${bait%.img}.2 $bait"
is "the image below was not written to" "$(sha256sum < "$LAB/outside.img")" "$sum"
# --- paused at its start, and resumed

staged_domain paused guest=stay
quietly busflip promote paused
ok "on trial, started paused" virsh -q start paused --paused
ok "it is watched" wait_for "watcher_of paused" 30
virsh -q resume paused
ok "it hangs: taken down, started again on SATA" \
	wait_for 'logged "domain=paused .*started again, on SATA"' 60
virsh -q destroy paused
wait_off paused

# on_console NAME - start it with its console, in a terminal, for 20 s at most
on_console()
{
	python3 -c 'import pty, sys
sys.exit(pty.spawn(sys.argv[1:]) >> 8)' \
		timeout -k 1 --foreground 20 virsh -q start "$1" --console > "$LAB/$1.out" 2>&1 < /dev/null
}

# console_domain NAME [KEY=VALUE...] - define it with a console
console_domain()
{
	make_domain "$@" |
		sed "s/<serial type='file'>/<serial type='pty'>/; /<source path=.*serial/d" > "$LAB/$1.xml"
	virsh -q define "$LAB/$1.xml"
}

console_domain late guest=stay
on_console late &
ok "not staged, started on its console: runs on SATA" wait_for "bounced late" 60
is "and is not left paused" "$(where late)/$(state_of late)" staged/sata/running
unlike "nobody took it for restored" "$(grep 'domain=late ' "$LAB/log")" 'restored|stays|can.t'
virsh -q destroy late
wait
console_domain seen guest=stay
quietly busflip stage seen
quietly busflip promote seen
on_console seen &
ok "on trial, started on its console: watched" wait_for "watcher_of seen" 30
ok "it hangs: taken down, started again on SATA" \
	wait_for 'logged "domain=seen .*started again, on SATA"' 60
virsh -q destroy seen
wait
