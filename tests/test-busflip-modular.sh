#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Differences where virtqemud runs the guests and is started by its sockets: nothing of
# libvirtd is present, the daemon exits when it has no guest, and the next client, which
# may be busflip, starts it again. "make check-modular" runs this test, and others with
# the same daemons.

export LAB_DAEMON=modular
# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
busflip_required "$@"
plan 48

# The file of the unit in which administrators say how long it stays without a guest.
settings=$(sed -n 's/^EnvironmentFile=-//p' /usr/lib/systemd/system/virtqemud.service)

# stays SECONDS - from its next start on
stays()
{
	mkdir -p "${settings%/*}"
	echo "VIRTQEMUD_ARGS=\"--timeout $1\"" > "$settings"
	lab_daemon_end
}

# Whatever asks libvirt for something in the meantime brings it back.
is_gone()
{
	wait_for "! lab_daemon_pid > /dev/null" 60
}

# reload - as install.sh and packages do it
reload()
{
	bash -c 'say() { :; }; warn() { echo "$*"; }; . "$1"; reload_daemons' reload \
		"$tests/../conf/setup.sh"
}

# --- found without a word

unset LIBVIRT_DEFAULT_URI
is "the daemon is virtqemud" "$(cat "/proc/$(lab_daemon_pid)/comm")" virtqemud
is "there is no libvirtd" "$(command -v libvirtd)$(compgen -G '/run/libvirt/libvirt-sock*')" ""
is "sockets have started it, for a while" \
	"$(tr '\0' ' ' < "/proc/$(lab_daemon_pid)/cmdline")" "/usr/sbin/virtqemud --timeout 120 "
define_domain win guest=stay
define_domain other tag=no guest=stay
win=$(uuid_of win)
record=$pending/$win
like "status" "$(busflip status)" $'\nwin '
ok "enable" busflip enable other
is "it is staged" "$(where other)" staged/sata
ok "stage --all" busflip stage --all
is "so is the one that had a tag" "$(where win)" staged/sata
like "check knows that virtqemud has found the hook" "$(busflip check win)" \
	'^hook +ok +/etc/libvirt/hooks/qemu'

# --- it goes, and comes back

stays 1
quietly virsh -q version
ok "without a guest the daemon ends" is_gone
ok "its socket is still there" [ -S /run/libvirt/virtqemud-sock ]
ok "virsh start brings it back" press win
is "the hook was run: a session on SATA, promoted" "$(where win)" trial/virtio
ok "it goes again" is_gone
like "status brings it back" "$(busflip status)" $'\nwin +trial '
ok "and again" is_gone
like "check brings it back, and it has found the hook" "$(busflip check win)" '^hook +ok '
ok "and again" is_gone
ok "stage --all brings it back" busflip stage --all

# --- it has gone when busflip does what its hook has promised

ok "a start on trial" virsh -q start win
wait_boot win 2
ok "it is watched" wait_for "watcher_of win > /dev/null" 30
daemon=$(lab_daemon_pid)
sleep 3
is "while a guest runs the daemon stays" "$(lab_daemon_pid)" "$daemon"
hold_settle win
quietly virsh -q shutdown win
ok "the guest ends" wait_for "is_off win" 60
ok "so does the daemon" is_gone
ok "a record of the work is there" [ -e "$record" ]
ok "so is what does it" pgrep -fx "busflip settle $win"
let_settle
ok "it brings the daemon back and does it" wait_for "[ ! -e '$record' ]" 60
is "this one is done" "$(where win)" "done/virtio"
same_as_original win "its definition is the user's"

# The same where nothing is left that would do it.
busflip rollback win > /dev/null
ok "another session" virsh -q start win
wait_boot win 3
hold_settle win
quietly virsh -q shutdown win
wait_for "is_off win" 60
kill_settle win
ok "daemon and work have gone" is_gone
ok "the record is there" [ -e "$record" ]
ok "stage --all, as the unit runs it" busflip stage --all
ok "has done it" [ ! -e "$record" ]
is "promoted" "$(where win)" trial/virtio

# --- a restart with a guest on trial

ok "a start on trial" virsh -q start win
wait_boot win 4
wait_for "watcher_of win > '$LAB/watcher'" 30
ok "the daemon is restarted" lab_daemon_restart
# Longer than from one look of the watcher to its next.
sleep 1
is "the guest goes on" "$(state_of win)" running
is "and is watched by the same process" "$(watcher_of win)" "$(cat "$LAB/watcher")"
virsh -q shutdown win
wait_off win
is "it comes to its end" "$(where win)" "done/virtio"

# --- killed, it is started again at once, and has forgotten how a session has ended

ok "a session on SATA" virsh -q start other
wait_boot other 1
lab_daemon_end KILL
ok "it comes back" is_running other
virsh -q shutdown other
wait_off other
is "the session counts" "$(where other)" trial/virtio

# --- a hook that comes while it runs

rm /etc/libvirt/hooks/qemu
rm -r /var/lib/busflip/session
stays 120
quietly virsh -q version
daemon=$(lab_daemon_pid)
install -m 755 "$BUSFLIP_BUILD/busflip-hook" /etc/libvirt/hooks/qemu
is "conf/setup.sh reloads it" "$(reload)" "    virtqemud: reloaded"
is "it is the same process" "$(lab_daemon_pid)" "$daemon"
ok "the hook is run" press other
is "to the end" "$(where other)" "done/virtio"
stays 1
is_gone
is "with none that runs there is nothing to be reloaded" "$(reload)" \
	"    no daemon is running; it will find the hook when it starts"
