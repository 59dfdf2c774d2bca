# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lib-check.sh - what busflip check finds wrong, and whether its cure is one

output=
cure=

# not_ok NAME ITEM TEXT CURE - that, and nothing else; the cure to $cure
not_ok()
{
	local found

	fails "$1: check" 1 busflip check "$1"
	found=$(grep -E '^[a-z-]+ +not ok ' <<< "$output")
	like "$1: what is wrong" "$found" "^$2 +not ok +$3\$"
	cure=$(sed -n '/^[a-z-]* *not ok/ { n; s/^ *cure: //p }' <<< "$output")
	like "$1: the cure" "$cure" "^$4\$"
}

# cured NAME COMMAND - after that, all is well
cured()
{
	ok "$1: the cure works" eval "$2"
	ok "$1: nothing is wrong then" busflip check "$1"
}
