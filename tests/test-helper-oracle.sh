#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Two readers that share no code with busflip find in the registry exactly the edits that
# the dry run announced: reglookup, which has its own parser and also reads the times of
# the keys, and hivexregedit. Windows 7 and 10, for VirtIO and SCSI; and real hives if
# there are any, with reglookup only, because hivexregedit takes long.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
# shellcheck source=tests/disklib.sh
. "${BASH_SOURCE[0]%/*}/disklib.sh"
disk_required
requires command -v reglookup

hive=Windows/System32/config/SYSTEM
image=$work/disk.raw output=''
make_parts
for driver in viostor vioscsi; do
	for os in w7 w8 w10; do
		python3 "$tests/mkdriver.py" "$work/vw/$driver/$os/amd64" $driver amd64 \
			62.93.104.26200
	done
done

# system_7_hive FILE - Windows 7 as VMware leaves it: with a
# CriticalDeviceDatabase, and msahci there but off
system_7_hive()
{
	local cs='HKEY_LOCAL_MACHINE\SYSTEM\ControlSet001'

	{
		printf 'Windows Registry Editor Version 5.00\n\n'
		reg_keys 'Select' 'ControlSet001\Services\msahci' \
			'ControlSet001\Services\LSI_SAS' \
			'ControlSet001\Services\partmgr\Parameters' \
			'ControlSet001\Control\CrashControl' 'ControlSet001\Control\Windows' \
			'ControlSet001\Control\Session Manager\Environment' \
			'ControlSet001\Control\Session Manager\Power' \
			'ControlSet001\Control\CriticalDeviceDatabase\pci#ven_1000&dev_0054' \
			'ControlSet001\Control\Class' 'ControlSet001\Enum\PCI' 'Setup'
		cat <<-END
		[HKEY_LOCAL_MACHINE\\SYSTEM\\Select]
		"Current"=dword:00000001
		"Default"=dword:00000001
		"Failed"=dword:00000000
		"LastKnownGood"=dword:00000001

		[$cs\\Services\\msahci]
		"Start"=dword:00000003
		"Type"=dword:00000001
		"ImagePath"="System32\\\\drivers\\\\msahci.sys"

		[$cs\\Services\\LSI_SAS]
		"Start"=dword:00000000
		"Type"=dword:00000001
		"ImagePath"="System32\\\\drivers\\\\lsi_sas.sys"

		[$cs\\Control\\CriticalDeviceDatabase\\pci#ven_1000&dev_0054]
		"Service"="LSI_SAS"
		"ClassGUID"="{4D36E97B-E325-11CE-BFC1-08002BE10318}"

		[$cs\\Control\\Session Manager\\Environment]
		"PROCESSOR_ARCHITECTURE"="AMD64"
		END
	} | fill_hive "$1" SYSTEM
}

# export_hive FILE OUT
export_hive()
{
	hivexregedit --export --prefix 'HKEY_LOCAL_MACHINE\SYSTEM' "$1" "\\" > "$2"
}

# judged NAME BUS WANTED [real] - $work/SYSTEM, SOFTWARE and sys as a Windows; the edits
# must match WANTED, or the test would compare nothing
judged()
{
	local name="$1, $2" seen

	make_windows "$image" 64M put Windows/System32/drivers/msahci.sys "$work/in/storahci.sys"
	rm -rf "$state"
	busflip patch --format raw --virtio-win "$work/vw" --bus "$2" --dry-run "$image" \
		> "$work/edits.reg"
	like "$name: the dry run has edits" "$(cat "$work/edits.reg")" "$3"
	ok "$name: patch" busflip patch --format raw --virtio-win "$work/vw" --bus "$2" "$image"
	ok "$name: the volume is sound" volume_sound "$image"
	cat_file "$image" $hive > "$work/after"
	reglookup "$work/SYSTEM" > "$work/before.csv" 2> "$work/before.err" &
	reglookup "$work/after" > "$work/after.csv" 2> "$work/after.err"
	seen=$?
	wait $! || seen="$seen, $? before"
	is "$name: reglookup reads it all" "$seen" 0
	fails "$name: by reglookup, the edits and nothing else" 0 \
		"$tests/regtext.py" reglookup "$work/before.csv" "$work/edits.reg" "$work/after.csv"
	diag "$output"
	like "$name: which is something" "$output" "^[1-9][0-9]+ changed"
	[ $# = 4 ] && return
	export_hive "$work/SYSTEM" "$work/before.reg" &
	export_hive "$work/after" "$work/after.reg"
	wait
	fails "$name: by hivexregedit, the edits and nothing else" 0 \
		"$tests/regtext.py" export "$work/before.reg" "$work/edits.reg" "$work/after.reg"
	diag "$output"
	like "$name: which is something" "$output" "^[1-9][0-9]+ changed"
}

have_real=()
for name in win7-vmware-lsi win10-1903-vmware-lsi; do
	real_hive $name.SYSTEM "$work/real" && have_real+=("$name")
done
plan $((4 * 8 + ${#have_real[@]} * 6))

database='DriverDatabase.*DeviceIds.PCI.VEN_1AF4'
judged "Windows 10" virtio "Services.viostor.*$database.DEV_1001"
judged "Windows 10" scsi "Services.vioscsi.*$database.DEV_1004"
for name in "${have_real[@]}"; do
	[[ $name = win10* ]] || continue
	real_hive "$name.SYSTEM" "$work/SYSTEM"
	clean_hive "$work/SYSTEM"
	judged "$name" scsi "Services.vioscsi" real
done

software_hive "$work/SOFTWARE" 7601 "Windows 7 Professional"
python3 "$tests/mkdriver.py" "$work/in" ntoskrnl amd64 6.1.7601.17514
system_7_hive "$work/SYSTEM"
critical='CriticalDeviceDatabase.PCI#VEN_1AF4'
judged "Windows 7" virtio "Services.viostor.*$critical&DEV_1001"
judged "Windows 7" scsi "Services.vioscsi.*$critical&DEV_1004"
for name in "${have_real[@]}"; do
	[[ $name = win7* ]] || continue
	real_hive "$name.SYSTEM" "$work/SYSTEM"
	clean_hive "$work/SYSTEM"
	# This one has 32 bits.
	python3 "$tests/mkdriver.py" "$work/in" ntoskrnl x86 6.1.7601.17514
	python3 "$tests/mkdriver.py" "$work/vw/viostor/w7/x86" viostor x86 62.93.104.26200
	judged "$name" virtio "Services.viostor" real
done
