#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the disk shows: busflip prepares Windows before each session on SATA, and a clean
# shutdown is not sufficient if the disk shows that Windows did not run.
# (The guest is a boot sector on a disk with a Windows that never runs.)

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
busflip_required "$@"
# shellcheck source=tests/disklib.sh
. "${BASH_SOURCE[0]%/*}/disklib.sh"
disk_required
plan 137

busflip()
{
	command busflip "$@"
}

size=$((80 * 1048576)) offset=1048576
hive=Windows/System32/config/SYSTEM

output=''

config()
{
	printf '[busflip]\nvirtio_win = %s\n' "$work/vw" > /etc/busflip.conf
	printf '%s\n' "$@" >> /etc/busflip.conf
}

# windows_disk FILE [MKVOL-OPERATION...] - it powers off at once, or is another guest
# of make_domain by boot=
windows_disk()
{
	local file=$1

	shift
	make_windows "$work/c.ntfs" $size "$@"
	"$tests/mkdisk.sh" -f raw -t mbr "$file" "$work/c.ntfs"
	boot_sectors "$file" "${boot:-off}"
}

windows_domain()
{
	local name=$1

	shift
	make_domain "$name" image="$LAB/$name.img" "$@" > "$LAB/$name.xml"
	quietly virsh -q define "$LAB/$name.xml" && quietly busflip stage "$name"
}

hive_of()
{
	get_volume "$LAB/$1.img" raw $offset $size "$work/now.ntfs"
	sum_file "$work/now.ntfs" $hive
}

reason_of()
{
	xpath "$1" 'string(//*[local-name()="state"]/@reason)'
}

# --- a Windows that does not run

config
windows_disk "$LAB/win.img"
before=$(hive_of win)
windows_domain win
is "staging does not touch the disk" "$(hive_of win)" "$before"
ok "starts and goes off" run_once win
unlike "Windows was made ready before" "$(hive_of win)" "$before"
like "it is logged" "$(grep 'made ready for SATA and VirtIO' "$LAB/log")" 'domain=win'
is "it stays on SATA" "$(where win)" staged/sata
like "the reason: not ready" "$(reason_of win)" 'clean shutdown on SATA, but not ready for VirtIO'
like "and what does not hold" "$(reason_of win)" 'booted \(never\)'
like "status tells it" "$(busflip status win)" 'booted \(never\)'
busflip inspect win > "$LAB/inspect"
ok "SATA is ready" grep -q '^  SATA boot .*ready' "$LAB/inspect"
like "so is the driver" "$(cat "$LAB/inspect")" 'driver-service +ok'
after=$(hive_of win)
ok "once more" run_once win
is "nothing more is written" "$(hive_of win)" "$after"
is "it stays on SATA again" "$(where win)" staged/sata

# --- evidence = shutdown is for disks that can't be read, not for this one

config 'evidence = shutdown'
ok "evidence = shutdown: starts and goes off" run_once win
is "what the disk says still counts" "$(where win)" staged/sata

# --- disks that can't be read

make_domain blank > "$LAB/blank.xml"
quietly virsh -q define "$LAB/blank.xml"
quietly busflip stage blank
config
ok "no Windows: starts and goes off" run_once blank
is "stays on SATA" "$(where blank)" staged/sata
like "says why" "$(reason_of blank)" 'no Windows found'
config 'evidence = shutdown'
ok "evidence = shutdown: starts and goes off again" run_once blank
is "goes to VirtIO" "$(where blank)" trial/virtio
ok "on trial: starts and goes off" run_once blank
is "is done" "$(where blank)" done/virtio

# --- hibernated: nothing is written, the start goes on

config
windows_disk "$LAB/hibernated.img" text hiberfil.sys HIBR
before=$(hive_of hibernated)
windows_domain hibernated
ok "hibernated: starts and goes off" run_once hibernated
is "not written to" "$(hive_of hibernated)" "$before"
is "stays on SATA" "$(where hibernated)" staged/sata
like "says why" "$(reason_of hibernated)" 'volume-clean|hibernat'
like "what comes next is a full shutdown" "$(busflip status hibernated)" \
	'Next: start it and shut Windows down fully, .* its next start is on VirtIO\.$'
like "and it was logged before the start" "$(grep 'starts with its disk as it is' "$LAB/log")" \
	'domain=hibernated.*hibernat.*start Windows and shut it down'

# --- no driver at hand: SATA is made ready all the same

