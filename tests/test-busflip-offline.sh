#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# inspect, patch and undo on domains, and the disk that a killed patch leaves behind: the
# next start of a domain first completes the patch, or fails.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
busflip_required "$@"
# shellcheck source=tests/disklib.sh
. "${BASH_SOURCE[0]%/*}/disklib.sh"
disk_required
killer=$BUSFLIP_BUILD/tests/killer.so
[ -e "$killer" ] || skip_all "killer.so is not built"
plan 121

# The installed one, with its own configuration and folders.
busflip()
{
	command busflip "$@"
}

size=$((80 * 1048576)) offset=$((117 * 1048576))
hive=Windows/System32/config/SYSTEM
driver=Windows/System32/drivers/viostor.sys
journals=/var/lib/busflip/journal
printf '[busflip]\nvirtio_win = %s\nkeep = 2\n' "$work/vw" > /etc/busflip.conf
make_windows "$work/c.ntfs" $size
"$tests/mkdisk.sh" "$work/old.qcow2" "$work/c.ntfs"

# windows_domain NAME [KEY=VALUE...] - a domain with that disk
windows_domain()
{
	local name=$1

	shift
	cp "$work/old.qcow2" "$LAB/$name.qcow2"
	make_domain "$name" image="$LAB/$name.qcow2" format=qcow2 "$@" > "$LAB/$name.xml"
	quietly virsh -q define "$LAB/$name.xml"
	# Else its first start is taken back.
	[ "${*#*metadata}" != "$*" ] || [ "${*#*tag=no}" != "$*" ] ||
		quietly busflip stage "$name"
}

# sums NAME - of hive and driver
sums()
{
	get_volume "$LAB/$1.qcow2" qcow2 $offset $size "$work/now.ntfs"
	echo "$(sum_file "$work/now.ntfs" $hive) $(sum_file "$work/now.ntfs" $driver)"
}

# killed NAME CALL - patch it by its path, killed before that call
killed()
{
	LD_PRELOAD=$killer KILLER_AT=$2 KILLER_WHO=all command busflip patch \
		--format qcow2 "$LAB/$1.qcow2" > /dev/null
} 2> /dev/null

# --- by the name of a domain ---

windows_domain win 'tag=bus="scsi"'
uuid=$(virsh domuuid win | head -n 1)
output=$(busflip inspect win 2>&1)
like "inspect DOMAIN: what Windows" "$output" "Windows 10"
like "where it is" "$output" "Windows on partition"
ok "--json is JSON" python3 -m json.tool <(busflip inspect --json "$uuid")
old=$(sums win)
ok "patch --dry-run" busflip patch --dry-run win
is "writes nothing" "$(sums win)" "$old"
ok "and leaves nothing on the host" test ! -e $journals -a ! -e "/var/lib/busflip/$uuid"
fails "patch DOMAIN" 0 busflip patch win
like "takes the bus from the tag" "$output" 'Services.vioscsi'
unlike "and no other" "$output" 'Services.viostor'
is "the hive is kept under the domain's UUID" "$(find "/var/lib/busflip/$uuid" -name SYSTEM | wc -l)" 1
fails "patch again" 0 busflip patch win
like "has nothing to change" "$output" "Nothing to change"
ok "undo" busflip undo win
is "gives the hive back" "$(sums win | cut -d' ' -f1)" "${old%% *}"
fails "undo once more: nothing is kept" 35 busflip undo win
like "it says so, and names the domain" "$output" '^busflip: domain win: '
quietly busflip patch win
ok "patched by the domain's name, undone by the disk's" \
	busflip undo --format qcow2 "$LAB/win.qcow2"
