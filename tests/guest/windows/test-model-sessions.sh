#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Whole sessions of the model without a machine: what boots, what stops, what is left
# behind. The expected results were written down before the model was (README.md has the
# sources).

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/../../lib.sh"
requires mkntfs --version
[ -x "$BUSFLIP_BUILD/windows/ntsim" ] || skip_all "the Windows model is not built"
bin=$BUSFLIP_BUILD/windows
work=$(mktemp -d)
cleanup_fn rm -rf "$work"
plan 90

old=25194d56-3a1c-8d2e-90ab-0c1d2e3f4a5b
new=11111111-2222-3333-4444-555555555555
newer=99999999-2222-3333-4444-555555555555

# The machines: q35 with AHCI, and a VirtIO disk or controller at slot 5
base="0000:00:00.0 8086:29c0 1af4:1100 00 060000
0000:00:1f.0 8086:2918 1af4:1100 02 060100
0000:00:1f.2 8086:2922 1af4:1100 02 010601"
echo "$base" > "$work/sata"
echo "$base
0000:00:05.0 1af4:1042 1af4:1100 01 010000" > "$work/both"
echo "$base
0000:00:05.0 1af4:1001 1af4:0002 00 010000" > "$work/legacy"
echo "0000:00:00.0 8086:1237 1af4:1100 02 060000
0000:00:01.1 8086:7010 1af4:1100 00 010180" > "$work/ide"
echo "$base
0000:00:02.0 1b36:000c 0000:0000 00 060400
0000:01:00.0 1af4:1042 1af4:1100 01 010000 00:02.0" > "$work/port"

# disk NAME=VALUE... - a new guest, $work/disk
disk()
{
	rm -f "$work/disk"
	"$bin/mkdisk" "$work/disk" "$@" || bail_out "mkdisk $*"
}

# session END MACHINE CONTROLLER UUID [NAME=VALUE...] - END is up, 0x7B, loader or
# 0x9F
session()
{
	local want=$1 machine=$2 controller=$3 uuid=$4 seen

	shift 4
	"$bin/ntsim" "$work/disk" "$work/$machine" "$controller" "$uuid" "$@" > "$work/said"
	case $? in
	0) seen=up ;;
	2) seen=0x7B; grep -q 0x9F "$work/said" && seen=0x9F ;;
	3) seen=loader ;;
	*) seen=failed ;;
	esac
	[ "$seen" = "$want" ] || said
	[ "$seen" = "$want" ]
}

# What the last session has said
said()
{
	cat "$work/said"
}

peek()
{
	"$bin/ntpeek" "$work/disk" "$@"
}

sata=00:1f.2 virtio=00:05.0

# --- the trap: no bait ---
disk windows=10 driver=bootable others=20
ok "10, driver bootable, SATA without bait: up" session up sata $sata $new
like "the driver's StartOverride is planted" "$(said)" "planted service=viostor id=1 value=3"
is "and is on the disk" "$(peek get 'CS\Services\viostor\StartOverride' 1)" 3
is "not on storahci" "$(peek get 'CS\Services\storahci\StartOverride' 1)" ""
cp "$work/disk" "$work/kept"
before=$(sha256sum < "$work/disk")
ok "then on VirtIO: 0x7B" session 0x7B both $virtio $new
like "because of it" "$(said)" "service=viostor why=overridden"
is "and not a byte was written" "$(sha256sum < "$work/disk")" "$before"
ok "a machine with a new UUID: up" session up both $virtio $newer
cp "$work/kept" "$work/disk"
ok "hwcfg=lastid does not spare it" session 0x7B both $virtio $newer hwcfg=lastid
peek delete 'CS\Services\viostor\StartOverride'
ok "cleared while off, on VirtIO: up" session up both $virtio $new

# --- the bait ---
disk windows=10 driver=bootable
ok "10, SATA with bait: up" session up both $sata $new
like "the bait is configured" "$(said)" "configured device=0000:00:05.0 service=viostor"
unlike "nothing is planted on it" "$(said)" "planted service=viostor"
key='CS\Enum\PCI\VEN_1AF4&DEV_1042&SUBSYS_11001AF4&REV_01\3&13c0b0c5&0&28'
is "its instance has the service" "$(peek get "$key" Service)" viostor
is "ConfigFlags" "$(peek get "$key" ConfigFlags)" 0
times="$key"'\Properties\{83da6326-97a6-4088-9453-a1923f573b29}'
is "it arrived when the session began" "$(peek get "$times\\0066" "")" \
	"$(peek get "HardwareConfig\\{$new}" LastUse)"
