#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# bench-start.sh [ROUNDS] - how much longer does a start take with busflip?
#
# Each round uses a freshly imported disk with a Windows of realistic size. Measured are
# four starts: without a tag; tagged and staged, where the first start prepares Windows;
# the start after that, with nothing left to do; and tagged but not staged, where busflip
# destroys the guest and starts it again behind the user's back. The time runs from "virsh
# start" until QEMU is running, for the last one in its staged form. Reports the medians of
# ROUNDS (10) and their ratios; asserts no times.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
# shellcheck source=tests/disklib.sh
. "${BASH_SOURCE[0]%/*}/disklib.sh"
busflip_required "$@"
trap - EXIT
disk_required
rounds=${1:-10}

make_parts
hive="a real hive of Windows 10"
if real_hive win10-1903-vmware-lsi.SYSTEM "$work/SYSTEM"; then
	clean_hive "$work/SYSTEM"
else
	hive="a small made-up hive"
fi
printf '[busflip]\nvirtio_win = %s\n' "$work/vw" > /etc/busflip.conf
make_windows "$work/c.ntfs" $((300 * 1048576))
"$tests/mkdisk.sh" "$work/old.qcow2" "$work/c.ntfs"

# imported NAME TAG - a domain with that disk
imported()
{
	cp --sparse=always "$work/old.qcow2" "$LAB/$1.qcow2"
	make_domain "$1" image="$LAB/$1.qcow2" format=qcow2 tag="$2" > "$LAB/$1.xml"
	quietly virsh -q define "$LAB/$1.xml"
	sync "$LAB/$1.qcow2"
}

# timed WHAT NAME [CONDITION] - start it; until CONDITION, too
timed()
{
	local begin=${EPOCHREALTIME/[^0-9]/}

	virsh -q start "$2" || bail_out "$2 does not start"
	while [ "${3:-}" ] && ! eval "$3"; do
		sleep 0.01
	done
	echo "$(((${EPOCHREALTIME/[^0-9]/} - begin) / 1000))" >> "$LAB/tmp/$1"
	quietly virsh -q destroy "$2"
	wait_off "$2"
}

for ((i = 1; i <= rounds; i++)); do
	imported "plain$i" no
	timed plain "plain$i"
	imported "staged$i" yes
	quietly command busflip stage "staged$i"
	timed first "staged$i"
	timed again "staged$i"
	imported "late$i" yes
	timed late "late$i" "virsh -q dumpxml late$i | grep -q 'bus=.sata' && virsh -q domstate late$i | grep -q running"
	for name in plain staged late; do
		virsh -q undefine "$name$i"
		rm -f "$LAB/$name$i.qcow2"
	done
done

# median FILE
median()
{
	sort -n "$LAB/tmp/$1" | awk '{ t[NR] = $1 } END { print (t[int((NR + 1) / 2)] + t[int(NR / 2) + 1]) / 2 }'
}

plain=$(median plain)
echo "virsh start of a domain with $hive, medians of $rounds, times of the same domain without a tag ($plain ms):"
for way in "first:first start, staged: Windows is made ready" "again:once more: it is ready" \
	"late:started before it was staged: taken down and started again"; do
	awk -v ms="$(median "${way%%:*}")" -v plain="$plain" -v what="${way#*:}" \
		'BEGIN { printf "%-62s %5.2f (%d ms)\n", what, ms / plain, ms }'
done
