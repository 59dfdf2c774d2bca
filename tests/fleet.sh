#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A fleet of guests that behave as Windows does (guest/windows/), from the tag to
# the end that fleet.table gives each, with nothing but start and shutdown, and
# destroy where the row says so. Some rows of it; with BUSFLIP_FLEET=rest the others,
# with BUSFLIP_FLEET=all all of them, with BUSFLIP_FLEET="NAME..." those.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
# shellcheck source=tests/guest/windows/lib-windows.sh
. "${BASH_SOURCE[0]%/*}/guest/windows/lib-windows.sh"
requires ntfsfix --version
windows_required "$@"

table=$tests/fleet.table
at_once=${BUSFLIP_FLEET_JOBS:-2}

# --- the table ---

# split ROW - into variables that the caller has declared
split()
{
	IFS=$'\t' read -r name windows firmware machine bus target origin driver past \
		planted others second begin event end sessions why <<< "$1"
}

# rows - one line for each guest that is to run, its fields separated by tabs
rows()
{
	python3 "$tests/fleet.py" "$table" rows "${BUSFLIP_FLEET:-some}"
}

mapfile -t fleet < <(rows)
plan $((${#fleet[@]} + 2))
ok "the table covers all pairs that can go together" \
	python3 "$tests/fleet.py" "$table" check

# --- virtio-win: a folder for each Windows ---

for driver in viostor vioscsi; do
	for os in w7 w8.1 w10 w11 2k16 2k19 2k22 2k25; do
		python3 "$tests/mkdriver.py" "$LAB/vw/$driver/$os/amd64" $driver amd64 \
			62.93.104.26200 4608
	done
done

# --- one guest; its row is in the variables of split() ---

ovmf_code='' ovmf_vars=''
for file in /usr/share/OVMF/OVMF_CODE_4M.fd /usr/share/OVMF/OVMF_CODE.fd \
	/usr/share/edk2/ovmf/OVMF_CODE.fd; do
	if [ -r "$file" ]; then
		ovmf_code=$file ovmf_vars=${file/CODE/VARS}
		break
	fi
done

# make_disk - a guest that comes from elsewhere
make_disk()
{
	local words=(windows="$windows" firmware="$firmware" origin="$origin"
		others="$others") over=$target

	[ "$target" = viostor ] || words+=(bus=scsi)
	case $driver in
	ready) words+=(driver=bootable) ;;
	service) words+=(driver=service) ;;
	package)
		words+=(package=yes)
		# Those builds run from the driver store.
		case $windows in 11 | 2025) words+=(dirid=13) ;; esac ;;
	wrong | replaced) words+=(driver=wrongarch) ;;
	esac
	case $past in
	fast) words+=(fast=on) ;;
	sleepy) words+=(fast=on session=crashed) ;;
	dirty | nologs) words+=(hive="$past") ;;
	crashed) words+=(session=crashed) ;;
	esac
	# What can't be made ready has to have a controller that it can use.
	case $past in
	nologs | crashed | sleepy) words+=(cdrom=sata) ;;
	*) over+=,storahci,intelide ;;
	esac
	# It keeps its UUID, so all that was planted counts here too.
	[ "$planted" = no ] || words+=(uuid="$uuid" override="$over")
	windows_disk "$name" "${words[@]}"
}

# firmware_boot - elements of <os>
firmware_boot()
{
	local words=()

	[ "$event" != deaf ] || words=(button=ignore)
	if [ "$firmware" = uefi ]; then
		printf '<loader readonly="yes" type="pflash">%s</loader>' "$ovmf_code"
		printf '<nvram template="%s">%s</nvram>' "$ovmf_vars" "$LAB/$name.nvram"
		windows_boot "${words[@]}" | sed 's,/vmlinux<,/vmlinuz<,'
	else
		windows_boot "${words[@]}"
	fi
}

make_guest()
{
	local tag='bus="virtio"' devices='' data=virtio dev=vdb

	[ "$target" = viostor ] || tag='bus="scsi"'
	if [ "$second" = yes ]; then
		[ "$bus" != scsi ] || data=scsi dev=sdb
		devices=$(data_disk "$name-data" $dev $data)
	fi
	windows_domain "$name" machine="$machine" bus="$bus" tag="$tag" uuid="$uuid" \
		devices="$devices" boot="$(firmware_boot)"
}

# session HOW - start it; when Windows is up: shutdown, or destroy
session()
{
	cat "$LAB/$name.serial" >> "$LAB/$name.told.serial" 2>/dev/null
	: > "$LAB/$name.serial"
	virsh -q start "$name" || return
	await 240 grep -qE '^nt: (user-mode done|stop |loader-stop)' "$LAB/$name.serial" ||
		{ echo "not up"; return 1; }
	if [ "$event" = deaf ]; then
		virsh -q shutdown "$name"
		await 20 grep -q '^nt: button ignored' "$LAB/$name.serial"
	fi
	virsh -q "$1" "$name"
	await 120 settled "$name" || { echo "not off"; return 1; }
}

# await SECONDS COMMAND... - as wait_for does, but seldom: many wait at once
await()
{
	local end=$((SECONDS + $1))

	shift
	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.1
	done
}

