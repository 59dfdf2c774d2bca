#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# busflip check DOMAIN: it finds each problem that keeps a guest from starting, libvirt
# does refuse to start the guest where check says so, and the cure that it prints works.
# (The guest is a boot sector on a disk with a Windows that never runs.)

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
busflip_required "$@"
# shellcheck source=tests/lib-check.sh
. "$tests/lib-check.sh"
# shellcheck source=tests/disklib.sh
. "${BASH_SOURCE[0]%/*}/disklib.sh"
disk_required
requires virt-xml --version
requires setfacl --version
requires mcopy --version
plan 270

busflip()
{
	command busflip "$@"
}

size=$((80 * 1048576))
make_windows "$work/c.ntfs" $size

printf '[busflip]\nvirtio_win = %s\n' "$work/vw" > /etc/busflip.conf

# --- all is well

windows_disk "$LAB/win.img" mbr
domain win
checks win 0
is "each of them was looked at" "$(awk '$2 == "ok" { printf "%s ", $1 }' <<< "$output")" \
	'hook system-disk definition format access boot-disk firmware windows driver command '
like "Windows is not ready yet" "$output" 'windows +ok +it can be made ready for SATA and for virtio'
ok "it starts" run_once win
cp --sparse=always "$LAB/win.img" "$LAB/ready.img"
image=$LAB/ready.img domain ready
quietly busflip patch ready
like "patched, it is" "$(busflip check ready)" 'windows +ok +it is ready for SATA and for virtio'
# Paused: the guest on that disk switches itself off.
domain running
quietly virsh -q start --paused running
checks running 0
like "while it runs nobody can look at Windows" "$output" 'windows +not known .*in use'
quietly virsh -q destroy running

# --- a clock that is hours ahead of Windows' own

cp "$work/SYSTEM" "$work/usual"
cat > "$work/zone.reg" <<-'END'
	Windows Registry Editor Version 5.00

	[HKEY_LOCAL_MACHINE\SYSTEM\ControlSet001\Control\TimeZoneInformation]
	"ActiveTimeBias"=dword:000001e0
	END
hivexregedit --merge --prefix 'HKEY_LOCAL_MACHINE\SYSTEM' "$work/SYSTEM" "$work/zone.reg"
make_windows "$work/c.ntfs" $size
windows_disk "$LAB/west.img" mbr
image=$LAB/west.img domain west
ahead='Windows takes the domain.s clock, which runs in UTC, for local time, and is 8:00 h west of UTC'
checks west 0
like "west of UTC: its clock is named" "$output" "clock +not known $ahead: it is ahead until"
like "west: what to do where the host is in UTC" "$output" \
	"cure: virsh edit west: <clock offset='variable' adjustment='-28800' basis='utc'>, since"
EDITOR="sed -i 's|<clock offset=.utc.|<clock offset=\"variable\" adjustment=\"-28800\" basis=\"utc\"|'" \
	quietly virsh edit west
unlike "west: nothing is said of it then" "$(busflip check west)" '^clock'
quietly virsh -q undefine west
image=$LAB/west.img domain west
cure=$(TZ=HERE7 command busflip check west | sed -n '/^clock/ { n; s/^ *cure: //p }')
is "west: where the host is, too" "$cure" 'virt-xml west --edit --clock offset=localtime'
ok "west: that can be done" eval "$cure > /dev/null"
unlike "west: nothing is said of it either" "$(busflip check west)" '^clock'
cp "$work/usual" "$work/SYSTEM"

# --- it is done: Windows is left alone, and may hibernate as ever

# state PHASE - as busflip writes it into the metadata
state()
{
	echo "<busflip:state xmlns:busflip='$state_uri' phase='$1' attempts='0'
		since='2026-01-01T00:00:00Z' reason='r' at='2026-01-01T00:00:00Z'>
		<busflip:disk target='vda' form='final' bus='virtio' origin='virtio'/></busflip:state>"
}

make_windows "$work/c.ntfs" $size text hiberfil.sys HIBR
windows_disk "$LAB/asleep.img" mbr
image=$LAB/asleep.img domain asleep
not_ok asleep windows 'hiberfil.sys .* hibernated Windows: .*' 'start it on its former host, .* then import it again'
make_domain asleep image="$LAB/asleep.img" metadata="$(state "done")" uuid="$(uuid_of asleep)" |
	virsh -q define /dev/stdin
