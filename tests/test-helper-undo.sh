#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What is backed up and how undo uses it; what a dry run reports and leaves unchanged.
#
# The disk is a volume without a partition table, so that mkvol can act as Windows and
# write to it between runs.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
# shellcheck source=tests/disklib.sh
. "${BASH_SOURCE[0]%/*}/disklib.sh"
disk_required
killer=$BUSFLIP_BUILD/tests/killer.so
[ -e "$killer" ] || bail_out "killer.so is not built"
plan 60

hive=Windows/System32/config/SYSTEM
driver=Windows/System32/drivers/viostor.sys
image=$work/disk.raw output=''
make_windows "$work/old.raw" 64M

fresh()
{
	rm -rf "$state"
	cp --sparse=always "$work/old.raw" "$image"
}

patch()
{
	busflip patch --format raw --virtio-win "$work/vw" "$image" "$@"
}

# Its arguments go by way of fails and ok.
# shellcheck disable=SC2120
undo()
{
	busflip undo --format raw "$image" "$@"
}

# windows_writes NUMBER - as a Windows that has run in between
windows_writes()
{
	cat_file "$image" $hive > "$work/hive"
	hivexregedit --merge --prefix 'HKEY_LOCAL_MACHINE\SYSTEM' "$work/hive" <<-END
	Windows Registry Editor Version 5.00

	[HKEY_LOCAL_MACHINE\\SYSTEM\\ControlSet001\\Control\\Windows]
	"ShutdownTime"=dword:0000000$1

	[HKEY_LOCAL_MACHINE\\SYSTEM\\ControlSet001\\Control\\CrashControl]
	"AutoReboot"=dword:00000001
	END
	"$mkvol" "$image" rm $hive put $hive "$work/hive" || bail_out "mkvol"
}

# sum - of the hive, to the byte
sum()
{
	sum_file "$image" $hive
}

# export_hive FILE - what is in it, by somebody else
export_hive()
{
	cat_file "$image" $hive > "$work/hive"
	hivexregedit --export --prefix 'HKEY_LOCAL_MACHINE\SYSTEM' "$work/hive" "\\" > "$1"
}

# kept - how many
kept()
{
	find "$state" -name patch.info | wc -l
}

# touch_old - to be asked afterwards: unchanged NAME
touch_old()
{
	touch -d '2020-01-01 00:00:00.123456789' "$image"
	cp -p --sparse=always "$image" "$work/before"
}

unchanged()
{
	ok "$1: not a byte is written" cmp "$image" "$work/before"
	is "$1: nor its time" "$(stat -c %y "$image")" "$(stat -c %y "$work/before")"
}

is_json()
{
	python3 -m json.tool < "$1"
}

# --- a dry run ---
fresh
touch_old
export_hive "$work/before.reg"
ok "dry run" patch --dry-run
unchanged "dry run"
ok "dry run: nothing is kept" test ! -e "$state"
patch --dry-run > "$work/edits.reg"
patch --dry-run --json > "$work/edits.json"
busflip inspect --format raw --json "$image" > "$work/inspect.json"
unchanged "dry runs and inspect"
ok "inspect --json is JSON" is_json "$work/inspect.json"
ok "patch --dry-run --json is JSON" is_json "$work/edits.json"
ok "and has the edits of the .reg text" "$tests/regtext.py" json "$work/edits.reg" \
	"$work/edits.json"
patch --json > "$work/patch.json"
ok "patch --json is JSON" is_json "$work/patch.json"
ok "and has the same edits" "$tests/regtext.py" json "$work/edits.reg" "$work/patch.json"
export_hive "$work/after.reg"
ok "they are what was done" "$tests/regtext.py" export "$work/before.reg" "$work/edits.reg" \
	"$work/after.reg"

# --- a power cut at any moment: what must be on the host's disk by when ---
fresh
mkdir "$state"
chmod 700 "$state"
LD_PRELOAD=$killer KILLER_LOG=$work/calls patch > "$work/out" 2>&1
is "what is kept is durable before the first write to the image, and the image before \
the journal goes" "$(python3 - "$work/calls" "$state"/image-*/2* <<'END'
import os, re, sys
calls = open(sys.argv[1]).read().splitlines()
def first(pattern, after=-1):
    found = [i for i, c in enumerate(calls) if i > after and re.search(pattern, c)]
    if not found:
        print("no", pattern)
    return found[0] if found else len(calls)
write = first("^write")
name = first(r"^rename .*/\d{8}T")
if set(os.listdir(sys.argv[2])) - {"SYSTEM.LOG1", "SYSTEM.LOG2"} != {"SYSTEM", "patch.info"}:
    print("kept:", *os.listdir(sys.argv[2]))
for file in os.listdir(sys.argv[2]):
    if first("^fdatasync .*/.new-[^/]*/%s$" % re.escape(file)) > name:
        print(file, "has its name before it is durable")
if first("^fsync .*/.new-[^/]*$") > name:
    print("the folder has its name before what is in it")
if first("^fsync .*/image-[0-9a-f]*$", name) > write:
    print("the name of what is kept is not durable at the first write")
journal = first(r"^fdatasync .*\.journal")
stands = first(r"^rename .*\.journal$", journal)
if not name < journal < stands < first("^fsync .*/journal$", stands) < write:
    print("the journal is not durable at the first write")
if first("^fsync .*/busflip$") > write:
    print("a new folder for the journal is not durable")
