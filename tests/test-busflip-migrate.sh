#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Live migration between two hosts: a staged, a trial and a done guest, with busflip on
# both, and on one of them. Nothing flips on the way, and the cycle goes on at the other
# end. The second host is a libvirtd with mounts, a network and a name of its own.
# (ntsim does on the disk what Windows would do, see lib-kill.sh.)

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
busflip_required "$@"
# shellcheck source=tests/disklib.sh
. "${BASH_SOURCE[0]%/*}/disklib.sh"
disk_required
# shellcheck source=tests/lib-kill.sh
. "${BASH_SOURCE[0]%/*}/lib-kill.sh"
guest_required
plan 54

make_guest

# --- the second host ---

# Becomes the first process of the other host; /run/lab, where the disks are, and the
# programs are the same on both.
other_host()
{
	local dir

	for dir in /etc/libvirt /var/lib/libvirt /var/log/libvirt /var/cache/libvirt \
		/run/libvirt; do
		mkdir -p "$dir" "$LAB/b$dir"
		cp -a "$dir/." "$LAB/b$dir/" 2> /dev/null
		mount --bind "$LAB/b$dir" "$dir"
	done
	# No sockets, guests or notes of the first one.
	find /run/libvirt /etc/libvirt/qemu -mindepth 1 -delete 2> /dev/null
	mkdir -p "$LAB/b/busflip"
	cp "$bait" "$LAB/b/busflip/"
	mount --bind "$LAB/b/busflip" /var/lib/busflip
	mkdir -p /run/busflip "$LAB/b/run"
	mount --bind "$LAB/b/run" /run/busflip
	echo 'host_uuid = "bbbbbbbb-1111-4222-8333-444444444444"' >> /etc/libvirt/libvirtd.conf
	sed -i 's|libvirtd.log|libvirtd-b.log|' /etc/libvirt/libvirtd.conf
	echo 'stdio_handler = "file"' >> /etc/libvirt/qemu.conf
	ip link set lo up
	hostname host-b
	echo $$ > "$LAB/b/pid"
	until [ -e "$LAB/b/net" ]; do sleep 0.02; done
	exec libvirtd -p "$LAB/b/libvirtd.pid"
}

mkdir -p "$LAB/b"
export -f other_host
unshare --mount --net --uts bash -c "LAB=$LAB bait=$bait; other_host" > "$LAB/b/out" 2>&1 &
wait_for "[ -s $LAB/b/pid ]" 20 || bail_out "no second host: $(cat "$LAB/b/out")"
b_pid=$(cat "$LAB/b/pid")
cleanup_fn kill "$b_pid"
ip link add a-b type veth peer name b-a netns "$b_pid"
ip addr add 10.99.0.1/30 dev a-b
ip link set a-b up
nsenter -t "$b_pid" -n ip addr add 10.99.0.2/30 dev b-a
nsenter -t "$b_pid" -n ip link set b-a up
: > "$LAB/b/net"
b_uri="qemu+unix:///system?socket=/proc/$b_pid/root/run/libvirt/libvirt-sock"

# on HOST COMMAND... - the functions of lib.sh look at that host
on()
{
	local uri=qemu:///system

	[ "$1" = a ] || uri=$b_uri
	shift
	LIBVIRT_DEFAULT_URI=$uri "$@"
}
wait_for 'on b virsh -q version > /dev/null 2>&1' 20 || bail_out "$(cat "$LAB/b/out")"

# hook_on a|b yes|no - busflip is there, or not
hook_on()
{
	local dir=/etc/libvirt/hooks

	[ "$1" = a ] || dir=$LAB/b/etc/libvirt/hooks
	case $2 in
	yes) install -m 755 "$BUSFLIP_BUILD/busflip-hook" "$dir/qemu" ;;
	no) rm -f "$dir/qemu" ;;
	esac
	# Whether there is one is cached.
	if [ "$1" = a ]; then
		quietly lab_daemon_restart
	else
		kill -HUP "$(cat "$LAB/b/libvirtd.pid")"
	fi
}

# moves FROM TO - live, with its definition
moves()
{
	local to=$b_uri address=10.99.0.2

	[ "$2" = b ] || to=qemu:///system address=10.99.0.1
	on "$1" timeout 60 virsh -q migrate --live --persistent --undefinesource --unsafe \
		--migrateuri "tcp://$address" win "$to"
}

