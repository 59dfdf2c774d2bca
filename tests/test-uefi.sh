#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Guests with UEFI that boot from their own disk, from the tag to VirtIO. They cover what
# fleet.table has no column for: XML written by other tools, paths in the firmware's
# variables, Secure Boot, a TPM. By default only "short" runs; BUSFLIP_UEFI=all runs all,
# BUSFLIP_UEFI="NAME..." the named ones:
#
#	short	Boot0000 begins with the partition, and there is no other file to start
#	vmware	it begins with a controller that only VMware has: firmware searches by itself
#	scsi	the tag asks for virtio-scsi
#	seed	XML as hyper2kvm writes it, on VirtIO; with new variables
#	stage	the same on SATA, where its users should begin
#	late	virt-install, with the tag, starts it before it is staged
#	failed	moved to VirtIO manually before it is ready: 0x7B, and back automatically
#	signed	Secure Boot, with shim, GRUB and kernel as signed by Debian
#	win11	what virt-install defines for Windows 11: the same, and SMM, TPM 2.0
#	network	the firmware tries the network first, for five minutes, in each session

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
# shellcheck source=tests/guest/windows/lib-windows.sh
. "${BASH_SOURCE[0]%/*}/guest/windows/lib-windows.sh"

# What each asserts: so many things
declare -A rows=([short]=11 [vmware]=11 [scsi]=10 [seed]=10 [stage]=11 [late]=10
	[failed]=13 [signed]=12 [win11]=14 [network]=9)
wanted=${BUSFLIP_UEFI:-short}
# What waits or takes longest comes first.
[ "$wanted" != all ] || wanted="failed win11 signed seed stage short vmware scsi late network"

uefi_required
case " $wanted " in *' signed '* | *' win11 '* | *' network '*)
	requires windows_firmware secure
	requires windows_signed ;;
esac
case " $wanted " in *' late '* | *' win11 '*) requires virt-install --version ;; esac
case " $wanted " in *' win11 '*) requires command -v swtpm_setup ;; esac
windows_required "$@"
for row in $wanted; do
	[ "${rows[$row]:-}" ] || bail_out "test-uefi.sh: there is no row $row"
	planned=$((${planned:-0} + rows[$row]))
done
plan "$planned"

# --- for all rows; $row is the guest's name ---

# disk [WORD...] - of a guest from VMware, whose driver nothing would ever load
disk()
{
	windows_disk "$row" firmware=uefi size=128 esp=$windows_esp_mib origin=lsi \
		driver=service autoreboot=0 "$@"
}

tag()
{
	quietly virsh metadata "$row" "$tag_uri" --config --key busflip --set "${1:-<domain/>}"
}

# blue_screen - what comes of it on VirtIO straight away
blue_screen()
{
	ok "on VirtIO straight away: 0x7B" windows_starts "$row" '^nt: stop code=0x7B'
	quietly virsh -q destroy "$row"
	wait_off "$row"
}

# note - what has to be the same in the end
note()
{
	virsh dumpxml --inactive "$row" > "$LAB/$row.original"
	"$windows_here/uefivars.py" windows "$(variables_file "$row")" "$LAB/$row.img" none
	note_variables "$row"
	tpm_keys > "$LAB/$row.keys"
}

# up SERVICE - does it come up, with its disk on that driver?
up()
{
	windows_starts "$row" && said "$row" "^nt: match .*service=$1\\b"
}

off()
{
	windows_off "$row" && wait_off "$row" && cat "$LAB/$row.serial" >> "$LAB/$row.told"
}

# arrives [END SERVICE] - from the session on SATA to the end
arrives()
{
	local end=${1:-virtio} service=${2:-viostor}

	ok "a session on SATA" up storahci
	ok "is shut down" off
	is "on trial" "$(where "$row")" "trial/$end"
	ok "a session on VirtIO" up "$service"
	ok "is shut down" off
	is "done" "$(where "$row")" "done/$end"
}

