#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# busflip inspect DOMAIN: the state in each phase, conditions that fail for various
# reasons, the next step; as text and as JSON, which must agree.
# (The guest is a boot sector on a disk with a Windows that never runs.)

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
busflip_required "$@"
# shellcheck source=tests/disklib.sh
. "${BASH_SOURCE[0]%/*}/disklib.sh"
disk_required
plan 83

busflip()
{
	command busflip "$@"
}

size=$((80 * 1048576))
output=''
cs='HKEY_LOCAL_MACHINE\SYSTEM\ControlSet001'
config='HKEY_LOCAL_MACHINE\SYSTEM\HardwareConfig\{11111111-2222-3333-4444-555555555555}'

# windows_disk NAME GUEST [MKVOL-OPERATION...] - $LAB/NAME.img, bootable as GUEST
windows_disk()
{
	local file=$LAB/$1.img guest=$2

	shift 2
	make_windows "$work/c.ntfs" $size "$@"
	"$tests/mkdisk.sh" -f raw -t mbr "$file" "$work/c.ntfs"
	boot_sectors "$file" "$guest"
}

# windows_domain NAME [KEY=VALUE...] - on that disk
windows_domain()
{
	make_domain "$@" image="$LAB/$1.img" > "$LAB/$1.xml"
	quietly virsh -q define "$LAB/$1.xml"
}

# hive_edits < REG - from now on SYSTEM is what it is, and what the .reg text says
hive_edits()
{
	cat > "$work/edits.reg"
	hivexregedit --merge --prefix 'HKEY_LOCAL_MACHINE\SYSTEM' "$work/SYSTEM" "$work/edits.reg"
}

# inspects NAME STATUS [OPTION...] - as text to $output and as JSON to $json, each
# with that exit status; they agree
inspects()
{
	local name=$1 status=$2

	shift 2
	fails "$name: inspect" "$status" busflip inspect "$@" "$name"
	json=$LAB/$name.json
	busflip inspect --json "$@" "$name" > "$json" 2> "$LAB/$name.err"
	is "$name: --json" $? "$status"
	ok "$name: is JSON, and says the same" python3 "$LAB/agree.py" "$json" <(echo "$output")
}

# The JSON is whole, what was there before is as it was, and the text says the same.
cat > "$LAB/agree.py" <<'END'
import json, re, sys
doc = json.loads(open(sys.argv[1], "rb").read().decode("utf-8", "strict"))
text = open(sys.argv[2], errors="strict").read()
def safe(s):
    return re.sub("[\0-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]", "?", s)
types = {
    "name": str, "uuid": str, "phase": str, "attempts": int, "bus": str, "target_bus": str,
    "disk": str, "since": str, "reason": str, "reason_at": str, "waits_for": str, "running": bool,
    "pending": bool, "damaged": bool, "tagged": bool, "max_attempts": int, "saved": bool,
}
domain = doc["domain"]
session = domain.pop("session")
assert session is None or sorted(session) == ["began", "phase"], session
assert {k: type(v) for k, v in domain.items()} == types, domain
ours = ["domain", "conditions", "next", "error"]
report = ["disk", "live", "patch_would_refuse", "windows", "evidence"]
assert list(doc) == (report if doc["error"] is None else []) + ours, list(doc)
assert (doc["error"] is None) == bool(doc["conditions"]), doc
if doc["error"] is None:
    holds = {"yes": True, "no": False, "unknown": None}
    assert [(c["name"], c["gates"], c["holds"], c["found"], c["where"])
            for c in doc["conditions"]] == \
        [(c["name"], c["gates"], holds[c["verdict"]], safe(c["found"]), safe(c["from"]))
         for c in doc["evidence"]["conditions"]], doc["conditions"]
def said(*parts):
    assert re.search("^" + r"\s+".join(re.escape(safe(p)) for p in parts if p) + "$",
                     text, re.M), (parts, text)