like "done: as it may be" "$(busflip check asleep)" 'windows +ok +it is done: busflip no longer writes to its disk'
make_domain asleep image="$LAB/asleep.img" metadata="$(state trial)" uuid="$(uuid_of asleep)" |
	virsh -q define /dev/stdin
fails "on trial: it can't be read" 1 busflip check asleep
like "says so" "$output" 'windows +not ok +hiberfil.sys .*shut it down'
unlike "it is not to be imported again" "$output" 'import it again|former host'
make_windows "$work/c.ntfs" $size

# --- who may use it

mkdir -p "$LAB/private/images"
windows_disk "$LAB/private/images/c.img" mbr qcow2
chmod 700 "$LAB/private"
image=$LAB/private/images/c.img domain folder format=qcow2
not_ok folder access ".*/c.img: QEMU runs as user libvirt-qemu, which can't enter $LAB/private" \
	"setfacl -m u:libvirt-qemu:x $LAB/private, or move .*"
fails "folder: libvirt does not start it" 1 virsh start folder
like "folder: for that reason" "$output" 'Permission denied'
cured folder "${cure%%,*}"
ok "folder: it starts" run_once folder

# A user that is none here, as after a move from another distribution; and one alone.
for user in qemu:qemu libvirt-qemu; do
	domain user head="<seclabel type='static' model='dac' relabel='yes'><label>$user</label></seclabel>"
	not_ok user access "QEMU would run as $user, by its <seclabel>: not a user and a group of this host" \
		'correct that <label> with virsh edit user, or remove the <seclabel> of model dac'
	fails "user $user: libvirt does not start it" 1 virsh start user
	like "user $user: for that reason" "$output" "Failed to parse (user 'qemu'|uid and gid from 'libvirt-qemu')"
	quietly virsh -q undefine user
done
domain user head="<seclabel type='static' model='dac' relabel='yes'><label>libvirt-qemu:kvm</label></seclabel>"
like "user: corrected" "$(busflip check user)" 'access +ok +user libvirt-qemu, as which QEMU runs, '
ok "user: it starts" run_once user

# The same for what an image is based on.
qemu-img create -q -f qcow2 -F qcow2 -b "$LAB/private/images/c.img" "$LAB/top.qcow2"
setfacl -b "$LAB/private"
image=$LAB/top.qcow2 domain based format=qcow2
not_ok based access ".*/private/images/c.img: .* can't enter $LAB/private" 'setfacl .*'
chmod 711 "$LAB/private"
ok "based: nothing is wrong then" busflip check based
like "based: it says how many" "$output" 'backing +ok +1 more file'
mv "$LAB/private/images/c.img" "$LAB/private/images/moved.img"
fails "based: its base is gone" 1 busflip check based
like "based: says which" "$output" 'backing +not ok .*private/images/c.img: No such file'
image=$LAB/private/images/c.img domain gone format=qcow2
fails "gone: the image is not there" 1 busflip check gone
like "gone: says so" "$output" "format +not ok +$LAB/private/images/c.img: No such file"

# --- a format that it does not have

windows_disk "$LAB/other.img" mbr qcow2
image=$LAB/other.img domain raw
fails "raw: qcow2 as raw" 1 busflip check raw
like "raw: found" "$output" 'format +not ok +the definition says raw, but .* begins as qcow2 does'
like "raw: the cure warns" "$output" 'never do so for a disk that a guest has used as raw'
cured raw 'virt-xml raw --edit target=vda --disk driver.type=qcow2 > /dev/null'
image=$LAB/win.img domain qcow2 format=qcow2
fails "qcow2: raw as qcow2" 1 busflip check qcow2
like "qcow2: found" "$output" 'format +not ok +the definition says qcow2, but .* is raw'
fails "qcow2: libvirt does not start it" 1 virsh start qcow2
cured qcow2 "$(sed -n 's/^ *cure: \(virt-xml\)/\1/p' <<< "$(busflip check qcow2)") > /dev/null"

# --- firmware

windows_disk "$LAB/gpt.img" gpt
image=$LAB/gpt.img domain bios
not_ok bios firmware 'the definition says BIOS, but Windows on vda is for UEFI \(GPT with an EFI system partition\)' \
	'virt-xml bios --edit --boot firmware=efi'
