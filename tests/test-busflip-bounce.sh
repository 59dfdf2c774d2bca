#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Starts of domains that could not be staged before: the user's start call succeeds, and
# the guest runs on SATA. This never happens to a guest with memory to lose.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
busflip_required "$@"
plan 82

# define_and_start NAME [OPTION] - in one connection, as virt-install does it
define_and_start()
{
	virsh -q "define $LAB/$1.xml; start $1 ${2:-}"
}

# events_of NAME - what libvirt told about it, one word each, up to now
events_of()
{
	sed -n "s/^event 'lifecycle' for domain '$1': \([A-Z][a-z]*\) .*/\1/p" "$LAB/events" |
		paste -sd ' '
}

# let_it - time for a bounce that must not come: as much as another domain needs
# for its own
decoys=0
let_it()
{
	local other=decoy$((decoys += 1))

	make_domain "$other" guest=stay > "$LAB/$other.xml"
	if grep -qs '^late_start = refuse' /etc/busflip.conf; then
		virsh -q define "$LAB/$other.xml" && quietly busflip stage "$other" &&
			cut_off "$other" && cut_off "$other"
	else
		define_and_start "$other" && wait_for "bounced $other" 60 &&
			virsh -q destroy "$other" && wait_off "$other"
	fi
}

# listen - until the daemon ends; returns once events arrive
listen()
{
	virsh event --all --loop >> "$LAB/events" 2>/dev/null &
	make_domain ping tag=no > "$LAB/ping.xml"
	# shellcheck disable=SC2016	# wait_for expands it
	wait_for 'virsh -q "define $LAB/ping.xml; undefine ping"; events_of ping | grep -q Undefined' 60
}

listen

# --- 20 of 20

started=0 on_sata=0 booted=0
for i in {1..20}; do
	make_domain "win$i" guest=stay > "$LAB/win$i.xml"
	define_and_start "win$i" && started=$((started + 1))
	wait_for "bounced win$i" 60 && [ "$(where "win$i")" = staged/sata ] &&
		on_sata=$((on_sata + 1))
	wait_for "[ \"\$(boot_kind win$i)\" = ahci ]" 60 && booted=$((booted + 1))
	[ "$i" = 1 ] || virsh -q destroy "win$i" &
done
is "20 starts succeed" $started 20
is "20 domains run on SATA" $on_sata 20
is "20 guests have booted from SATA" $booted 20
is "it is suspended first, staged, destroyed, then started" "$(events_of win1)" \
	"Defined Resumed Started Suspended Defined Shutdown Stopped Resumed Started"
ok "it is logged" logged "domain=win1 .* started again, on SATA"
is "and that it is staged, once" "$(grep -o 'domain=win1 .*phase=[a-z]*->staged' "$LAB/log" |
	sed 's/.* //')" "phase=none->staged"
virsh -q shutdown win1
wait_off win1
is "its clean end leads to its trial" "$(where win1)" trial/virtio
press win1
is "and that to the end" "$(where win1)" "done/virtio"

# --- paused

make_domain paused guest=stay > "$LAB/paused.xml"
ok "a start that pauses" define_and_start paused --paused
ok "is paused on SATA" wait_for "bounced paused paused" 60
is "as the user wanted it" "$(virsh -q domstate --reason paused)" "paused (user)"
is "and has run no instruction" "$(cat "$LAB/paused.serial")" ""
virsh -q resume paused
ok "when it is resumed, it boots" wait_boot paused 1
is "from SATA" "$(boot_kind paused)" ahci
virsh -q destroy paused

# --- what is lost with the start that was asked for: busflip.conf(5) says so

# client COMMANDS - a virsh that does them, and stays until stop_client
client()
{
	mkfifo "$LAB/client"
	virsh -q < "$LAB/client" > /dev/null 2>&1 &
	exec {client}> "$LAB/client"
	echo "$1" >&$client
}

stop_client()
{
	exec {client}>&-
	wait $!
	rm "$LAB/client"
}

make_domain theirs guest=stay > "$LAB/theirs.xml"
client "define $LAB/theirs.xml; start theirs --autodestroy"
ok "--autodestroy: it runs on SATA" wait_for "bounced theirs" 60
stop_client
let_it
is "it outlives its client" "$(state_of theirs)" running
virsh -q destroy theirs
wait_off theirs
client "start theirs --autodestroy"
ok "once it is staged" wait_for "is_running theirs" 60
stop_client
ok "it does not" wait_for "is_off theirs" 60

