#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Compares what virt-v2v and "busflip patch" write into the same registry: a table, key by
# key, with the reason for each difference. The test fails on a difference that is not
# expected, and on an expected one that does not occur.
#
# Not part of "make check", because virt-v2v boots an appliance for each image. Covers
# Windows 7 and Windows 10, because their device databases differ in format; the latter
# with a real hive if one is available. COMPARE_ALL=1 uses generated and real hives of
# both. The bus is virtio-blk, the only one that virt-v2v supported before version 2.3.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
# shellcheck source=tests/disklib.sh
. "${BASH_SOURCE[0]%/*}/disklib.sh"
# shellcheck source=tests/lib-v2v.sh
. "${BASH_SOURCE[0]%/*}/lib-v2v.sh"
PATH=$PATH:/usr/libexec
disk_required
v2v_required virt-v2v-in-place
size=$((256 * 1048576))

# software_for FILE GENERATION - as disklib's, and what virt-v2v asks for
software_for()
{
	local nt='HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows NT\CurrentVersion'

	if [ "$2" = 7 ]; then
		software_hive "$1" 7601 'Windows 7 Professional'
	else
		software_hive "$1"
	fi
	{
		cat <<-'REG'
		Windows Registry Editor Version 5.00

		[HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows]

		[HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows\CurrentVersion]
		"DevicePath"=str(2):"%SystemRoot%\\inf"

		REG
		printf '[%s]\n' "$nt"
		if [ "$2" = 7 ]; then
			printf '"CurrentVersion"="6.1"\n"CurrentMajorVersionNumber"=-\n'
		else
			printf '"CurrentMinorVersionNumber"=dword:00000000\n'
		fi
	} > "$1.more.reg"
	hivexregedit --merge --prefix 'HKEY_LOCAL_MACHINE\SOFTWARE' "$1" "$1.more.reg"
}

# system_7 FILE - Windows 7 as VMware leaves it, with a last known good set
system_7()
{
	local root='HKEY_LOCAL_MACHINE\SYSTEM' set driver paths=(Setup Select)

	for set in ControlSet001 ControlSet002; do
		paths+=("$set\\Control\\CriticalDeviceDatabase" "$set\\Control\\CrashControl"
			"$set\\Control\\Session Manager\\Environment" "$set\\Control\\Class"
			"$set\\Enum\\PCI" "$set\\Services\\partmgr\\Parameters")
		for driver in msahci atapi pciide intelide; do
			paths+=("$set\\Services\\$driver")
		done
	done
	{
		printf 'Windows Registry Editor Version 5.00\n\n'
		reg_keys "${paths[@]}"
		for set in ControlSet001 ControlSet002; do
			printf '[%s]\n"PROCESSOR_ARCHITECTURE"="AMD64"\n\n' \
				"$root\\$set\\Control\\Session Manager\\Environment"
			printf '[%s]\n"AutoReboot"=dword:00000001\n\n' \
				"$root\\$set\\Control\\CrashControl"
			for driver in msahci:3 atapi:0 pciide:3 intelide:3; do
				printf '[%s]\n"Start"=dword:0000000%s\n"Type"=dword:00000001\n' \
					"$root\\$set\\Services\\${driver%:*}" "${driver#*:}"
				printf '"ImagePath"="system32\\\\drivers\\\\%s.sys"\n\n' \
					"${driver%:*}"
			done
		done
		printf '[%s]\n"Current"=dword:00000001\n"Default"=dword:00000001\n' "$root\\Select"
		printf '"Failed"=dword:00000000\n"LastKnownGood"=dword:00000002\n'
	} | fill_hive "$1" SYSTEM
}

cases=()

# make_case NAME GENERATION HIVE [MACHINE] - two images with it, and its drivers
make_case()
{
	local name=$1 generation=$2 machine=${4:-amd64}

	mkdir "$work/$name"
	cp "$3" "$work/$name/original"
	mv "$3" "$work/SYSTEM"
	software_for "$work/SOFTWARE" "$generation"
	python3 "$tests/mkdriver.py" "$work/$name/vw/viostor/w$generation/$machine" \
		viostor "$machine" 62.93.104.26200
	python3 "$tests/mkdriver.py" "$work/in" ntoskrnl "$machine" 10.0.19041.1
	make_windows "$work/c.ntfs" $size mkdir Windows/Temp mkdir 'Program Files' \
		put Windows/System32/cmd.exe "$work/in/ntoskrnl.sys" \
		put Windows/System32/drivers/msahci.sys "$work/in/storahci.sys"
	"$tests/mkdisk.sh" -t mbr "$work/$name/virt-v2v.qcow2" "$work/c.ntfs"
	cp "$work/$name/virt-v2v.qcow2" "$work/$name/busflip.qcow2"
	cases+=("$name $generation")
}