cured bios "$cure > /dev/null"
# Since 9.2 it does so when a domain is defined, and no longer at each start.
libvirt_from 9.2 && chosen='libvirt makes .*/bios_VARS.fd at the first start' ||
	chosen='libvirt finds UEFI firmware for it on this host'
like "bios: libvirt chooses both" "$(busflip check bios)" "nvram +ok +$chosen"
code=/usr/share/OVMF/OVMF_CODE_4M.fd vars=/usr/share/OVMF/OVMF_VARS_4M.fd
uefi()
{
	echo "<loader readonly='yes' type='pflash'>$1</loader><nvram template='$2'>$3</nvram>
		<boot dev='hd'/>"
}
domain uefi boot="$(uefi $code $vars "$LAB/uefi.fd")"
not_ok uefi firmware 'the definition says UEFI, but Windows on vda is for a BIOS \(MBR\)' \
	"virsh edit uefi: remove firmware='efi', <firmware>, <loader> and <nvram> from <os>"
cat > "$LAB/editor" <<'END'
#!/bin/sh
exec sed -i -E '/<(loader|nvram)/d; s/ firmware=.efi.//; /<firmware/,/<.firmware/d' "$1"
END
chmod +x "$LAB/editor"
cured uefi "EDITOR=$LAB/editor virsh -q edit uefi"
image=$LAB/gpt.img domain loader boot="$(uefi /usr/share/none.fd $vars "$LAB/uefi.fd")"
boot="--edit --boot loader=$code,nvram.template=$vars"
not_ok loader nvram '/usr/share/none.fd does not exist' "virt-xml loader $boot"
cured loader "$cure > /dev/null"
# Fedora's paths, and all that is wrong with them at once.
edk2=/usr/share/edk2/ovmf
image=$LAB/gpt.img domain fedora boot="$(uefi $edk2/OVMF_CODE.fd $edk2/OVMF_VARS.fd "$LAB/none/fedora.fd")"
not_ok fedora nvram "$edk2/OVMF_CODE.fd does not exist; $LAB/none/fedora.fd does not exist; its template $edk2/OVMF_VARS.fd does not exist; $LAB/none, the folder of its variables, does not exist" \
	"mkdir -p $LAB/none && virt-xml fedora $boot; or restore $LAB/none/fedora.fd with the guest's own variables"
cured fedora "{ ${cure%%; or*}; } > /dev/null"
ok "fedora: it starts" virsh -q start fedora
quietly virsh -q destroy fedora
# Firmware with variables of another size takes no such variables.
truncate -s 131072 "$LAB/small.fd"
image=$LAB/gpt.img domain small boot="$(uefi /usr/share/none.fd $vars "$LAB/small.fd")"
not_ok small nvram '/usr/share/none.fd does not exist' 'install UEFI firmware .*'
# Of Debian's loaders libvirt knows the variables of some.
snakeoil=/usr/share/OVMF/OVMF_CODE_4M.snakeoil.fd
boot=$(uefi $snakeoil "" "$LAB/snakeoil.fd")
image=$LAB/gpt.img domain snakeoil boot="${boot/ template=\'\'/}"
not_ok snakeoil nvram "$LAB/snakeoil.fd does not exist; libvirt knows no template for this loader" \
	"virt-xml snakeoil --edit --boot nvram.template=${snakeoil/CODE/VARS}; or restore $LAB/snakeoil.fd with .*"
