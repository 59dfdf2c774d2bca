# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lib-check.sh - checks the problems that busflip check reports, and that each cure works

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

# For tests with disks of Windows (disklib.sh), whose volume is $work/c.ntfs:

# windows_disk FILE TABLE [FORMAT] - bootable where that is possible
windows_disk()
{
	# shellcheck disable=SC2154	# lib.sh and disklib.sh set them
	"$tests/mkdisk.sh" -f raw -t "$2" "$1" "$work/c.ntfs"
	[ "$2" != mbr ] || boot_sectors "$1" off
	[ "${3:-raw}" = raw ] || { qemu-img convert -O "$3" "$1" "$1.new" && mv "$1.new" "$1"; }
}

# domain NAME [KEY=VALUE...] - without a tag, on the disk of win
domain()
{
	make_domain "$@" tag=no image="${image:-$LAB/win.img}" > "$LAB/$1.xml"
	quietly virsh -q define "$LAB/$1.xml"
}

# checks NAME STATUS - as text to $output and as JSON, each with that exit status;
# they agree
checks()
{
	fails "$1: check" "$2" busflip check "$1"
	busflip check --json "$1" > "$LAB/$1.json" 2> "$LAB/$1.err"
	is "$1: --json" $? "$2"
	ok "$1: is JSON, and says the same" agree "$LAB/$1.json" <(echo "$output")
}

# agree JSON TEXT - do both files say the same?
agree()
{
	python3 - "$@" <<'END'
import json, re, sys
doc = json.loads(open(sys.argv[1], "rb").read().decode("utf-8", "strict"))
text = open(sys.argv[2], errors="strict").read()
assert list(doc) == ["name", "uuid", "ok", "checks"], list(doc)
words = {True: "ok", False: "not ok", None: "not known"}
lines = []
for c in doc["checks"]:
    assert list(c) == ["name", "holds", "found", "cure"], c
    assert not (c["cure"] and c["holds"]), c
    lines.append("%-12s %-9s %s" % (c["name"], words[c["holds"]], c["found"]))
    if c["cure"]:
        lines.append("%23s%s" % ("cure: ", c["cure"]))
assert doc["ok"] == all(c["holds"] is not False for c in doc["checks"])
if doc["ok"]:
    lines.append("Nothing was found that would keep %s from starting." % doc["name"])
assert text.rstrip("\n").split("\n") == lines, (lines, text)
END
}
