#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# demo.sh - busflip's main job, step by step; run by "install.sh --demo" in a
# lab (lab.sh): a libvirt daemon of its own with the hook installed
#
# The guest is no Windows but four sectors of code: it says on its serial port
# which disk controllers it sees and from which it was booted, and switches
# itself off when its power button is pressed. busflip can't tell the
# difference: it works on the definition and goes by how a session ended.

set -uo pipefail

[ "${LAB:-}" ] || { echo "demo.sh: to be run by: tests/lab.sh run $0" >&2; exit 1; }
# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
trap - EXIT	# it counts no assertions

step=0
step()
{
	step=$((step + 1))
	printf '\n%d. %s\n' $step "$1"
}

explain()
{
	printf '   %s\n' "$@"
}

# show COMMAND [ARG...] - as a user would type it, with what it prints
show()
{
	printf '   $ %s\n' "$*"
	"$@" 2>&1 | sed '/^$/d; s/^/     /' || exit 1
}

# check WHAT SEEN WANTED - what is told here has to be so
check()
{
	[ "$2" = "$3" ] && return
	echo "demo.sh: $1: $2, but should be $3" >&2
	exit 1
}

name=imported-guest

# libvirt_says [--live] - every disk of the definition, or of the running guest
libvirt_says()
{
	local n disk address

	n=$(xpath $name 'count(//devices/disk)' "${1:-}")
	for ((; n > 0; n--)); do
		disk="//devices/disk[last() - $n + 1]"
		address=$(xpath $name "concat(substring($disk/address[@type='pci']/@bus, 3), ':',
			substring($disk/address[@type='pci']/@slot, 3), '.',
			substring($disk/address[@type='pci']/@function, 3))" "${1:-}")
		printf '   libvirt: disk %s on %s%s%s\n' \
			"$(xpath $name "string($disk/target/@dev)" "${1:-}")" \
			"$(xpath $name "string($disk/target/@bus)" "${1:-}")" \
			"$([ "$address" = :. ] || echo ", PCI $address")" \
			"$(xpath $name "string($disk/serial)" "${1:-}" | sed 's/.*bait.*/, the bait/')"
	done
}

# The line is: "guest stay: disks N, boot ADDRESS", then what it sees, each with
# PCI address, ids, class and kind.
guest_says()
{
	explain "guest:   booted from $(boot_kind $name); on its PCI bus:$(guest_line $name |
		sed 's/.*, boot [^,]*,//; s/ 0[0-9]*\( [a-z]\)/\1/g')"
}

# start_on BUS KIND - a plain virsh start; then wait until it has booted there
start_on()
{
	local before

	before=$(guest_boots $name)
	show virsh start $name
	wait_for "[ \"\$(bus_of_disk $name --live)\" = $1 ] &&
		[ \"\$(guest_boots $name)\" -gt ${before:-0} ] &&
		[ \"\$(boot_kind $name)\" = $2 ]" 20 || exit 1
	libvirt_says --live
	guest_says
}

shut_down()
{
	show virsh shutdown $name
	wait_off $name || exit 1
}

"$tests/guest/build.sh" "$BUSFLIP_BUILD/guest" || exit 1

step "A domain as an import leaves it: the system disk on VirtIO, and busflip's tag"
make_domain $name guest=stay > "$LAB/$name.xml"
grep busflip "$LAB/$name.xml" | sed 's/^ */     /'
show virsh define "$LAB/$name.xml"
libvirt_says
check "bus as defined" "$(bus_of_disk $name)" virtio
explain "Windows would stop here with INACCESSIBLE_BOOT_DEVICE: it has no VirtIO driver" \
	"that is set up to boot from."

step "The first start: it comes up on SATA"
start_on sata ahci
check "phase" "$(phase_of $name)" staged
explain "The disk that it booted from hangs on ahci, that is SATA. Beside it is the bait," \
	"a small VirtIO disk at the address that the system disk has had and will have:" \
	"for this device Windows sets its driver up now." \
	"(Where systemd runs, the domain is moved as soon as it is defined. Here its start" \
	"came first, so busflip took the guest down before it had booted, and started it" \
	"again.)"

step "A clean shutdown: the definition goes back to VirtIO"
shut_down
libvirt_says
show busflip status $name
check "after the first session" "$(where $name)" trial/virtio

step "The second start: it comes up on VirtIO"
start_on virtio virtio-blk
explain "No bait any more; the system disk has its place."

step "A clean shutdown again: done"
shut_down
show busflip status $name
check "after the second session" "$(where $name)" "done/virtio"

step "Every further start: as if there were no busflip"
start_on virtio virtio-blk
shut_down
check "after the third session" "$(where $name)" "done/virtio"

step "What busflip has written to the system log"
sed -n 's/.*\(domain=.*\)/   \1/p' "$LAB/log" | sed 's/uuid=[^ ]* //'
echo