words = {True: "ok", False: "not ok", None: "not known"}
for c in doc["conditions"]:
    assert c["where"], c
    said(c["name"], words[c["holds"]], c["found"], "(%s)" % c["where"])
    assert not (c["cure"] and c["holds"]), c
    if c["cure"]:
        assert "cure: " + safe(c["cure"]) in text, c
    assert c["cure"] or c["holds"] or not c["gates"] or domain["phase"] == "done", c
said("Domain", domain["name"])
said("UUID", domain["uuid"])
said("Last step", domain["reason"] or "none yet")
said("Failed attempts", "%d of %d" % (domain["attempts"], domain["max_attempts"]))
said("Next:", doc["next"])
if session:
    assert ("began %s, when it was %s" % (session["began"], session["phase"])) in text, text
if doc["error"] is not None:
    said("all of them not known", doc["error"])
assert not re.search("[\0-\x09\x0b-\x1f\x7f-\x9f]", text), text
END

# --- the way: no tag, tagged, staged, after a session, trial, held, again

printf '[busflip]\n' > /etc/busflip.conf
windows_disk win off
windows_domain win tag=no
inspects win 0
like "no tag" "$output" 'Phase +none \(no busflip tag\)'
like "how to tag it" "$output" 'Next: nothing, since it has no busflip tag: busflip enable win'
like "conditions as if it were staged" "$output" 'driver-service +not ok +not set up'
windows_domain win "uuid=$(uuid_of win)"
inspects win 0
like "tagged: how to stage it" "$output" 'Next: run busflip stage win'
quietly busflip stage win
inspects win 0
like "staged: its phase" "$output" 'Phase +staged, since 20'
like "its disk" "$output" 'System disk +sda on sata, to end on virtio'
like "no session yet" "$output" 'Compared with +nothing'
like "the place in the registry" "$output" \
	'booted +not ok +never \(SYSTEM.HardwareConfig.\{11111111-[0-9-]*\}.LastUse\)'
like "a cure, without drivers at hand" "$output" 'cure: set virtio_win in busflip.conf to the drivers'
like "SATA is not ready, which keeps it from nothing" "$output" \
	'Other conditions:.*sata-ready +not ok +storahci'
like "next: the driver" "$output" 'Next: set virtio_win in busflip.conf to the drivers, .*; then start it'
ok "a session" run_once win
inspects win 0
like "what it is compared with" "$output" 'Compared with +the session that began 20.*was staged'
like "why it stays" "$output" 'Last step +clean shutdown on SATA, but not ready'
like "SATA is ready" "$output" 'sata-ready +ok'
printf '[busflip]\nvirtio_win = /nowhere/w.iso\n' > /etc/busflip.conf
like "drivers that are not there: what comes first" "$(busflip inspect win)" \
	'cure: virtio_win = /nowhere/w.iso in busflip.conf: No such file or directory: correct that, then run busflip patch win; or'
fails "since the patch" 32 busflip patch win
printf '[busflip]\nvirtio_win = %s\n' "$work/vw" > /etc/busflip.conf
like "drivers at hand: another cure" "$(busflip inspect win)" \
	'cure: busflip installs it from virtio_win .* busflip patch win'
quietly busflip patch win
like "which helps" "$(busflip inspect win)" 'driver-service +ok +Start 0, [^(]*viostor.sys'
quietly busflip promote win
inspects win 0
like "trial: next: VirtIO" "$output" 'Next: start it; it boots on VirtIO'
like "the session before is what counts" "$output" 'Compared with .* when it was staged'
quietly busflip hold win
inspects win 0
like "held: how to try again" "$output" 'held by|held on SATA by the administrator'
like "by a command" "$output" 'Next: nothing: it is held.*busflip retry win'

# --- a note that is of another one with this UUID

quietly busflip retry win
like "retried: no session yet" "$(busflip inspect win)" 'Compared with +nothing'

# --- done, and a state that makes no sense

