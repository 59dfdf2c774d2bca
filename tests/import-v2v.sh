#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Whole imports with the programs that people use: virt-v2v converts OVAs into a storage
# pool of libvirt, as busflip-recipes(7) shows it, and busflip converts the result; and
# the same from a VMDK with qemu-img and virt-install. At the end, everything that virt-v2v
# wrote into the registry and into the definition must still be there. The guests behave
# as Windows does (guest/windows/).
#
# Not part of "make check", because virt-v2v boots an appliance for each guest.
#
# Differences from a real host: without KVM, libvirt refuses the domain that virt-v2v
# defines. virt-v2v leaves its XML behind in that case, and the test defines this XML as an
# emulated machine. The model is a Linux kernel, so the definition names that kernel and
# has a serial port.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
# shellcheck source=tests/guest/windows/lib-windows.sh
. "${BASH_SOURCE[0]%/*}/guest/windows/lib-windows.sh"
# shellcheck source=tests/lib-v2v.sh
. "${BASH_SOURCE[0]%/*}/lib-v2v.sh"
v2v_required virt-v2v
requires virt-install --version
requires command -v hivexregedit
windows_required "$@"
plan 101
cd "$LAB" || exit 1

# name, Windows, more of its disk, and the folder where virt-v2v looks for drivers
guests=(
	"server 2019 fast=off vw"
	"client 10 fast=on none"
	"old 7 autoreboot=1 vw"
)

# The CD-ROM comes first when the disk is on SATA.
system_disk='//devices/disk[@device="disk"][not(serial="busflip-bait")][1]'

# shown BEGIN NAME - the command in the page that begins so, for another guest
shown()
{
	page_text "$tests/../hook/busflip-recipes.7" |
		sed -n "/^$1/{:more; s/win2019/$2/g; p; /\\\\$/{n; b more}}"
}

# --- virtio-win, with drivers that the model would install; and none

# virtio_win WINDOWS FOLDER
virtio_win()
{
	local bus driver=viostor end to

	for bus in blk scsi; do
		to=vw/$driver/$2/amd64
		windows_disk driver "windows=$1" package=yes bus=$bus
		mkdir -p "$to"
		for end in inf cat sys; do
			windows_peek driver cat "Windows/Drivers/VirtIO/$driver.$end" \
				> "$to/$driver.$end"
		done
		driver=vioscsi
	done
	rm driver.img
}

virtio_win 2019 2k19
virtio_win 10 w10
virtio_win 7 w7
v2v_tools "$LAB/tools"
mkdir -p vw/guest-agent none pool
cp tools/pnp_wait.exe vw/guest-agent/qemu-ga-x86_64.msi
printf '[busflip]\nvirtio_win = %s\n' "$LAB/vw" > /etc/busflip.conf
virsh -q pool-define-as default dir --target "$LAB/pool"
virsh -q pool-start default

# --- what VMware exports