# kept - and nothing else has changed
kept()
{
	same_as_original "$row" "its XML is what the user has defined"
	ok "firmware's variables are as they were" variables_kept "$row"
}

# started_by - which boot option firmware has started, in each of its sessions
started_by()
{
	sed -nE 's/.*BdsDxe: starting (Boot[0-9A-F]{4}) "([^"]*)" from ([A-Za-z]*)\(.*/\1 \2 \3/p' \
		"$LAB/$row.told" | paste -sd ,
}

# tpm_keys - the endorsement key's certificate, which a TPM has been made with
tpm_keys()
{
	python3 - /var/lib/libvirt/swtpm/"$(uuid_of "$row")"/tpm2/tpm2-00.permall <<-'END'
	import hashlib, os, re, struct, sys
	state = open(sys.argv[1], "rb").read() if os.path.exists(sys.argv[1]) else b""
	for begin in re.finditer(rb"\x30\x82(..)\x30\x82", state, re.S):
	    end = begin.start() + 4 + struct.unpack(">H", begin[1])[0]
	    if end <= len(state) and b"swtpm-localca" in state[begin.start():end]:
	        print(hashlib.sha256(state[begin.start():end]).hexdigest())
	END
}

# --- the rows ---

row_short()
{
	local entry='Boot0000 Windows Boot Manager HD'

	disk
	windows_domain "$row" firmware=uefi
	blue_screen
	tag
	note
	ok "staged" busflip stage "$row"
	arrives
	kept
	is "firmware has started what its variables name" "$(started_by)" "$entry,$entry"
}

row_vmware()
{
	disk
	windows_variables "$row" uefi vmware
	windows_domain "$row" firmware=uefi words=fallback=yes
	blue_screen
	tag
	note
	ok "staged" busflip stage "$row"
	arrives
	kept
	# It deletes what it does not find, so even the number is another one's.
	like "firmware has looked for itself" "$(started_by)" \
		'^Boot000[0-9] UEFI [^,]* PciRoot,Boot000[0-9] UEFI [^,]* PciRoot$'
}

row_scsi()
{
	disk bus=scsi
	windows_domain "$row" firmware=uefi bus=scsi
	blue_screen
	tag '<domain bus="scsi"/>'
	note
	ok "staged" busflip stage "$row"
	arrives scsi vioscsi
	kept
}

# seed_domain BUS TARGET [ELEMENTS] - as hyper2kvm writes it, but for kvm, the place of
# OVMF, and a serial port, where the model says what it does
seed_domain()
{
	local files image=/var/lib/libvirt/images/$row.qcow2 memory=8192 free

	read -ra files < <(windows_firmware uefi)
	# Where a guest can't have as much, half of what the machine has.
	free=$(awk '$1 == "MemTotal:" { print int($2 / 2048) }' /proc/meminfo)
	[ "$memory" -lt "$free" ] || memory=$free
	disk
	windows_esp "$row" uefi fallback=yes
	mkdir -p "${image%/*}"
	quietly qemu-img convert -O qcow2 "$LAB/$row.img" "$image"
	rm "$LAB/$row.img"
	cat > "$LAB/$row.xml" <<-END
	<domain type='qemu'>
	  <name>$row</name>
	  <description>Windows UEFI domain</description>
	  <memory unit='MiB'>$memory</memory>
	  <vcpu>4</vcpu>
	  <os>
	    <type arch='x86_64' machine='q35'>hvm</type>
	    <loader readonly='yes' type='pflash'>${files[0]}</loader>
	    <nvram template='${files[1]}'>/var/lib/libvirt/qemu/nvram/${row}_VARS.fd</nvram>
	  </os>
	  <features><acpi/><apic/></features>
	  <cpu mode='maximum'/>
	  <clock offset='localtime'/>
	  <devices>
	    <emulator>$(command -v qemu-system-x86_64)</emulator>
	    <disk type='file' device='disk'>
	      <driver name='qemu' type='qcow2' cache='none'/>
	      <source file='$image'/>
	      <target dev='$2' bus='$1'/>
	      <boot order='1'/>
	    </disk>
	    <interface type='network'>
	      <source network='default'/>
	      <model type='virtio'/>
	    </interface>
	    <graphics type='spice' autoport='yes' listen='127.0.0.1'/>
	    <input type='tablet' bus='usb'/>
	    <video><model type='qxl'/></video>
	    <serial type='file'><source path='$LAB/$row.serial' append='on'/></serial>
	    ${3:-}
	  </devices>
	</domain>
	END
	quietly virsh define "$LAB/$row.xml"
}