config 'virtio_win = none'
windows_disk "$LAB/bare.img"
before=$(hive_of bare)
windows_domain bare
ok "no driver: starts and goes off" run_once bare
unlike "SATA was made ready" "$(hive_of bare)" "$before"
like "what is missing is said" "$(reason_of bare)" 'driver-service \(not set up\)'
like "nor does the story say that it is ready for VirtIO" "$(busflip status bare)" \
	'Windows was made ready for SATA \([0-9]+ bytes\), but not for VirtIO: no viostor driver in '
next='Next: set virtio_win in busflip.conf to the drivers, or install them in Windows; then start it'
like "what comes next is its cure" "$(busflip status bare)" "$next"
like "the story has the reason in full" "$(busflip status bare)" \
	'staged: clean .*driver-service \(not set up\); .*; device-arrived \(no device\)'
like "the definition as many words of it as fit" "$(reason_of bare)" 'device-bound \(no device is\.\.\.$'
like "the table has it" "$(busflip status)" 'bare +staged +sata>virtio +virtio_win +[0-9]+s +clean'
like "and JSON" "$(busflip status --json)" '"name":"bare".*"waits_for":"virtio_win"'
busflip inspect bare > "$LAB/inspect"
like "inspect says the same" "$(cat "$LAB/inspect")" "$next"
ok "SATA boots" grep -q '^  SATA boot .*ready' "$LAB/inspect"
like "no service without a driver" "$(cat "$LAB/inspect")" 'viostor +absent'

# Nor when virtio_win leads nowhere, or to what has no drivers.
echo 'no drivers' > "$work/no.iso"
for path in /nowhere/virtio-win.iso "$work/no.iso"; do
	config "virtio_win = $path"
	windows_disk "$LAB/bare.img"
	before=$(hive_of bare)
	ok "virtio_win = $path: starts and goes off" run_once bare
	unlike "SATA was made ready" "$(hive_of bare)" "$before"
	busflip inspect bare > "$LAB/inspect"
	ok "and it boots" grep -q '^  SATA boot .*ready' "$LAB/inspect"
	like "what is wrong is logged" "$(grep "cannot install a VirtIO driver" "$LAB/log")" "bare.img: .*$path"
	[ -e "$path" ] && next="run busflip patch bare, which" ||
		next="correct that: virtio_win = $path in busflip.conf: No such file or directory; then"
	like "and comes next" "$(busflip status bare)" "Next: $next"
	fails "which reports it" 32 busflip patch bare
done

# --- a note of a session that another domain had under this UUID

config
cp "$work/SYSTEM" "$work/usual"
cat > "$work/edits.reg" <<-'END'
	Windows Registry Editor Version 5.00

	[HKEY_LOCAL_MACHINE\SYSTEM\HardwareConfig\{11111111-2222-3333-4444-555555555555}]
	"LastUse"=hex:00,80,3e,d5,de,b1,dd,01
	END
hivexregedit --merge --prefix 'HKEY_LOCAL_MACHINE\SYSTEM' "$work/SYSTEM" "$work/edits.reg"
boot=stay windows_disk "$LAB/again.img"
cp "$work/usual" "$work/SYSTEM"
windows_domain again
ok "a session of one that Windows has run on before" press again
like "but not in it: nothing has moved" "$(reason_of again)" 'booted \([0-9]{4}-'
note=/var/lib/busflip/last/$(uuid_of again)
like "that is told by what was noted" "$(cat "$note")" 'last_use [1-9]'
quietly busflip disable again && quietly busflip enable again
# As if its end had not been seen; it may have begun in this very second.
sed 's/^last_use .*/last_use 1/; s/^since .*/since 2020-01-01T00:00:00Z/' "$note" > "/var/lib/busflip/session/$(uuid_of again)"
# No hook when it starts, so that it is not noted anew.
mv /etc/libvirt/hooks/qemu "$work/" && ln -s /bin/true /etc/libvirt/hooks/qemu
virsh -q start again && wait_boot again 2
mv "$work/qemu" /etc/libvirt/hooks/qemu
quietly virsh -q shutdown again && wait_off again
like "one that is not of this session is not compared with" "$(reason_of again)" \
	'booted \([0-9]{4}-'

# --- the machine that Windows knows is the one that it sees, also where libvirt's UUID of
# the domain is another (<hwuuid>, libvirt 11.7; before, libvirt drops it)

# same_machine NAME
same_machine()
{
	busflip inspect --json "$1" | python3 -c 'import json, sys
print(*(c["holds"] for c in json.load(sys.stdin)["conditions"] if c["name"] == "machine"))'
}

machine=11111111-2222-3333-4444-555555555555
windows_disk "$LAB/other.img"
make_domain other image="$LAB/other.img" head="<hwuuid>$machine</hwuuid>" |
	virsh -q define /dev/stdin