is "gives the hive back, too" "$(sums win | cut -d' ' -f1)" "${old%% *}"
is "what was kept is gone" "$(find /var/lib/busflip -name SYSTEM | wc -l)" 0
quietly busflip patch --format qcow2 "$LAB/win.qcow2"
ok "the other way round" busflip undo win
is "and back" "$(sums win | cut -d' ' -f1)" "${old%% *}"
fails "nothing is kept: the disk" 35 busflip undo --format qcow2 "$LAB/win.qcow2"
quietly busflip patch win
one=$(sums win)
quietly busflip patch --bus virtio --format qcow2 "$LAB/win.qcow2"
ok "patched by both names: undo" busflip undo win
is "takes the last one first" "$(sums win | cut -d' ' -f1)" "${one%% *}"
ok "and then" busflip undo --format qcow2 "$LAB/win.qcow2"
is "the one before" "$(sums win | cut -d' ' -f1)" "${old%% *}"
quietly busflip patch --bus scsi --format qcow2 "$LAB/win.qcow2"
fails "forced" 35 busflip undo --force win
like "it is only what has that name" "$output" "there is no backup of this disk in .*$uuid"
fails "the domain's turn: nothing to change" 0 busflip patch win
quietly busflip undo win
rm -rf /var/lib/busflip/*-*
fails "a disk that is not there" 1 busflip inspect --disk vdz win
like "is named" "$output" 'win: it has no disk vdz'
fails "a domain that is not there" 1 busflip inspect nobody
like "is named, too" "$output" 'nobody'

# --- one whose disk has another name by now ---

windows_domain named 'tag=disk="vda"'
is "staged: no disk has the name that the tag gives, not the bait" \
	"$(xpath named 'concat(count(//disk[target/@dev="vda"]), " ", //disk[serial="busflip-bait"]/target/@dev)')" \
	"0 vdz"
fails "inspect: the disk with Windows" 0 busflip inspect named
windows_domain onscsi bus=scsi
fails "a disk that was on VirtIO SCSI" 0 busflip patch --dry-run onscsi
like "is patched for that, whatever busflip.conf says" "$output" 'Services.vioscsi'

# --- while it runs, and while it is saved ---

quietly virsh -q start win
fails "patch of a running domain: refused" 10 busflip patch win
like "says why" "$output" 'in use by another process'
fails "inspect as well" 10 busflip inspect win
fails "inspect --live" 0 busflip inspect --live win
like "says that it may be torn" "$output" 'inconsistent'
quietly virsh -q managedsave win
fails "patch of a saved domain: refused" 10 busflip patch win
like "says what to do" "$output" 'managedsave-remove'
fails "patch by the path: whose session that is, nobody knows" 0 \
	busflip patch --format qcow2 "$LAB/win.qcow2"
ok "inspect only reads" busflip inspect win
quietly virsh -q managedsave-remove win

# --- a patch that was killed, then a start ---

# How many calls there are; those that write to the image are near the end.
cp "$work/old.qcow2" "$LAB/win.qcow2"
LD_PRELOAD=$killer KILLER_COUNT=$work/count command busflip patch \
	--format qcow2 "$LAB/win.qcow2" > /dev/null
calls=$(cat "$work/count")
new=$(sums win)
first=0
for ((n = 1; n < calls && first == 0; n++)); do
	cp "$work/old.qcow2" "$LAB/win.qcow2"
	killed win $n
	compgen -G "$journals/*.journal" > /dev/null && first=$n
done
ok "a kill between the journal and its end" test $first -gt 0

# left NAME - a kill on this domain's disk that leaves a journal, and pages of which
# some are written and some are not. How many qemu-nbd has written when it dies is
# its own affair, so the first such kill is looked for.
left()
{
	local n now

	for ((n = first; n <= calls; n++)); do
		cp "$work/old.qcow2" "$LAB/$1.qcow2"
		rm -rf $journals
		killed "$1" "$n"
		compgen -G "$journals/*.journal" > /dev/null || continue
		now=$(sums "$1")
		[ "$now" = "$old" ] || [ "$now" = "$new" ] || return 0
	done
	echo "# no kill left $1 between old and new"
	return 1
}

quietly busflip disable --force win
windows_domain fresh
ok "a journal is left" left fresh
unlike "with a disk that is neither old nor new" "$(sums fresh)" "^($old|$new)\$"
ok "the domain starts" virsh -q start fresh
quietly virsh -q destroy fresh
is "its disk was made whole before" "$(sums fresh)" "$new"
is "no journal is left" "$(ls $journals)" ""
like "it is logged" "$(grep 'interrupted patch was finished' "$LAB/log")" 'domain=fresh'
windows_domain over metadata="<busflip:state xmlns:busflip='$state_uri' phase='done'/>"
quietly virsh -q start over
quietly virsh -q managedsave over
left over
torn=$(sha256sum < "$LAB/over.qcow2")
ok "a domain that is done, and saved: goes on" virsh -q start over
quietly virsh -q destroy over
is "and nothing is written under it" "$(sha256sum < "$LAB/over.qcow2")" "$torn"
ok "a domain that is done: starts" virsh -q start over
quietly virsh -q destroy over
is "and its disk was made whole before" "$(sums over)" "$new"

# Since it was half patched, a snapshot was taken: it is a backing file now.
windows_domain below
left below
qemu-img create -q -f qcow2 -b "$LAB/below.qcow2" -F qcow2 "$LAB/above.qcow2"
virsh dumpxml below | sed 's/below.qcow2/above.qcow2/' > "$LAB/below.xml"
quietly virsh -q define "$LAB/below.xml"
is "a domain whose backing file is half patched" \
	"$(xpath below 'string(//disk[1]/source/@file)')" "$LAB/above.qcow2"
ok "starts" virsh -q start below
quietly virsh -q destroy below
is "and that was made whole before" "$(sums below)" "$new"
is "without a journal left" "$(ls $journals)" ""
cp "$work/old.qcow2" "$LAB/below.qcow2"

# One that is a volume of a storage pool.
windows_domain pooled
left pooled
# The first disk only: the other one is the bait.
virsh dumpxml --inactive pooled | sed -e "0,/<disk type='file'/s//<disk type='volume'/" \
	-e "s,<source file='.*/pooled.qcow2',<source pool='lab' volume='pooled.qcow2'," > "$LAB/pooled.xml"