fails "snakeoil: libvirt does not start it" 1 virsh start snakeoil
cured snakeoil "${cure%%; or*} > /dev/null"
ok "snakeoil: it starts" virsh -q start snakeoil
quietly virsh -q destroy snakeoil
image=$LAB/gpt.img domain away boot="$(uefi $code $vars "$LAB/no folder/x.fd")"
not_ok away nvram "$LAB/no folder, the folder of its variables, does not exist" "mkdir -p '$LAB/no folder'"
fails "away: libvirt does not start it" 1 virsh start away
cured away "$cure"
: > "$LAB/no folder/x.fd"
not_ok away nvram "$LAB/no folder/x.fd is empty" "rm '$LAB/no folder/x.fd'"
fails "away: nor with that" 1 virsh start away
cured away "$cure"
ok "away: it starts" virsh -q start away
quietly virsh -q destroy away
# With empty variables the firmware looks for one boot loader only. (FAT12, 16 and 32.)
for kind in "8 8 ''" "64 8 ''" "80 1 -F"; do
	read -r mib cluster fat <<< "${kind//\'/}"
	cp --sparse=always "$LAB/gpt.img" "$LAB/bare.img"
	# shellcheck disable=SC2086	# an option, or none
	quietly mformat -i "$LAB/bare.img@@1M" -T $((mib * 2048)) -h 255 -s 63 -c $cluster $fat ::
	quietly mmd -i "$LAB/bare.img@@1M" ::/EFI ::/EFI/Microsoft
	image=$LAB/bare.img domain bare boot="$(uefi $code $vars "$LAB/bare.fd")"
	not_ok bare firmware 'the EFI system partition of vda has no \\EFI\\BOOT\\BOOTX64.EFI, and without variables its firmware finds no other boot loader' \
		'restore the variables of its former host .*'
	cp $vars "$LAB/bare.fd"
	ok "bare: with variables nobody can say" busflip check bare
	rm "$LAB/bare.fd"
	quietly mmd -i "$LAB/bare.img@@1M" ::/EFI/Boot
	for i in {1..40}; do printf x | quietly mcopy -i "$LAB/bare.img@@1M" - "::/EFI/Boot/a long name $i"; done
	printf MZ | quietly mcopy -i "$LAB/bare.img@@1M" - ::/EFI/Boot/bootx64.efi
	ok "bare: with that loader" busflip check bare
	quietly virsh -q undefine bare
done
# An EFI system partition may be on another disk, but there must be one.
cp --sparse=always "$LAB/gpt.img" "$LAB/no-esp.img"
quietly sfdisk -q --part-type "$LAB/no-esp.img" 1 EBD0A0A2-B9E5-4433-87C0-68B6B72699C7
image=$LAB/no-esp.img domain esp boot="$(uefi $code $vars "$LAB/esp.fd")"
not_ok esp firmware 'the definition says UEFI, but neither vda nor another disk of it has an EFI system partition' \
	'import the disk that has it, too, .*'
image=$LAB/gpt.img domain nvram boot="$(uefi $code /none.fd "$LAB/lost.fd")"
boot="--edit --boot nvram.template=$vars; or restore $LAB/lost.fd with the guest's own variables"
not_ok nvram nvram "$LAB/lost.fd does not exist; its template /none.fd does not exist" "virt-xml nvram $boot"
fails "nvram: libvirt does not start it" 1 virsh start nvram
source=$(uefi $code /none.fd '')
source=${source/"'></nvram>"/"' type='file'><source file='$LAB/lost.fd'/></nvram>"}
image=$LAB/gpt.img domain source boot="$source"
not_ok source nvram "$LAB/lost.fd does not exist; its template /none.fd does not exist" "virt-xml source $boot"
fails "source: libvirt does not start it" 1 virsh start source
like "source: for that reason" "$output" "Failed to open file '/none.fd'"
cp $vars "$LAB/lost.fd"
like "source: put back" "$(busflip check source)" 'nvram +ok +firmware and its variables exist'
ok "source: it starts" virsh -q start source
quietly virsh -q destroy source

# Firmware there is, but none for this: only libvirt can tell. Where it refuses such a
# definition, there still is one of before an upgrade.
image=$LAB/gpt.img domain pc machine=pc
sed "s|<os>|<os firmware='efi'><firmware><feature enabled='yes' name='secure-boot'/><feature \
	enabled='yes' name='enrolled-keys'/></firmware>|" /etc/libvirt/qemu/pc.xml > "$LAB/secure.xml"
quietly virsh -q undefine pc
unfit="Unable to find (any firmware to satisfy 'efi'|'efi' firmware that is compatible .*)"
if libvirt_from 9.2; then
	fails "pc: libvirt does not define it" 1 virsh define "$LAB/secure.xml"
else
	ok "pc: libvirt defines it" virsh define "$LAB/secure.xml"
fi
cp "$LAB/secure.xml" /etc/libvirt/qemu/pc.xml
quietly lab_daemon_restart
not_ok pc command "operation failed: $unfit" 'fix what libvirt reports, .*'
like "pc: nothing else is claimed" "$output" 'nvram +not known libvirt chooses the firmware at the start'
fails "pc: libvirt does not start it" 1 virsh start pc
like "pc: for that reason" "$output" "$unfit"