make_domain console guest=stay |
	sed "s/<serial type='file'>/<serial type='pty'>/; /<source path=.*serial/d" > "$LAB/console.xml"
python3 -c 'import pty, sys
sys.exit(pty.spawn(sys.argv[1:]) >> 8)' \
	timeout --foreground -k 5 60 virsh -q "define $LAB/console.xml; start console --console" \
	> "$LAB/console.out" 2>&1 < /dev/null
unlike "--console: it ends with the first start" $? '^(124|137)$'
ok "the guest runs on SATA" wait_for "bounced console" 60
virsh -q destroy console

# --- started by the daemon

define_domain auto guest=stay
virsh -q autostart auto
rm -f /run/libvirt/qemu/autostarted
lab_daemon_restart
ok "started by the daemon, it runs on SATA" wait_for "bounced auto" 60
virsh -q destroy auto
virsh -q autostart auto --disable
listen

# --- the user has changed their mind

undone=0 refused=0
for i in {1..5}; do
	make_domain "brief$i" guest=stay > "$LAB/brief$i.xml"
	# A destroy that comes while busflip has the guest down is told that it
	# is not running.
	virsh -q "define $LAB/brief$i.xml; start brief$i; destroy brief$i" 2>/dev/null ||
		refused=$((refused + 1))
	wait_for "no_work brief$i" 60
	is_off "brief$i" && undone=$((undone + 1))
	virsh -q destroy "brief$i" 2>/dev/null
done
is "what the user destroys at once stays off" $((undone + refused)) 5

# --- not in libvirt's definitions

make_domain transient guest=stay > "$LAB/transient.xml"
ok "a transient domain starts" virsh -q create "$LAB/transient.xml"
wait_boot transient 1
let_it
is "it runs as it was given" \
	"$(state_of transient)/$(bus_of_disk transient --live)/$(baits_of transient --live)" \
	running/virtio/0
is "it has booted once" "$(guest_boots transient)/$(boot_kind transient)" 1/virtio-blk
is "nothing was done to it" "$(events_of transient)" "Resumed Started"
ok "nobody waits any longer" wait_for "no_work transient" 30
like "and why is in its story" "$(busflip status transient)" \
	"can't be started again on SATA: it is transient: .*Next: nothing, since it can't be staged"
virsh -q destroy transient

# virt-install starts a domain first, and defines it then.
make_domain later guest=stay uuid="$(cat /proc/sys/kernel/random/uuid)" > "$LAB/later.xml"
ok "one starts" virsh -q create "$LAB/later.xml"
sleep 1
ok "and is defined then" virsh -q define "$LAB/later.xml"
ok "it runs on SATA" wait_for "bounced later" 60
is "staged" "$(where later)" staged/sata
virsh -q destroy later

# --- cannot be staged

define_domain odd guest=stay tag='disk="vdz"'
ok "one that can't be staged starts" virsh -q start odd
wait_boot odd 1
let_it
is "it runs as it is" "$(where odd)/$(bus_of_disk odd --live)" none/virtio/virtio
is "nothing was done to it" "$(events_of odd)" "Defined Resumed Started"
ok "why is logged" logged "domain=odd .*can't be staged and runs as it is: .*vdz"
virsh -q destroy odd
wait_off odd
is "nor later" "$(where odd)" none/virtio

# --- cannot be stored

define_domain stuck guest=stay
cp /etc/libvirt/qemu/stuck.xml "$LAB/stuck.kept"
mount --bind /etc/libvirt/qemu /etc/libvirt/qemu
mount -o remount,ro,bind /etc/libvirt/qemu || bail_out "cannot make a folder read-only"
for how in '' --paused; do
	# shellcheck disable=SC2086	# none or one
	ok "a host that can't store a definition: it starts $how" virsh -q start stuck $how
	ok "why is logged $how" wait_for "logged 'domain=stuck.*Read-only file system'" 30
	wait_for "no_work stuck" 30
	sleep 1
	is "it is left alone $how" "$(where stuck)/$(bus_of_disk stuck --live)/$(virsh -q domstate stuck)" \
		"none/virtio/virtio/$([ "$how" ] && echo paused || echo running)"
	virsh -q destroy stuck
	wait_off stuck
	: > "$LAB/log"
done
umount /etc/libvirt/qemu
is "its definition is what it was" "$(cmp /etc/libvirt/qemu/stuck.xml "$LAB/stuck.kept" 2>&1)" ""
virsh -q start stuck
ok "when it can, it runs on SATA" wait_for "bounced stuck" 60
virsh -q destroy stuck