case $(virsh dumpxml --inactive other) in
*'<hwuuid>'*) want=True ;;
*) want=False ;;
esac
is "is it the same machine?" "$(same_machine other)" $want
make_domain smbios image="$LAB/other.img" head="<q:commandline
	xmlns:q='http://libvirt.org/schemas/domain/qemu/1.0'><q:arg value='-smbios'/>
	<q:arg value='type=1,uuid=$machine'/></q:commandline>" | virsh -q define /dev/stdin
is "by an option of QEMU it is" "$(same_machine smbios)" True

# --- several Windows on one disk: the tag says which

config
make_windows "$work/c.ntfs" $size
"$tests/mkdisk.sh" -f raw -t mbr "$LAB/two.img" "$work/c.ntfs" "$work/c.ntfs"
boot_sectors "$LAB/two.img" off

# hives - of both volumes
hives()
{
	local at

	for at in $offset $((offset + size)); do
		get_volume "$LAB/two.img" raw "$at" $size "$work/now.ntfs"
		sum_file "$work/now.ntfs" $hive
	done
}

windows_domain two
before=$(hives)
ok "two Windows: it starts and goes off" run_once two
is "neither was written to" "$(hives)" "$before"
like "it is logged why, and what to do" "$(grep 'starts with its disk as it is' "$LAB/log")" \
	'domain=two.*Windows on partition 1, Windows on partition 2\); .*--partition N, of busflip enable'
fails "check" 1 busflip check two
like "says what to do as well" "$output" 'cure: busflip enable two --partition N, with '
fails "its partition is said" 0 busflip enable two --partition 2
like "that is all" "$output" '^domain two: staged \(the partition of Windows in its tag was changed\)'
is "it is in the tag" "$(xpath two 'string(//*[local-name()="domain"]/@partition)')" 2
fails "check again" 0 busflip check two
ok "it starts and goes off again" run_once two
is "the first Windows was not written to" "$(hives | head -n 1)" "${before%%$'\n'*}"
unlike "the second one was" "$(hives | tail -n 1)" "${before##*$'\n'}"
like "and judged" "$(reason_of two)" 'booted \(never\)'
is "the tag is as it was" "$(xpath two 'string(//*[local-name()="domain"]/@partition)')" 2
like "inspect looks at it, too" "$(busflip inspect two)" 'Windows on partition 2 '
like "and elsewhere if told so" "$(busflip inspect --partition 1 two)" 'Windows on partition 1 '
is "so does patch" "$(busflip patch two)" 'Nothing to change: it is already patched.'
fails "enable without a partition" 0 busflip enable two
is "keeps it" "$(xpath two 'string(//*[local-name()="domain"]/@partition)')" 2
fails "disable" 0 busflip disable two
like "puts back what was changed in that Windows" "$output" 'temporary changes in Windows were undone$'
is "the first one is as ever" "$(hives | head -n 1)" "${before%%$'\n'*}"
windows_disk "$LAB/wrong.img"
windows_domain wrong tag='partition="7"'
fails "a wrong one: check" 1 busflip check wrong
like "says what is right" "$output" 'windows +not ok +its tag has partition="7", but Windows is on partition 1 of '
cure=$(sed -n 's/^ *cure: \(busflip .*\)/\1/p' <<< "$output")
is "and how to set it" "$cure" 'busflip enable wrong --partition 1'
ok "that works" eval "$cure"
fails "and nothing is wrong then" 0 busflip check wrong
fails "a word for a number" 2 busflip enable wrong --partition first
like "is refused" "$output" '--partition must be the number of a partition, not first'

# --- Windows 7 does not note when it ran last, but counts its boots

windows_bin=$BUSFLIP_BUILD/windows
"$windows_bin/mkdisk" "$LAB/seven.img" windows=7 origin=lsi driver=none fast=off \
	uuid=6b1d0000-3a1c-4d2e-90ab-0c1d2e3f4a5b || bail_out "mkdisk"
boot_sectors "$LAB/seven.img" stay
windows_domain seven
ok "7: a session that Windows does not run in" press seven
boots=$(sed -n 's/^boot_id //p' "/var/lib/busflip/last/$(uuid_of seven)")
like "7: its boots were noted before" "$boots" "^[1-9]"
like "7: and there are no more of them" "$(reason_of seven)" "booted \\($boots, was $boots\\)"
is "7: it stays on SATA" "$(where seven)" staged/sata

# --- no room for the image to grow: it comes into the journal and no further