# Whoever defines a domain chooses its name; somebody else types the cure.
name="it's; touch pwned; \$(touch pwned)"
make_domain name tag=no image="$LAB/gpt.img" | sed "s/<name>name</<name>$name</" > "$LAB/name.xml"
quietly virsh -q define "$LAB/name.xml"
not_ok "$name" firmware 'the definition says BIOS, .*' 'virt-xml .* --edit --boot firmware=efi'
cured "$name" "cd $LAB && $cure > /dev/null"
ok "its name was but a name" [ ! -e "$LAB/pwned" ]

# --- Windows on another disk, or on none
# A loader that libvirt does not know, and no word of its variables.
cp $code "$LAB/code.fd"
boot="$(uefi "$LAB/code.fd" "$vars" "$LAB/new.fd")"
untold=${boot/ template=\'$vars\'/}
image=$LAB/gpt.img domain untold boot="$untold"
not_ok untold nvram "$LAB/new.fd does not exist; libvirt knows no template.*" \
	"virsh edit untold: <nvram template='...'>.*"
fails "untold: libvirt does not start it" 1 virsh start untold
image=$LAB/gpt.img domain told boot="$boot"
ok "told: with it nothing is wrong" busflip check told
image=$LAB/gpt.img domain known boot="${untold/$LAB\/code.fd/$code}"
like "known: libvirt knows what goes with that loader" "$(busflip check known)" \
	"nvram +ok +libvirt makes $LAB/new.fd at the first start"

make_volume "$work/plain.ntfs" 8M mkdir Users
printf loader > "$work/bootmgr"
make_volume "$work/loader.ntfs" 8M put bootmgr "$work/bootmgr" mkdir Boot put Boot/BCD "$work/bootmgr"
cp "$work/plain.ntfs" "$work/locked.ntfs"
printf -- '-FVE-FS-' | dd of="$work/locked.ntfs" bs=1 seek=3 conv=notrunc status=none

# first_disk KIND - make $LAB/first.img, and a copy of the disk of Windows
first_disk()
{
	rm -f "$LAB/first.img"
	truncate -s 8M "$LAB/first.img"
	case $1 in
	LUKS) printf 'LUKS\xba\xbe' | dd of="$LAB/first.img" conv=notrunc status=none ;;
	LVM) printf 'LVM2 001' | dd of="$LAB/first.img" bs=1 seek=536 conv=notrunc status=none ;;
	"no Windows") "$tests/mkdisk.sh" -f raw -t mbr "$LAB/first.img" "$work/plain.ntfs" ;;
	dynamic) "$tests/mkdisk.sh" -f raw -t mbr -T 42 "$LAB/first.img" "$work/plain.ntfs" ;;
	BitLocker) "$tests/mkdisk.sh" -f raw -t mbr "$LAB/first.img" "$work/locked.ntfs" ;;
	loader) "$tests/mkdisk.sh" -f raw -t mbr "$LAB/first.img" "$work/loader.ntfs" ;;
	esp) "$tests/mkdisk.sh" -f raw "$LAB/first.img" "$work/plain.ntfs" ;;
	esac
	cp --sparse=always "$LAB/win.img" "$LAB/windows.img"
}

# two NAME [KEY=VALUE...] - a domain with first.img and, as its second disk, windows.img
two()
{
	image=$LAB/first.img domain "$@" devices="<disk type='file'><driver name='qemu' type='raw'/>
		<source file='$LAB/windows.img'/><target dev='vdb' bus='virtio'/></disk>"
}

order='virt-xml second --edit target=vdb --disk boot.order=1'
for kind in blank LUKS LVM "no Windows" dynamic BitLocker; do
	first_disk "$kind"
	two second
	not_ok second boot-disk 'it boots from vda, but Windows is on vdb' "$order"
	cured second "$cure > /dev/null"
	is "first disk $kind: the tag needs no name then" \
		"$(busflip enable second; virsh dumpxml second | grep -c "target dev='sda'")" \
		"domain second: none -> staged (tagged: first boot on SATA)
1"
	quietly busflip disable second
	quietly virsh -q undefine second
done

