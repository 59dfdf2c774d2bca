#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# install.sh and the units with systemd as the first process, on a host that host.sh boots:
# tagged domains are staged when they are defined, the processes of a hook outlive the
# daemon, and work that a crash of the host left undone is done at the next boot. With
# LAB_DAEMON=modular the daemon is virtqemud.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
before_crash=31 planned=46

if [ $# = 0 ]; then
	[ "$(id -u)" = 0 ] || skip_all "this test must be run by root"
	requires test -x /usr/lib/systemd/systemd
	requires systemctl --version
	[ "$LAB_DAEMON" != modular ] || requires "$tests/modular.sh" folder
	requires virsh --version
	requires qemu-system-x86_64 --version
	requires test -x "$BUSFLIP_BUILD/busflip"
	requires unshare --mount --pid --fork --ipc --uts --net --cgroup \
		mount -t cgroup2 cgroup /mnt
	"$tests/guest/build.sh" "$BUSFLIP_BUILD/guest" || bail_out "no guests"
	trap - EXIT
	exec unshare --mount --pid --fork --kill-child --mount-proc "$0" both
fi
if [ "$1" = both ]; then
	top=$(mktemp -d)
	cleanup_fn rmdir "$top"
	cleanup_fn umount -l "$top"
	echo "1..$planned"
	"$tests/host.sh" make "$top" || bail_out "no host"
	status=0
	for boot in first second; do
		"$tests/host.sh" boot "$top" /srv/busflip/tests/test-systemd.sh $boot || status=1
		# Somebody puts a domain there while the host is off.
		mv "$top/root/srv/lab/late.xml" "$top/root/etc/libvirt/qemu/" 2>/dev/null
	done
	exit $status
fi

# --- on the host

cd /srv/busflip || exit 1
cleanup_fn eval "journalctl -b --no-pager -o short-precise > $LAB/log"

is_up()
{
	[[ $(systemctl is-system-running 2>&1) =~ ^(running|degraded)$ ]]
}

# of UNIT PROPERTY
of()
{
	systemctl show -P "$2" "$1"
}

# stays SECONDS - how long the daemon stays without a guest, from its next start on
stays()
{
	local file

	file=$(of "$lab_daemon.service" EnvironmentFiles)
	file=${file%% *}
	mkdir -p "${file%/*}"
	echo "${lab_daemon^^}_ARGS=\"--timeout $1\"" > "$file"
	systemctl restart "$lab_daemon.service"
}

# footprint - all that an installation may put somewhere
footprint()
{
	find /etc /usr/local /var/lib /run -iname '*busflip*' | sort
}

is_gone()
{
	wait_for "[ \"\$(systemctl is-active $lab_daemon.service)\" = inactive ]" 60
}

# staged NAME...
staged()
{
	local name

	for name; do
		[ "$(where "$name")" = staged/sata ] || return
	done
}

# session_held NAME BOOT - a session of a guest that stays, whose end is not worked on
session_held()
{
	quietly virsh -q start "$1" && wait_boot "$1" "$2"
	hold_settle "$1"
	quietly virsh -q shutdown "$1" && wait_for "is_off '$1'" 60
}

first_boot()
{
	local daemon win

	tap_planned=$before_crash
	ok "systemd is up" wait_for is_up 120
	ok "the daemon answers" virsh -q version
	daemon=$(of "$lab_daemon.service" MainPID)
	is "it is $lab_daemon" "$(cat "/proc/$daemon/comm")" "$lab_daemon"
	define_domain early guest=stay

	footprint > "$LAB/before"
	ok "install.sh" ./install.sh
	is "the daemon goes on" "$(of "$lab_daemon.service" MainPID)" "$daemon"
	sed -i 's/^#evidence = .*/evidence = shutdown/' /etc/busflip.conf
	is "the path unit waits" "$(of busflip-stage.path SubState)" waiting
	is "it will at each boot" "$(systemctl is-enabled busflip-stage.path)" enabled
	is "so will the service run" "$(systemctl is-enabled busflip-stage.service)" enabled
	is "what was tagged before is staged" "$(where early)" staged/sata
	like "check finds the hook" "$(busflip check early)" '^hook +ok '

	define_domain win guest=stay
	win=$(uuid_of win)
	ok "a domain is staged when it is defined" wait_for "staged win" 60
	for n in 1 2 3 4 5 6; do
		define_domain many$n
	done
	ok "so are many in a row" wait_for "staged many{1..6}" 60
	wait_for "[ \"\$(of busflip-stage.path SubState)\" = waiting ]" 60
	is "the service has had no failure" "$(of busflip-stage.service Result)" success
	ok "virsh start" press win
	is "boots it on SATA" "$(boot_kind win)" ahci
	is "and it is promoted" "$(where win)" trial/virtio

	ok "a start on trial" virsh -q start win
	wait_boot win 2
	ok "is watched" wait_for "watcher_of win > '$LAB/watcher'" 30
	ok "the daemon is restarted" systemctl restart "$lab_daemon.service"
	sleep 1
	is "the guest goes on" "$(state_of win)" running
	is "and is watched by the same process" "$(watcher_of win)" "$(cat "$LAB/watcher")"
	virsh -q shutdown win
	wait_off win
	is "it comes to its end" "$(where win)" "done/virtio"

	stays 1
	ok "without a guest the daemon ends" is_gone
	is "its socket listens" "$(systemctl is-active "$lab_daemon.socket")" active
	ok "rollback brings it back" busflip rollback win
	session_held win 3
	ok "after a session it ends, before the work is done" is_gone
	ok "of which there is a record" [ -e "$pending/$win" ]
	ok "and a process" pgrep -fx "busflip settle $win"
	let_settle
	ok "that brings the daemon back and does it" wait_for "[ ! -e '$pending/$win' ]" 60
	is "promoted" "$(where win)" trial/virtio

	busflip rollback win > /dev/null
	session_held win 4
	kill_settle win
	ok "of another only a record is left when the host crashes" [ -e "$pending/$win" ]
	make_domain late uuid=11111111-2222-4333-8444-555555555555 > "$LAB/late.xml"
}

second_boot()
{
	local daemon win

	tap_count=$before_crash tap_planned=$planned
	ok "systemd is up again" wait_for is_up 120
	ok "nothing is left to do" wait_for "! compgen -G '$pending/*' > /dev/null" 60
	is "what the crash had left was done: promoted" "$(where win)" trial/virtio
	ok "a domain that came meanwhile is staged" wait_for "staged late" 60
	is "by the service" "$(of busflip-stage.service Result)" success
	is "the path unit waits" "$(of busflip-stage.path SubState)" waiting
	like "the service is done before guests are started" \
		"$(of busflip-stage.service Before)" libvirt-guests.service
	ok "the session on VirtIO" press win
	is "it comes to its end" "$(where win)" "done/virtio"

	fails "--uninstall refuses while domains are on their way" 1 ./install.sh --uninstall
	like "and names them" "$output" 'late \(staged\)'
	virsh -q list --all --name | while read -r name; do
		[ ! "$name" ] || quietly busflip disable "$name"
	done
	quietly virsh -q version
	ok "--uninstall" ./install.sh --uninstall
	is "the units are gone" "$(of busflip-stage.path LoadState) $(of busflip-stage.service LoadState)" \
		"not-found not-found"
	is "and so is the rest, but for the changed configuration" \
		"$(footprint | comm -13 "$LAB/before" -)" /etc/busflip.conf
	define_domain after
	virsh -q start after
	wait_for "is_off after" 60
	is "nothing happens to a tagged domain" "$(where after)" none/virtio
}

"${1}_boot"