# ova NAME - of NAME.img, which had its disk on LSI SAS; the .vmdk stays
ova()
{
	local vmdk=$1-disk1.vmdk cim=http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2
	local format=http://www.vmware.com/interfaces/specifications/vmdk.html

	qemu-img convert -q -f raw -O vmdk -o subformat=streamOptimized,adapter_type=lsilogic \
		"$1.img" "$vmdk" || bail_out "no $vmdk"
	cat > "$1.ovf" <<-END
	<?xml version="1.0" encoding="UTF-8"?>
	<Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1"
	    xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1"
	    xmlns:rasd="$cim/CIM_ResourceAllocationSettingData"
	    xmlns:vmw="http://www.vmware.com/schema/ovf"
	    xmlns:vssd="$cim/CIM_VirtualSystemSettingData">
	  <References>
	    <File ovf:href="$vmdk" ovf:id="file1" ovf:size="$(stat -c %s "$vmdk")"/>
	  </References>
	  <DiskSection>
	    <Info>Virtual disk information</Info>
	    <Disk ovf:capacity="256" ovf:capacityAllocationUnits="byte * 2^20" ovf:diskId="vmdisk1"
	        ovf:fileRef="file1"
	        ovf:format="$format#streamOptimized"/>
	  </DiskSection>
	  <VirtualSystem ovf:id="$1">
	    <Info>A virtual machine</Info>
	    <Name>$1</Name>
	    <VirtualHardwareSection>
	      <Info>Virtual hardware requirements</Info>
	      <System>
	        <vssd:ElementName>Virtual Hardware Family</vssd:ElementName>
	        <vssd:InstanceID>0</vssd:InstanceID>
	        <vssd:VirtualSystemType>vmx-14</vssd:VirtualSystemType>
	      </System>
	      <Item>
	        <rasd:ElementName>1 virtual CPU(s)</rasd:ElementName>
	        <rasd:InstanceID>1</rasd:InstanceID>
	        <rasd:ResourceType>3</rasd:ResourceType>
	        <rasd:VirtualQuantity>1</rasd:VirtualQuantity>
	      </Item>
	      <Item>
	        <rasd:AllocationUnits>byte * 2^20</rasd:AllocationUnits>
	        <rasd:ElementName>256MB of memory</rasd:ElementName>
	        <rasd:InstanceID>2</rasd:InstanceID>
	        <rasd:ResourceType>4</rasd:ResourceType>
	        <rasd:VirtualQuantity>256</rasd:VirtualQuantity>
	      </Item>
	      <Item>
	        <rasd:ElementName>SCSI Controller 0</rasd:ElementName>
	        <rasd:InstanceID>3</rasd:InstanceID>
	        <rasd:ResourceSubType>lsilogicsas</rasd:ResourceSubType>
	        <rasd:ResourceType>6</rasd:ResourceType>
	      </Item>
	      <Item>
	        <rasd:ElementName>IDE 0</rasd:ElementName>
	        <rasd:InstanceID>4</rasd:InstanceID>
	        <rasd:ResourceType>5</rasd:ResourceType>
	      </Item>
	      <Item>
	        <rasd:AddressOnParent>0</rasd:AddressOnParent>
	        <rasd:ElementName>Hard Disk 1</rasd:ElementName>
	        <rasd:HostResource>ovf:/disk/vmdisk1</rasd:HostResource>
	        <rasd:InstanceID>5</rasd:InstanceID>
	        <rasd:Parent>3</rasd:Parent>
	        <rasd:ResourceType>17</rasd:ResourceType>
	      </Item>
	      <Item ovf:required="false">
	        <rasd:AddressOnParent>0</rasd:AddressOnParent>
	        <rasd:AutomaticAllocation>false</rasd:AutomaticAllocation>
	        <rasd:ElementName>CD/DVD drive 1</rasd:ElementName>
	        <rasd:InstanceID>6</rasd:InstanceID>
	        <rasd:Parent>4</rasd:Parent>
	        <rasd:ResourceType>15</rasd:ResourceType>
	      </Item>
	      <vmw:Config ovf:required="false" vmw:key="firmware" vmw:value="bios"/>
	    </VirtualHardwareSection>
	  </VirtualSystem>
	</Envelope>
	END
	sha256sum "$1.ovf" "$vmdk" | sed -E 's/^([0-9a-f]+)  (.*)/SHA256(\2)= \1/' > "$1.mf"
	tar --format=ustar -cf "$1.ova" "$1.ovf" "$1.mf" "$vmdk"
}

# convert NAME DRIVERS - by virt-v2v, as the page shows it, to the pool
convert()
{
	local command

	command=$(shown 'virt-v2v -i ova' "$1")
	VIRTIO_WIN=$LAB/$2 timeout -k 5 600 bash -c "${command% && *}" > "$1.log" 2>&1 < /dev/null
	echo "exit status $?" >> "$1.log"
}

# define_left NAME - what virt-v2v wants to be defined; libvirt has refused it. Where
# there is no KVM, virt-v2v has left out these features, too.
define_left()
{
	local left serial="<serial type='file'><source path='$LAB/$1.serial'/></serial>"

	left=$(grep -lF "<name>$1</name>" "$TMPDIR"/v2vlibvirt*.xml) || bail_out "no XML of $1"
	sed -e "s|<domain type='kvm'>|<domain type='qemu'>|" \
		-e "s|<features/>|<features><acpi/><apic/></features>|" \
		-e "s|\(<type arch.*>hvm</type>\)|\1$(windows_boot bios)|" \
		-e "s|<console type='pty'/>|$serial|" \
		"$left" > "$1.xml"
	virsh -q define "$1.xml" || bail_out "cannot define $1"
	virsh dumpxml --inactive "$1" > "$1.original"
}

