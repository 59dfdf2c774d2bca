#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Users edit a definition during the conversion of their domain: their edits are kept, and
# the domain completes its conversion or stays where it is.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
busflip_required "$@"
# shellcheck source=tests/lib-edit.sh
. "$tests/lib-edit.sh"
plan 122

# same_but NAME ASSERTION PYTHON - the definition is the original with that edit
same_but()
{
	cp "$LAB/$1.original" "$LAB/$1.edited"
	EDIT=$3 "$LAB/tmp/editor" "$LAB/$1.edited"
	cp "$LAB/$1.original" "$LAB/$1.kept"
	cp "$LAB/$1.edited" "$LAB/$1.original"
	same_as_original "$1" "$2"
	cp "$LAB/$1.kept" "$LAB/$1.original"
}

# --- the disk itself

staged_domain source
make_image "$LAB/other.img" off raw
edit source "disk('sda').find('source').set('file', '$LAB/other.img')"
rm "$LAB/source.img"
ok "another source: arrives" arrives source
same_but source "another source: nothing else is new" \
	"disk('vda').find('source').set('file', '$LAB/other.img')"

staged_domain attributes
change='
d.find("driver").set("cache", "none")
where = list(d).index(d.find("address"))
d.insert(where, E.fromstring("<serial>S-1</serial>"))
d.insert(where + 1, E.fromstring("<boot order=\"1\"/>"))
domain.find("memory").text = domain.find("currentMemory").text = "49152"
domain.find("os").remove(domain.find("os/boot"))'
edit attributes "d = disk('sda')$change"
ok "attributes of the disk and the domain: arrives" arrives attributes
same_but attributes "attributes: they are kept, nothing else is new" "d = disk('vda')$change"

# The running guest keeps what it has; its next start counts.
staged_domain running guest=stay
virsh -q start running
wait_boot running 1
edit running 'domain.find("memory").text = domain.find("currentMemory").text = "49152"'
virsh -q shutdown running
wait_off running
is "edited while it runs: is promoted" "$(where running)" trial/virtio
same_but running "edited while it runs: the edit is kept" \
	'domain.find("memory").text = domain.find("currentMemory").text = "49152"'

# --- disks beside it

staged_domain added
data_disk added-1 vdb virtio > "$LAB/added-1.xml"
data_disk added-2 sdb sata > "$LAB/added-2.xml"
virsh -q attach-device added "$LAB/added-1.xml" --config
virsh -q attach-device added "$LAB/added-2.xml" --config
ok "disks added: arrives" arrives added
is "disks added: they are where they were put" \
	"$(xpath added 'concat(//disk[target/@dev="vdb"]/source/@file, " ", //disk[target/@dev="sdb"]/source/@file)')" \
	"$LAB/added-1.img $LAB/added-2.img"