# how NUMBER PHASE - how that session ends
how()
{
	case $event:$1:$2 in
	deaf:* | cut1:1:* | cut24:*:trial | cut3:*:done)
		echo destroy ;;
	cut2:*:trial)
		# The first one on VirtIO, whichever it is
		[ "$cuts" = 0 ] && echo destroy || echo shutdown ;;
	*)
		echo shutdown ;;
	esac
}

# run_guest - until it is where it shall be, or the sessions are used up
run_guest()
{
	local n phase word cuts=0 path=''

	make_disk
	make_guest
	[ "$begin" = late ] || busflip stage "$name" || return
	for ((n = 1; n <= sessions; n++)); do
		phase=$(phase_of "$name")
		word=$(how $n "$phase")
		[ "$word:$phase" != destroy:trial ] || cuts=$((cuts + 1))
		session "$word" || return
		path+=" $(where "$name")"
	done
	echo "path:$path" "reason: $(state_attr "$name" reason)"
}

# devices_of - of a guest that is done: as the user defined them; or, when its disk
# came on another bus, at least with the user's image
devices_of()
{
	case $end:$bus in
	done/virtio:virtio | done/scsi:scsi)
		(tap_count=0; same_as_original "$name" devices) >&2 &&
			cmp -s "$LAB/$name.want" "$LAB/$name.seen" && echo same ||
			echo other ;;
	*)
		[ "$(xpath "$name" "string($system_disk/source/@file)")" = "$LAB/$name.img" ] &&
			echo same || echo other ;;
	esac
}

# volume_of - the NTFS volume: in order, and closed if Windows was shut down last
volume_of()
{
	local at=9 size=76 part=$LAB/$name.part state

	[ "$firmware" = bios ] || at=10 size=75
	dd if="$LAB/$name.img" of="$part" bs=1M skip=$at count=$size conv=sparse status=none
	state=$(windows_peek "$name" state)
	echo "state: $state" >&2
	if ! ntfsresize -i -f "$part" >&2 || ! ntfsfix -n "$part" >&2; then
		echo damaged
	elif [[ $event != deaf && $event != cut3 && $past != sleepy &&
		$state != "logfile=clean "*" hive=clean "* ]]; then
		echo open
	else
		echo sound
	fi
	rm -f "$part"
}

# guest ROW - run it; what came of it goes to $LAB/NAME.result, the way there to
# $LAB/NAME.way
guest()
{
	local name windows firmware machine bus target origin driver past planted others \
		second begin event end sessions why uuid since=$SECONDS

	split "$1"
	uuid=$(cat /proc/sys/kernel/random/uuid)
	exec 3>&1 > "$LAB/$name.way" 2>&1
	run_guest
	cat "$LAB/$name.serial" >> "$LAB/$name.told.serial"
	grep -E '^nt: (stop|loader-stop|model-error)' "$LAB/$name.told.serial"
	{
		printf '%s stops=%s ' "$(where "$name")" \
			"$(grep -cE '^nt: (stop|loader-stop|model-error)' "$LAB/$name.told.serial")"
		printf 'devices=%s volume=%s\n' "$(devices_of)" "$(volume_of)"
	} > "$LAB/$name.result"
	busflip inspect "$name" | grep -E '^[a-z-]+ +not (ok|known)( |$)'
	diag "$name: $(cat "$LAB/$name.result") ($((SECONDS - since)) s)" >&3
	! is_running "$name" || virsh -q destroy "$name"
	wait_off "$name"
	virsh -q undefine --nvram "$name"
	# Everything here is in memory.
	rm -f "$LAB/$name.img" "$LAB/$name-data.img" "$LAB/$name.nvram"
}

# run_all CONFIGURATION DRIVER... - the rows with those drivers, some at a time
run_all()
{
	local row jobs=0 config=$1

	shift
	printf '[busflip]\n%s\n' "$config" > /etc/busflip.conf
	for row in "${fleet[@]}"; do
		case " $* " in
		*" $(cut -f 8 <<< "$row") "*) ;;
		*) continue ;;
		esac
		if [ $jobs = "$at_once" ]; then
			wait -n
			jobs=$((jobs - 1))
		fi
		(trap - EXIT; guest "$row") &
		jobs=$((jobs + 1))
	done
	while [ $jobs -gt 0 ]; do
		wait -n
		jobs=$((jobs - 1))
	done
}

begun=$SECONDS
run_all 'virtio_win = none' ready service package missing wrong
run_all "virtio_win = $LAB/vw" injected replaced
diag "${#fleet[@]} guests in $((SECONDS - begun)) s"

# --- what came of them ---

for row in "${fleet[@]}"; do
	split "$row"
	seen=$(cat "$LAB/$name.result" 2>/dev/null)
	wanted="$end stops=0 devices=same volume=sound"
	if [ "$seen" = "$wanted" ]; then
		pass "$name: $end: $why"
	else
		fail "$name: $end: $why" "row:    ${row//$'\t'/ }" "seen:   $seen" \
			"wanted: $wanted" "$(cat "$LAB/$name.way")" \
			"$(grep "domain=$name " "$LAB/log")"
	fi
done
is "nothing is left to do" "$(ls $pending 2>/dev/null)" ""