# hive NAME WHEN [IMAGE] - SYSTEM of the image, in the pool or there, as it is and as text
hive()
{
	"$windows_bin/ntpeek" "${3:-pool/$1-sda}" cat Windows/System32/config/SYSTEM > "$1.$2"
	hivexregedit --export --prefix 'HKEY_LOCAL_MACHINE\SYSTEM' "$1.$2" "\\" > "$1.$2.reg"
}

# kept NAME WHEN - assertion: all that virt-v2v has written, and it is a lot, was so then
kept()
{
	like "$1: $2: all that virt-v2v has written into the registry is there" \
		"$("$tests/regtext.py" kept "$1.before.reg" "$1.v2v.reg" "$1.$2.reg")" \
		'^[1-9][0-9] changed, 0 wrong$'
}

# get NAME KEY VALUE... - values of the registry that is on the disk now
get()
{
	local value

	for value in "${@:3}"; do
		"$windows_bin/ntpeek" "pool/$1-sda" get "CS\\$2" "$value"
	done | paste -sd ' '
}

# for_the_way NAME - what busflip changes and puts back, however virt-v2v has left it
for_the_way()
{
	get "$1" 'Control\CrashControl' AutoReboot
	get "$1" 'Control\Session Manager\Power' HiberbootEnabled
	get "$1" 'Services\partmgr\Parameters' SanPolicy
}

# driver_of NAME - what inspect says of three conditions
driver_of()
{
	busflip inspect "$1" |
		sed -nE 's/^(driver-service|driver-findable|device-bound) +((not )?ok) .*/\2/p' |
		paste -sd ,
}

# adds NAME - the groups of the edits that a patch would make
adds()
{
	busflip patch --dry-run --json "$1" | python3 -c 'import json, sys
edits = json.load(sys.stdin)["registry"]["edits"]
print(*sorted({e["group"] for e in edits if e["needed"]}))'
}

# patched_by_hand NAME BUS - assertions: it takes nothing away, and undo leaves no trace
patched_by_hand()
{
	ok "$1: patch for $2" busflip patch --bus "$2" "$1"
	hive "$1" "$2"
	kept "$1" "$2"
	ok "$1: undo" busflip undo "$1"
	hive "$1" undone
	ok "$1: the registry is as virt-v2v has left it, to the byte" cmp "$1.v2v" "$1.undone"
}

# session NAME - up, power button, off, and what busflip had to do is done
session()
{
	windows_session "$1" && wait_for "settled '$1'" 60
}

# differs NAME - lines of the definition that are not as whoever imported it has had it
# defined: "-" was, "+" is. Disks by their names, for libvirt puts them into an order of
# its own.
differs()
{
	local file

	virsh dumpxml --inactive "$1" > "$1.now"
	for file in original now; do
		python3 "$tests/canonical.py" "$1.$file" disks > "$1.$file.canonical"
	done
	diff -U0 "$1.original.canonical" "$1.now.canonical" | grep -E '^[-+]<'
}

# --- virt-v2v, two at a time

begun=$SECONDS running=0
for guest in "${guests[@]}"; do
	read -r name windows more drivers <<< "$guest"
	windows_disk "$name" "windows=$windows" origin=lsi size=256 "$more"
	hive "$name" before "$name.img"
	ova "$name"
	rm "$name.img"
	[ $running -lt 2 ] || wait -n
	running=$((running + 1))
	(trap - EXIT; convert "$name" "$drivers") &
done

# --- meanwhile, from such a VMDK: qemu-img and virt-install, which starts it at once