# Named to busflip, but the firmware boots another one; the same where the first was staged.
first_disk blank
two second
quietly busflip enable second --disk vdb
not_ok second boot-disk 'it boots from vda, but Windows is on sda' "${order/vdb/sda}"
cured second "$cure > /dev/null"
ok "second: it starts from there" run_once second
like "second: on SATA" "$(boot_kind second)" ahci
quietly busflip disable second
quietly virsh -q undefine second
two second
quietly busflip enable second
not_ok second boot-disk 'it boots from sda, but Windows is on vdb' \
	"busflip disable second && $order && busflip enable second --disk vdb"
cured second "{ $cure; } > /dev/null"
quietly busflip disable second
quietly virsh -q undefine second

# The boot loader is on the first disk: with another order it would not start.
first_disk loader
boot_sectors "$LAB/first.img" off
two second
not_ok second boot-disk 'busflip would work on vda, but Windows is on vdb; only its boot loader is on vda, so the boot order must stay' \
	'busflip enable second --disk vdb'
cured second "$cure > /dev/null"
like "second: the boot loader's disk" "$(busflip check second)" \
	'boot-disk +ok +Windows is on sda, and its boot loader on vda, from which it boots'
ok "second: it starts" run_once second
like "second: from there" "$(boot_kind second)" virtio-blk
quietly busflip disable second
quietly virsh -q undefine second

# With UEFI, nobody but the firmware knows which of two it takes.
first_disk esp
cp --sparse=always "$LAB/gpt.img" "$LAB/windows.img"
two second boot="$(uefi $code $vars "$LAB/second.fd")"
fails "second: a boot loader on both" 0 busflip check second
like "second: says so" "$output" "boot-disk +not known Windows is on vdb, but it boots from vda: there is a boot loader on both
 *cure: if that does not start this Windows: $order"
quietly virsh -q undefine --nvram second

first_disk BitLocker
image=$LAB/empty.img
make_image "$image" off raw
domain none devices="<disk type='file'><driver name='qemu' type='raw'/><source file='$LAB/first.img'/>
	<target dev='vdb' bus='virtio'/></disk>"
not_ok none boot-disk 'no Windows found: the disk has 0 partitions \(MBR\); disk vdb: partition 1: encrypted with BitLocker: .*' \
	'check that its image and format are right: virsh domblklist none'
image=
# Neither has libvirt a disk that could be named.
domain nvme devices="<hostdev mode='subsystem' type='pci' managed='no'><source>
	<address domain='0' bus='0x7f' slot='0x1f' function='7'/></source><boot order='1'/></hostdev>" boot=''
virsh -q dumpxml nvme | sed '/<disk /,/<.disk>/d' | quietly virsh -q define /dev/stdin
not_ok nvme system-disk "the domain has no hard disk that Windows could be on: it boots from a device of the host \(<hostdev>\), which busflip can't convert" ''

# --- the driver, the hook

printf '[busflip]\n' > /etc/busflip.conf
not_ok win driver '.*viostor.*' 'set virtio_win in /etc/busflip.conf, or --virtio-win, to .*'
mkdir "$work/none"
printf '[busflip]\nvirtio_win = %s\n' "$work/none" > /etc/busflip.conf
not_ok win driver ".*viostor.* in $work/none" 'set virtio_win in /etc/busflip.conf, .* to a virtio-win .*'
ok "win: with --virtio-win" busflip check --virtio-win "$work/vw" win
printf '[busflip]\nvirtio_win = %s\n' "$work/vw" > /etc/busflip.conf
mv /etc/libvirt/hooks/qemu "$LAB/hook"
not_ok win hook 'neither .*/hooks/qemu nor .* is busflip.s hook' 'reinstall busflip.*'
mkdir /etc/libvirt/hooks/qemu.d
mv "$LAB/hook" /etc/libvirt/hooks/qemu.d/50-busflip
ok "the other place is as good" busflip check win
mv /etc/libvirt/hooks/qemu.d/50-busflip /etc/libvirt/hooks/qemu

