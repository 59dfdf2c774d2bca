#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# demo.sh - one conversion, step by step; run by "install.sh --demo" in a lab (lab.sh),
# which has its own libvirt daemon with the hook installed
#
# The guest is not Windows but a model of it (guest/windows/README.md), in a Linux. It owns
# an NTFS disk with a registry, determines from it at each boot whether Windows would have
# loaded the driver for its disk's controller, and stops where Windows would stop.

set -uo pipefail

[ "${LAB:-}" ] || { echo "demo.sh: must be run in a lab: tests/lab.sh run $0" >&2; exit 1; }
# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
# shellcheck source=tests/guest/windows/lib-windows.sh
. "${BASH_SOURCE[0]%/*}/guest/windows/lib-windows.sh"
trap - EXIT	# the demo counts no assertions

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

# show COMMAND [ARG...] - print it as a user would type it, then its output
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

# check WHAT SEEN WANTED - fail if what this script explains is not true
check()
{
	[ "$2" = "$3" ] && return
	echo "demo.sh: $1 is $2, but should be $3" >&2
	exit 1
}

name=imported-guest

# libvirt_says [--live] - print every disk of the definition, or of the running guest
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

# guest_says REGEX - print the matching lines of what the model reported at its start
guest_says()
{
	sed -nE "/^nt: ($1)/s/^nt: /   guest:   /p" "$LAB/$name.serial" | tr -d '\r'
}

# start_on BUS [END] - run virsh start, and wait until the guest is up on BUS, or prints END
start_on()
{
	: > "$LAB/$name.serial"
	show virsh start $name
	wait_for "said $name '${2:-^nt: user-mode done}' &&
		[ \"\$(bus_of_disk $name --live)\" = $1 ]" $windows_patience || exit 1
	libvirt_says --live
}

# shut_down - wait until the guest is off and busflip has checked the disk
shut_down()
{
	show virsh shutdown $name
	wait_off $name || exit 1
}

# conditions - print the conditions for VirtIO from the output of busflip inspect
conditions()
{
	printf '   $ busflip inspect %s | sed -n "/^Conditions/,/^$/p"\n' $name
	busflip inspect $name | sed -n '/^Conditions/,/^$/{/^$/d;s/ *(SYSTEM.*)$//;s/^/     /p}'
}

cp "$windows_bin/vmlinux" "$windows_bin/initrd" "$LAB/" || exit 1

step "A Windows 10 imported from VMware: its disk was on LSI SAS, it has no VirtIO driver"
python3 "$tests/mkdriver.py" "$LAB/virtio-win/viostor/w10/amd64" viostor amd64 \
	62.93.104.26200 4608
printf '[busflip]\nvirtio_win = %s\n' "$LAB/virtio-win" > /etc/busflip.conf
sed 's/^/     \/etc\/busflip.conf: /' /etc/busflip.conf
windows_disk $name windows=10 origin=lsi fast=on
windows_domain $name
explain "(A model of Windows, in a Linux. No whole real Windows has been run with busflip yet.)"
libvirt_says
check "the bus of the definition" "$(bus_of_disk $name)" virtio

step "Without busflip: the first start from VirtIO fails"
start_on virtio '^nt: stop'
guest_says 'windows|match.*none|stop'
check "the stop code" "$(guest_says stop | grep -o 'code=[^ ]*')" code=0x7B
explain "0x7B is INACCESSIBLE_BOOT_DEVICE."
show virsh destroy $name

step "With busflip's tag: the first start boots from SATA"
show virsh metadata $name urn:busflip:domain:1 --key busflip --config --set '<domain/>'
start_on sata
guest_says 'windows|match.*storahci|configured.*viostor|device.*viostor'
check "the phase" "$(phase_of $name)" staged
explain "Before the guest ran, busflip wrote the driver to its disk and the required entries to" \
	"its registry. The disk is on SATA. A second disk, the bait, is a small VirtIO disk at" \
	"the PCI address that the system disk had and will have again. For this device Windows" \
	"has just configured its VirtIO driver." \
	"(Where systemd runs, the domain is staged as soon as it is tagged. Here it was started" \
	"first, so busflip destroyed the guest before it had booted, and started it again.)"

step "A clean shutdown: busflip checks the disk, and moves the definition back to VirtIO"
shut_down
libvirt_says
conditions
show busflip status $name
check "phase and bus after the first session" "$(where $name)" trial/virtio

step "The second start boots from VirtIO"
start_on virtio
guest_says 'windows|match.*viostor|device.*viostor'
explain "The bait is gone, and the system disk has its PCI address."
wait_for "grep -q 'Windows writes to' '$LAB/log'" 60 || exit 1

step "Another clean shutdown: the conversion is done"
shut_down
show busflip status $name
check "phase and bus after the second session" "$(where $name)" "done/virtio"

step "Every further start works as without busflip"
start_on virtio
shut_down
check "phase and bus after the third session" "$(where $name)" "done/virtio"

step "What busflip wrote to the system log"
sed -n 's/.*\(domain=.*\)/   \1/p' "$LAB/log" | sed 's/uuid=[^ ]* //'
echo
