# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# disklib.sh - disks with a Windows on them, for test-helper-*.sh; source it after lib.sh
#
# The Windows is generated: hives that hivexregedit fills from .reg text, and a kernel and
# drivers that consist of headers only. A test that needs a real hive gets one from
# real_hive, if there is one.

# Journals and kept registries have one place. Outside of a lab, a test is started once more
# in a mount namespace, where /var/lib is an overlay: its upper layer is a tmpfs on /mnt.
if [ ! "${LAB:-}${BUSFLIP_OWN_STATE:-}" ] && [ "$(id -u)" = 0 ]; then
	requires unshare --mount true
	trap - EXIT
	BUSFLIP_OWN_STATE=1 exec unshare --mount -- "$0" "$@"
fi
if [ ! "${LAB:-}" ] && [ "$(id -u)" = 0 ]; then
	if ! mount -t tmpfs state /mnt || ! mkdir /mnt/upper /mnt/work || ! mount -t overlay \
		-o lowerdir=/var/lib,upperdir=/mnt/upper,workdir=/mnt/work state /var/lib; then
		bail_out "cannot put an overlay on /var/lib"
	fi
	rm -rf /var/lib/busflip
fi

work=$(mktemp -d /var/tmp/busflip-test.XXXXXX)
cleanup_fn rm -rf "$work"

mkvol=$BUSFLIP_BUILD/tests/mkvol
export state=/var/lib/busflip

disk_required()
{
	[ "$(id -u)" = 0 ] || skip_all "this test must be run by root"
	[ -x "$BUSFLIP_BUILD/busflip-helper" ] || skip_all "busflip-helper is not built"
	requires qemu-nbd --version
	requires qemu-img --version
	requires mkntfs --version
	requires ntfscat --version
	requires sfdisk --version
	requires command -v hivexregedit
	requires python3 --version
	[ -x "$mkvol" ] || bail_out "mkvol is not built"
}

# busflip COMMAND IMAGE [OPTION...] - the built one, without a configuration
busflip()
{
	"$BUSFLIP_BUILD/busflip" --config /dev/null --helper "$BUSFLIP_BUILD/busflip-helper" "$@"
}

# real_hive NAME FILE - a real SYSTEM hive from the folder beside the project
real_hive()
{
	local from=${BUSFLIP_HIVES:-$tests/../../shared/hives}/$1.xz

	if [ -r "$from" ]; then
		xz -dc "$from" > "$2"
	elif [ "${BUSFLIP_MUST_RUN:-0}" = 1 ]; then
		bail_out "must run, but there is no $from"
	else
		return 1
	fi
}

# boot_sectors FILE GUEST - make a disk with an MBR boot as one of guest/boot.S: off, stay,
# reset or crash. They are before and behind the partition table, in the gap in front of
# the first volume.
boot_sectors()
{
	local guest=$BUSFLIP_BUILD/guest/$2.img

	dd if="$guest" of="$1" bs=1 count=440 conv=notrunc status=none
	dd if="$guest" of="$1" bs=512 count=3 skip=1 seek=1 conv=notrunc status=none
}

# clean_hive FILE - make both sequence numbers equal, and the checksum right
clean_hive()
{
	python3 - "$1" <<-'END'
	import struct, sys
	with open(sys.argv[1], 'r+b') as f:
	    base = bytearray(f.read(512))
	    base[8:12] = base[4:8]
	    x = 0
	    for i in range(127):
	        x ^= struct.unpack_from('<I', base, 4 * i)[0]
	    struct.pack_into('<I', base, 508, {0: 1, 0xFFFFFFFF: 0xFFFFFFFE}.get(x, x))
	    f.seek(0)
	    f.write(base)
	END
}

# fill_hive FILE ROOT < REG - a new hive with what the .reg text says
fill_hive()
{
	python3 "$tests/mkhive.py" "$1"
	cat > "$1.reg"
	hivexregedit --merge --prefix "HKEY_LOCAL_MACHINE\\$2" "$1" "$1.reg"
}

# software_hive FILE [BUILD [NAME]] - of a client, amd64
software_hive()
{
	fill_hive "$1" SOFTWARE <<-END
	Windows Registry Editor Version 5.00

	[HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft]

	[HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows NT]

	[HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion]
	"ProductName"="${3:-Windows 10 Pro}"
	"CurrentVersion"="6.3"
	"CurrentBuildNumber"="${2:-19045}"
	"CurrentMajorVersionNumber"=dword:0000000a
	"InstallationType"="Client"
	"EditionID"="Professional"
	END
}

# reg_keys PATH... - [HKEY_LOCAL_MACHINE\SYSTEM\PATH] and all above this line, once
reg_keys()
{
	local path key name
	local -A seen=()

	for path; do
		key='HKEY_LOCAL_MACHINE\SYSTEM'
		while read -r name; do
			key=$key\\$name
			[ "${seen[$key]:-}" ] || printf '[%s]\n\n' "$key"
			seen[$key]=1
		done <<< "${path//\\/$'\n'}"
	done
}