# The daemon keeps in mind that there was none: it runs none that comes later.
rm -r /etc/libvirt/hooks/qemu*
quietly lab_daemon_restart
install -m 755 "$BUSFLIP_BUILD/busflip-hook" /etc/libvirt/hooks/qemu
cp --sparse=always "$LAB/win.img" "$LAB/late.img"
image=$LAB/late.img domain late
quietly busflip enable late
ok "late: it starts" run_once late
is "late: no hook was run" "$(where late)" staged/sata
unlike "late: nothing was noted of it" "$(cd /var/lib/busflip && echo session/* last/*)" \
	"$(uuid_of late)"
quietly kill -HUP "$(cat "$LAB/libvirtd.pid")"
ok "late: reloaded, the hook is run" wait_for \
	"run_once late && [ -e '/var/lib/busflip/last/$(uuid_of late)' ]" 60
quietly busflip disable late
mv /usr/local/sbin/busflip "$LAB/busflip"
is "win: what the hook runs is not there" "$("$LAB/busflip" check win | sed -n '/^hook/ { N; p }')" \
"hook         not ok    /etc/libvirt/hooks/qemu runs /usr/local/sbin/busflip, which can't be executed: No such file or directory
                 cure: reinstall busflip with its package or with install.sh"
mv "$LAB/busflip" /usr/local/sbin/busflip

# --- a state that is none

domain damaged metadata="<s:state xmlns:s='$state_uri' phase='elsewhere' attempts='0'/>"
not_ok damaged definition 'its busflip state element is damaged' \
	'busflip disable --force damaged && busflip enable damaged'
cured damaged "{ $cure; } > /dev/null"
quietly busflip disable damaged

# --- several at once: the cures work in the order in which they are printed

image=$LAB/other.img domain several metadata="<b:domain xmlns:b='urn:busflip'/>"
fails "several: check" 1 busflip check several
like "several: what is wrong" "$(sed -n 's/ *not ok.*//p' <<< "$output" | tr '\n' ' ')" '^format tag $'
sed -n 's/^ *cure: //p' <<< "$output" | sed 's/^if the guest[^:]*: //; s/; never do so .*//' > "$LAB/cures"
cured several "bash -e $LAB/cures > /dev/null"
quietly busflip disable several

# --- enable says what matters, and does its work all the same

printf '[busflip]\n' > /etc/busflip.conf
fails "enable" 0 busflip enable win
like "it is staged" "$output" '^domain win: none -> staged'
is "and what is wrong is said" "$(grep -cE '^(driver +not ok|  +cure: )' <<< "$output")" 2
unlike "but nothing else" "$output" '(access|format|hook) +'
checks win 1
chmod 750 /var/lib/busflip
like "a bait that QEMU can't reach" "$(busflip check win)" \
	"other-files +not ok +the bait: /var/lib/busflip/bait.img: QEMU runs as user libvirt-qemu, which can't enter /var/lib/busflip
 *cure: setfacl -m u:libvirt-qemu:x /var/lib/busflip"
chmod 755 /var/lib/busflip
rm /var/lib/busflip/bait.img
unlike "its bait is busflip's own matter" "$(busflip check win)" other-files

# --- files of which libvirt does not change the owner

echo 'dynamic_ownership = 0' >> /etc/libvirt/qemu.conf
quietly lab_daemon_restart
printf '[busflip]\nvirtio_win = %s\n' "$work/vw" > /etc/busflip.conf
windows_disk "$LAB/mine.img" mbr
chown root:root "$LAB/mine.img"
chmod 600 "$LAB/mine.img"
image=$LAB/mine.img domain mine
not_ok mine access '.*/mine.img: QEMU runs as user libvirt-qemu, which can.t read and write it.*' \
	"setfacl -m u:libvirt-qemu:rw $LAB/mine.img"
fails "mine: libvirt does not start it" 1 virsh start mine
cured mine "$cure"
ok "mine: it starts" run_once mine

# --- another host: what is here says nothing about its files

printf '#!/bin/sh\nexec virt-ssh-helper qemu:///system\n' > "$LAB/elsewhere"
chmod +x "$LAB/elsewhere"
fails "another host" 0 busflip --connect "qemu+ext://elsewhere/system?command=$LAB/elsewhere" \
	check mine
like "its hook is not known" "$output" 'hook +not known'
like "nor its files" "$output" 'access +not known +its files are on another host'
unlike "which are not looked at" "$output" '(format|windows|driver) '

# --- no domain

fails "no such domain" 1 busflip check nobody
like "says so" "$output" "domain nobody: there is no domain nobody"