row_seed()
{
	seed_domain virtio vda "<memballoon model='virtio'/>"
	blue_screen
	tag
	note
	ok "staged" busflip stage "$row"
	arrives
	kept
}

row_stage()
{
	seed_domain sata sda
	ok "it has been up before" up storahci
	ok "and was shut down" off
	tag
	note
	ok "staged" busflip stage "$row"
	arrives
	virsh dumpxml --inactive "$row" > "$LAB/$row.now"
	is "of its XML, its disk's bus and address have changed" \
		"$(diff <(canonical "$LAB/$row.original") <(canonical "$LAB/$row.now") |
			sed -nE 's/^[<>] <([a-z]+) .*(bus|type)="([a-z]+)".*/\1 \3/p; t
				s/^[<>]/& also/p' | paste -sd ,)" \
		'target sata,target virtio,address drive,address pci'
	ok "firmware's variables are as they were" variables_kept "$row"
}

# by_virt_install OPTION... - have virt-install define it, and start it at once
by_virt_install()
{
	virt-install --name "$row" --import --disk "path=$LAB/$row.img,format=raw,bus=virtio" \
		--network none --graphics none --virt-type qemu --noautoconsole \
		--serial "file,path=$LAB/$row.serial" "$@"
}

# comes_up BUS - it was started already
comes_up()
{
	wait_for "said $row '^nt: user-mode done'" "$windows_patience" && no_work "$row" &&
		[ "$(bus_of_disk "$row" --live)" = "$1" ]
}

row_late()
{
	local files words

	read -ra files < <(windows_firmware uefi)
	words=(--uuid "$(cat /proc/sys/kernel/random/uuid)" --memory 1024 --osinfo win2k19 --tpm none
		--boot "loader=${files[0]},loader.readonly=yes,loader.type=pflash,nvram=$LAB/$row.vars"
		--xml ./metadata/domain/@xmlns=urn:busflip:domain:1)
	disk
	windows_esp "$row" uefi
	windows_variables "$row" uefi short
	# What it will define, as libvirt prints that
	by_virt_install "${words[@]}" --print-xml > "$LAB/$row.xml"
	quietly virsh define "$LAB/$row.xml"
	note
	quietly virsh undefine --keep-nvram "$row"
	ok "virt-install, with the tag" by_virt_install "${words[@]}"
	ok "it comes up on SATA" comes_up sata
	is "which it is staged for" "$(where "$row")" staged/sata
	ok "is shut down" off
	is "on trial" "$(where "$row")" trial/virtio
	ok "a session on VirtIO" up viostor
	ok "is shut down" off
	is "done" "$(where "$row")" done/virtio
	kept
}

row_failed()
{
	disk
	windows_domain "$row" firmware=uefi tag=yes
	note
	ok "staged" busflip stage "$row"
	ok "promoted by hand" busflip promote "$row"
	ok "0x7B" windows_starts "$row" '^nt: stop code=0x7B'
	: > "$LAB/$row.serial"
	windows_patience=600
	ok "nobody does anything: it comes up again, on SATA" comes_up sata
	is "where it is staged" "$(where "$row") $(attempts_of "$row")" 'staged/sata 1'
	ok "firmware's variables are as they were" variables_kept "$row"
	ok "is shut down" off
	is "on trial" "$(where "$row")" trial/virtio
	ok "a session on VirtIO" up viostor
	ok "is shut down" off
	is "done" "$(where "$row")" done/virtio
	kept
}

