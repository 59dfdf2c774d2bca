#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Domain XML that is hostile to busflip: guests start, the daemon survives, and no disk
# moves to a place that its definition did not name.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
busflip_required "$@"

tag="<busflip:domain xmlns:busflip='$tag_uri'/>"
state="busflip:state xmlns:busflip='$state_uri'"
long=$(printf '%070000d' 0)
nested=$(printf '<x xmlns="urn:x">%.0s' {1..150})$(printf '</x>%.0s' {1..150})
names=() metadata=()
case_of()
{
	names+=("$1")
	metadata+=("$2")
}

case_of "a tag with a wrong bus" "<busflip:domain xmlns:busflip='$tag_uri' bus='floppy'/>"
case_of "a tag with a huge disk" "<busflip:domain xmlns:busflip='$tag_uri' disk='$long'/>"
case_of "a tag with children" "<busflip:domain xmlns:busflip='$tag_uri'>$nested</busflip:domain>"
case_of "two tags" "$tag<b:domain xmlns:b='$tag_uri' disk='vdz'/>"
case_of "a disk that is not there" "<busflip:domain xmlns:busflip='$tag_uri' disk='vdz'/>"
case_of "a state without a phase" "$tag<$state/>"
case_of "a state of no known phase" "$tag<$state phase='flying' attempts='0'/>"
case_of "attempts that are no number" "$tag<$state phase='staged' attempts='-5'/>"
case_of "staged, it says, and names no disk" "$tag<$state phase='staged' attempts='0'/>"
case_of "on trial, it says" "$tag<$state phase='trial' attempts='0'><busflip:disk
	target='vda' form='final' bus='virtio' origin='virtio'/></busflip:state>"
case_of "staged, with another file to put back" "$tag<$state phase='staged' attempts='0'>
	<busflip:saved><busflip:attr on='source' name='file' value='/etc/shadow'/>
	<busflip:element on='disk' at='0'><source file='/etc/shadow'/></busflip:element>
	</busflip:saved><busflip:disk target='vda' form='staged' bus='virtio'
	origin='virtio'/></busflip:state>"
case_of "a huge reason" "$tag<$state phase='staged' attempts='0' reason='$long'/>"
plan $((${#names[@]} * 3 + 26))

for i in "${!names[@]}"; do
	name=evil$i
	if ! define_domain "$name" tag=no metadata="${metadata[i]}"; then
		continue
	fi
	busflip stage --all >/dev/null 2>&1
	ok "${names[i]}: it starts" virsh -q start "$name"
	wait_off "$name"
	is "${names[i]}: its disk is its own" \
		"$(virsh dumpxml --inactive "$name" | grep -o "source file='[^']*'" |
			grep -v "$bait" | sort -u)" "source file='$LAB/$name.img'"
	ok "${names[i]}: status can tell" busflip status "$name" --json
	virsh -q undefine "$name"
done

fails "XML that is none: the front hears of it" 1 \
	busflip event win prepare begin - < <(echo '<domain')
ok "the daemon has lived through it" kill -0 "$(cat "$LAB/libvirtd.pid")"

# A megabyte of somebody else's metadata.
big=$(printf '%01000000d' 0)
define_domain big metadata="<big xmlns='urn:big'>$big</big>"
ok "a domain of a megabyte is staged" busflip stage big
is "it is on SATA" "$(where big)" staged/sata
ok "its session" run_once big
is "counts" "$(where big)" trial/virtio
ok "so does its trial" run_once big
is "it is done" "$(where big)" "done/virtio"

# Who may define a domain chooses its name; root reads it on a terminal.
name=$'evil\302\23331mRED\342\200\256txt\342\201\246'
make_domain named image="$LAB/evil0.img" | sed "s|<name>named<|<name>$name<|" > "$LAB/named.xml"
quietly virsh -q define "$LAB/named.xml"
uuid=$(uuid_of "$name")
for command in "stage --all" "hold $uuid" "retry $uuid" "promote $uuid" "rollback $uuid" "status $uuid" \
	"check $uuid" "disable $uuid" "enable $uuid"; do
	# shellcheck disable=SC2086	# words
	busflip $command > "$LAB/said" 2>&1
	like "$command: has its name" "$(tr -d '\r' < "$LAB/said")" 'evil\?+31mRED\?+txt'
	ok "$command: and nothing that a terminal obeys" \
		test "$(LC_ALL=C grep -c $'\302\233\|\342\200\256\|\342\201\246' "$LAB/said")" = 0
done