# convert NAME - by virt-v2v; what it says and returns goes into files
convert()
{
	local status

	VIRTIO_WIN=$work/$1/vw timeout -k 5 400 virt-v2v-in-place -i disk \
		"$work/$1/virt-v2v.qcow2" > "$work/$1/log" 2>&1 < /dev/null
	status=$?
	echo "virt-v2v-in-place: exit status $status" >> "$work/$1/log"
	return $status
}

# take NAME TOOL - registry and drivers out of the image that TOOL has changed
take()
{
	local from=$work/$1/$2 file

	get_volume "$from.qcow2" qcow2 1048576 $size "$work/now.ntfs"
	cat_file "$work/now.ntfs" Windows/System32/config/SYSTEM > "$from"
	for file in System32/drivers/viostor.sys Drivers/VirtIO/viostor.{inf,cat,sys}; do
		echo "$(sum_file "$work/now.ntfs" "Windows/$file") $file"
	done > "$from.files"
	volume_sound "$work/now.ntfs"
}

# What is only spelled otherwise: pattern of both spellings, what they become before
# they are compared, from which version on virt-v2v may spell it like us; reason.
cat > "$work/spellings" <<'END'
guestor\.inf_(tmp|amd64_0{16}) :: {label} :: 2.8
	a label without an architecture makes pnputil and upgrades of Windows fail
&SUBSYS_[0-9A-F]{8} ::  :: 2.3
	without a subsystem, the devices of every build of QEMU match
END

# SIDE :: PATTERN of a path, and the reason. The side is virt-v2v or busflip (only
# that one changes it) or differ (both do, but to different values).
cat > "$work/expected" <<'END'
virt-v2v :: \\Services\\firstboot\\
	its service, which runs scripts of all kinds when Windows starts
busflip :: ^ControlSet002\\
	last known good, which Windows 7 may fall back to by itself
busflip :: \\Services\\busflip\\
	its service, which installs the driver's package when Windows starts
busflip :: \\Services\\viostor\\Parameters\\(BusType|PnpInterface\\5)$
	what the driver's INF would set; it boots without, too
busflip :: \\CriticalDeviceDatabase\\PCI#VEN_1AF4&DEV_10\d\d\\
	without the revision, a device of any revision matches
busflip :: \\Services\\(msahci|pciide|intelide)\\Start$
	for the boot from SATA, or IDE; virt-v2v boots from VirtIO at once
busflip :: \\Services\\\w+\\StartOverride\\0$
	for the boot from SATA: an override keeps its driver from being loaded
busflip :: \\Session Manager\\Power\\HiberbootEnabled$
	a fast startup would go on with the controllers from before
busflip :: \\partmgr\\Parameters\\SanPolicy$
	data disks stay online on a new bus; virt-v2v has a script for it, or nothing
busflip :: ^busflip\\ControlSet00\d\\
	the old values of what is changed until Windows has started from VirtIO
END

cat > "$work/compare.py" <<'END'
import concurrent.futures
import re
import subprocess
import sys

# "virt-v2v-in-place 2.6.0"; its name has a digit, too
work, version = sys.argv[1], tuple(int(n) for n in re.findall(r'(\d+)\.(\d+)', sys.argv[2])[0])
cases = [c.split() for c in sys.argv[3:]]


def table(name):
    with open(work + '/' + name) as f:
        text = f.read().replace('\n\t', ' :: ')
    return [tuple(c.strip() for c in line.split('::')) for line in text.splitlines()]


spellings, expected = table('spellings'), table('expected')
used, failures = set(), []


def plain(data):
    """A list of strings as such, not as bytes."""
    m = re.match(r'hex\(7\):([0-9a-f,]*)$', data)
    if not m:
        return data
    raw = bytes(int(x, 16) for x in m[1].split(',') if x)
    return 'list:' + ','.join(raw.decode('utf-16-le').rstrip('\0').split('\0'))