is "disks added: the system disk is where it was" \
	"$(xpath added "string(//disk[target/@dev='vda']/address/@bus)")" \
	"$(xmllint --xpath "string(//disk[target/@dev='vda']/address/@bus)" "$LAB/added.original")"

# Without a window: while the guest runs from SATA.
staged_domain plugged guest=stay
virsh -q start plugged
wait_boot plugged 1
data_disk plugged-1 vdb virtio > "$LAB/plugged.xml"
ok "disk plugged in while it runs" virsh -q attach-device plugged "$LAB/plugged.xml" --live --config
virsh -q shutdown plugged
wait_off plugged
press plugged
is "disk plugged in: arrives, and it is there" \
	"$(where plugged)/$(xpath plugged 'string(//disk[target/@dev="vdb"]/source/@file)')" \
	"done/virtio/$LAB/plugged-1.img"

# The SATA controller that staging has added to a pc is needed now.
staged_domain shared machine=pc
data_disk shared-1 sdb sata "<address type='drive' controller='0' bus='0' target='0' unit='3'/>" \
	> "$LAB/shared.xml"
virsh -q attach-device shared "$LAB/shared.xml" --config
ok "a disk on the added SATA controller: arrives" arrives shared
is "it keeps its controller" "$(xpath shared 'count(//controller[@type="sata"])')" 1
like "and the guest sees it" "$(guest_line shared)" ahci

# --- the bait

staged_domain baitless
edit baitless "devices.remove(disk('vdz'))"
is "the bait is taken out" "$(baits_of baitless)" 0
ok "without the bait: arrives" arrives baitless
same_as_original baitless "without the bait: the definition is the user's"

# It is put back, and that is told.
staged_domain detached guest=stay
place=$(xpath detached "string($bait_disk/address/@bus)")
quietly virsh detach-disk detached vdz --config
like "bait detached: status says so" "$(busflip status detached)" \
	"Next: run busflip stage detached to put its bait back, which was removed"
like "bait detached: what it waits for" "$(busflip status --json detached)" '"waits_for":"busflip stage"'
like "bait detached: check says so" "$(busflip check detached)" "definition +not ok .*its bait was removed"
fails "bait detached: stage" 0 busflip stage detached
like "bait detached: stage says what it did" "$output" \
	"domain detached: its bait had been removed and was put back"
is "bait detached: it is at the address that the disk will have" \
	"$(xpath detached "string($bait_disk/address/@bus)")/$(baits_of detached)" "$place/1"
quietly virsh detach-disk detached vdz --config
ok "bait detached: stage --all" busflip stage --all
is "bait detached: stage --all puts it back, too" "$(baits_of detached)" 1
quietly virsh detach-disk detached vdz --config
ok "bait detached: a session that is cut off" cut_off detached
output=$(busflip status detached)
like "bait detached: the start is told" "$output" "  starts without its bait, which was removed"
like "bait detached: and that it was put back" "$output" "  its bait had been removed .* was put back"
is "bait detached: after the session" "$(where detached)/$(baits_of detached)" staged/sata/1
printf '[busflip]\nevidence = require\n' > /etc/busflip.conf
quietly virsh detach-disk detached vdz --config
ok "bait detached: a session that is not ready" press detached
is "bait detached: after that one" "$(where detached)/$(baits_of detached)" staged/sata/1
printf '[busflip]\nevidence = shutdown\n' > /etc/busflip.conf
staged_domain controller tag='bus="scsi"'
edit controller "devices.remove(devices.find('controller[@type=\"scsi\"]'))"
ok "SCSI controller removed: stage" busflip stage controller
is "SCSI controller removed: it is back" \
	"$(xpath controller 'string(//controller[@type="scsi"]/@model)')" virtio-scsi
ok "SCSI controller removed: goes on" run_once controller
is "SCSI controller removed: to it" "$(where controller)" trial/scsi

# In a folder that QEMU's user may not enter. libvirt would not leave that one out.
mkdir -m 700 "$LAB/closed"
printf '[busflip]\nevidence = shutdown\nbait = %s/closed/bait.img\n' "$LAB" > /etc/busflip.conf
define_domain closed tag=no
fails "a bait that QEMU can't read: enable" 1 busflip enable closed
like "says what to do" "$output" "domain closed: QEMU runs as user libvirt-qemu, which can't read the bait disk $LAB/closed/bait.img: setfacl -m u:libvirt-qemu:x $LAB/closed, or set bait in /etc/busflip.conf to another place\$"
is "and nothing was done" "$(where closed)" none/virtio
define_domain tagged
quietly busflip stage tagged
is "staged by its tag: without it" "$(where tagged)/$(baits_of tagged)" staged/sata/0
ok "which is told" logged "domain=tagged .*staged without a bait: QEMU runs as user libvirt-qemu"
virsh dumpxml --inactive tagged > "$LAB/tagged.before"
ok "stage --all" busflip stage --all
is "it is not put in again and again" "$(virsh dumpxml --inactive tagged | diff "$LAB/tagged.before" -)" ""
fails "stage by hand" 0 busflip stage tagged
like "says why it has none" "$output" "staged without a bait: QEMU runs as user libvirt-qemu"
ok "and it starts" run_once tagged
chmod 711 "$LAB/closed"
fails "with the folder open: enable" 0 busflip enable closed
is "with it" "$(baits_of closed)" 1
ok "it starts" run_once closed
printf '[busflip]\nevidence = shutdown\n' > /etc/busflip.conf
rm -r /var/lib/busflip
(umask 077 && define_domain masked tag=no && quietly busflip enable masked)
is "made with a mask of 077, it can be entered, and QEMU reads it, all the same" \
	"$(stat -c '%a ' /var/lib/busflip /var/lib/busflip/bait.img | tr -d '\n')" "755 640 "
ok "and the guest starts" run_once masked

# Its place is taken by another one: that one was asked for by the user.
staged_domain squatter
place=$(xpath squatter "string($bait_disk/address/@bus)")
edit squatter "devices.remove(disk('vdz'))"
data_disk squatter-1 vda virtio \
	"<address type='pci' domain='0' bus='$place' slot='0' function='0'/>" > "$LAB/squatter.xml"
virsh -q attach-device squatter "$LAB/squatter.xml" --config
run_once squatter
# On VirtIO libvirt would boot from vda first, which is the empty disk now.
is "bait's place taken: stays where it boots" "$(where squatter)" staged/sata
ok "bait's place taken: why is logged" logged "domain=squatter.*stays as it is: .*boot order='1'"
output=$(busflip status squatter)
like "bait's place taken: it is in its story" "$output" "  stays as it is: .*boot order='1'"
like "bait's place taken: nor is more promised" "$output" \
	"Next: it stays on SATA, however its sessions end, until this is fixed: .*boot order='1'"
edit squatter "domain.find('os').remove(domain.find('os/boot'))
E.SubElement(disk('sda'), 'boot').set('order', '1')"
run_once squatter
is "bait's place taken: is promoted when its order is given" "$(where squatter)" trial/virtio
is "bait's place taken: the other disk keeps name and place" \
	"$(xpath squatter "concat(//disk[target/@dev='vda']/source/@file, ' ', //disk[target/@dev='vda']/address/@bus)")" \
	"$LAB/squatter-1.img $place"
is "bait's place taken: the system disk has others" \
	"$(xpath squatter "concat(//disk[source/@file='$LAB/squatter.img']/target/@dev, ' ',
		//disk[source/@file='$LAB/squatter.img']/target/@bus)")" "vdb virtio"
run_once squatter
is "bait's place taken: it boots from VirtIO" "$(boot_kind squatter)" virtio-blk
is "bait's place taken: arrives" "$(phase_of squatter)" "done"

# --- libvirt adds a port for the bait when none is free

# filled NAME [KEY=VALUE...] - define it with a disk on each port that is free
filled()
{
	local letter ports

	define_domain "$@" tag=no
	ports=$(xpath "$1" 'count(//controller[@type="pci"])')
	for letter in b c d e f g; do
		data_disk "$1-$letter" "vd$letter" virtio > "$LAB/$1.disk"
		cp /etc/libvirt/qemu/"$1".xml "$LAB/$1.kept"
		virsh -q attach-device "$1" "$LAB/$1.disk" --config
		[ "$(xpath "$1" 'count(//controller[@type="pci"])')" = "$ports" ] || break
	done
	[ $letter != g ] || bail_out "libvirt adds no port"
	quietly virsh -q detach-disk "$1" "vd$letter" --config
	sed "/controller type='pci' index='$ports'/,/<.controller>/d" "$LAB/$1.kept" > "$LAB/$1.xml"
	quietly virsh -q define "$LAB/$1.xml"
	virsh dumpxml --inactive "$1" > "$LAB/$1.original"
}

# ports_of NAME - how many ports it has more than before
ports_of()
{
	echo $(($(xpath "$1" 'count(//controller[@type="pci"])') -
		$(xmllint --xpath 'count(//controller[@type="pci"])' "$LAB/$1.original")))
}

for bus in virtio scsi; do
	filled port-$bus bus=sata
	quietly busflip enable --bus $bus port-$bus
	is "$bus: libvirt has added a port" "$(ports_of port-$bus)" 1
	ok "$bus: disable" busflip disable port-$bus
	same_as_original port-$bus "$bus: the definition is the user's"
	quietly busflip enable --bus $bus port-$bus
	run_once port-$bus
	is "$bus: on trial" "$(where port-$bus)/$(ports_of port-$bus)" trial/$bus/1
	ok "$bus: disable on trial" busflip disable port-$bus
	same_as_original port-$bus "$bus: the definition is the user's then, too"
done
quietly busflip enable port-virtio
ok "disable --keep-sata" busflip disable --keep-sata port-virtio
same_as_original port-virtio "takes the port away as well"
quietly busflip enable port-virtio
data_disk more vdx virtio > "$LAB/more.xml"
quietly virsh -q attach-device port-virtio "$LAB/more.xml" --config
is "a disk that came later has a port of its own" "$(ports_of port-virtio)" 2
ok "disable then" busflip disable port-virtio
is "leaves that one" "$(xpath port-virtio 'string(//disk[target/@dev="vdx"]/source/@file)')" \
	"$LAB/more.img"

# --- the disk is gone from where busflip left it

staged_domain called
edit called "disk('sda').find('target').set('dev', 'sdf')"
ok "disk renamed: arrives" arrives called
same_as_original called "disk renamed: the definition is the user's"

staged_domain lost
cp "$LAB/lost.img" "$LAB/found.img"
edit lost "disk('sda').find('source').set('file', '$LAB/found.img')
disk('sda').find('target').set('dev', 'sdf')"
virsh dumpxml --inactive lost > "$LAB/lost.edited"
ok "another disk: the guest starts and stops" run_once lost
is "another disk: nothing is touched" "$(virsh dumpxml --inactive lost | diff "$LAB/lost.edited" -)" ""
ok "another disk: why is logged" logged \
	"domain=lost.*sda is no longer in the domain: add it again, .*disable --force lost"
fails "another disk: disable refuses" 1 busflip disable lost
like "another disk: and says why" "$output" "busflip: domain lost: .*sda"
ok "another disk: disable --force" busflip disable --force lost
is "another disk: removes tag and state, and leaves no bait" \
	"$(virsh dumpxml --inactive lost | grep -c urn:busflip)/$(bus_of_disk lost)/$(baits_of lost)" 0/sata/0

# --- tag and state

staged_domain untagged
edit untagged "m = domain.find('metadata'); m.remove(m.find('{$tag_uri}domain'))"
virsh dumpxml --inactive untagged > "$LAB/untagged.edited"
run_once untagged
is "tag taken out: it is left alone" \
	"$(virsh dumpxml --inactive untagged | diff "$LAB/untagged.edited" -)" ""
staged_domain stateless guest=stay
edit stateless "m = domain.find('metadata'); m.remove(m.find('{$state_uri}state'))"
# It boots from SATA before it is taken down as well, and could be pressed then.
virsh -q start stateless && wait_for "bounced stateless" 60
wait_for "virsh -q shutdown stateless 2>/dev/null; is_off stateless" 60 && wait_off stateless
is "state taken out: it starts over, from where the disk is" \
	"$(phase_of stateless)/$(boot_kind stateless)" trial/ahci
is "state taken out: no bait is left over" "$(baits_of stateless)" 0

# --- the domain

staged_domain before
ok "domrename while it is staged" virsh -q domrename before after
is "it is staged" "$(where after)" staged/sata
cp "$LAB/before.serial" "$LAB/after.serial" 2>/dev/null
run_once after
is "its session counts" "$(where after)" trial/virtio
ok "domrename on trial" virsh -q domrename after last
run_once last
is "it arrives" "$(where last)" "done/virtio"
virsh dumpxml --inactive last | sed 's,<name>last</name>,<name>before</name>,' > "$LAB/renamed.xml"
virsh -q undefine last
virsh -q define "$LAB/renamed.xml"
same_as_original before "domrename: nothing but the name is new"

staged_domain renamed
hold_settle renamed
virsh -q start renamed
wait_for "is_off renamed" 60
if no_work renamed; then fail "work is left"; else pass "work is left"; fi
virsh -q domrename renamed newname
let_settle
ok "renamed before the work is done: it is done" wait_off newname
is "renamed before the work is done: on trial" "$(where newname)" trial/virtio

# --- undefine

gone()
{
	! virsh -q dominfo "$1" >/dev/null 2>&1 && [ ! -e "/etc/libvirt/qemu/$1.xml" ]
}
no_records()
{
	[ -z "$(ls $pending)" ]
}

staged_domain undefined
uuid=$(uuid_of undefined)
ok "undefine while it is staged" virsh -q undefine undefined
ok "it is gone" gone undefined
ok "stage --all does not mind" busflip stage --all
virsh -q define <(make_domain undefined uuid="$uuid")
is "defined again, it begins again" "$(where undefined)" none/virtio

staged_domain leaving guest=stay
virsh -q start leaving
wait_boot leaving 1
virsh -q undefine leaving
virsh -q shutdown leaving
ok "undefined while it runs: it is gone after its end" wait_for "gone leaving" 60
ok "undefined while it runs: no work is left" wait_for no_records 60

staged_domain late
hold_settle late
virsh -q start late
wait_for "is_off late" 60
virsh -q undefine late
let_settle
ok "undefined before the work is done: the work is dropped" wait_for no_records 60
ok "undefined before the work is done: it stays gone" gone late

# Another domain of that name, or the same one from its original XML.
staged_domain again
uuid=$(uuid_of again)
hold_settle again
virsh -q start again
wait_for "is_off again" 60
virsh -q undefine again
virsh -q define <(make_domain again tag=no)
virsh dumpxml --inactive again > "$LAB/again.new"
let_settle
ok "another domain of that name: the work is dropped" wait_for no_records 60
is "another domain of that name: is not touched" \
	"$(virsh dumpxml --inactive again | diff "$LAB/again.new" -)" ""

# The same domain once more, from the file that its user has.
virsh -q undefine again
staged_domain repeat
hold_settle repeat
virsh -q start repeat
wait_for "is_off repeat" 60
virsh -q define "$LAB/repeat.original"
let_settle
ok "defined anew before the work is done: the work is dropped" wait_for no_records 60
is "defined anew before the work is done: it begins again" "$(where repeat)" none/virtio
quietly busflip stage repeat
ok "it arrives" arrives repeat
same_as_original repeat "the definition is the user's"

# --- a backup job that names the disk as it was: told, and not given the bait

staged_domain nightly guest=stay
virsh -q start nightly
wait_boot nightly 1
cat > "$LAB/backup.xml" <<END
<domainbackup><disks><disk name='vda' backup='yes' type='file'><driver type='raw'/>
<target file='$LAB/nightly.backup'/></disk></disks></domainbackup>
END
fails "a backup of vda" 1 virsh backup-begin nightly "$LAB/backup.xml"
like "for it is not there" "$output" "no disk named 'vda'"
fails "a snapshot of vda" 1 virsh snapshot-create-as nightly s --disk-only --diskspec "vda,file=$LAB/s"
like "neither" "$output" "no disk named 'vda'"
fails "a copy of vda" 1 virsh blockcopy nightly vda "$LAB/copy"
like "nor there" "$output" "vda"
virsh -q shutdown nightly
wait_off nightly
virsh -q start nightly
wait_boot nightly 2
fails "on VirtIO, it is: a backup" 0 virsh backup-begin nightly "$LAB/backup.xml"
ok "is made" wait_for 'virsh domjobinfo nightly --completed | grep -q Completed' 30
is "of the system disk" "$(cmp "$LAB/nightly.backup" "$LAB/nightly.img" && echo same)" same

# --- enable of one that has a tag already: what it says stays, but for what is given

define_domain own tag='bus="scsi" disk="vda"'
quietly busflip enable own
is "a tag with a bus and a disk: enable keeps both" \
	"$(xpath own "concat(//*[namespace-uri()='$tag_uri']/@bus, ' ', //*[namespace-uri()='$tag_uri']/@disk)")" \
	"scsi vda"
define_domain other-bus tag='bus="scsi" disk="vda"'
quietly busflip enable --bus virtio other-bus
is "enable --bus changes that" \
	"$(xpath other-bus "concat(//*[namespace-uri()='$tag_uri']/@bus, ' ', //*[namespace-uri()='$tag_uri']/@disk)")" \
	"virtio vda"
