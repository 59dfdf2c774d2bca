#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Management systems that own the XML: KubeVirt's onDefineDomain and VDSM's before_vm_start
# are called exactly as in production; their output is defined and started. Whatever goes
# wrong, the exit status is 0. A value that is not understood is reported, and the disk is
# put on SATA; if that is impossible, the XML is returned unchanged.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
busflip_required "$@"
requires python3 -c 'import yaml'
plan 193

here=$tests/../hook/engine

# --- KubeVirt

# As pkg/virt-launcher makes it: no addresses, aliases, metadata of its own.
kubevirt_xml()
{
	make_image "$LAB/system.img" off raw
	cp "$bait" "$LAB/bait.img"
	cat <<-END
	<domain type="qemu" xmlns:qemu="http://libvirt.org/schemas/domain/qemu/1.0"><name>default_win2019</name><memory unit="b">33554432</memory><os><type arch="x86_64" machine="q35">hvm</type></os><metadata><kubevirt xmlns="http://kubevirt.io"><uid></uid><graceperiod><deletionGracePeriodSeconds>180</deletionGracePeriodSeconds></graceperiod></kubevirt></metadata><features><acpi></acpi></features><cpu mode="custom"><model>qemu64</model><topology sockets="1" cores="1" threads="1"></topology></cpu><vcpu placement="static">1</vcpu><devices><controller type="usb" index="0" model="none"></controller><controller type="virtio-serial" index="0" model="virtio-non-transitional"></controller><disk device="disk" type="file" model="virtio-non-transitional"><source file="$LAB/system.img"></source><target bus="virtio" dev="vda"></target><driver cache="none" error_policy="stop" name="qemu" type="raw" discard="unmap"></driver><alias name="ua-system"></alias><boot order="1"></boot></disk><disk device="disk" type="file" model="virtio-non-transitional"><source file="$LAB/bait.img"></source><target bus="virtio" dev="vdb"></target><driver name="qemu" type="raw"></driver><alias name="ua-bait"></alias></disk><serial type="file"><source path="$LAB/default_win2019.serial" append="on"></source></serial></devices></domain>
	END
}

# vmi ANNOTATIONS [LABELS] - as Go's encoder writes a VirtualMachineInstance
vmi()
{
	printf '{"kind":"VirtualMachineInstance","apiVersion":"kubevirt.io/v1","metadata":{"name":"win2019","namespace":"default","annotations":{%s},"labels":{%s},"managedFields":[{"fieldsV1":{"f:metadata":{"f:annotations":{".":{},"f:busflip/phase":{}}}}}]},"spec":{"domain":{"devices":{"disks":[{"name":"system","disk":{"bus":"virtio"}}]}}}}' "$1" "${2-}"
}

# defines NAME ANNOTATIONS [XML [LABELS]] - to $output, with stderr in $said
defines()
{
	output=$("$here/onDefineDomain" --vmi "$(vmi "$2" "${4-}")" --domain "${3-$xml}" \
		2> "$LAB/said")
	is "$1: exit status" $? 0
	said=$(cat "$LAB/said")
}

# unchanged NAME ANNOTATIONS SAID [XML [LABELS]]
unchanged()
{
	defines "$1" "$2" "${@:4}"
	is "$1: as it went in" "$output" "${4-$xml}"
	like "$1: why" "$said" "^$3\$"
}

# on_sata NAME ANNOTATIONS SAID [XML [LABELS]]
on_sata()
{
	defines "$1" "$2" "${@:4}"
	like "$1: SATA" "$output" 'system.img"/?>(</source>)?<target bus="sata"'
	like "$1: what is said" "$said" "^$3\$"
}

# boots KIND - what was printed is defined, starts, and boots from that
boots()
{
	rm -f "$LAB/default_win2019.serial"
	virsh -q undefine default_win2019 2> /dev/null
	printf '%s' "$output" > "$LAB/defined.xml"
	ok "libvirt takes it" virsh -q define "$LAB/defined.xml"
	ok "it starts and goes off" run_once default_win2019
	is "it boots from" "$(boot_kind default_win2019)" "$1"
}

