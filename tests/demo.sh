#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# demo.sh - busflip's main job, step by step; run by "install.sh --demo" in a
# lab (lab.sh): a libvirt daemon of its own with the hook installed
#
# The guest is no Windows but a model of one (guest/windows/README.md), in a Linux: it
# owns an NTFS disk with a registry, looks there at each boot whether Windows would have
# loaded the driver of its disk's controller, and stops where Windows would stop.

set -uo pipefail

[ "${LAB:-}" ] || { echo "demo.sh: to be run by: tests/lab.sh run $0" >&2; exit 1; }
# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
# shellcheck source=tests/guest/windows/lib-windows.sh
. "${BASH_SOURCE[0]%/*}/guest/windows/lib-windows.sh"
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
	local word

	printf '   $'
	for word; do
		case $word in
		*[!a-zA-Z0-9/.:_-]*) printf " '%s'" "$word" ;;
		*) printf ' %s' "$word" ;;
		esac
	done
	echo
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

# guest_says REGEX - what the model prints at its start of what it found
guest_says()
{
	sed -nE "/^nt: ($1)/s/^nt: /   guest:   /p" "$LAB/$name.serial" | tr -d '\r'
}

# start_on BUS [END] - a plain virsh start; then wait until it is up there, or at END
start_on()
{
	: > "$LAB/$name.serial"
	show virsh start $name
	wait_for "said $name '${2:-^nt: user-mode done}' &&
		[ \"\$(bus_of_disk $name --live)\" = $1 ]" $windows_patience || exit 1
	libvirt_says --live
}

# shut_down - until it is off and busflip has looked at the disk
shut_down()
{
	show virsh shutdown $name
	wait_off $name || exit 1
}

# conditions - those of the way to VirtIO, of what busflip inspect prints
conditions()
{
	printf '   $ busflip inspect %s | sed -n "/^Conditions/,/^$/p"\n' $name
	busflip inspect $name | sed -n '/^Conditions/,/^$/{/^$/d;s/ *(SYSTEM.*)$//;s/^/     /p}'
}

cp "$windows_bin/vmlinux" "$windows_bin/initrd" "$LAB/" || exit 1

step "A Windows 10 as it comes from VMware: its disk hung on LSI, it has no VirtIO driver"
python3 "$tests/mkdriver.py" "$LAB/virtio-win/viostor/w10/amd64" viostor amd64 \
	62.93.104.26200 4608
printf '[busflip]\nvirtio_win = %s\n' "$LAB/virtio-win" > /etc/busflip.conf
sed 's/^/     \/etc\/busflip.conf: /' /etc/busflip.conf
windows_disk $name windows=10 origin=lsi fast=on
windows_domain $name
explain "(A model of Windows, in a Linux. No whole real Windows was run with busflip yet.)"
libvirt_says
check "bus as defined" "$(bus_of_disk $name)" virtio

step "Without busflip: straight on VirtIO"
start_on virtio '^nt: stop'
guest_says 'windows|match.*none|stop'
check "the blue screen" "$(guest_says stop | grep -o 'code=[^ ]*')" code=0x7B
explain "That is INACCESSIBLE_BOOT_DEVICE."
show virsh destroy $name

step "With busflip's tag: the first start comes up on SATA"
show virsh metadata $name urn:busflip:domain:1 --key busflip --config --set '<domain/>'
start_on sata
guest_says 'windows|match.*storahci|configured.*viostor|device.*viostor'
check "phase" "$(phase_of $name)" staged
explain "Before the guest ran, busflip put the driver and what the registry needs on its" \
	"disk. The disk hangs on SATA; beside it is the bait, a small VirtIO disk at the" \
	"address that the system disk has had and will have: for this device Windows has" \
	"set its driver up now." \
	"(Where systemd runs, the domain is moved as soon as it is tagged. Here its start" \
	"came first, so busflip took the guest down before it had booted, and started it" \
	"again.)"

step "A clean shutdown: busflip looks at the disk, and the definition goes back to VirtIO"
shut_down
libvirt_says
conditions
show busflip status $name
check "after the first session" "$(where $name)" trial/virtio

step "The second start: it comes up on VirtIO"
start_on virtio
guest_says 'windows|match.*viostor|device.*viostor'
explain "No bait any more; the system disk has its place."
wait_for "grep -q 'Windows writes to' '$LAB/log'" 60 || exit 1

step "A clean shutdown again: done"
shut_down
show busflip status $name
check "after the second session" "$(where $name)" "done/virtio"

step "Every further start: as if there were no busflip"
start_on virtio
shut_down
check "after the third session" "$(where $name)" "done/virtio"

step "What busflip has written to the system log"
sed -n 's/.*\(domain=.*\)/   \1/p' "$LAB/log" | sed 's/uuid=[^ ]* //'
echo