ok "and ended after that" test "$(peek get 'CS\Control\Windows' ShutdownTime)" -gt \
	"$(peek get "HardwareConfig\\{$new}" LastUse)"
is "LastConfig" "$(peek get HardwareConfig LastConfig)" "{$new}"
ok "then on VirtIO: up" session up both $virtio $new
like "by its instance" "$(said)" "match device=0000:00:05.0 by=enum service=viostor"
ok "SATA again, without bait" session up sata $sata $new
like "plants it again (3.2)" "$(said)" "planted service=viostor"
disk windows=10 driver=bootable override=viostor cdrom=sata
ok "planted before, same machine, with bait: up" session up both $sata $old
is "configured, so it is gone" "$(peek keys 'CS\Services\viostor' | grep -c StartOverride)" 0
disk windows=10 driver=bootable
ok "bait behind a root port" session up port $sata $new
ok "and the disk there" session up port 01:00.0 $new
ok "and at another slot: configured anew" session up both $virtio $new
like "by the database" "$(said)" "by=ddb service=viostor"

# --- matching ---
disk windows=10 driver=service
session up both $sata $new
unlike "a service without a package is not bound" "$(said)" "configured device=0000:00:05.0"
ok "and does not boot, cleared or not" session 0x7B both $virtio $newer
like "for it is not matched" "$(said)" "service=none why=no-match"
disk windows=10 driver=staged
ok "staged only: 0x7B (0.6)" session 0x7B both $virtio $new
disk windows=10 driver=nofile
ok "without its file: 0x7B" session 0x7B both $virtio $new
like "for want of it" "$(said)" "service=viostor why=no-file"
disk windows=10 driver=bootable driver_start=3
ok "demand start: 0x7B" session 0x7B both $virtio $new
disk windows=10
ok "no driver: 0x7B" session 0x7B both $virtio $new
disk windows=10 driver=bound
ok "bound on a transitional device: up there" session up legacy $virtio $new
ok "the modern one by the database (1042)" session up both $virtio $new
disk windows=10 driver=bootable
peek delete 'CS\Services\EhStorClass'
ok "a class filter without a service: 0x7B (d4)" session 0x7B sata $sata $new

# --- wrong machine ---
disk windows=10 driver=wrongarch
ok "a wrong driver that nothing starts: up" session up both $sata $new
peek set 'CS\Services\viostor' Start 0
ok "started at boot it stops the loader on SATA too (7)" session loader both $sata $new
disk windows=7 arch=x86 origin=ide
ok "x86 boots too" session up ide 00:01.1 $new

# --- is AHCI ready? (5.1) ---
disk windows=7 origin=lsi
ok "7 from LSI on SATA: 0x7B" session 0x7B sata $sata $new
like "msahci does not start at boot" "$(said)" "service=msahci why=demand"
ok "on IDE: up" session up ide 00:01.1 $new
peek set 'CS\Services\msahci' Start 0
ok "with msahci=0 on SATA: up" session up sata $sata $new
peek set 'CS\Services\atapi' Start 3
ok "without atapi: 0x7B" session 0x7B sata $sata $new
disk windows=10 origin=lsi uuid=$old
ok "10, same machine, AHCI never used: 0x7B" session 0x7B sata $sata $old
like "storahci is overridden" "$(said)" "service=storahci why=overridden"
ok "a new machine: up" session up sata $sata $new
disk windows=8.1 origin=pvscsi cdrom=sata uuid=$old
ok "with a SATA CD-ROM it was used: up" session up sata $sata $old

# --- 7 ---
disk windows=7 origin=sata driver=bootable
ok "7, SATA without bait: up" session up sata $sata $new
ok "nothing is planted: VirtIO up" session up both $virtio $new
is "no HardwareConfig" "$(peek keys HardwareConfig)" ""
is "BootId counts" "$(peek get 'CS\Control\Session Manager\Memory Management\PrefetchParameters' BootId)" 43