if not first("^flush", max(i for i, c in enumerate(calls) if c == "write")) < \
        first(r"^unlink .*\.journal$"):
    print("the journal goes before the image is flushed")
END
)" ""

# --- a second time ---
fresh
patch > "$work/out" 2>&1
touch_old
backups=$(find "$state" -type f -exec sha256sum {} + | sort)
fails "patch again" 0 patch
like "nothing to change" "$output" "Nothing to change"
unchanged "patch again"
is "and what is kept stays" "$(find "$state" -type f -exec sha256sum {} + | sort)" "$backups"
patch --json > "$work/again.json"
ok "its JSON is JSON" is_json "$work/again.json"
is "that has no edit" "$(python3 -c 'import json, sys
d = json.load(open(sys.argv[1]))["registry"]
print(d["changes"], sum(e["needed"] for e in d["edits"]))' "$work/again.json")" "0 0"

# --- undo ---
fresh
old=$(sum)
export_hive "$work/before.reg"
ok "patch" patch
new=$(sum)
unlike "patch changes the hive" "$new" "$old"
fails "undo" 0 undo
like "says so" "$output" "^$image: the registry is as it was before the patch"
is "the hive is as it was, to the byte" "$(sum)" "$old"
export_hive "$work/after.reg"
ok "somebody else finds nothing changed" cmp "$work/before.reg" "$work/after.reg"
ok "the volume is sound" volume_sound "$image"
unlike "the driver stays" "$(cat_file "$image" $driver | wc -c)" "^0"
is "nothing is kept any more" "$(kept)" 0
touch_old
fails "undo again: there is nothing more" 35 undo
like "says so" "$output" "^busflip: $image: there is no backup of this disk"
unchanged "undo again"

# --- two patches: one step back, then the other ---
fresh
python3 "$tests/mkdriver.py" "$work/vw/vioscsi/w10/amd64" vioscsi amd64 62.93.104.26200
ok "patch for VirtIO" patch
first=$(sum)
ok "patch for SCSI" patch --bus scsi
unlike "that changes the hive" "$(sum)" "$first"
is "both are kept" "$(kept)" 2
ok "undo" undo
is "is as the first left it" "$(sum)" "$first"
ok "undo again" undo
is "is as it was at first" "$(sum)" "$old"

# --- Windows has written to it since ---
fresh
patch > "$work/out" 2>&1
windows_writes 1
touch_old
moved=$(sum)
fails "undo after Windows has written: refused" 34 undo
like "says so, and what to do" "$output" "$image: Windows has written .*--force"
unchanged "refused"
is "it is still kept" "$(kept)" 1
ok "undo --force" undo --force
is "is as it was before the patch" "$(sum)" "$old"
unlike "which it was not" "$moved" "$old"

# --- how many are kept ---
fresh
printf '[busflip]\nkeep = 2\n' > "$work/conf"
sums=()
for ((n = 1; n <= 4; n++)); do
	sums[n]=$(sum)
	"$BUSFLIP_BUILD/busflip" patch --config "$work/conf" \
		--helper "$BUSFLIP_BUILD/busflip-helper" --format raw \
		--virtio-win "$work/vw" "$image" > "$work/out" 2>&1 || diag "$(cat "$work/out")"
	[ $n = 4 ] || windows_writes $n
	# A former busflip has kept one more file.
	[ $n != 1 ] || touch "$(echo "$state"/image-*/2*)/edits"
done
is "four patches, keep = 2: two are kept" "$(kept)" 2
is "four different ones" "$(printf '%s\n' "${sums[@]}" | sort -u | wc -l)" 4
ok "undo" undo
is "the fourth is undone" "$(sum)" "${sums[4]}"
fails "the third isn't, as Windows has written in between" 34 undo
ok "by force" undo --force
is "the third is undone" "$(sum)" "${sums[3]}"
fails "the second is not kept" 35 undo --force
is "nothing at all is left of them" "$(find "$state" -type f)" ""

# --- killed while it puts back ---
fresh
patch > "$work/out" 2>&1
new=$(sum)
cp --sparse=always "$image" "$work/patched.raw"
cp -a "$state" "$work/patched.state"
LD_PRELOAD=$killer KILLER_COUNT=$work/count undo > "$work/out" 2>&1
calls=$(cat "$work/count")
bad='' went_back=0 stayed=0
for ((n = 1; n <= calls; n++)); do
	rm -rf "$state"
	cp -a "$work/patched.state" "$state"
	cp --sparse=always "$work/patched.raw" "$image"
	LD_PRELOAD=$killer KILLER_AT=$n KILLER_WHO=all undo > /dev/null 2>&1
	wait_for "busflip inspect --format raw $image > $work/out 2>&1; [ \$? != 10 ]" 5
	compgen -G "$state/journal/*.journal" > /dev/null && bad+="call $n: journal left"$'\n'
	case $(sum) in
	"$old") went_back=$((went_back + 1)) ;;
	"$new") stayed=$((stayed + 1)) ;;
	*) bad+="call $n: torn"$'\n' ;;
	esac
	# Whatever came of it, one more makes it old.
	undo > "$work/out" 2>&1 || [ $? = 35 ] || bad+="call $n: $(cat "$work/out")"$'\n'
	[ "$(sum)" = "$old" ] || bad+="call $n: not old after another undo"$'\n'
done
diag "$calls calls: undone $went_back times, not yet $stayed times"
is "undo killed before each of its calls: none torn, and undo then undoes" "$bad" ""
ok "both outcomes were seen" test $went_back -gt 0 -a $stayed -gt 0
