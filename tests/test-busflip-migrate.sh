#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Live migration between two hosts of a staged guest, one on trial and one that is done,
# with busflip on both hosts, and on only one. No bus changes during the migration, and the
# conversion continues on the destination. A guest that runs on the other host is not
# written to from this one. (ntsim does to the disk what Windows would do, see lib-kill.sh.)

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
busflip_required "$@"
# shellcheck source=tests/disklib.sh
. "${BASH_SOURCE[0]%/*}/disklib.sh"
disk_required
# shellcheck source=tests/lib-kill.sh
. "${BASH_SOURCE[0]%/*}/lib-kill.sh"
guest_required
# shellcheck source=tests/lib-hosts.sh
. "${BASH_SOURCE[0]%/*}/lib-hosts.sh"
plan 63

make_guest

second_host :

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
before=$(sha256sum < "$LAB/win.img")
ok "staged: a live migration" moves a b
is_there "staged" b running,staged,staged,sata
is "staged: the migration writes nothing" "$(sha256sum < "$LAB/win.img")" "$before"
ok "staged: Windows is shut down there" ends b
is "staged: goes on there" "$(phase_at b)" trial/virtio
ok "trial: it starts" starts b
before=$(sha256sum < "$LAB/win.img")
ok "trial: a live migration back" moves b a
is_there "trial" a running,trial,trial,virtio
is "trial: the migration writes nothing" "$(sha256sum < "$LAB/win.img")" "$before"
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

unlike "nobody complains that a guest went away" "$(cat "$LAB/log")" 'no longer watched'

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
quietly on b virsh -q undefine win

# --- the same disk on both, which runs there: without a lock manager of libvirt's it is
# QEMU's locks that the hook here sees, on files where locks reach the other host

cp "$LAB/old.img" "$LAB/win.img"
hook_on b no
hook_on a yes
quietly on b virsh -q define "$LAB/win.xml"
ok "runs elsewhere: it starts there" starts b
quietly virsh -q define "$LAB/win.xml"
quietly command busflip stage win
before=$(sha256sum < "$LAB/win.img")
: > "$LAB/log"
fails "runs elsewhere: it does not start here" 1 virsh start win
like "runs elsewhere: for QEMU's lock" "$output" 'Failed to get .*lock'
is "runs elsewhere: nothing was written to its disk" "$(sha256sum < "$LAB/win.img")" "$before"
like "runs elsewhere: the story says why" "$(command busflip status win)" \
	'starts with its disk as it is: .*/win.img: the image is in use by another process'
fails "runs elsewhere: nor by hand" 10 busflip patch win
like "runs elsewhere: which says why" "$output" 'probably a running guest'
