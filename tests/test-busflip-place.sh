#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A system disk that somebody has moved to another bus: its phase stays, its sessions do not
# count, everything says so, and there is a way out.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
busflip_required "$@"
# shellcheck source=tests/lib-edit.sh
. "$tests/lib-edit.sh"
plan 48

# moves NAME TARGET NEW-TARGET BUS - as virt-manager does it
moves()
{
	edit "$1" "d = disk('$2')
d.remove(d.find('address'))
d.find('target').set('dev', '$3')
d.find('target').set('bus', '$4')"
}

# does_not_count NAME PHASE BUS KIND - a session there says nothing about the phase, and all
# say so
does_not_count()
{
	local said="its system disk [a-z]+ is on $3, where busflip has not put it, but the domain is .*"

	said+="busflip stage $1 stages it again .* busflip disable $1 leaves the disk where it is"
	rm -f "$LAB/$1.serial"
	ok "$1: it starts and goes off" run_once "$1"
	is "$1: it booted from, and its phase stays" "$(boot_kind "$1")/$(where "$1")" "$4/$2/$3"
	like "$1: status says so" "$(busflip status "$1")" "Next: nothing by itself: $said"
	like "$1: what it waits for" "$(busflip status --json "$1")" '"waits_for":"busflip stage"'
	like "$1: inspect, too" "$(busflip inspect "$1" 2>/dev/null)" "Next: nothing by itself: $said"
	like "$1: and check" "$(busflip check "$1" 2>&1)" "definition +not ok .*$said"
	[ "$2" != "done" ] || return 0
	ok "$1: the log says so" logged "domain=$1 .*its session does not count: $said"
	for command in promote hold; do
		fails "$1: $command" 1 busflip $command "$1"
		like "$1: $command says why" "$output" "domain $1: $said"
	done
	is "$1: nothing has changed" "$(where "$1")" "$2/$3"
}

staged_domain ahead
moves ahead sda vda virtio
does_not_count ahead staged virtio virtio-blk
ok "ahead: stage" busflip stage ahead
is "ahead: puts it on SATA" "$(where ahead)/$(baits_of ahead)" staged/sata/1
ok "ahead: arrives" arrives ahead

staged_domain behind
quietly run_once behind
moves behind vda sda sata
does_not_count behind trial sata ahci
if watcher_of behind; then fail "behind: is not watched"; else pass "behind: is not watched"; fi
fails "behind: rollback" 0 busflip rollback behind
is "behind: has the bait again" "$(where behind)/$(baits_of behind)" staged/sata/1
ok "behind: arrives" arrives behind
moves behind vda sda sata
does_not_count behind "done" sata ahci
fails "behind: disable" 0 busflip disable behind
like "behind: says where the disk stays" "$output" "; tag and state are removed, the disk stays where it was moved to"
is "behind: that is on SATA" "$(where behind)" none/sata

# Whoever takes busflip out then has nothing of it left.
for name in first second; do
	staged_domain $name
	[ $name = first ] || quietly busflip promote $name
done
moves first sda vda virtio
moves second vda sda sata
for name in first second; do
	fails "$name: disable" 0 busflip disable $name
	is "$name: nothing is left" \
		"$(virsh dumpxml --inactive $name | grep -c busflip)/$(baits_of $name)/$(phase_of $name)" 0/0/none
done
is "the disks stay where they were moved to" "$(bus_of_disk first) $(bus_of_disk second)" "virtio sata"
staged_domain third
edit third "domain.find('metadata').find('{$state_uri}state').set('phase', 'bogus')"
fails "third: disable of a damaged state" 1 busflip disable third
fails "third: disable --force" 0 busflip disable --force third
is "third: leaves no bait" "$(where third)/$(baits_of third)" none/sata/0
