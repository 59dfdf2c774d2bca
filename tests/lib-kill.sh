# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lib-kill.sh - the part of kill-test.sh for one round: the guest and its user, and the
# conditions that disk and definition must meet. Source it after disklib.sh.
#
# The guest boots from a boot sector, prints which machine it is in, and waits for its
# power button. Meanwhile ntsim (guest/windows/) does to its disk what Windows would have
# done in that machine, in 50 ms, where a kernel would need seconds. Some rounds use the
# kernel nevertheless, so that QEMU does the writes ($form is model).

# shellcheck disable=SC2154	# lib.sh and kill-test.sh set what is not set here
hunter=$BUSFLIP_BUILD/tests/hunter
windows_bin=$BUSFLIP_BUILD/windows
uuid=6b1d0000-3a1c-4d2e-90ab-0c1d2e3f4a5b
folder=/var/lib/busflip

# The installed one, with its own configuration and folders.
busflip()
{
	command busflip "$@"
}

# virsh - as a user who waits until the daemon is back, and asks again. What may have
# been done already is not done again.
virsh()
{
	local away='failed to connect' n status

	case " $* " in
	*" start "*) ;;
	*) away+='|End of file|onnection reset|roken pipe|socket is closed|cannot recv' ;;
	esac
	for ((n = 0; n < 200; n++)); do
		timeout 60 virsh "$@" 2> "$LAB/tmp/virsh"
		status=$?
		if [ $status = 0 ] || ! grep -qE "$away" "$LAB/tmp/virsh"; then
			break
		fi
		sleep 0.1
	done
	[ $status = 0 ] || cat "$LAB/tmp/virsh" >&2
	return $status
}

# --- the guest ---

# make_guest_disk FILE [OPTION...] - a Windows that comes from VMware, and boots our
# sectors; options of mkdisk
make_guest_disk()
{
	"$windows_bin/mkdisk" "$1" windows=10 origin=lsi driver=none fast=on autoreboot=1 \
		uuid=$uuid override=viostor,storahci,intelide "${@:2}" || bail_out "mkdisk"
	boot_sectors "$1" stay
}

# guest_required - before the plan: what the guest is made with; make_guest - for tests of
# a few sessions: its disk, a driver for it, and a busflip that leaves a trial alone
guest_required()
{
	[ -x "$windows_bin/ntsim" ] || skip_all "ntsim is not built"
}

make_guest()
{
	form=sector
	printf '[busflip]\nvirtio_win = %s\nauto_recover = no\n' "$LAB/vw" > /etc/busflip.conf
	python3 "$tests/mkdriver.py" "$LAB/vw/viostor/w10/amd64" viostor amd64 \
		62.93.104.26200 4608
	make_guest_disk "$LAB/old.img"
}

# new_guest - tagged, as its user has defined it
new_guest()
{
	cp --sparse=always "$LAB/old.img" "$LAB/win.img"
	if [ "$form" = model ]; then
		make_domain win uuid=$uuid machine=pc panic='' image="$LAB/win.img" \
			boot="$(windows_boot)" |
			sed "s|<memory unit='MiB'>32<|<memory unit='MiB'>256<|"
	else
		make_domain win uuid=$uuid machine=pc panic='' image="$LAB/win.img"
	fi > "$LAB/win.xml"
	virsh -q define "$LAB/win.xml" || bail_out "cannot define"
}

no_guest()
{
	[ "$(state_of win)" = "shut off" ] || virsh -q destroy win
	wait_for '[ "$("$hunter" calm)" = nobody ] && is_off win' 60
	virsh -q undefine win
	rm -rf "$LAB/win.img" "$LAB/win.serial" "${folder:?}/$uuid" $folder/journal \
		$folder/session $folder/last $folder/pending /run/busflip
}

# machine - what Windows sees, from what the guest has printed; the disk's
# controller comes first on its own line
machine()
{
	local part address ids kind boot line='' own

	own=$(boot_kind win)
	IFS=, read -ra parts <<< "$(guest_line win)"
	echo "0000:00:00.0 8086:1237 1af4:1100 02 060000"
	echo "0000:00:01.0 8086:7000 1af4:1100 00 060100"
	for part in "${parts[@]:2}"; do
		read -r address ids _ kind <<< "$part"
		case $kind in
		ahci) line="1af4:1100 02 010601" ;;
		ide) line="1af4:1100 00 010180" ;;
		virtio-blk) line="1af4:0002 00 010000" ;;
		*) continue ;;
		esac
		echo "0000:$address $ids $line"
		[ "$kind" != "$own" ] || boot=$address
	done
	echo "${boot:-none}" > "$LAB/controller"
}

# windows_runs - a session of Windows, in the machine that the guest is in. Fails
# when it does not come up.
windows_runs()
{
	if [ "$form" = model ]; then
		grep -E '^nt: ' "$LAB/win.serial" | tr -d '\r' > "$LAB/said"
		grep -q '^nt: stop ' "$LAB/said" && return 2
		! grep -q '^nt: loader-stop ' "$LAB/said"
		return
	fi
	machine > "$LAB/machine"
	"$windows_bin/ntsim" "$LAB/win.img" "$LAB/machine" "$(cat "$LAB/controller")" \
		$uuid end=button > "$LAB/said"
}