qemu-img convert server-disk1.vmdk -O qcow2 direct.qcow2 || bail_out "no direct.qcow2"
# No KVM and little memory here, and nobody to look at the screen; and the model.
command=$(shown virt-install direct)
like "the page shows virt-install" "$command" '^virt-install .*--xml '
command=${command/--memory 4096/--memory 256 --virt-type qemu --graphics none --noautoconsole}
command+=" --serial file,path=$LAB/direct.serial --boot kernel=$LAB/vmlinux,initrd=$LAB/initrd"
command+=",kernel_args='\"$windows_cmdline\"'"
# What it would be without busflip
bash -c "$command --print-xml" > direct.xml
virsh -q define direct.xml
virsh dumpxml --inactive direct > direct.original
virsh -q undefine direct
ok "direct: virt-install, as it is shown there" bash -c "$command"
ok "direct: it comes up" wait_for "said direct '^nt: user-mode done'" "$windows_patience"
is "direct: on SATA, with the bait" "$(where direct) $(baits_of direct --live)" "staged/sata 1"
ok "direct: is shut down" windows_off direct
wait_for "settled direct" 60
is "direct: VirtIO is next" "$(where direct)" trial/virtio
ok "direct: a session there" session direct
is "direct: is done" "$(where direct)" done/virtio
sed -i "s|<uuid>.*</uuid>|<uuid>$(uuid_of direct)</uuid>|" direct.original
is "direct: it is defined as virt-install would have done without busflip" "$(differs direct)" ""

wait
diag "virt-v2v: $((SECONDS - begun)) s"

# --- what it has made, and busflip with that

moved='^-<target bus="sata" dev="sda">.[+]<target bus="virtio" dev="vda">'
moved+='.-<address [^>]*type="drive"[^>]*>.[+]<address [^>]*type="pci">$'
firstboot='2 C:\Program Files\Guestfs\Firstboot\rhsrvany.exe -s firstboot'

for guest in "${guests[@]}"; do
	read -r name _ _ drivers <<< "$guest"
	grep -q '^exit status 0$' "$name.log" || bail_out "$name: virt-v2v: $(cat "$name.log")"
	define_left "$name"
	hive "$name" v2v
	case $name in
	server) bus=virtio driver='ok,ok,not ok' adds='override package service trial' ;;
	client) bus=sata driver='not ok,not ok,not ok'
		adds='database fast-startup override package service' ;;
	old) bus=virtio driver='ok,ok,not ok' adds='boot package service trial' ;;
	esac
	is "$name: virt-v2v, with the drivers of \"$drivers\"" "$(bus_of_disk "$name")" "$bus"
	is "$name: its service for the first start" \
		"$(get "$name" 'Services\firstboot' Start ImagePath)" "$firstboot"
	kept "$name" v2v
	ok "$name: check finds nothing wrong" busflip check "$name"
	is "$name: inspect: service, database, device" "$(driver_of "$name")" "$driver"
	is "$name: a patch adds what is missing" "$(adds "$name")" "$adds"
	patched_by_hand "$name" virtio
	patched_by_hand "$name" scsi

	way=$(for_the_way "$name")
	command=$(shown 'virt-v2v -i ova' "$name")
	ok "$name: it is tagged as the page shows it" bash -c "${command#* && }"
	is "$name: SATA, with the bait" "$(where "$name") $(baits_of "$name")" "staged/sata 1"
	ok "$name: a session there" session "$name"
	is "$name: VirtIO is next" "$(where "$name") $(baits_of "$name")" "trial/virtio 0"
	ok "$name: the driver is set up" said "$name" '^nt: configured device=.* service=viostor'
	ok "$name: a session there" session "$name"
	ok "$name: it was loaded" said "$name" '^nt: match device=.* by=enum service=viostor'
	is "$name: is done" "$(where "$name") $(baits_of "$name")" "done/virtio 0"
	hive "$name" end
	kept "$name" end
	is "$name: nobody has touched its service" \
		"$(get "$name" 'Services\firstboot' Start ImagePath)" "$firstboot"
	is "$name: what was for the way is as before" "$(for_the_way "$name")" "$way"
	is "$name: inspect: service, database, device" "$(driver_of "$name")" ok,ok,ok
	ok "$name: disable" busflip disable "$name"
	if [ "$bus" = virtio ]; then
		is "$name: it is defined as virt-v2v has done it" "$(differs "$name")" ""
	else
		like "$name: it is defined as virt-v2v has done it, but for the bus" \
			"$(differs "$name")" "$moved"
	fi
done

# --- and once more, to the other driver: what virt-v2v has set up stays as well

ok "server: a tag for virtio-scsi" busflip enable --bus scsi server
is "server: SATA" "$(where server)" staged/sata
ok "server: a session there" session server
is "server: virtio-scsi is next" "$(where server)" trial/scsi
ok "server: a session there" session server
ok "server: its driver was loaded" said server '^nt: match device=.* by=enum service=vioscsi'
is "server: is done" "$(where server)" done/scsi
hive server again
kept server again