# --- packages that user mode finds ---
disk windows=10 package=yes
ok "a package in DevicePath, bait" session up both $sata $new
like "installed" "$(said)" "installed inf=viostor.inf oem=oem0.inf device=0000:00:05.0"
ok "then on VirtIO: up" session up both $virtio $new
disk windows=11 package=yes dirid=13
session up both $sata $new
like "dirid 13 runs from the store" "$(peek get 'CS\Services\viostor' ImagePath)" "DriverStore"
ok "and boots" session up both $virtio $new
disk windows=10 package=wrong
session up both $sata $new
like "a package for another machine is refused" "$(said)" "refused=other-machine"
disk windows=10 package=yes
session up sata $sata $new
unlike "without a device nothing is installed" "$(said)" "installed"
disk windows=10 firstboot=stage
session up sata $sata $new
like "pnputil -a stages" "$(said)" "staged inf=viostor.inf"
ok "which does not boot" session 0x7B both $virtio $newer
disk windows=2019 firstboot=install
session up both $sata $new
ok "pnputil -i with a bait boots" session up both $virtio $new
disk windows=10 driver=bootable package=yes firstboot=install
session up sata $sata $new
is "pnputil without a device leaves StartOverride" \
	"$(peek get 'CS\Services\viostor\StartOverride' 1)" 3

# --- hives and ends ---
disk windows=10 hive=dirty
ok "a dirty hive with logs: up" session up sata $sata $new
like "replayed" "$(said)" "hive state=dirty replayed=1"
disk windows=7 origin=ide hive=dirty
session up ide 00:01.1 $new
like "an old log too" "$(said)" "hive state=dirty replayed=1"
disk windows=10 hive=nologs
ok "without logs: the loader stops" session loader sata $sata $new
session up sata $sata $new dirty=taken
like "without logs, as it is" "$(said)" "hive state=dirty replayed=0"
disk windows=10
session up sata $sata $new end=crash
is "cut off: log in use, hive dirty" "$(peek state)" \
	"logfile=in-use flags=0000 hive=dirty replayed=2"
cp "$work/disk" "$work/kept"
peek set 'CS\Services\viostor' Start 0
ok "edited while its log is open: torn" session loader sata $sata $new
cp "$work/kept" "$work/disk"
session up sata $sata $new
like "the next one knows" "$(said)" "last-session clean=no"
is "and ends clean" "$(peek state)" "logfile=clean flags=0000 hive=clean replayed=0"
disk windows=10 session=crashed
is "made that way" "$(peek state)" "logfile=in-use flags=0000 hive=clean replayed=0"

# --- fast startup ---
disk windows=10 fast=on
session up sata $sata $new end=button
like "the button means hybrid" "$(said)" "shutdown kind=hybrid"
is "an image is there" "$(peek cat hiberfil.sys | head -c 4)" HIBR
like "the log says so" "$(peek state)" "logfile=cached"
cp "$work/disk" "$work/kept"
ok "other hardware: crash" session 0x9F both $virtio $new
peek set 'CS\Services\viostor' Start 0
ok "the same: resumed" session up sata $sata $new
is "an offline edit is lost" "$(peek get 'CS\Services\viostor' Start)" ""
session up sata $sata $new end=button s4=no
like "without S4 a full one" "$(said)" "shutdown kind=full"
cp "$work/kept" "$work/disk"
session up sata $sata $new end=off
like "shutdown /s is a full one" "$(said)" "shutdown kind=full"
disk windows=2022 fast=on
session up sata $sata $new end=button
like "so is a server's" "$(said)" "shutdown kind=full"

# --- every generation, both layouts ---
bad=''
for windows in 8 2012 8.1 2012r2 10 11 2016 2019 2022 2025; do
	disk windows=$windows firmware=uefi driver=bootable bus=scsi origin=pvscsi
	session up sata $sata $new || bad+=" $windows"
done
is "8 to 2025, GPT: up on SATA" "$bad" ""
like "vioscsi is planted as well" "$(said)" "planted service=vioscsi"
"$bin/mkdisk" "$work/disk.qcow2" format=qcow2
is "qcow2" "$(head -c 3 "$work/disk.qcow2")" QFI

# --- killed at any moment: never torn ---
disk windows=10 driver=bootable
bad=0
for ((i = 0; i < 30; i++)); do
	"$bin/ntsim" "$work/disk" "$work/both" $sata $new > "$work/out" &
	sleep "0.0$((RANDOM % 90 + 10))"
	kill -9 $! 2>/dev/null
	wait $! 2>/dev/null
	peek get Select Default > "$work/out" || bad=$((bad + 1))
done
is "30 sessions killed: the registry was always readable" $bad 0
ok "and Windows comes up" session up both $sata $new