mv /etc/libvirt/hooks/qemu "$LAB/hook"	# no pod has it
lab_daemon_restart
xml=$(kubevirt_xml)
defines "staged" '"busflip/phase":"staged","other":"x"'
is "staged: nothing is said" "$said" ''
like "staged: SATA" "$output" 'target bus="sata" dev="sda"'
like "staged: KubeVirt finds the disk by its alias" "$output" \
	'system.img".*bus="sata".*<alias name="ua-system".*serial>busflip-bait'
rm -f "$bait"
boots ahci
like "with KubeVirt's own bait on VirtIO" "$(guest_line default_win2019)" 'virtio-blk'
unchanged "trial" '"busflip/phase":"trial"' ''
boots virtio-blk
unchanged "done" '"busflip/phase":"done"' ''
unchanged "no annotation of ours" '"x":"y"' ''
defines "held" '"busflip/phase":"held"'
like "held: SATA" "$output" 'target bus="sata" dev="sda"'
defines "scsi" '"busflip/bus":"scsi","busflip/phase":"staged"'
like "scsi: where it will end" "$output" 'bus="scsi"'
defines "another disk" '"busflip/disk":"vdb","busflip/phase":"staged"'
like "another disk: is moved" "$output" '<boot order="1"/?>.*bait.img"/?>(</source>)?<target bus="sata"'

# A value that is none: Windows may not be ready for VirtIO, and boots from SATA.
of='onDefineDomain: default/win2019:'
on_sata "an unknown phase" '"busflip/phase":"stage d"' \
	"$of annotation busflip/phase is \"stage d\", but must be .*$of its .* is on SATA until .*"
rm -f "$bait"
boots ahci
on_sata "an unknown bus" '"busflip/phase":"staged","busflip/bus":"virtio-scsi"' \
	"$of annotation busflip/bus is \"virtio-scsi\", but must be virtio or scsi.* with staged first"
on_sata "an unknown bus, on trial" '"busflip/phase":"trial","busflip/bus":"sata"' \
	"$of annotation busflip/bus is \"sata\", but .* with staged first"
unchanged "an unknown bus, done" '"busflip/phase":"done","busflip/bus":"sata"' "$of .* but must be .*"
on_sata "a disk that is not there" '"busflip/phase":"staged","busflip/disk":"vd_b"' \
	".*$of annotation busflip/disk is \"vd_b\", but must be the target .* with staged first"
on_sata "capitals and blanks" '"busflip/phase":" Staged\n","busflip/bus":"SCSI"' ''
like "capitals and blanks: where it will end" "$output" 'bus="scsi"'
unchanged "no phase" '"busflip/disk":"vda"' "$of without an annotation busflip/phase it .*"
unchanged "another name" '"busflip/fase":"staged"' "$of busflip has no annotation busflip/fase, .*"
unchanged "an annotation's text" '"a":"\"busflip/phase\":\"staged\"","b":"\\"' ''
unchanged "a label" '' '' "$xml" '"busflip/phase":"staged"'
unchanged "a label behind it" '"busflip/phase":"done"' '' "$xml" '"busflip/phase":"staged"'
on_sata "another label behind it" '"busflip/phase":"staged"' '' "$xml" '"busflip/phase":"done"'

cannot="$of cannot move its system disk to SATA; .*"
unchanged "no XML" '"busflip/phase":"staged"' "busflip: filter stage: malformed XML.*$cannot" 'no XML'
PATH=/usr/bin:/bin unchanged "no busflip" '"busflip/phase":"staged"' ".*busflip: not found.*$cannot"
output=$("$here/onDefineDomain" --vmi '{' --domain "$xml" 2>&1)
is "no VirtualMachineInstance" "$output" $'onDefineDomain: ?/?: cannot read its annotations\n'"$xml"
output=$("$here/onDefineDomain" --domain "$xml" --vmi "$(vmi '"busflip/phase":"staged"')")
like "the other way round" "$output" 'target bus="sata" dev="sda"'
is "no arguments" "$("$here/onDefineDomain" 2> /dev/null; echo $?)" $'\n0'

