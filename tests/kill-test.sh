#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# In each round a guest goes from its tag to the end of its conversion, and at one random
# moment one of the programs involved is killed with SIGKILL. Whichever it was, no disk is
# half written, no definition is invalid, and the guest completes its conversion with at
# most one additional start.
#
# BUSFLIP_KILL_ROUNDS	number of rounds (200)
# BUSFLIP_KILL_SEED	repeats the same rounds; moments are fractions of measured
#			durations, which vary
# BUSFLIP_KILL_VICTIM	kill only this one
#
# The rest is in lib-kill.sh, and in hunter.c, which kills.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
# shellcheck source=tests/guest/windows/lib-windows.sh
. "${BASH_SOURCE[0]%/*}/guest/windows/lib-windows.sh"
rounds=${BUSFLIP_KILL_ROUNDS:-200}
# What the model boots from is made where the network is.
[ "${LAB:-}" ] || [ "$rounds" -lt 20 ] || "$windows_here/build.sh" "$windows_bin" 2>&1
busflip_required "$@"
# shellcheck source=tests/disklib.sh
. "${BASH_SOURCE[0]%/*}/disklib.sh"
disk_required
# shellcheck source=tests/lib-kill.sh
. "${BASH_SOURCE[0]%/*}/lib-kill.sh"
requires ntfsfix --version
requires command -v virt-xml-validate
for tool in "$hunter" "$windows_bin/mkdisk" "$windows_bin/ntsim"; do
	[ -x "$tool" ] || skip_all "$tool is not built"
done
seed=${BUSFLIP_KILL_SEED:-$((${EPOCHREALTIME/[^0-9]/} % 100000))}
plan 4
diag "seed $seed"

printf '[busflip]\nvirtio_win = %s\n' "$LAB/vw" > /etc/busflip.conf
{
	cat /etc/busflip.conf
	echo "uri = test:///default"
} > "$LAB/would.conf"
python3 "$tests/mkdriver.py" "$LAB/vw/viostor/w10/amd64" viostor amd64 62.93.104.26200 4608
make_guest_disk "$LAB/old.img"

as_it_came=$(for_the_way "$LAB/old.img")

# As the service manager would.
keep_daemon()
{
	local pid

	while sleep 0.1; do
		read -r pid < "$LAB/libvirtd.pid"
		kill -0 "$pid" 2>/dev/null || lab_daemon_start > /dev/null
	done
}
keep_daemon &
keeper=$!
cleanup_fn kill $keeper

# --- one way, and what a round needs to know of it ---

# begin_round BEGIN - nothing of the one before
begin_round()
{
	form=sector
	[ "$1" != model ] || form=model
	bad='' way='' starts=0 hit_judged=no candidates=()
	began=$((${EPOCHREALTIME/[^0-9]/} / 1000))
	rm -f "$LAB/hit" "$LAB"/candidate.*
	new_guest
}

# measure BEGIN - a way on which nothing is killed: what runs when and for how long
# goes to $LAB/life.BEGIN, how long it takes to $LAB/takes.BEGIN (us)
measure()
{
	local pid begin=${EPOCHREALTIME/[^0-9]/}

	begin_round "$1"
	measuring=yes
	"$hunter" measure > "$LAB/life.$1" &
	pid=$!
	whole_way "$1" 3
	echo $((${EPOCHREALTIME/[^0-9]/} - begin)) > "$LAB/takes.$1"
	kill $pid
	wait $pid
	judge_end
	measuring=no
	usual[$1]=$starts
	cmp -s "$LAB/$form.none" "$LAB/$form.done" || wrong "not as it was defined"
	[ -z "$bad" ] || bail_out "undisturbed: $bad$way"
	no_guest
	diag "undisturbed, $1: $starts starts, $(($(cat "$LAB/takes.$1") / 1000)) ms"
}

# --- what is killed when ---

victims=(hook event actor watch helper nbd keeper daemon all)
[ ! "${BUSFLIP_KILL_VICTIM:-}" ] || victims=("$BUSFLIP_KILL_VICTIM")

# part OF - a random part of that number
part()
{
	echo $(($1 * (RANDOM * 32768 + RANDOM) / 1073741824))
}

