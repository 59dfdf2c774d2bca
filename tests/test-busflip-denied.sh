#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Each place in busflip that asks the system for memory, a descriptor, space or bytes of a
# file is denied it once. In a hook this never keeps a guest from starting; a command
# reports what is wrong with which domain; and libvirt's definition is either the old one
# or the intended one.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
busflip_required "$@"
denier=$BUSFLIP_BUILD/tests/denier.so
requires test -e "$denier"
plan 20

program=/usr/local/sbin/busflip
list=$LAB/tmp/denier.list input=/dev/null

# run VARIABLE=VALUE COMMAND... - that command of busflip, with the denier
run()
{
	timeout 60 env LD_PRELOAD="$denier" "$1" "$program" "${@:2}" \
		< "$input" > "$LAB/tmp/said" 2>&1
}

# sweep NAME BEFORE JUDGE COMMAND... - BEFORE is run before each of them; JUDGE STATUS
# prints what is wrong after it
sweep()
{
	local at call status wrong bad='' places=0 refused=0

	: > "$list"
	$2
	run DENIER_LIST="$list" "${@:4}"
	while read -r at call; do
		$2
		run DENIER_AT="$at" "${@:4}"
		status=$?
		wrong=$($3 $status; grep -E 'Success$|\(null\)' "$LAB/tmp/said")
		[ ! "$wrong" ] || bad+="$at $call: $wrong"$'\n'
		places=$((places + 1)) refused=$((refused + (status != 0)))
	done < <(tr -d '\0' < "$list")
	diag "$1: $places places, an error in $refused"
	ok "$1: there are places" test $places -gt 2
	is "$1: denied in each of them" "$bad" ""
}

# --- commands

tagged()
{
	rm -f /run/busflip/*.preparing
	virsh -q define "$LAB/win.xml" || bail_out "cannot define win again"
}

staged()
{
	virsh dumpxml --inactive win | cmp -s - "$LAB/win.staged" && return
	tagged
	quietly busflip stage win || bail_out "cannot stage win"
	virsh dumpxml --inactive win > "$LAB/win.staged"
}

# judge_command STATUS BEFORE AFTER - what libvirt has is a phase and a bus
judge_command()
{
	local now

	now=$(where win)
	case $1:$now in
	0:"$3" | [1-9]*:"$2" | [1-9]*:"$3") ;;
	*) echo "status $1, it is $now, said: $(cat "$LAB/tmp/said")" ;;
	esac
	case $1 in
	0) ;;
	[1-9] | [1-4][0-9])
		grep -qE '^busflip: (domain win: |.*out of memory|qemu:///system)' \
			"$LAB/tmp/said" || echo "status $1, said: $(cat "$LAB/tmp/said")" ;;
	*) echo "status $1: $(cat "$LAB/tmp/said")" ;;
	esac
}

judge_stage()
{
	judge_command "$1" none/virtio staged/sata
}

judge_disable()
{
	judge_command "$1" staged/sata none/virtio
}

judge_status()
{
	judge_command "$1" staged/sata staged/sata
}

define_domain win uuid=7f3ad6c2-57c4-4c1f-9a55-3f4e1d5f6c01
sweep stage tagged judge_stage stage win
sweep disable staged judge_disable disable win
staged
sweep status : judge_status status win

# --- hooks

# judge_hook STATUS WHERE... - only 3 would keep a guest from starting; it is one of those
judge_hook()
{
	local now

	wait_for "settled win" 2 > "$LAB/tmp/waited" || {
		quietly busflip stage --all
		wait_off win || echo "work is left"
	}
	now=$(where win)
	[ "$1" = 0 ] || [ "$1" = 1 ] || echo "status $1: $(cat "$LAB/tmp/said")"
	[[ " ${*:2} " = *" $now "* ]] || echo "it is $now"
}

judge_tagged()
{
	judge_hook "$1" none/virtio staged/sata
}

judge_staged()
{
	judge_hook "$1" staged/sata
}

judge_released()
{
	judge_hook "$1" staged/sata trial/virtio
}

# What libvirt gives them: of a domain that starts, and of one that runs.
tagged
input=$LAB/tmp/domain.xml
virsh dumpxml --inactive win > "$input"
sweep "prepare, tagged" tagged judge_tagged event -- win prepare begin -
staged
virsh dumpxml --inactive win > "$input"
sweep "prepare, staged" staged judge_staged event -- win prepare begin -

staged_domain stays guest=stay uuid=7f3ad6c2-57c4-4c1f-9a55-3f4e1d5f6c02
virsh -q start stays
virsh dumpxml stays | sed 's/stays/win/; s/4e1d5f6c02/4e1d5f6c01/' > "$input"
virsh -q destroy stays
wait_off stays
sweep "started" staged judge_staged event -- win started begin -
sweep "stopped" staged judge_released event -- win stopped end -
sweep "release" staged judge_released event -- win release end -

staged
run_once win
is "win goes its way: on trial" "$(where win)" trial/virtio
run_once win
is "and done" "$(where win)" done/virtio
ok "nothing is left to do" test -z "$(ls -A "$pending")"
ok "the daemon has lived through it" kill -0 "$(cat "$LAB/libvirtd.pid")"
