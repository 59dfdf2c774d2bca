#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A helper that the guest has taken over (hostile.py plays it): whatever it returns, it
# does not fill the host's storage, and nothing is written that is not a patch.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
# shellcheck source=tests/disklib.sh
. "${BASH_SOURCE[0]%/*}/disklib.sh"
disk_required
plan 180

image=$work/disk.raw output=''
truncate -s 1M "$work/old.raw"
mkdir "$work/as"

# hostile DOES COMMAND [OPTION...] - busflip with a helper that does that, on a new image
hostile()
{
	local does=$1 command=$2

	shift 2
	ln -sf "$tests/hostile.py" "$work/as/$does"
	cp --sparse=always "$work/old.raw" "$image"
	rm -rf "$state"
	busflip "$command" --format raw --helper "$work/as/$does" "$@" "$image"
}

# kept - the files of all backups that there are, finished or not
kept()
{
	find "$state" -path '*/image-*' -type f 2> /dev/null | wc -l
}

# refused DOES STATUS WORDS - nothing of it is written, neither to the image nor to the host
refused()
{
	fails "$1: patch fails" "$2" hostile "$1" patch
	like "$1: it is said why" "$output" "$image: .*$3"
	ok "$1: the image is as it was" cmp "$image" "$work/old.raw"
	is "$1: nothing is kept" "$(kept)" 0
}

# --- what an honest one does
ok "honest: patch" hostile honest patch
is "honest: it is written" "$(head -c 4096 "$image" | tr -d B | wc -c) $(wc -c < "$image")" "0 1048576"
is "honest: SYSTEM, its logs, and lines about them are kept" "$(kept)" 4

# --- its connection to the disk is there while busflip has one to write
for command in patch inspect; do
	is "write: $command: the disk that it gets can only be read" \
		"$(hostile write $command | head -n 1)" \
		"1 served, read-only, trim: refused, zeroes: refused, write: refused"
	ok "write: $command: the image is as it was" cmp "$image" "$work/old.raw"
done
fails "write-failing: patch fails" 1 hostile write-failing patch
ok "write-failing: the image is as it was" cmp "$image" "$work/old.raw"

# --- sizes
for section in text json reg evidence log1 log2; do
	refused large-$section 1 \
		"reply: .*: [0-9]+ bytes, which is more than [0-9]+; nothing was written"
done
refused large-runs 1 "reply: "
refused large-pages 1 "reply: "
refused hive 1 "reply: a hive of 536870912 bytes"
refused promised 1 "did not hand over the hive"
ok "largest: patch" hostile largest patch
is "largest: 128 MiB of SYSTEM, 32 of each log" \
	"$(cat "$state"/image-*/*/{SYSTEM,SYSTEM.LOG1,SYSTEM.LOG2} | wc -c)" $((192 * 1048576))

# --- memory beside that of the process
output=$(hostile memory patch)
is "no memory file grows beyond its limit" "$output" "grown: none"

# --- overlaps
for does in same within edge; do
	refused $does 1 "reply: .* and .* overlap; nothing was written"
done

# --- what is kept is described by lines
refused keys 1 "reply: control characters in the path of the hive; nothing was written"

# --- what comes after its answer has the same time

# late CALL N [DOES] - the time is over when busflip has done that for the N-th time
late()
{
	rm -f "$work/begun"
	LD_PRELOAD=$BUSFLIP_BUILD/tests/late.so LATE_AFTER="$1 $2" LATE_LOG=$work/begun \
		hostile "${3:-honest}" patch
}

# too_late WHAT CALL N [DOES]
too_late()
{
	fails "late, $1: patch fails" 38 late "${@:2}"
	like "late, $1: it is said why" "$output" \
		"(not read within )?the time limit of 30000 ms( is over)?; nothing was written"
	ok "late, $1: the image is as it was" cmp "$image" "$work/old.raw"
	is "late, $1: nothing is kept" "$(kept)" 0
	is "late, $1: no journal" "$(find "$state/journal" -type f 2> /dev/null | wc -l)" 0
	is "late, $1: nothing more was begun" "$(cat "$work/begun" 2>&1)" \
		"cat: $work/begun: No such file or directory"
}

too_late "a piece of SYSTEM is copied" sendfile 1 largest
too_late "SYSTEM is copied" sendfile 1
too_late "SYSTEM is durable" fdatasync 1
too_late "a log is copied" sendfile 2
too_late "a log is durable" fdatasync 2
too_late "the registry is kept" rename 1
ok "late, the journal is there: patch" late rename 2
is "it is finished" "$(head -c 4096 "$image" | tr -d B | wc -c)" 0
is "no journal is left" "$(find "$state/journal" -type f | wc -l)" 0
is "and what was before is kept" "$(kept)" 4

# --- JSON

for json in two-documents closed-early domain conditions next error escaped twice no-object \
	no-json no-utf8; do
	refused json-$json 1 "busflip-helper: JSON: .*; nothing was written"
	fails "json-$json: inspect fails" 1 hostile json-$json inspect --json
	like "json-$json: nothing else is printed" "$output" \
		"^busflip: $image: busflip-helper: JSON: [^{]*; nothing was written[^{]*$"
done
fails "a failure with such a report: inspect fails" 1 hostile failing inspect --json
unlike "and nothing of it is printed" "$output" forged
is "honest: its report is printed" "$(hostile honest inspect --json)" '{ "disk": { "size": 1 } }'
is "eager: so is that of one with a hive that nobody asked for" \
	"$(hostile eager inspect --json) $(kept)" '{ "disk": { "size": 1 } } 0'

# --- the log

said=$(hostile chatter patch 2>&1 >/dev/null)
is "chatter: 20 lines of it are passed on" "$(grep -c 'busflip-helper: x$' <<< "$said")" 20
is "chatter: and how many there were more" "$(grep -v 'busflip-helper: x$' <<< "$said")" \
	"busflip: $image: busflip-helper: ... and 4076 more"