mkdir "$LAB/full"
windows_disk "$LAB/base.img"
mount -t tmpfs -o size=448k tmpfs "$LAB/full"
qemu-img create -q -f qcow2 -b "$LAB/base.img" -F raw "$LAB/full/torn.img"
make_domain torn image="$LAB/full/torn.img" format=qcow2 > "$LAB/torn.xml"
quietly virsh -q define "$LAB/torn.xml" && quietly busflip stage torn
fails "half patched, it is not started" 1 virsh -q start torn
like "the start says why" "$output" 'torn was not started: its disk sda is half patched'
ok "its journal is there" test -n "$(ls /var/lib/busflip/journal)"
fails "nor the next time" 1 virsh -q start torn
mount -o remount,size=64m "$LAB/full"
ok "room again: starts and goes off" run_once torn
is "no journal is left" "$(ls /var/lib/busflip/journal)" ""
like "it was finished first" "$(grep 'finished before the start' "$LAB/log")" 'domain=torn'

# --- a helper that is killed: once more

helper=/usr/local/libexec/busflip/busflip-helper
mv $helper "$work/"
printf '#!/bin/sh\nmkdir "%s" 2>/dev/null && {\n\techo at fault >&2\n\tkill -9 $$\n}\nexec "%s"\n' "$work/killed" \
	"$work/busflip-helper" > $helper
chmod +x $helper
windows_disk "$LAB/cut.img"
before=$(hive_of cut)
windows_domain cut
ok "its helper is killed: starts and goes off" run_once cut
ok "it was killed" test -d "$work/killed"
like "what it said is logged, and of which image" "$(grep 'at fault' "$LAB/log")" \
	"$LAB/cut.img: busflip-helper: at fault"
like "so is why it is run again" "$(grep 'trying again' "$LAB/log")" \
	"domain=cut .*$LAB/cut.img: busflip-helper was killed by signal 9"
unlike "Windows was made ready all the same" "$(hive_of cut)" "$before"

# --- an ISO with drivers that takes over who parses it, and goes round in a circle

bsdtar --format=iso9660 -cf "$work/virtio.iso" -C "$work/vw" . || bail_out bsdtar
printf '#!/bin/sh\nexport INSIDE=loop LD_PRELOAD="%s"\nexec "%s"\n' \
	"$BUSFLIP_BUILD/tests/inside.so" "$work/busflip-helper" > $helper
printf '[busflip]\nvirtio_win = %s\npatch_timeout = 2\n' "$work/virtio.iso" > /etc/busflip.conf
windows_disk "$LAB/circle.img"
before=$(hive_of circle)
windows_domain circle
ok "an endless ISO: starts and goes off" run_once circle
like "it is logged" "$(cat "$LAB/log")" \
	"circle.img or the ISO of virtio_win: not read within the time limit of 2000 ms"
is "the disk is as it was" "$(hive_of circle)" "$before"
config
printf '#!/bin/sh\nexec "%s"\n' "$work/busflip-helper" > $helper

# --- others who have the image for a moment: the hook waits for them

printf '#!/bin/sh\n: > "%s"\nuntil [ -e "%s" ]; do sleep 0.02; done\nexec "%s"\n' \
	"$work/started" "$work/go" "$work/busflip-helper" > "$work/slow"
# Locks a byte of an image for a reader, until it is killed: 0x62666c70 as busflip does,
# 101 as a QEMU that writes, 201 as one that lets nobody write.
cat > "$work/holder" <<'END'
import fcntl, signal, struct, sys
f = open(sys.argv[1], "r+b")
fcntl.fcntl(f, 37, struct.pack("hhqqi4x", fcntl.F_RDLCK, 0, int(sys.argv[2], 0), 1, 0))
open(sys.argv[3], "w").close()
signal.pause()
END
chmod +x "$work/slow"

# inspected NAME - busflip inspect, as far as its helper
inspected()
{
	rm -f "$work/started" "$work/go"
	busflip inspect --helper "$work/slow" "$1" > "$work/out" 2>&1 &
	other=$!
	wait_for "[ -e $work/started ]" 10 || bail_out "inspect does not start"
}

# locked NAME BYTE
locked()
{
	rm -f "$work/started"
	python3 "$work/holder" "$LAB/$1.img" "$2" "$work/started" &
	other=$!
	wait_for "[ -e $work/started ]" 10 || bail_out "the byte is not locked"
}

# hook_waits NAME OP - until the hook's busflip sleeps, or is over. Unlike those who wait for
# a file or a process, it has nothing to wait for but the time.
hook_waits()
{
	wait_for "pgrep -f 'busflip event -- $1 $2 ' > $work/pid &&
		grep -q nanosleep /proc/\$(cat $work/pid)/wchan || ! kill -0 $starter" 10 2> /dev/null
}