row_signed()
{
	disk
	windows_domain "$row" firmware=secure
	blue_screen
	tag
	note
	ok "staged" busflip stage "$row"
	arrives
	kept
	is "Secure Boot was on each time" "$(grep -c 'locked-down=yes' "$LAB/$row.told")" 2
	esp_put "$row" "$windows_stub" "$windows_boot_manager"
	ok "what nobody has signed is not started" windows_starts "$row" \
		'^BdsDxe: failed to load Boot0000 .* Access Denied'
}

row_win11()
{
	local secure=firmware=efi

	disk
	windows_esp "$row" secure fallback=yes
	# swtpm makes its keys as a user of its own.
	chmod 1777 "$TMPDIR"
	secure+=,firmware.feature0.name=secure-boot,firmware.feature0.enabled=yes
	secure+=,firmware.feature1.name=enrolled-keys,firmware.feature1.enabled=yes
	ok "virt-install" by_virt_install --memory 4096 --vcpus 2 --osinfo win11 \
		--features smm.state=on --boot "$secure"
	ok "on VirtIO straight away: 0x7B" wait_for "said $row '^nt: stop code=0x7B'" "$windows_patience"
	quietly virsh -q destroy "$row"
	tag
	note
	like "it has a TPM, with a key of its own" "$(cat "$LAB/$row.keys")" '^[0-9a-f]{64}'
	ok "staged" busflip stage "$row"
	arrives
	kept
	is "and so is its TPM" "$(tpm_keys)" "$(cat "$LAB/$row.keys")"
	is "Secure Boot was on each time" "$(grep -c 'locked-down=yes' "$LAB/$row.told")" 2
}

row_network()
{
	local windows_patience=900

	disk
	windows_domain "$row" firmware=uefi disk='<boot order="2"/>' \
		devices='<interface type="network"><source network="default"/>
			<model type="e1000e"/><boot order="1"/></interface>'
	# Its boot manager is small, as Windows' is: all that firmware reads before that.
	windows_esp "$row" secure
	tag
	note
	ok "staged" busflip stage "$row"
	arrives
	kept
}

# --- run them ---

# A network in which nobody answers, whose address is not loopback's: without any, spice
# would not find 127.0.0.1.
cat > "$LAB/network.xml" <<-END
<network>
  <name>default</name>
  <forward mode='open'/>
  <dns enable='no'/>
  <ip address='192.0.2.1' netmask='255.255.255.0'/>
</network>
END
mkdir -p /var/lib/libvirt/dnsmasq
quietly virsh net-define "$LAB/network.xml" && quietly virsh net-start default

# replay ROW - what it has said, as ours
replay()
{
	local line

	while IFS= read -r line; do
		case $line in
		'ok '*) pass "$1: ${line#ok * - }" ;;
		'not ok '*) fail "$1: ${line#not ok * - }" ;;
		*) printf '%s\n' "$line" ;;
		esac
	done < "$LAB/$1.tap"
}

# run_rows ROW... - two at a time
run_rows()
{
	local row jobs=0

	for row; do
		if [ $jobs = 2 ]; then
			wait -n
			jobs=1
		fi
		(
			trap - EXIT
			"row_$row" > "$LAB/$row.tap" 2>&1
			diag "$row: $SECONDS s"
		) &
		jobs=$((jobs + 1))
	done
	while [ $jobs -gt 0 ]; do
		wait -n
		jobs=$((jobs - 1))
	done
	for row; do
		replay "$row"
	done
}

# With busflip's defaults; but what looks into the network first has not started Windows
# by the end of trial_timeout.
printf '[busflip]\n' > /etc/busflip.conf
read -ra others <<< "${wanted//network}"
run_rows "${others[@]}"
printf '[busflip]\ntrial_timeout = 900\n' > /etc/busflip.conf
[[ " $wanted " != *' network '* ]] || run_rows network
