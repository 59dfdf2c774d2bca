#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The daemon dies between the end of a guest and the update of its definition. The work
# that a hook has recorded is done nevertheless: by the process that waits for the daemon,
# by "stage --all" (which runs at boot), or at the next event.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
busflip_required "$@"
plan 23

# hold NAME - as hold_settle, but by a process of its own: a daemon that is
# started meanwhile must not inherit the lock
hold()
{
	local lock

	mkdir -p /run/busflip
	lock=/run/busflip/$(uuid_of "$1").lock
	flock "$lock" sleep 4321 >/dev/null 2>&1 &
	wait_for "! flock -n '$lock' true" 30
}

# press_held NAME - start it, end it, and leave the work undone
press_held()
{
	local before

	before=$(guest_boots "$1")
	virsh -q start "$1" && wait_boot "$1" $((before + 1)) && hold "$1" &&
		virsh -q shutdown "$1" &&
		wait_for "is_off '$1' && ! no_work '$1'" 60
}

release()
{
	pkill -f "^sleep 4321"
}

staged_domain win guest=stay
ok "a session on SATA" press_held win
is "its end is not worked on yet" "$(where win)" staged/sata
lab_daemon_kill9
ok "the daemon comes back" lab_daemon_start
like "and has forgotten how the session ended" "$(virsh -q domstate --reason win)" unknown
release
ok "the work is done" wait_off win 60
is "the session counts as clean" "$(where win)" trial/virtio

# It waits for a daemon that is down for a while.
busflip rollback win >/dev/null
ok "one more session on SATA" press_held win
lab_daemon_kill9
release
sleep 2
ok "the work waits for the daemon" pgrep -f "^busflip settle"
lab_daemon_start
ok "and is done once it is back" wait_off win 60
is "on trial again" "$(where win)" trial/virtio

# Killed itself, it leaves a record that "stage --all" finds.
busflip rollback win >/dev/null
ok "a third session on SATA" press_held win
wait_for "pkill -9 -f '^busflip settle'" 30
release
is "nobody works on it" "$(where win)" staged/sata
ok "stage --all" busflip stage --all
is "has done what was left" "$(where win)" trial/virtio

# Or the next start finds it, while the guest runs.
busflip rollback win >/dev/null
ok "a fourth session on SATA" press_held win
wait_for "pkill -9 -f '^busflip settle'" 30
release
ok "it is started again" virsh -q start win
ok "what was left is done meanwhile" wait_for "no_work win" 60
is "its next boot is on VirtIO" "$(where win)" trial/virtio
wait_boot win 5
virsh -q shutdown win
wait_off win 60
is "and one more clean session on SATA changes nothing" "$(where win)" trial/virtio

# Who watches a guest on trial has asked the daemon that is restarted, and asks the new one.
printf '[busflip]\nevidence = shutdown\ntrial_timeout = 5\n' > /etc/busflip.conf
on_trial watched
watcher=$(watcher_of watched)
ok "the daemon is restarted while a guest is on trial" lab_daemon_restart
sleep 1
ok "who watches it goes on" kill -0 "$watcher"
is "so does the guest" "$(where watched)/$(state_of watched)" trial/virtio/running
# shellcheck disable=SC2016	# for wait_for
ok "Windows does not come up: it is back on SATA" \
	wait_for '[ "$(where watched)/$(state_of watched)" = staged/sata/running ]' 60
