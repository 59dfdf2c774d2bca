#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The process that watches a trial destroys a guest that has written nothing in time. It
# destroys only that guest: not one whose trial a command or an edit has ended while it
# runs, and not one that writes to another of its disks.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
busflip_required "$@"
plan 43

printf '[busflip]\nevidence = shutdown\ntrial_timeout = 5\n' > /etc/busflip.conf

# on_trial NAME [KEY=VALUE...] - started, on VirtIO, but paused: that is not counted
on_trial()
{
	staged_domain "$@"
	quietly busflip promote "$1"
	quietly virsh -q start --paused "$1"
}

# watchers NAME - how many processes watch it
watchers()
{
	watcher_of "$1" | wc -l
}

for name in alone disabled held back untagged other; do
	on_trial "$name" guest=stay
done
for name in alone disabled held back untagged other; do
	ok "$name: it is watched" wait_for "[ \$(watchers $name) = 1 ]" 30
done
sleep 2
ids=$(virsh -q list | awk '$2 != "alone" { print $2, $1 }' | sort)
fails "a command in the meantime: disable" 0 busflip disable disabled
fails "hold" 0 busflip hold held
fails "rollback" 0 busflip rollback back
ok "or the tag is taken out by hand" virsh -q metadata untagged --uri urn:busflip:domain:1 --remove --config
fails "or another trial begins: rollback" 0 busflip rollback other
sleep 1
fails "and promote" 0 busflip promote other

# Without its hook nobody would start it again.
on_trial unhooked guest=stay
# It boots from its second disk, and writes there.
data_disk second vdb virtio "<boot order='1'/>" > "$LAB/second.xml"
make_image "$LAB/second.img" write raw
on_trial writes tag='disk="vda"' boot='' disk="<boot order='2'/>" devices="$(cat "$LAB/second.xml")"
quietly virsh -q resume unhooked
mv /etc/libvirt/hooks/qemu "$LAB/hook"
ok "the hook is gone in time: told" \
	wait_for "logged \"domain=unhooked .*Windows is not running; busflip's hook is gone, so it is left as it is\"" 30
mv "$LAB/hook" /etc/libvirt/hooks/qemu
is "and left" "$(where unhooked)/$(state_of unhooked)" trial/virtio/running
quietly virsh -q destroy unhooked
for name in alone disabled held back untagged other writes; do
	quietly virsh -q resume "$name"
done

ok "nothing is written in time: it is taken down and started again" \
	wait_for 'logged "domain=alone .*started again, on SATA"' 30
# shellcheck disable=SC2016	# for wait_for
ok "on SATA" wait_for '[ "$(where alone)/$(state_of alone)" = staged/sata/running ]' 30
like "why" "$(busflip status alone)" \
	'nothing was written to vda within 5 s on VirtIO: Windows is not running; it is destroyed, to be started on SATA'
for name in disabled held back untagged other; do
	ok "$name: nobody watches it any more" wait_for "[ \$(watchers $name) = 0 ]" 30
	is "$name: it runs" "$(state_of $name)" running
	unlike "$name: nobody says that Windows is not up" "$(grep "domain=$name " "$LAB/log")" 'was written'
done
is "all of them without a break" \
	"$(virsh -q list | awk '$2 != "alone" && $2 != "writes" { print $2, $1 }' | sort)" "$ids"
is "what was asked for came about" "$(where disabled) $(where held) $(where back)" \
	"none/virtio held/sata staged/sata"
ok "it writes elsewhere: told" wait_for 'logged "domain=writes .*only 0 writes to vda within 5 s"' 30
# shellcheck disable=SC2016	# for wait_for
ok "nobody watches it any more" wait_for '[ "$(watchers writes)" = 0 ]' 30
is "and left alone" "$(where writes)/$(state_of writes)" trial/virtio/running
ok "though it wrote much there" test "$(virsh domblkstat writes vdb | sed -n 's/.*wr_req //p')" -gt 50

# The end of a session whose way was ended: nothing to do, and so no error.
for name in disabled held untagged; do
	quietly virsh -q shutdown "$name"
	ok "$name: off" wait_off "$name"
done
is "where they were" "$(where disabled) $(where held)" "none/virtio held/sata"
is "no error" "$(grep '<27>' "$LAB/log")" ""
