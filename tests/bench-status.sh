#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# bench-status.sh [DOMAINS] - how long does status take for a large fleet?
#
# A real libvirtd has DOMAINS (10000) definitions, each tagged and in one of the phases.
# status is compared with the time that virsh needs to list them, and to print the XML of
# a hundredth of them. Reports the medians of 5 runs, their ratios, and whether status
# meets its goal of 2 seconds for 10000 domains; asserts no times. Then the same with a
# mock of libvirt that has the list in memory, which shows busflip's own share.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
busflip_required "$@"
trap - EXIT
domains=${1:-10000}
goal=2000	# ms, for 10000

define_domain win0
for phase in staged trial "done" held; do
	make_domain "$phase" image="$LAB/win0.img" metadata="<s:state xmlns:s='$state_uri'
		phase='$phase' attempts='1' since='2026-01-01T00:00:00Z' reason='a reason'>
		<s:disk target='vda' form='final' bus='virtio' origin='virtio'/></s:state>" \
		> "$LAB/tmp/one.xml"
	virsh -q define "$LAB/tmp/one.xml"
done
# As many files as libvirt would have written; a daemon reads them when it starts.
python3 - "$domains" <<'END'
import re, sys
count = int(sys.argv[1])
folder = "/etc/libvirt/qemu/"
one = [open(folder + name + ".xml").read() for name in ("staged", "trial", "done", "held")]
for i in range(4, count - 1):
    xml = one[i % 4]
    xml = re.sub("<name>.*?</name>", f"<name>win{i}</name>", xml)
    xml = re.sub("<uuid>.*?</uuid>", f"<uuid>6b1d0000-3a1c-4d2e-90ab-{i:012x}</uuid>", xml)
    with open(f"{folder}win{i}.xml", "w") as file:
        file.write(xml)
END
lab_daemon_restart || bail_out "the daemon does not start"

mkdir "$LAB/mock"
cp "$BUSFLIP_BUILD/tests/listed.so" "$LAB/mock/libvirt.so.0" || bail_out "no listed.so"
sed "s|<name>.*</name>|<name>NAME</name>|; s|<uuid>.*</uuid>|<uuid>UUID</uuid>|" \
	/etc/libvirt/qemu/staged.xml > "$LAB/mock.xml"

mocked()
{
	LISTED=$domains LISTED_XML=$LAB/mock.xml LD_LIBRARY_PATH=$LAB/mock busflip status
}

# times COMMAND... - milliseconds, the median of 5
times()
{
	local n begin

	for ((n = 0; n < 5; n++)); do
		begin=${EPOCHREALTIME/[^0-9]/}
		"$@" > "$LAB/tmp/out" || bail_out "$* failed"
		echo $(((${EPOCHREALTIME/[^0-9]/} - begin) / 1000))
	done | sort -n | sed -n 3p
}

hundredth()
{
	virsh list --all --name | head -n $((domains / 100)) | sed 's/^/dumpxml --inactive /' |
		virsh > /dev/null
}

list=$(times virsh -q list --all)
xml=$(times hundredth)
table=$(times busflip status)
rows=$(($(wc -l < "$LAB/tmp/out") - 1))
json=$(times busflip status --json)
mock=$(times mocked)
[ $(($(wc -l < "$LAB/tmp/out") - 1)) = "$domains" ] || bail_out "not all of the mock's"
printf '%d domains: status %d ms, %.1f times virsh list --all (%d ms); --json %d ms;\n' \
	"$rows" "$table" "$(awk "BEGIN { print $table / $list }")" "$list" "$json"
# verdict MILLISECONDS - is that within the goal?
verdict()
{
	if [ "$1" -lt "$goal" ]; then
		echo "under $((goal / 1000)) s: yes"
	else
		echo "under $((goal / 1000)) s: NO"
	fi
}

printf 'status of %d domains: %d.%03d s, %s; --json: %d.%03d s, %s%s\n' "$rows" \
	$((table / 1000)) $((table % 1000)) "$(verdict "$table")" \
	$((json / 1000)) $((json % 1000)) "$(verdict "$json")" \
	"$([ "$rows" = 10000 ] || echo ' (the goal is for 10000)')"
printf 'of that busflip itself, with a mock of the list: %d.%03d s, %s\n' \
	$((mock / 1000)) $((mock % 1000)) "$(verdict "$mock")"
printf 'virsh dumpxml of %d of them: %d ms\n' $((domains / 100)) "$xml"
[ "$rows" = "$domains" ] || bail_out "not all of them"