def export(hive):
    """All keys, and path of each value -> its data, of each bare key (with a \\) -> ''."""
    out = subprocess.run(
        ['hivexregedit', '--export', '--unsafe-printable-strings', '--prefix', 'HKLM', hive, '\\'],
        check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    found, keys, key = {}, set(), ''
    for line in out.decode('utf-8', 'replace').split('\n'):
        value = re.match(r'(?:@|"((?:[^"\\]|\\.)*)")=(.*)$', line)
        if line.startswith('['):
            key = re.sub(r'(?i)^(ControlSet\d+\\)services\b', r'\1Services',
                         line[1:-1].partition('\\')[2])
            keys.update((key, key.rpartition('\\')[0] + '\\*'))
            found[key + '\\'] = ''
        elif value:
            found.pop(key + '\\', None)
            found[key + '\\' + (value[1] or '(default)')] = plain(value[2])
    # A key that only holds others says nothing by itself.
    return keys, {p: d for p, d in found.items() if d or p + '*' not in keys}


def respell(text, reasons):
    for row in spellings:
        text, n = re.subn(row[0], row[1], text)
        if n:
            reasons.append(row)
    return text


def changes(before, after):
    """Respelled path -> (data, spellings that took, how it is really spelled)."""
    (old_keys, old), (new_keys, new), found = before, after, {}
    for path in old.keys() | new.keys():
        bare = path.endswith('\\') and path[:-1] in old_keys & new_keys
        if old.get(path) != new.get(path) and not bare:
            rows = []
            data = respell(new[path], rows) if path in new else 'removed'
            found[respell(path, rows)] = (data, rows, (path, new.get(path)))
    return found


def reason(side, path):
    for row in expected:
        if row[0] == side and re.search(row[1], path):
            used.add(row)
            return row[2]
    failures.append('%s: %s' % (side, path))
    return 'NOT EXPECTED'


def short(data):
    return data if len(data) <= 60 else data[:57] + '...'


for name, generation in cases:
    print('# %s: Windows %s' % (name, generation))
    with concurrent.futures.ThreadPoolExecutor() as pool:
        old, v2v, ours = pool.map(export, (work + '/' + name + '/' + hive for hive in (
            'original', 'virt-v2v', 'busflip')))
    v2v, ours = changes(old, v2v), changes(old, ours)
    counts = dict.fromkeys(('both', 'differ', 'virt-v2v', 'busflip'), 0)
    for path in sorted(v2v.keys() | ours.keys()):
        if path not in ours:
            side, data = 'virt-v2v', short(v2v[path][0])
        elif path not in v2v:
            side, data = 'busflip', short(ours[path][0])
        elif v2v[path][0] == ours[path][0]:
            side, data = 'both', short(ours[path][0])
        else:
            side = 'differ'
            data = '%s, busflip %s' % (short(v2v[path][0]), short(ours[path][0]))
        counts[side] += 1
        why = ''
        if side == 'both':
            if v2v[path][2] != ours[path][2]:
                rows = v2v[path][1]
                why = ' -- spelled otherwise: ' + '; '.join(dict.fromkeys(r[3] for r in rows))
                used.update(rows)
        else:
            why = ' -- ' + reason(side, path)
        print('# %-13s %s = %s%s' % (side if side in ('both', 'differ') else 'only ' + side,
                                     path, data or '(key)', why))
    print('# in both: %(both)d, different: %(differ)d, only virt-v2v: %(virt-v2v)d, '
          'only busflip: %(busflip)d' % counts)
for row in spellings:
    if version < tuple(int(n) for n in row[2].split('.')) and row not in used:
        failures.append('nothing is spelled so: ' + row[0])
for row in expected:
    if row not in used:
        failures.append('nothing is like that: %s: %s' % (row[0], row[1]))
for line in failures:
    print('# FAILED ' + line)
sys.exit(bool(failures))
END

make_parts
v2v_tools "$work/tools"
mv "$work/SYSTEM" "$work/made-up"
system_7 "$work/hive" || bail_out "cannot make a SYSTEM hive"
make_case made-up-7 7 "$work/hive"
if real_hive win10-1903-vmware-lsi.SYSTEM "$work/hive"; then
	clean_hive "$work/hive"
	make_case real-10 10 "$work/hive"
fi
if [ ${#cases[@]} = 1 ] || [ "${COMPARE_ALL:-0}" = 1 ]; then
	make_case made-up-10 10 "$work/made-up"
fi
if [ "${COMPARE_ALL:-0}" = 1 ] && real_hive win7-vmware-lsi.SYSTEM "$work/hive"; then
	clean_hive "$work/hive"
	make_case real-7 7 "$work/hive" x86
fi
plan $((5 * ${#cases[@]} + 1))

# Two at once; that one fails is said below.
run=()
for case in "${cases[@]}"; do
	convert "${case%% *}" &
	run+=("$!")
	[ ${#run[@]} -lt 2 ] || { wait "${run[0]}"; run=("${run[@]:1}"); }
done
wait
for case in "${cases[@]}"; do
	name=${case%% *}
	ok "$name: virt-v2v" grep -q 'exit status 0$' "$work/$name/log" ||
		diag "$(tail -n 20 "$work/$name/log")"
	ok "$name: busflip" busflip patch --format qcow2 \
		--virtio-win "$work/$name/vw" "$work/$name/busflip.qcow2"
	ok "$name: virt-v2v leaves a sound volume" take "$name" virt-v2v
	ok "$name: busflip leaves a sound volume" take "$name" busflip
	is "$name: the same drivers are in the same places" \
		"$(cat "$work/$name/busflip.files")" "$(cat "$work/$name/virt-v2v.files")"
done

if python3 "$work/compare.py" "$work" "$(virt-v2v-in-place --version)" "${cases[@]}"; then
	pass "all differences are expected, and all expected ones are there"
else
	fail "a difference is not expected, or an expected one is not there"
fi