# --- where it is ---

# busy - is a process of busflip alive?
busy()
{
	"$hunter" list | grep -qvE '^(daemon|guest) '
}

# where NAME - as lib-domain.sh has it, but asks the daemon once: each time is a
# tenth of a second here
where()
{
	virsh dumpxml --inactive "$1" > "$LAB/tmp/where"
	xmllint --xpath "concat(string(//*[local-name()='state']/@phase), '/',
		string($system_disk/target/@bus))" "$LAB/tmp/where" | sed 's,^/,none/,'
}

# up - it has booted from the disk that it has now
up()
{
	local kind

	[ "$form" = sector ] || return 0
	kind=$(boot_kind win)
	case $(bus_of_disk win --live) in
	sata) [ "$kind" = ahci ] ;;
	virtio) [ "$kind" = virtio-blk ] ;;
	*) false ;;
	esac
}

# booted - how often it has said so
booted()
{
	if [ "$form" = sector ]; then
		guest_boots win
	else
		grep -cE '^nt: (user-mode done|stop|loader-stop)' "$LAB/win.serial"
	fi
}

# after_start - what a user sees some time after a start: up, off, paused
after_start()
{
	local n state=''

	for ((n = 0; n < 600; n++)); do
		if [ "$("$hunter" calm)" = nobody ] || [ "$(booted)" != 0 ] ||
		   [ $((n % 20)) = 19 ]; then
			state=$(state_of win)
			case $("$hunter" calm):$state in
			nobody:"shut off") echo off && return ;;
			guest:paused) echo paused && return ;;
			guest:running) [ "$(booted)" != 0 ] && up && echo up && return ;;
			esac
		fi
		sleep 0.1
	done
	echo "stuck: $state, $("$hunter" list)"
}

# --- its disk ---

journals()
{
	find $folder/journal -type f 2>/dev/null
}

# sums IMAGE - of hive and driver, as others read them
sums()
{
	dd if="$1" of="$work/now.ntfs" bs=1M skip=9 count=76 conv=sparse status=none
	echo "$(sum_file "$work/now.ntfs" Windows/System32/config/SYSTEM)" \
		"$(sum_file "$work/now.ntfs" Windows/System32/drivers/viostor.sys)"
}

# would OP IMAGE - what that hook, undisturbed, does to IMAGE, which is changed. It
# sees it where the guest's disk is, and a daemon that knows no such guest; what has
# become of its definition since is nothing to it.
would()
{
	local sub=begin

	[ "$1" = prepare ] || sub=end
	rm -rf "$LAB/state"
	cp -a "$LAB/before.state" "$LAB/state"
	rm -rf "$LAB/state/journal" "$LAB/state/pending"
	mkdir -p /run/busflip
	# shellcheck disable=SC2016	# for the other shell
	unshare --mount bash -c 'mount --bind "$2" "$LAB/win.img" &&
		mount --bind "$LAB/state" /var/lib/busflip &&
		mount --bind "$LAB/would.conf" /etc/busflip.conf &&
		mount -t tmpfs would /run/busflip &&
		mount -t tmpfs would /etc/libvirt/qemu &&
		busflip event -- win "$1" "$3" - < "$LAB/before.xml"' - "$1" "$2" "$sub"
	"$hunter" calm > /dev/null
}