# there HOST - its phase there, as defined and as it runs, and the bus that it runs on
there()
{
	on "$1" virsh -q dumpxml win > "$LAB/live.xml"
	on "$1" virsh -q dumpxml --inactive win > "$LAB/defined.xml"
	echo "$(on "$1" virsh -q domstate win),$(phase_in defined),$(phase_in live),$(bus_in live)"
}

phase_in()
{
	xmllint --xpath 'string(//*[local-name()="state"]/@phase)' "$LAB/$1.xml"
}

bus_in()
{
	xmllint --xpath "string(//disk[source/@file='$LAB/win.img']/target/@bus)" "$LAB/$1.xml"
}

# work_left - that a hook on either host has promised
work_left()
{
	find $pending "$LAB/b/busflip/pending" -type f 2> /dev/null
}

# is_there NAME HOST WANTED - and nothing is left of it at the other end
is_there()
{
	local other=a

	[ "$2" = b ] || other=b
	is "$1: there" "$(there "$2")" "$3"
	is "$1: and not here any more" "$(on $other virsh -q list --all --name)" ''
	is "$1: no work is left" "$(work_left)" ''
}

# starts HOST - and Windows runs there
starts()
{
	: > "$LAB/win.serial"
	quietly on "$1" virsh -q start win && wait_boot win 1
}

# ends HOST - Windows has run since, and shuts down
ends()
{
	windows_runs || bail_out "Windows does not run: $(cat "$LAB/said")"
	quietly on "$1" virsh -q shutdown win
	wait_for "[ \"\$(on $1 virsh -q domstate win)\" = 'shut off' ]" 30 &&
		wait_for "[ ! \"\$(work_left)\" ]" 20
}

phase_at()
{
	on "$1" virsh -q dumpxml --inactive win > "$LAB/defined.xml"
	echo "$(phase_in defined)/$(bus_in defined)"
}

# --- busflip on both ---

cp "$LAB/old.img" "$LAB/win.img"
make_domain win uuid=$uuid machine=pc panic='' image="$LAB/win.img" guest=stay > "$LAB/win.xml"
quietly virsh -q define "$LAB/win.xml"
quietly command busflip stage win
hook_on b yes
ok "staged: it starts" starts a
ok "staged: a live migration" moves a b
is_there "staged" b running,staged,staged,sata
ok "staged: Windows is shut down there" ends b
is "staged: goes on there" "$(phase_at b)" trial/virtio
ok "trial: it starts" starts b
ok "trial: a live migration back" moves b a
is_there "trial" a running,trial,trial,virtio
ok "trial: Windows is shut down here" ends a
is "trial: minutes do not tell this session from the one before" "$(phase_at a)" trial/virtio
ok "trial: another session, all of it here" starts a
ok "trial: and its end" ends a
is "trial: done" "$(phase_at a)" done/virtio
ok "done: it starts" starts a
ok "done: a live migration" moves a b
is_there "done" b running,done,done,virtio
ok "done: its end" ends b
is "done: stays" "$(phase_at b)" done/virtio
quietly on b virsh -q undefine win

# --- busflip on the source only: nothing happens at the other end

new_way()
{
	cp "$LAB/old.img" "$LAB/win.img"
	quietly virsh -q define "$LAB/win.xml"
	quietly command busflip stage win
}

hook_on b no
new_way
ok "source only, staged: it starts" starts a
ok "source only, staged: a live migration" moves a b
is_there "source only, staged" b running,staged,staged,sata
ok "source only, staged: Windows is shut down there" ends b
is "source only, staged: stays as it is" "$(phase_at b)" staged/sata
ok "source only, staged: it starts there" starts b
ok "source only, staged: and comes back" moves b a
is_there "source only, staged, back" a running,staged,staged,sata
ok "source only, staged: Windows is shut down here" ends a
is "source only, staged: goes on here" "$(phase_at a)" trial/virtio
ok "source only, trial: it starts" starts a
ok "source only, trial: a live migration" moves a b
is_there "source only, trial" b running,trial,trial,virtio
ok "source only, trial: its end there" ends b
is "source only, trial: stays as it is" "$(phase_at b)" trial/virtio
quietly on b virsh -q undefine win

unlike "nobody complains that a guest went away" "$(cat "$LAB/log")" 'not watched any more'

# --- busflip at the other end only

new_way
hook_on a no
hook_on b yes
# Nobody makes Windows ready here before it starts.
ok "target only: a patch by hand" command busflip patch win
ok "target only: it starts" starts a
ok "target only: a live migration" moves a b
is_there "target only" b running,staged,staged,sata
ok "target only: Windows is shut down there" ends b
is "target only: goes on there" "$(phase_at b)" trial/virtio
