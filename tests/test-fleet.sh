#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A fleet of guests that behave as Windows does (guest/windows/). Each goes from the tag to
# the result that fleet.table gives for it, with start and shutdown only, and destroy where
# the row says so. Before that, its control runs: the same guest without busflip. By
# default some rows run; BUSFLIP_FLEET=rest runs the others, BUSFLIP_FLEET=all all of them,
# and BUSFLIP_FLEET="NAME..." the named ones.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
# shellcheck source=tests/guest/windows/lib-windows.sh
. "${BASH_SOURCE[0]%/*}/guest/windows/lib-windows.sh"
requires ntfsfix --version
uefi_required
windows_required "$@"

table=$tests/fleet.table
at_once=${BUSFLIP_FLEET_JOBS:-2}

# --- the table ---

# split ROW - into variables that the caller has declared
split()
{
	IFS=$'\t' read -r name windows firmware machine bus target origin driver past \
		planted others second begin event end sessions control why <<< "$1"
}

# rows - one line for each guest that is to run, its fields separated by tabs
rows()
{
	python3 "$tests/fleet.py" "$table" rows "${BUSFLIP_FLEET:-some}"
}

mapfile -t fleet < <(rows)
plan $((${#fleet[@]} + 2))
ok "the table covers all pairs that can go together, its short run every value" \
	python3 "$tests/fleet.py" "$table" check

# --- virtio-win: a folder for each Windows ---

for driver in viostor vioscsi; do
	for os in w7 w8.1 w10 w11 2k16 2k19 2k22 2k25; do
		python3 "$tests/mkdriver.py" "$LAB/vw/$driver/$os/amd64" $driver amd64 \
			62.93.104.26200 4608
	done
done

# --- one guest; its row is in the variables of split(), the guest's own in $options ---

# make_disk - a guest that comes from elsewhere
make_disk()
{
	local words=(windows="$windows" firmware="$firmware" origin="$origin"
		others="$others") over=$target

	[ "$target" = viostor ] || words+=(bus=scsi)
	[ "$firmware" = bios ] || words+=(size=128 esp="$windows_esp_mib")
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

# second_disk BUS - elements for the disk that is on VirtIO already, in a guest whose
# system disk is there
second_disk()
{
	[ "$second" = yes ] || return
	if [ "$bus" != scsi ]; then
		data_disk "$name-data" vdb virtio
	else
		data_disk "$name-data" sdb scsi
		[ "$1" = scsi ] || echo '<controller type="scsi" index="0" model="virtio-scsi"/>'
	fi
}

# define BUS [KEY=VALUE...] - with the disk there
define()
{
	local on=$1

	shift
	windows_domain "$name" machine="$machine" firmware="$firmware" bus="$on" \
		uuid="$uuid" devices="$(second_disk "$on")" "$@"
}

# --- its sessions ---

# Everything that can be done to a guest goes through here, so that it is known what
# was done.
virsh()
{
	case " $* " in
	*' dumpxml '* | *' domstate '* | *' domuuid '*) ;;
	*) echo "$*" >> "$LAB/${name:-}.actions" ;;
	esac
	command virsh "$@"
}

# beyond - how many of the actions were neither start nor shutdown, nor the destroy
# that the row is about
beyond()
{
	local allowed='start|shutdown'

	[ "$event" = none ] || allowed+='|destroy'
	grep -vcE "^-q ($allowed) $name\$" "$LAB/$name.actions"
}

# starts - and it is up, or has come to its end
starts()
{
	: > "$LAB/$name.serial"
	virsh -q start "$name" || return
	await 240 started || { echo "not up"; return 1; }
}

# Not what a late start has printed before it was started again. Without a process:
# this is asked ten times a second.
started()
{
	local text

	[ ! -e "$pending/$uuid" ] || return
	read -rd '' text < "$LAB/$name.serial"
	[[ ${text##*nt: model} =~ nt:\ (user-mode\ done|stop\ |loader-stop) ]]
}

# ends HOW - shutdown or destroy, and all is done
ends()
{
	virsh -q "$1" "$name"
	await 120 ended || { echo "not off"; return 1; }
}

# The daemon is asked when it is worth it: asking takes a tenth of a boot.
ended()
{
	[ ! -e "/run/libvirt/qemu/$name.pid" ] && settled "$name"
}

# session HOW - a whole one
session()
{
	starts || return
	if [ "$event" = deaf ]; then
		virsh -q shutdown "$name"
		await 20 grep -q '^nt: button ignored' "$LAB/$name.serial"
	fi
	ends "$1"
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

# run_guest - from the tag until it is where it shall be, or the sessions are used up
run_guest()
{
	local n phase word cuts=0 path='' tag=virtio

	[ "$target" = viostor ] || tag=scsi
	[ "$event" != deaf ] || options+=' button=ignore'
	define "$bus" tag="bus=\"$tag\"" words="$options"
	[ "$firmware" = bios ] || note_variables "$name"
	# As busflip-stage.service does it, but for this guest alone
	[ "$begin" = late ] || busflip stage "$name" || return
	: > "$LAB/$name.actions"
	for ((n = 1; n <= sessions; n++)); do
		phase=$(phase_of "$name")
		word=$(how $n "$phase")
		[ "$word:$phase" != destroy:trial ] || cuts=$((cuts + 1))
		session "$word" || word=failed
		cat "$LAB/$name.serial" >> "$LAB/$name.told.serial"
		path+=" $(where "$name")"
		[ "$word" != failed ] || break
	done
	echo "path:$path" "reason: $(state_attr "$name" reason)"
}

# --- its control ---

# without BUS HOW - a session there that ends so, without busflip; and what came of
# it, in the words of fleet.table, goes to $came
without()
{
	define "$1" words="$options bugcheck=hang"
	starts
	case $(grep -m 1 -E '^nt: (user-mode done|stop|loader-stop)' "$LAB/$name.serial") in
	*'user-mode done'*) came=up ;;
	*'code=0x7B '*'why=overridden'*) came='trap' ;;
	*'code=0x7B '*) came=7b ;;
	*'code=0x9F '*) came=9f ;;
	*) came=nothing ;;
	esac
	ends "$2"
}

# run_control - on VirtIO straight away; and after a session on SATA without a bait
run_control()
{
	local to=virtio came straight

	[ "$target" = viostor ] || to=scsi
	cp "$LAB/$name.img" "$LAB/$name.before"
	without $to destroy
	straight=$came
	if [ "$came" = up ]; then
		cp "$LAB/$name.before" "$LAB/$name.img"
		without sata shutdown
		[ "$came" = up ] && without $to destroy
		straight+=/$came
	fi
	mv "$LAB/$name.before" "$LAB/$name.img"
	echo "$straight" > "$LAB/$name.control"
	virsh -q undefine --nvram "$name"
}

# --- what came of it ---

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

	[ "$firmware" = bios ] || at=$((windows_esp_mib + 2)) size=75
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

# variables_of - what Windows has left in its firmware
variables_of()
{
	if [ "$firmware" = bios ]; then
		echo none
	else
		variables_kept "$name" >&2 && echo same || echo changed
	fi
}

# guest ROW - run it; what came of it goes to $LAB/NAME.result, the way there to
# $LAB/NAME.way
guest()
{
	local name windows firmware machine bus target origin driver past planted others \
		second begin event end sessions control why uuid options='' since=$SECONDS

	split "$1"
	uuid=$(cat /proc/sys/kernel/random/uuid)
	exec 3>&1 > "$LAB/$name.way" 2>&1
	# A registry without its log: else it starts nowhere, with busflip or without.
	[ "$past" != nologs ] || options=dirty=taken
	make_disk
	run_control
	run_guest
	grep -E '^nt: (stop|loader-stop|model-error)' "$LAB/$name.told.serial"
	{
		printf '%s stops=%s ' "$(where "$name")" \
			"$(grep -cE '^nt: (stop|loader-stop|model-error)' "$LAB/$name.told.serial")"
		printf 'devices=%s volume=%s variables=%s control=%s beyond=%s\n' "$(devices_of)" \
			"$(volume_of)" "$(variables_of)" "$(cat "$LAB/$name.control")" "$(beyond)"
	} > "$LAB/$name.result"
	busflip inspect "$name" | grep -E '^[a-z-]+ +not (ok|known)( |$)'
	diag "$name: $(cat "$LAB/$name.result") ($((SECONDS - since)) s)" >&3
	! is_running "$name" || command virsh -q destroy "$name"
	wait_off "$name"
	command virsh -q undefine --nvram "$name"
	# Everything here is in memory.
	rm -f "$LAB/$name.img" "$LAB/$name-data.img"
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

expected=0 controls=0 others_done=0
for row in "${fleet[@]}"; do
	split "$row"
	seen=$(cat "$LAB/$name.result" 2>/dev/null)
	wanted="$end stops=0 devices=same volume=sound"
	[ "$firmware" = bios ] && wanted+=" variables=none" || wanted+=" variables=same"
	[[ $seen == "$wanted "* ]] && expected=$((expected + 1))
	[[ $seen == *" control=$control "* ]] && controls=$((controls + 1))
	wanted+=" control=$control beyond=0"
	[[ $seen != *beyond=* ]] || others_done=$((others_done + ${seen##*beyond=}))
	if [ "$seen" = "$wanted" ]; then
		pass "$name: $end: $why"
	else
		fail "$name: $end: $why" "row:    ${row//$'\t'/ }" "seen:   $seen" \
			"wanted: $wanted" "$(cat "$LAB/$name.way")" \
			"$(grep "domain=$name " "$LAB/log")"
	fi
done
is "nothing is left to do" "$(ls $pending 2>/dev/null)" ""

# total NUMBER WHAT - a line that run.sh shows in any case
total()
{
	printf '#= %6d  %s\n' "$1" "$2"
}

total ${#fleet[@]} "combinations"
total $expected "ends as expected"
total $((${#fleet[@]} - expected)) "ends not as expected"
total $controls "controls without busflip as expected"
total $((${#fleet[@]} - controls)) "controls not as expected"
total "$(cat "$LAB"/*.actions | grep -c ' start ')" "sessions"
total "$(cat "$LAB"/*.actions | grep -c ' destroy ')" "of them destroyed, as the table says"
total $others_done "user actions beyond start and shutdown"