# before_step, after_step OP - around what a user does. Where something was killed
# within, the disk is as before or as the hook makes it; or there is a journal, and
# then it is one of these after the next step.
candidates=()
before_step()
{
	rm -rf "$LAB/before.state"
	cp -a $folder "$LAB/before.state"
	[ ${#candidates[@]} = 0 ] || return
	cp --sparse=always "$LAB/win.img" "$LAB/candidate.1"
	candidates=("$LAB/candidate.1")
}

after_step()
{
	local all=() seen file new

	# The model writes as soon as it runs: nothing to compare with.
	if [ "$hit_judged" = yes ] && [ ${#candidates[@]} = 1 ] ||
	   [ ! -s "$LAB/hit" ] || [ "$form" = model ]; then
		candidates=()
		return
	fi
	hit_judged=yes
	judge_definition
	for file in "${candidates[@]}"; do
		new=$LAB/candidate.$((${#candidates[@]} + ${#all[@]} + 1))
		cp --sparse=always "$file" "$new"
		would "$1" "$new"
		all+=("$new")
	done
	candidates+=("${all[@]}")
	if [ "$(journals)" ]; then
		journal_seen=$((journal_seen + 1))
		return
	fi
	judge_disk
	candidates=()
}

# wrong TEXT... - this round is not as it should be
wrong()
{
	bad+="$*"$'\n'
}

judge_disk()
{
	local file now

	now=$(sums "$LAB/win.img")
	volume_sound "$work/now.ntfs" ||
		wrong "volume damaged: $(cat "$work/ntfsresize.out" "$work/ntfsfix.out")"
	for file in "${candidates[@]}"; do
		if [ "$(sums "$file")" = "$now" ]; then
			[ "$file" = "${candidates[0]}" ] && old_seen=$((old_seen + 1)) ||
				new_seen=$((new_seen + 1))
			return
		fi
	done
	wrong "the disk is none of ${#candidates[@]} that it could be: $now"
}

# --- its definition ---

# judge_definition - valid, and exactly that of its phase
judge_definition()
{
	local phase

	virsh dumpxml --inactive win > "$LAB/win.now"
	phase=$(phase_of win)
	virt-xml-validate "$LAB/win.now" domain > "$LAB/tmp/validate" 2>&1 ||
		wrong "$phase: not valid: $(cat "$LAB/tmp/validate")"
	virsh -q define --validate "$LAB/win.now" || wrong "$phase: can't be defined"
	canonical "$LAB/win.now" > "$LAB/win.seen"
	cmp -s "$LAB/$form.$phase" "$LAB/win.seen" ||
		wrong "$phase: another definition: $(diff -U1 "$LAB/$form.$phase" "$LAB/win.seen")"
}

# keep_form - of the phase that it is in, in a round where nothing is killed
keep_form()
{
	virsh dumpxml --inactive win > "$LAB/win.now"
	canonical "$LAB/win.now" > "$LAB/$form.$(phase_of win)"
}

# for_the_way - what busflip changes in Windows and puts back
for_the_way()
{
	busflip inspect --json --format raw "$1" | python3 -c 'import json, sys
w = json.load(sys.stdin)["windows"]
for name in "hiberboot_enabled", "auto_reboot", "san_policy":
    print(name, w[name]["value"], end=" ")'
}

# --- its user ---

# start - returns when it is up, or is not
start()
{
	local seen

	: > "$LAB/win.serial"
	starts=$((starts + 1))
	before_step
	virsh -q start win > "$LAB/tmp/start" 2>&1 ||
		told "start $starts: $(grep . "$LAB/tmp/start" | head -n 1)"
	seen=$(after_start)
	if [ "$seen" = off ]; then
		virsh dumpxml --inactive win > "$LAB/before.xml"
	else
		virsh dumpxml win > "$LAB/before.xml"
		[ -z "$(journals)" ] || wrong "it runs, and there is a journal"
	fi
	after_step prepare
	told "start $starts: $seen, $(phase_of win --live)/$(bus_of_disk win --live)"
	[ "$seen" = up ] && return
	told "$(grep -hE 'terminating on signal|shutting down, reason' \
		/var/log/libvirt/qemu/win.log | tail -n 2)"
	[ "$seen" = off ] || finish destroy
	return 1
}

# finish HOW - shutdown or destroy it
finish()
{
	local n

	before_step
	for ((n = 0; n < 300; n++)); do
		# The daemon may have died with the first one.
		[ $((n % 50)) != 0 ] || virsh -q "$1" win > "$LAB/tmp/finish" 2>&1
		is_off win && [ "$("$hunter" calm)" = nobody ] && ! busy && break
		sleep 0.1
	done
	[ $n != 300 ] || wrong "it does not end: $(state_of win), $("$hunter" list)"
	after_step release
	told "$1: $(where win)"
}

session()
{
	windows_runs
	case $? in
	0) finish shutdown ;;
	2)
		told "$(grep '^nt: stop' "$LAB/said")"
		finish destroy ;;
	*)
		wrong "Windows can't be loaded: $(tail -n 2 "$LAB/said")"
		finish destroy ;;
	esac
}

# told TEXT - for whoever looks for what went wrong
told()
{
	way+="  $((${EPOCHREALTIME/[^0-9]/} / 1000 - began)) ms: $*"$'\n'
}

# whole_way BEGIN LIMIT - from the tag to the end
whole_way()
{
	[ "$measuring" = no ] || keep_form
	[ "$1" = late ] || busflip stage --all > /dev/null 2>&1
	while [ "$(where win)" != "done/virtio" ]; do
		[ "$measuring" = no ] || keep_form
		if [ $starts -ge "$2" ]; then
			wrong "not at its end after $starts starts: $(where win)," \
				"$(state_attr win reason)"
			return
		fi
		start || continue
		[ "$measuring" = no ] || keep_form
		session
	done
	[ "$measuring" = no ] || keep_form
}

# judge_end - what holds when a guest has arrived
judge_end()
{
	judge_definition
	[ -z "$(journals)" ] || wrong "a journal is left: $(journals)"
	# A record that was being written when its process was killed has a dot in its
	# name; it says nothing to anybody, and is swept up after ten minutes.
	[ -z "$(ls -I '*.*' $pending 2>/dev/null)" ] || wrong "work is left"
	! busy || wrong "processes are left: $("$hunter" list)"
	[ -z "$(pgrep qemu-system)" ] || wrong "QEMU is left"
	sums "$LAB/win.img" > /dev/null
	volume_sound "$work/now.ntfs" ||
		wrong "volume damaged: $(cat "$work/ntfsresize.out" "$work/ntfsfix.out")"
	[ "$(for_the_way "$LAB/win.img")" = "$as_it_came" ] ||
		wrong "not put back: $(for_the_way "$LAB/win.img")"
}