# beside NAME - start it while the other one has its image, which ends then
beside()
{
	local status

	virsh -q start "$1" > "$work/start" 2>&1 &
	starter=$!
	hook_waits "$1" prepare
	: > "$work/go"
	[ "${2:-}" ] && kill "$other" 2> /dev/null
	wait "$starter"
	status=$?
	wait "$other" 2> /dev/null
	cat "$work/start"
	return $status
}

config
boot=stay windows_disk "$LAB/held.img"
cp "$LAB/held.img" "$LAB/held.old"
before=$(hive_of held)
windows_domain held
inspected held
ok "inspect has the image: the guest starts" beside held
like "inspect saw Windows" "$(cat "$work/out")" 'Windows 10'
wait_boot held 1
locked held 0x62666c70
starter=$other
virsh -q shutdown held
hook_waits held release
kill "$other"
wait_off held
unlike "Windows was made ready all the same" "$(hive_of held)" "$before"
like "at the end another busflip has it: the disk is read all the same" "$(reason_of held)" \
	'booted \(never\)'
for byte in 101 201; do
	cp "$LAB/held.old" "$LAB/held.img"
	locked held $byte
	ok "byte $byte is locked: the guest starts" beside held kill
	quietly virsh -q destroy held
	wait_off held
	unlike "byte $byte was locked: Windows was made ready all the same" "$(hive_of held)" \
		"$before"
done
quietly busflip promote held
inspected held
ok "on trial, inspect has the image: the guest starts" beside held
is "on VirtIO" "$(where held)" trial/virtio
quietly virsh -q destroy held
wait_off held
is "and its disk was read before" "$(grep -c '^read' "/var/lib/busflip/last/$(uuid_of held)")" 1
config 'patch_timeout = 1'
quietly busflip rollback held
: > "$LAB/log"
locked held 0x62666c70
ok "no end of it: the guest starts" virsh -q start held
like "with its disk as it is" "$(grep 'starts with its disk as it is' "$LAB/log")" \
	"domain=held .*: $LAB/held.img: the image is in use by another process, another busflip"
kill "$other"
quietly virsh -q destroy held
wait_off held

# --- disable: what Windows has for the way only is taken back, where that can be done

# for_the_way NAME
for_the_way()
{
	busflip inspect --json "$1" | python3 -c 'import json, sys
w = json.load(sys.stdin)["windows"]
print(*(w[name]["value"] for name in ("hiberboot_enabled", "auto_reboot", "san_policy")))'
}

config
windows_disk "$LAB/leaves.img"
windows_domain leaves
before=$(for_the_way leaves)
run_once leaves
ok "it was made ready" test "$(for_the_way leaves)" != "$before"
fails "disable" 0 busflip disable leaves
like "says so" "$output" 'the disk is as it was defined; the temporary changes in Windows were undone$'
is "it is" "$(for_the_way leaves)" "$before"
fails "again, where nothing was changed" 0 eval 'busflip enable leaves && busflip disable leaves'
like "says nothing of it" "$output" 'the disk is as it was defined$'
windows_disk "$LAB/image.img"
windows_domain image
before=$(for_the_way image)
quietly busflip patch --format raw "$LAB/image.img"
mv "$LAB/image.img" "$LAB/copy.img"
cp --sparse=always "$LAB/copy.img" "$LAB/image.img"
rm -rf /var/lib/busflip/image-*
fails "an image that was patched and copied: undo --settings --force" 2 \
	busflip undo --settings --force --format raw "$LAB/image.img"
ok "undo --settings" busflip undo --settings --format raw "$LAB/image.img"
is "restores the settings" "$(for_the_way image)" "$before"
like "and leaves the driver" "$(busflip inspect image)" 'driver-service +ok'
fails "once more" 0 busflip undo --settings image
like "has nothing to do" "$output" '^Nothing to restore\.$'
cp --sparse=always "$LAB/copy.img" "$LAB/image.img"
ok "the same by the name of a domain" busflip undo --settings image
is "is the same" "$(for_the_way image)" "$before"
like "and is told" "$(busflip status image)" 'busflip undo --settings, disk .*: the temporary changes'
rm "$LAB/copy.img"
boot=stay windows_disk "$LAB/runs.img"
windows_domain runs
virsh -q start runs && wait_boot runs 1
fails "while it runs: disable" 0 busflip disable runs
like "says what stays" "$output" 'settings of Windows .* \(AutoReboot, SanPolicy, fast startup\) stay, since the guest is not off: busflip undo --settings restores them '
quietly virsh -q destroy runs

# --- a helper that is gone: the guest starts

rm $helper
ok "without busflip-helper: starts and goes off" run_once bare