# system_hive FILE - Windows 10 as VMware leaves it: storahci there but
# overridden, no VirtIO driver
system_hive()
{
	local cs='HKEY_LOCAL_MACHINE\SYSTEM\ControlSet001'

	{
		printf 'Windows Registry Editor Version 5.00\n\n'
		reg_keys 'Select' 'ControlSet001\Services\storahci\StartOverride' \
			'ControlSet001\Services\LSI_SAS' \
			'ControlSet001\Control\CrashControl' \
			'ControlSet001\Control\Session Manager\Power' \
			'ControlSet001\Control\Session Manager\Environment' \
			'ControlSet001\Control\Power' 'ControlSet001\Control\Windows' \
			'ControlSet001\Enum\PCI' 'DriverDatabase\DeviceIds\PCI' \
			'ControlSet001\Control\Class' \
			'ControlSet001\Services\partmgr\Parameters' \
			'DriverDatabase\DriverPackages' 'DriverDatabase\DriverInfFiles' \
			'HardwareConfig\{11111111-2222-3333-4444-555555555555}' 'Setup'
		cat <<-END
		[HKEY_LOCAL_MACHINE\\SYSTEM\\Select]
		"Current"=dword:00000001
		"Default"=dword:00000001
		"Failed"=dword:00000000
		"LastKnownGood"=dword:00000001

		[$cs\\Services\\storahci]
		"Start"=dword:00000000
		"Type"=dword:00000001
		"ErrorControl"=dword:00000003
		"Group"="SCSI Miniport"
		"ImagePath"="System32\\\\drivers\\\\storahci.sys"

		[$cs\\Services\\storahci\\StartOverride]
		"0"=dword:00000003

		[$cs\\Services\\LSI_SAS]
		"Start"=dword:00000000
		"Type"=dword:00000001
		"ImagePath"="System32\\\\drivers\\\\lsi_sas.sys"

		[$cs\\Control\\CrashControl]
		"AutoReboot"=dword:00000001

		[$cs\\Control\\Session Manager\\Power]
		"HiberbootEnabled"=dword:00000001

		[$cs\\Control\\Session Manager\\Environment]
		"PROCESSOR_ARCHITECTURE"="AMD64"

		[HKEY_LOCAL_MACHINE\\SYSTEM\\HardwareConfig]
		"LastConfig"="{11111111-2222-3333-4444-555555555555}"

		[HKEY_LOCAL_MACHINE\\SYSTEM\\HardwareConfig\\{11111111-2222-3333-4444-555555555555}]
		"Id"=dword:00000000
		END
	} | fill_hive "$1" SYSTEM
}

# make_parts - what the volumes are filled with; once
make_parts()
{
	[ -e "$work/SYSTEM" ] && return
	system_hive "$work/SYSTEM" || bail_out "cannot make a SYSTEM hive"
	software_hive "$work/SOFTWARE" || bail_out "cannot make a SOFTWARE hive"
	python3 "$tests/mkdriver.py" "$work/vw/viostor/w10/amd64" viostor amd64 62.93.104.26200
	python3 "$tests/mkdriver.py" "$work/vw/vioscsi/w10/amd64" vioscsi amd64 62.93.104.26200
	python3 "$tests/mkdriver.py" "$work/in" storahci amd64 10.0.19041.1
	python3 "$tests/mkdriver.py" "$work/in" ntoskrnl amd64 10.0.19041.1
}

# make_volume FILE SIZE [MKVOL-OPERATION...] - an NTFS volume
make_volume()
{
	local file=$1 size=$2

	shift 2
	rm -f "$file"
	truncate -s "$size" "$file"
	mkntfs -F -Q -q -p 2048 -H 255 -S 63 -L Windows "$file" >/dev/null 2>&1 ||
		bail_out "mkntfs failed"
	"$mkvol" "$file" "$@" || bail_out "mkvol failed"
}

# make_windows FILE SIZE [MKVOL-OPERATION...] - a volume with a Windows on it
make_windows()
{
	local file=$1 size=$2

	shift 2
	make_parts
	make_volume "$file" "$size" mkdir Windows/System32/config \
		mkdir Windows/System32/drivers \
		put Windows/System32/config/SYSTEM "$work/SYSTEM" \
		put Windows/System32/config/SOFTWARE "$work/SOFTWARE" \
		put Windows/System32/ntoskrnl.exe "$work/in/ntoskrnl.sys" \
		put Windows/System32/drivers/storahci.sys "$work/in/storahci.sys" "$@"
}

# get_volume DISK FORMAT OFFSET SIZE FILE - a volume out of a disk, in bytes
get_volume()
{
	qemu-img convert --image-opts \
		"driver=raw,offset=$3,size=$4,file.driver=$2,file.file.driver=file,file.file.filename=$1" \
		-O raw "$5"
}

# cat_file VOLUME PATH - of an NTFS volume
cat_file()
{
	ntfscat -f "$1" "$2" 2>/dev/null
}

# sum_file VOLUME PATH
sum_file()
{
	cat_file "$1" "$2" | sha256sum | cut -c1-16
}

# volume_sound VOLUME - does somebody else find its clusters in order?
volume_sound()
{
	ntfsresize -i -f "$1" > "$work/ntfsresize.out" 2>&1 &&
		ntfsfix -n "$1" > "$work/ntfsfix.out" 2>&1
}

# data_of KIND IMAGE DATA - an image that says that it keeps its data in that disk: qcow2 or
# a subformat of vmdk (Sparse: DATA is one itself)
data_of()
{
	local sectors type=FLAT offset=' 0' format=raw

	[[ $1 != *Sparse ]] || type=SPARSE offset='' format=vmdk
	sectors=$(qemu-img info --output=json -f "$format" "$3" |
		python3 -c 'import json, sys; print(json.load(sys.stdin)["virtual-size"] // 512)')
	rm -f "$2"
	if [ "$1" = qcow2 ]; then
		qemu-img create -q -f qcow2 -o "data_file=$2.own,data_file_raw=on" "$2" \
			$((sectors * 512)) || bail_out "$1 on $3"
		qemu-img amend -f qcow2 -o "data_file=$3" "$2" || bail_out "$1 on $3"
		rm "$2.own"
		return
	fi
	printf '# Disk DescriptorFile\nversion=1\nCID=fffffffe\nparentCID=ffffffff\n%s\n%s\n' \
		"createType=\"$1\"" "RW $sectors $type \"$3\"$offset" > "$2"
}