# --- the process that does it comes late, or was killed in the middle

define_domain slow guest=stay
hold_settle slow
virsh -q start slow
wait_boot slow 1
sleep 6
let_settle
ok "too late: nothing is left to do" wait_for "no_work slow" 30
is "it runs on as it was started" "$(state_of slow)/$(bus_of_disk slow --live)" running/virtio
is "it is staged for its next start" "$(where slow)" staged/sata
ok "why is logged" logged "domain=slow .*it has run for too long to be started again"
virsh -q destroy slow

define_domain anew guest=stay
hold_settle anew
virsh -q start anew
kill_settle anew
virsh -q suspend anew
record=$pending/$(uuid_of anew)
id=$(virsh -q domid anew)
sed -i "s/^begun 0/begun 1/; s/^id .*/id $((id + 1))/" "$record"
cp "$record" "$LAB/record"
quietly busflip stage --all
ok "of another run: nothing is left to do" wait_for "no_work anew" 30
is "what was paused since stays so" "$(state_of anew)/$(bus_of_disk anew --live)" paused/virtio
sed "s/^id .*/id $id/" "$LAB/record" > "$record"
quietly busflip stage --all
ok "of this one: it is finished" wait_for "bounced anew" 30
virsh -q destroy anew

# --- has memory to lose

# tagged_late NAME [KEY=VALUE...] - it runs already when it gets its tag
tagged_late()
{
	define_domain "$@" tag=no guest=stay
	virsh -q start "$1" && wait_boot "$1" 1 &&
		quietly virsh metadata "$1" $tag_uri --key busflip --set '<domain/>' --live --config
}

# goes_on NAME HOW - assertions on one that was tagged late and now goes on
goes_on()
{
	let_it
	is "$1: $2: it goes on, as it was" \
		"$(state_of "$1")/$(bus_of_disk "$1" --live)/$(guest_boots "$1")" running/virtio/1
}

tagged_late late format=qcow2
is "a domain is tagged while it runs" "$(where late)" none/virtio
virsh -q managedsave late
for start in bounce refuse; do
	printf '[busflip]\nevidence = shutdown\nlate_start = %s\n' $start > /etc/busflip.conf
	ok "late: late_start=$start: managed save is started" virsh -q start late
	goes_on late "managed save"
	virsh -q save late "$LAB/late.save"
	ok "late: late_start=$start: save is restored" virsh -q restore "$LAB/late.save"
	goes_on late "save"
	virsh -q managedsave late
done
default_config
virsh -q start late
quietly virsh snapshot-create-as late memory
virsh -q destroy late
wait_off late
ok "late: a snapshot of a running guest is reverted" virsh -q snapshot-revert late memory
goes_on late "snapshot"
virsh -q shutdown late
wait_off late
is "its clean end on VirtIO is no clean end on SATA" "$(where late)" none/virtio
virsh -q start late
ok "its next start, a real one, is bounced" wait_for "bounced late" 60
virsh -q destroy late

# --- late_start = refuse

printf '[busflip]\nevidence = shutdown\nlate_start = refuse\n' > /etc/busflip.conf
make_domain wait guest=off > "$LAB/wait.xml"
virsh -q define "$LAB/wait.xml"
fails "late_start=refuse: the start fails" 1 virsh -q start wait
like "and says what to do" "$output" \
	"busflip: domain wait is tagged but not yet staged .*late_start = refuse.* busflip stage wait"
is "it is off, and as it was" "$(state_of wait)/$(where wait)" "shut off/none/virtio"
make_domain hasty > "$LAB/hasty.xml"
fails "so it does in one connection" 1 define_and_start hasty
like "and says so" "$output" "busflip stage hasty"
ok "no work is left" no_work wait
ok "what it says is done" busflip stage wait
ok "now it starts" run_once wait
is "on SATA" "$(boot_kind wait)/$(where wait)" ahci/trial/virtio
define_domain odd-too tag='disk="vdz"'
ok "one that can't be staged starts" run_once odd-too
is "as it is" "$(boot_kind odd-too)/$(where odd-too)" virtio-blk/none/virtio
ok "a transient one starts" virsh -q create "$LAB/transient.xml"
is "as it is" "$(bus_of_disk transient --live)" virtio
fails "it can't be staged" 1 busflip stage transient
like "and why, and what to do, is said" "$output" \
	'^busflip: domain transient: it is transient: .*; virsh define makes one$'
virsh -q destroy transient
define_domain plain tag=no
ok "one without a tag starts" run_once plain
is "and is not touched" "$(where plain)" none/virtio