# choose BEGIN VICTIM - "ANCHOR NUMBER MICROSECONDS" for hunter
choose()
{
	local kind=$2 lines

	case $2:$((RANDOM % 3)) in
	event:0 | nbd:0 | keeper:0 | all:0)
		echo "journal $((1 + RANDOM % 2)) $(part 1500)"
		return ;;
	daemon:0)
		echo "start 0 $(part "$(cat "$LAB/takes.$1")")"
		return ;;
	daemon:* | all:*)
		# While something is done.
		kind='(hook|event|actor|helper|nbd|keeper)' ;;
	esac
	mapfile -t lines < <(grep -E "^$kind " "$LAB/life.$1")
	# shellcheck disable=SC2086	# words
	set -- ${lines[RANDOM % ${#lines[@]}]}
	echo "$1 $2 $(part $(($4 + 500)))"
}

# --- the rounds ---

declare -A usual=() hits=() arrived=() extra=()
old_seen=0 new_seen=0 journal_seen=0 measuring=no form='' all_bad='' missed=0

# round NUMBER VICTIM - fails when nothing was killed
round()
{
	local begin=${ways[RANDOM % ${#ways[@]}]} choice pid

	choice=$(choose "$begin" "$2")
	begin_round "$begin"
	# shellcheck disable=SC2086	# words
	"$hunter" kill "$2" $choice > "$LAB/hit" &
	pid=$!
	whole_way "$begin" $((${usual[$begin]} + 1))
	kill $pid 2>/dev/null
	wait $pid
	judge_end
	[ -s "$LAB/hit" ] || [ "$bad" ] || return
	hits[$2]=$((${hits[$2]:-0} + 1))
	if [ -z "$bad" ]; then
		arrived[$2]=$((${arrived[$2]:-0} + 1))
		extra[$2]=$((${extra[$2]:-0} + starts - ${usual[$begin]}))
	else
		all_bad+="round $1 ($2, $choice, $begin): $(cat "$LAB/hit")"$'\n'"$bad$way"
		diag "round $1: $2, $choice, $begin" "$(cat "$LAB/hit")" "$bad$way" \
			"$(tail -n 30 "$LAB/log")"
	fi
	[ ! "${BUSFLIP_KILL_VERBOSE:-}" ] ||
		diag "round $1: $2, $begin: $starts starts: $(cat "$LAB/hit")"
}

# staged: before its first start. late: that comes first. model: staged, with a kernel.
# A few rounds are of one of these only.
if [ "$rounds" -lt 20 ]; then
	ways=(staged)
	[ $((seed % 2)) = 0 ] || ways=(late)
else
	ways=(staged staged staged staged staged staged staged staged staged staged
		late late late late late late late late)
	[ -e "$windows_bin/initrd" ] || skip_all "the guest's kernel is not there"
	cp "$windows_bin/vmlinux" "$windows_bin/initrd" "$LAB/"
	ways+=(model)
fi

measure_all()
{
	local begin

	for begin in $(printf '%s\n' "${ways[@]}" | sort -u); do
		measure "$begin"
	done
}

measure_all
number=0 measured=0 since=$SECONDS
RANDOM=$seed
first=$((RANDOM % ${#victims[@]}))
while [ $number -lt "$rounds" ] && [ $missed -lt $((rounds * 2 + 10)) ]; do
	victim=${victims[(first + number) % ${#victims[@]}]}
	RANDOM=$((seed + number + 1000 * missed))
	if round $number "$victim"; then
		number=$((number + 1))
	else
		missed=$((missed + 1))
	fi
	no_guest
	# The machine may be busier now.
	if [ $((number - measured)) = 50 ]; then
		measured=$number
		measure_all
	fi
done 2> "$LAB/rounds.err"

diag "$number rounds, $missed more in which nothing was hit, in $((SECONDS - since)) s" \
	"right after the kill: $journal_seen with a journal, $old_seen disks as before," \
	"$new_seen as the hook makes them" \
	"" "$(printf '%-8s %6s %8s %12s' victim hits arrived 'extra starts')"
for victim in "${victims[@]}"; do
	diag "$(printf '%-8s %6d %8d %12d' "$victim" "${hits[$victim]:-0}" \
		"${arrived[$victim]:-0}" "${extra[$victim]:-0}")"
done
is "in each round something was killed" "$number" "$rounds"
is "all arrived, none torn, all definitions valid" "$all_bad" ""
is "nothing of busflip is left" "$("$hunter" list | grep -vE '^daemon')" ""
is "nothing is left to do" "$(ls $pending 2>/dev/null)$(journals)" ""