python3 - "$tests/../conf/kubevirt.yaml" > "$LAB/manifest" <<-'END'
	import json, sys, yaml
	vm = yaml.safe_load(open(sys.argv[1]))
	template = vm["spec"]["template"]
	notes = template["metadata"]["annotations"]
	(hook,) = json.loads(notes["hooks.kubevirt.io/hookSidecars"])
	disks = [d["name"] for d in template["spec"]["domain"]["devices"]["disks"]]
	volumes = [v["name"] for v in template["spec"]["volumes"]]
	print(vm["kind"], notes["busflip/phase"], hook["args"], disks == volumes)
END
is "the manifest" "$(cat "$LAB/manifest")" \
	"VirtualMachine staged ['--version', 'v1alpha3'] True"

# --- the image, as the Containerfile of busflip-engines(7) makes it

containerfile=$(page_text "$here/busflip-engines.7" FROM)
# copied FROM - what COPY takes from there
copied()
{
	sed -nE "s/^COPY $1(.*) [^ ]+$/\1/p" <<< "$containerfile" | tr ' ' '\n' | grep .
}

like "its stages" "$(grep ^FROM <<< "$containerfile")" ' AS build.*/sidecar-shim:v'
is "what it takes from the first" "$(copied --from=build | paste -sd ' ')" \
	'/static/busflip /busflip/hook/engine/onDefineDomain'