state="xmlns:b='$state_uri' attempts='1' since='2026-01-02T03:04:05Z'"
windows_domain win metadata="<b:state $state phase='done' reason='all is &#x9b;31mwell'/>" \
	"uuid=$(uuid_of win)"
inspects win 0
like "done" "$output" 'Next: nothing: it is done'
like "its reason, made safe" "$output" 'Last step +all is .31mwell'
unlike "no cure for what is done" "$output" 'cure:'
windows_domain win metadata="<b:state $state phase='lost'/>" "uuid=$(uuid_of win)"
inspects win 0
like "damaged: is said" "$output" 'Phase +damaged: its state element is damaged'
like "what helps" "$output" 'Next: .* busflip disable --force win'
like "JSON: it has a member for it" "$(cat "$json")" '"phase":"none",.*"damaged":true'

# --- conditions that do not hold for other reasons; hostile text

cp "$work/SYSTEM" "$work/usual"
hive_edits <<-END
	Windows Registry Editor Version 5.00

	[HKEY_LOCAL_MACHINE\\SYSTEM\\Select]
	"Failed"=dword:00000001

	[$cs\\Control\\Class\\{4d36e967-e325-11ce-bfc1-08002be10318}]
	"UpperFilters"=hex(7):1b,00,5b,00,33,00,31,00,6d,00,2e,20,22,00,00,00,00,00

	[$config]
	"SystemManufacturer"=hex(1):9b,00,33,00,31,00,6d,00,2e,20,7d,00,22,00,00,00
END
windows_disk hostile off text hiberfil.sys HIBR
cp "$work/usual" "$work/SYSTEM"
windows_domain hostile
quietly busflip stage hostile
inspects hostile 0
like "hibernated: the file" "$output" 'volume-clean +not ok +holds an image \(hiberfil.sys\)'
like "and what helps" "$output" 'cure: .*shutdown /s'
like "last known good was used" "$output" \
	'control-set +not ok +marked as failed: current 1, default 1, failed 1 \(SYSTEM.Select.Current\)'
like "and what helps then" "$output" 'cure: in Windows, run "reg add HKLM.SYSTEM.Select '
like "a filter without a driver" "$output" \
	'class-filters +not ok +[^(]*has no service \(SYSTEM.*Class.\{4d36e967[^)]*UpperFilters'
like "another machine, its name made safe" "$output" 'machine +not ok +[^ ]* \?31m\?\}"'

# --- an image, and another disk of a domain: what is on it, and no more

output=$(busflip inspect --format raw "$LAB/hostile.img")
like "an image: conditions" "$output" 'class-filters +not ok'
unlike "and nothing about a domain" "$output" 'Next:|cure:|Domain'
is "nor in its JSON" "$(busflip inspect --json --format raw "$LAB/hostile.img" |
	python3 -c 'import json, sys; print(*json.load(sys.stdin))')" \
	"disk live patch_would_refuse windows evidence"
windows_disk two off
windows_domain two devices="$(data_disk data vdb virtio)"
fails "--disk with another disk" 39 busflip inspect --disk vdb two
unlike "nothing about the domain" "$output" 'Next:'
fails "--disk with the system disk" 0 busflip inspect --disk vda two
like "the domain as well" "$output" 'Next: run busflip stage two'

# --- while it runs, while it is saved, when there is nothing to be read

windows_disk runs stay
windows_domain runs
quietly busflip stage runs
quietly virsh -q start runs
wait_boot runs 1
inspects runs 10
like "runs: what comes next" "$output" 'Next: shut it down inside Windows'
inspects runs 0 --live
like "--live: conditions as well" "$output" 'driver-service +ok'
quietly virsh -q managedsave runs
wait_off runs
like "saved" "$(busflip inspect runs)" 'Runs +no, saved'
define_domain lan tag=no boot='<boot dev="network"/>'
inspects lan 1
like "no disk to boot from: could not be staged" "$output" 'and it can.t be staged: .*no hard disk'