quietly virsh -q define "$LAB/pooled.xml"
quietly virsh -q pool-create-as lab dir --target "$LAB"
is "a domain whose disk is a volume that is half patched" \
	"$(xpath pooled 'string(//disk[1]/source/@volume)')" pooled.qcow2
mv /run/libvirt/storage/lab.xml "$work/"
echo '<poolstate' > /run/libvirt/storage/lab.xml
fails "where it is can't be read: not started" 1 virsh -q start pooled
like "says why" "$output" 'pooled was not started: its disk sda may be half patched, and its location can.t be read: /run/.*malformed XML'
mv "$work/lab.xml" /run/libvirt/storage/
ok "it starts" virsh -q start pooled
quietly virsh -q destroy pooled
is "and was made whole before" "$(sums pooled)" "$new"
is "no journal is left of it" "$(ls $journals)" ""
quietly virsh -q pool-destroy lab

# patch needs no tag.
windows_domain plain tag=no
quietly virsh -q start plain
quietly virsh -q managedsave plain
left plain
torn=$(sha256sum < "$LAB/plain.qcow2")
ok "a domain without a tag that is saved: goes on" virsh -q start plain
quietly virsh -q destroy plain
is "and nothing is written under it" "$(sha256sum < "$LAB/plain.qcow2")" "$torn"
ok "a domain without a tag: starts" virsh -q start plain
quietly virsh -q destroy plain
is "and its disk was made whole before" "$(sums plain)" "$new"
is "without a journal left" "$(ls $journals)" ""
left plain
qemu-io -f qcow2 -c "write -P 0xa5 0 $((offset + size))" "$LAB/plain.qcow2" > /dev/null
fails "where it can't be made whole, that does not start either" 1 virsh -q start plain
like "it says why" "$output" "a patch of its disk vda was interrupted, and something else has changed"

# --- a journal of another disk ---

mkdir -p "$LAB/apart" $journals
truncate -s 64M "$LAB/apart/data.raw"
qemu-img create -q -f qcow2 -o "data_file=$LAB/apart/data.raw,data_file_raw=on" \
	"$LAB/odd.qcow2" 64M
chmod 666 "$LAB/apart/data.raw"
define_domain odd format=qcow2 image="$LAB/odd.qcow2" \
	metadata="<busflip:state xmlns:busflip='$state_uri' phase='done'/>"