image=$LAB/image
mkdir -p "$image/usr/bin" "$image/bin" "$image/dev"
ln -s ../usr/bin/bash "$image/bin/sh"
ln -s gawk "$image/usr/bin/awk"
: > "$image/dev/null"
cp "$here/onDefineDomain" "$image/usr/bin/"
# With the static libraries of its RUN lines here, that program; else the one at hand,
# with the libraries that it has.
command=$(sed -n '/^RUN make/,/[^\\]$/s/^RUN //p; /^    HOOK_LIBS/p' <<< "$containerfile")
command=${command//\/static/"$LAB/static"}
static=yes
for library in xml2 icuuc lzma z inih stdc++; do
	[ -e "$(cc -print-file-name=lib$library.a)" ] || static=no
done
if [ $static = yes ]; then
	ok "busflip for it" bash -c "cd '$tests/..' && $command"
	program=$LAB/static/busflip
	is "needs no library" "$(readelf -d "$program" | grep NEEDED)" ''
else
	ok "busflip for it: the rule is there" bash -c "cd '$tests/..' && ${command/make/make -n}"
	program=$BUSFLIP_BUILD/busflip
	is "has what it needs" "$(ldd "$program" | grep 'not found')" ''
fi
for file in "$(command -v bash)" "$(command -v gawk || command -v mawk)" "$(command -v tr)" "$program"; do
	cp "$file" "$image/usr/bin/"
	for library in $(ldd "$file" 2> /dev/null | grep -oE '/[^ )]+'); do
		mkdir -p "$image${library%/*}"
		cp "$library" "$image$library"
	done
done
[ -e "$image/usr/bin/gawk" ] || ln -sf mawk "$image/usr/bin/awk"
# (it has no locales)
output=$(LC_ALL=C chroot --userspec=1001:1001 "$image" /usr/bin/onDefineDomain \
	--vmi "$(vmi '"busflip/phase":"staged"')" --domain "$xml" 2> "$LAB/said")
is "there, with a shell, awk and tr" $? 0
like "it puts the disk on SATA" "$output" 'target bus="sata" dev="sda"'
is "and says nothing" "$(cat "$LAB/said")" ''

# --- oVirt

id=11111111-2222-3333-4444-555555555555

# vdsm NAME PROPERTY - as hooks.py does: a file of its own, the property by its name
vdsm()
{
	local mode

	_hook_domxml=$(mktemp "$LAB/tmp/hookXXXXXX")
	printf '%s' "$xml" > "$_hook_domxml"
	chmod 640 "$_hook_domxml"
	chown nobody "$_hook_domxml"
	env vmId=$id busflip="$2" _hook_domxml="$_hook_domxml" "$here/before_vm_start" \
		2> "$LAB/said"
	is "$1: exit status" $? 0
	output=$(cat "$_hook_domxml") said=$(cat "$LAB/said")
	mode=$(stat -c '%U %a' "$_hook_domxml")
	is "$1: its owner and mode" "$mode" 'nobody 640'
	rm "$_hook_domxml"
	is "$1: nothing is left" "$(ls "$LAB"/tmp/hook* 2> /dev/null)" ''
}

as_it_was()
{
	vdsm "$1" "$2"
	is "$1: as it went in" "$output" "$xml"
	like "$1: why" "$said" "^$3\$"
}

# goes_to_sata NAME PROPERTY SAID
goes_to_sata()
{
	vdsm "$1" "$2"
	like "$1: SATA" "$output" "dev=['\"]sda['\"] bus=['\"]sata"
	like "$1: what is said" "$said" "^$3\$"
}

xml=$(make_domain default_win2019 tag=no uuid=$id | sed 's/<metadata>.*//')
vdsm "staged" staged
printf '%s' "$output" > "$LAB/created.xml"
rm -f "$LAB/default_win2019.serial"
virsh -q undefine default_win2019
# VDSM's domains are made for a start, and gone after it.
ok "a domain for one start" virsh -q create "$LAB/created.xml"
ok "it is gone" wait_for '! virsh -q domstate default_win2019' 20
is "it booted from" "$(boot_kind default_win2019)" ahci
vdsm "staged, scsi" 'staged scsi'
like "staged, scsi: where it will end" "$output" 'bus="scsi"'
goes_to_sata "blanks" ' staged ' ''
goes_to_sata "blanks and capitals" '  Staged   SCSI' ''
like "blanks and capitals: where it will end" "$output" 'bus="scsi"'
mkdir "$LAB/shared"
printf 'staged \r\n' > "$LAB/shared/$id"
goes_to_sata "in a file" "$LAB/shared " ''
printf trial > "$LAB/shared/$id"
as_it_was "in a file, trial" "$LAB/shared" ''
as_it_was "done" "done" ''
as_it_was "no property" ' ' ''

# After a start on SATA, the engine gives the disk the address that it had there.
plain=$xml
drive="<address type='drive' controller='0' bus='0' target='0' unit='0'/>"
xml=$(make_domain default_win2019 tag=no uuid=$id disk="$drive" | sed 's/<metadata>.*//')
printf '%s' "$xml" > "$LAB/drive.xml"
fails "libvirt refuses that address" 1 virsh -q create "$LAB/drive.xml"
for phase in staged trial "done"; do
	vdsm "with the address of SATA, $phase" "$phase"
	is "with the address of SATA, $phase: nothing is said" "$said" ''
	printf '%s' "$output" > "$LAB/created.xml"
	rm -f "$LAB/default_win2019.serial"
	ok "with the address of SATA, $phase: it starts" virsh -q create "$LAB/created.xml"
	wait_for '! virsh -q domstate default_win2019' 20
	kind=virtio-blk
	[ $phase != staged ] || kind=ahci
	is "with the address of SATA, $phase: it booted from" "$(boot_kind default_win2019)" $kind
done
xml=$plain

of="busflip: $id:"
: > "$LAB/shared/$id"
goes_to_sata "an empty file" "$LAB/shared" "$of $LAB/shared/$id is \"\", but must be .*until.*"
rm "$LAB/shared/$id"
as_it_was "no such file" "$LAB/shared" "$of cannot read $LAB/shared/$id, so it starts with .*"
mkdir "$LAB/shared/$id"
as_it_was "a folder for a file" "$LAB/shared" "$of cannot read .*"
as_it_was "no such folder" /nonexistent "$of cannot read /nonexistent/$id, so it starts with .*"
goes_to_sata "an unknown word" stagd \
	"$of property busflip is \"stagd\", but must be staged, .*$of its .* is on SATA until.*"
goes_to_sata "an unknown bus" 'staged floppy' \
	"$of property busflip is \"staged floppy\", but must be .* with staged first"
goes_to_sata "an unknown bus, on trial" 'trial floppy' \
	"$of property busflip is \"trial floppy\", but must be .* with staged first"
goes_to_sata "a word too many" 'staged scsi x' "$of property busflip is .*"
xml='<domain'
as_it_was "no XML" staged ".*malformed XML.*$of cannot move its system disk to SATA; .*"
as_it_was "no XML, done" "done" ".*malformed XML.*$of cannot check the addresses of its disks; .*"
