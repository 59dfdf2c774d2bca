#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A trial that busflip destroys is started again on SATA. If busflip could not destroy it
# and its user does so later, it stays off. Everything that is known about a session when
# it ends is in its record, whatever starts before the record is read; also with a record
# that an older busflip wrote. A record is kept until it is known that its domain does not
# exist.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
busflip_required "$@"
[ -e "$BUSFLIP_BUILD/tests/unkilled.so" ] || skip_all "unkilled.so is not built"
[ "$LAB_DAEMON" = libvirtd ] || skip_all "it is preloaded into libvirtd"
plan 40

printf '[busflip]\nevidence = shutdown\ntrial_timeout = 5\n' > /etc/busflip.conf
sessions=/var/lib/busflip/session

restart_daemon()
{
	local pid

	pid=$(cat "$LAB/libvirtd.pid")
	kill "$pid" && wait_for "! kill -0 $pid 2>/dev/null" 60
	(export "${1?}" && lab_daemon_start) || bail_out "the daemon does not start"
}

# unwatched NAME - on trial, running, and watched by nobody
unwatched()
{
	local pids

	staged_domain "$1" guest=stay
	quietly busflip promote "$1"
	quietly virsh -q start --paused "$1"
	wait_for "watcher_of '$1' > '$LAB/tmp/watcher'" 30 || return
	read -rd '' -a pids < "$LAB/tmp/watcher"
	kill -9 "${pids[@]}"
	quietly virsh -q resume "$1"
	wait_boot "$1" 1
}

# restarted NAME - destroyed by us: it runs on SATA
restarted()
{
	wait_for "bounced '$1'" 30
}

# --- QEMU does not go

export UNKILLED=$LAB/unkilled
restart_daemon LD_PRELOAD="$BUSFLIP_BUILD/tests/unkilled.so"
staged_domain win guest=stay
quietly busflip promote win
quietly virsh -q start --paused win
cp /run/libvirt/qemu/win.pid "$UNKILLED"
ok "it is watched" wait_for 'watcher_of win > /dev/null' 30
quietly virsh -q resume win
ok "nothing is written in time" \
	wait_for 'logged "domain=win .*Windows is not running; it is destroyed"' 30
ok "it can't be destroyed: told" \
	wait_for 'logged "domain=win .*can.t be started again on SATA and is left as it is: .*erminate process"' 30
is "it runs" "$(where win)/$(state_of win)" trial/virtio/running
ok "nothing is left to do" no_work win
rm "$UNKILLED"
quietly virsh -q destroy win
ok "its user destroys it: it stays off" wait_off win 20
is "back on SATA, one attempt is counted" "$(where win)/$(attempts_of win)" staged/sata/1
is "it was not started again" "$(grep -c 'domain=win .*started again, on SATA' "$LAB/log")" 0

# --- the daemon does not say whether the domain exists

ok "its next session on SATA" eval 'virsh -q start win && wait_boot win 2'
hold_settle win
quietly virsh -q shutdown win
wait_for 'is_off win' 60
: > "$UNKILLED.denied"
let_settle
ok "nobody may look it up: its end is not dealt with" \
	wait_for 'logged "domain win: cannot look up the domain: .*access denied.*; once this is fixed, busflip stage --all"' 30
ok "the record of it stays" test -e "$pending/$(uuid_of win)"
fails "for stage --all as well" 1 busflip stage --all
ok "and stays" test -e "$pending/$(uuid_of win)"
before=$(ls -d /var/lib/busflip/story/*)
fails "clean does not take it for one that is gone" 1 busflip clean
is "and removes nothing of it" "$(ls -d /var/lib/busflip/story/*)" "$before"
rm "$UNKILLED.denied"
ok "then it is dealt with" busflip stage --all
is "and is on trial" "$(where win)" trial/virtio
restart_daemon LANG=C

# --- who destroys it is killed in between, and leaves what it has written first

# record NAME SECONDS KIND [LINE...] - as one that was written so long ago
record()
{
	local at

	mkdir -p "$pending"
	at=$(awk -v ago="$2" '{ printf "%d", ($1 - ago) * 1000 }' /proc/uptime)
	{
		printf 'busflip 1\nkind %s\nname %s\nsession trial\n' "$3" "$1"
		[ $# = 3 ] || printf '%s\n' "${@:4}"
		printf 'at %s\nboot %s\ntoken x\nend\n' "$at" "$(cat /proc/sys/kernel/random/boot_id)"
	} > "$pending/$(uuid_of "$1")"
}

ok "a guest on trial" unwatched now
record now 1 restart
quietly virsh -q destroy now
ok "it was to be destroyed just now: it is started again" restarted now
is "on SATA" "$(where now)" staged/sata
quietly virsh -q destroy now
ok "once" wait_off now 20

ok "another one" unwatched later
record later 61 restart
quietly virsh -q destroy later
ok "a minute ago: its user has destroyed it, it stays off" wait_off later 20
is "back on SATA" "$(where later)" staged/sata

ok "another one" unwatched swept
record swept 1 restart
ok "stage --all finds it running" busflip stage --all
ok "it is not to be started again any more" no_work swept
is "it runs" "$(where swept)/$(state_of swept)" trial/virtio/running
quietly virsh -q destroy swept
ok "its user destroys it: it stays off" wait_off swept 20

# --- started before the end of the last session is dealt with

printf '[busflip]\ntrial_timeout = 5\n' > /etc/busflip.conf
ok "a disk that can't be read: on trial" unwatched quick
sed -i 's/^writes 0/writes 1/' "$sessions/$(uuid_of quick)"
hold_settle quick
quietly virsh -q shutdown quick
wait_for 'is_off quick' 60
ok "Windows has written to it, and its end is not dealt with" test -e "$pending/$(uuid_of quick)"
quietly virsh -q start --paused quick
let_settle
ok "started before it is" wait_for 'no_work quick' 60
is "what it wrote counts" "$(where quick)" "done/virtio"
quietly virsh -q destroy quick
wait_off quick

# --- what a former busflip has left when this one is installed

printf '[busflip]\nevidence = shutdown\ntrial_timeout = 5\n' > /etc/busflip.conf
ok "its watcher is about to destroy it" unwatched old
sed -i 's/^end/restart 1\nover 0\nend/' "$sessions/$(uuid_of old)"
quietly virsh -q destroy old
ok "it is started again" restarted old
is "on SATA" "$(where old)" staged/sata

ok "or has done so" unwatched older
hold_settle older
quietly virsh -q destroy older
wait_for 'is_off older' 60
record older 1 release 'reason destroyed'
mkdir -p "$sessions"
printf 'busflip 1\nphase trial\nsince %s\nfrom 1\nrestart 1\nover 1\nend\n' \
	"$(state_attr older since)" > "$sessions/$(uuid_of older)"
rm -f "/var/lib/busflip/last/$(uuid_of older)"
let_settle
ok "it is started again" restarted older
is "on SATA" "$(where older)" staged/sata

is "no other error" "$(grep '<27>' "$LAB/log" | grep -v 'access denied')" ""