fails "an image that is not patched: its data are elsewhere" 12 busflip patch odd
rm -f $journals/*
: > $journals/0123456789abcdef.journal.a1b2c3
ok "with a journal that was never whole it starts" virsh -q start odd
quietly virsh -q destroy odd
left plain
rm -f $journals/0123*
ok "and with one of another disk" virsh -q start odd
quietly virsh -q destroy odd
ok "which stays" test "$(ls $journals)"
rm -f $journals/*

# --- a journal that does not fit any more ---

windows_domain moved
left moved
# Neither old nor new: something else has written there.
qemu-io -f qcow2 -c "write -q -P 0x5a $offset 64k" "$LAB/moved.qcow2"
cp "$LAB/moved.qcow2" "$work/moved.before"
fails "a disk that was changed since: does not start" 1 virsh -q start moved
like "the message says why" "$output" 'something else has changed the disk since'
like "and names the journal" "$output" "$journals/"
ok "nothing was written" cmp "$LAB/moved.qcow2" "$work/moved.before"
rm -r $journals
ok "without the journal it starts" virsh -q start moved
quietly virsh -q destroy moved

# --- two disks, each with a Windows: what is kept of one is not for the other ---

cp "$work/SYSTEM" "$work/SYSTEM.one"
hivexregedit --merge --prefix 'HKEY_LOCAL_MACHINE\SYSTEM' "$work/SYSTEM" <<-'END'
	Windows Registry Editor Version 5.00

	[HKEY_LOCAL_MACHINE\SYSTEM\Other]
	"mark"=dword:00000001
END
make_windows "$work/c.ntfs" $size
"$tests/mkdisk.sh" "$LAB/second.qcow2" "$work/c.ntfs"
mv "$work/SYSTEM.one" "$work/SYSTEM"
windows_domain twin tag=no devices="<disk type='file' device='disk'>
	<driver name='qemu' type='qcow2'/><source file='$LAB/second.qcow2'/>
	<target dev='vdb' bus='virtio'/></disk>"
first=$(sums twin) second=$(sums second)
ok "patch of the one" busflip patch --disk vda twin
ok "and of the other" busflip patch --disk vdb twin
ok "undo of the one" busflip undo --disk vda twin
is "its own registry is back" "$(sums twin | cut -d" " -f1)" "${first% *}"
mv "$LAB/second.qcow2" "$LAB/elsewhere.qcow2"
fails "not forced on another disk" 35 busflip undo --disk vda --force twin
like "it says so" "$output" 'is of .*second.qcow2, not of this disk'
virsh dumpxml twin | sed s/second.qcow2/elsewhere.qcow2/ > "$LAB/twin.xml"
quietly virsh -q define "$LAB/twin.xml"
ok "a disk that was renamed: undo" busflip undo --disk vdb twin
is "its own registry is back" "$(sums elsewhere | cut -d" " -f1)" "${second% *}"
ok "the one by the domain" busflip patch --disk vda twin
ok "the other by its path" busflip patch --format qcow2 "$LAB/elsewhere.qcow2"
ok "undo of the other by the domain" busflip undo --disk vdb twin
is "has taken the right one" "$(sums elsewhere | cut -d" " -f1)" "${second% *}"
ok "and the one is there still" busflip undo --disk vda twin

# --- undo, of one that boots from VirtIO by what the patch gave it ---

windows_domain flip
plain=$(sums flip)
quietly busflip patch flip
patched=$(sums flip)
like "patch by hand is in the domain's story" "$(busflip status flip)" \
	"by busflip patch, disk $LAB/flip.qcow2: Windows was made ready for SATA and VirtIO"
quietly busflip patch flip
is "where nothing changed, nothing is" "$(busflip status flip | grep -c 'by busflip patch')" 1
quietly busflip promote flip
fails "on trial: undo" 1 busflip undo flip
is "is refused" "$output" "busflip: domain flip: it is on trial, with its disk on VirtIO; without the patch Windows may not boot from it (0x7B, INACCESSIBLE_BOOT_DEVICE): busflip rollback flip puts the disk on SATA; do that first, or use --force"
is "nothing is written" "$(sums flip)" "$patched"
quietly busflip rollback flip
fails "rolled back, as it says: undo" 0 busflip undo flip
is "is done, and nothing more is said" "$output" "flip: the registry is as it was before the patch"
is "the registry is back" "$(sums flip | cut -d' ' -f1)" "${plain%% *}"
like "which is in its story" "$(busflip status flip)" \
	"by busflip undo, disk $LAB/flip.qcow2: the registry is as it was"
quietly busflip patch flip
is "so is the next one" "$(busflip status flip | grep -c 'by busflip patch')" 2
for phase in "done" held; do
	state="<busflip:state xmlns:busflip='$state_uri' phase='$phase' attempts='0'/>"
	windows_domain $phase metadata="$state"
	quietly busflip patch $phase
	case $phase in
	done) first=rollback ;;
	held) first=retry ;;
	esac
	fails "$phase, and on VirtIO: undo" 1 busflip undo $phase
	like "is refused" "$output" "domain $phase: it is $phase, .*: busflip $first $phase puts the disk on SATA; do that first, or use --force\$"
	fails "$phase: forced" 0 busflip undo --force $phase
	like "says what comes next" "$output" \
		"as it was before the patch"$'\n'"busflip: domain $phase: it is $phase, with its disk on VirtIO; .* busflip $first $phase puts the disk on SATA\$"
	is "and it is so" "$(sums $phase | cut -d' ' -f1)" "${plain%% *}"
	quietly busflip patch $phase
done
windows_domain onsata bus=sata metadata="<busflip:state xmlns:busflip='$state_uri' phase='held' attempts='0'/>"
quietly busflip patch onsata
fails "held on SATA: undo" 0 busflip undo onsata
quietly busflip patch --format qcow2 "$LAB/onsata.qcow2"
is "a patch by the path is in nobody's story" "$(busflip status onsata | grep -c 'by busflip patch')" 1

# --- a slice of a file: what is at its beginning is another disk ---

qemu-img convert -O raw "$work/old.qcow2" "$LAB/shared.img"
truncate -s 1G "$LAB/shared.img"
make_domain slice tag=no image="$LAB/shared.img" > "$LAB/slice.xml"
slice="<slices><slice type='storage' offset='536870912' size='1048576'/></slices>"
sed -i "s|\(<source file='.*shared.img'\)/>|\1>$slice</source>|" "$LAB/slice.xml"
ok "a domain with a slice" virsh -q define "$LAB/slice.xml"
fails "is not patched" 1 busflip patch slice
like "it says why" "$output" 'is a slice of'
