#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Kills busflip, its helper, qemu-nbd or all of them: just before each request to the image
# and each step that makes a file durable, and at random times. The next run must find the
# disk either unchanged or completely patched.
#
# BUSFLIP_KILLS: number of random kills (40; 500 take some minutes).

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
# shellcheck source=tests/disklib.sh
. "${BASH_SOURCE[0]%/*}/disklib.sh"
disk_required
killer=$BUSFLIP_BUILD/tests/killer.so
[ -e "$killer" ] || skip_all "killer.so is not built"
kills=${BUSFLIP_KILLS:-40}
plan 12

offset=$((117 * 1048576)) size=$((80 * 1048576))
make_parts
real_hive win10-1903-vmware-lsi.SYSTEM "$work/SYSTEM" && clean_hive "$work/SYSTEM" &&
	diag "with a real hive"
make_windows "$work/c.ntfs" $size
"$tests/mkdisk.sh" "$work/old.qcow2" "$work/c.ntfs"
qemu-img convert -O raw "$work/old.qcow2" "$work/old.raw"
hive=Windows/System32/config/SYSTEM
driver=Windows/System32/drivers/viostor.sys
image=

fresh()
{
	image=$work/disk.$1
	cp --sparse=always "$work/old.$1" "$image"
	rm -rf "$state"
}

patch()
{
	busflip patch --format "$1" --virtio-win "$work/vw" "$image"
}

# In the background its process id is that of busflip itself.
exec_patch()
{
	exec "$BUSFLIP_BUILD/busflip" --config /dev/null \
		--helper "$BUSFLIP_BUILD/busflip-helper" patch --format "$1" \
		--virtio-win "$work/vw" "$image" > /dev/null 2>&1
}

# sums FORMAT - of hive and driver, as they are in the image
sums()
{
	get_volume "$image" "$1" $offset $size "$work/now.ntfs"
	echo "$(sum_file "$work/now.ntfs" $hive) $(sum_file "$work/now.ntfs" $driver)"
}

# inspect FORMAT - the next run; qemu-nbd of the killed one may still be closing
# the image
inspect()
{
	local n status

	for ((n = 0; n < 100; n++)); do
		busflip inspect --format "$1" "$image" > "$work/inspect.out" 2>&1
		status=$?
		[ $status = 10 ] || return $status
		sleep 0.05
	done
	return $status
}

# recovered FORMAT - after a kill: run something, then look. Says old, new or
# what is wrong.
recovered()
{
	local seen

	inspect "$1" ||
		{ echo "inspect: $(cat "$work/inspect.out")"; return; }
	seen=$(sums "$1")
	volume_sound "$work/now.ntfs" || { echo "volume damaged"; return; }
	compgen -G "$state/journal/*.journal" > /dev/null && { echo "journal left"; return; }
	case $seen in
	"$old_sums") echo old ;;
	"$new_sums") echo new ;;
	*) echo "torn: $seen" ;;
	esac
}

for format in raw qcow2; do
	fresh $format
	old_sums=$(sums $format)
	patch $format > "$work/patch.out" 2>&1 || bail_out "$(cat "$work/patch.out")"
	new_sums=$(sums $format)
	[ "$format" = raw ] && unlike "the patch changes hive and driver" "$new_sums" "$old_sums"

	# How many calls there are to die before.
	fresh $format
	LD_PRELOAD=$killer KILLER_COUNT=$work/count patch $format > /dev/null
	calls=$(cat "$work/count")
	bad=''
	declare -A count=([old]=0 [new]=0)
	for who in parent all; do
		for ((n = 1; n <= calls; n++)); do
			fresh $format
			LD_PRELOAD=$killer KILLER_AT=$n KILLER_WHO=$who \
				patch $format > /dev/null 2>&1
			seen=$(recovered $format)
			case $seen in
			old | new) count[$seen]=$((count[$seen] + 1)) ;;
			*) bad+="$who before call $n: $seen"$'\n' ;;
			esac
		done
	done
	diag "$format: $calls calls, each with busflip and with all killed:" \
		"${count[old]} old, ${count[new]} new"
	is "$format: killed before each of the calls, none torn" "$bad" ""
	ok "$format: both outcomes were seen" test "${count[old]}" -gt 0 -a "${count[new]}" -gt 0
done

# qemu-nbd alone: busflip sees the image go away under it.
bad='' failed=0
for ((n = 1; n <= calls; n++)); do
	fresh qcow2
	LD_PRELOAD=$killer KILLER_AT=$n KILLER_WHO=server patch qcow2 > /dev/null 2>&1 ||
		: $((++failed))
	seen=$(recovered qcow2)
	case $seen in
	old|new) ;;
	*) bad+="before call $n: $seen"$'\n' ;;
	esac
done
is "qemu-nbd killed before each of the calls, none torn" "$bad" ""
ok "and busflip said so" test $failed -gt 0

# The keeper, at the moment qemu-nbd has its handler for SIGTERM and serves nobody yet,
# when a SIGTERM would be forgotten: qemu-nbd ends as well, and nobody waits for an
# answer that never comes.
# only_child PID - sets child
only_child()
{
	child=''
	while [ ! "$child" ] && [ -e "/proc/$1/task/$1/children" ]; do
		read -r child _ < "/proc/$1/task/$1/children"
	done
	[ "$child" ]
}

bad='' killed=0
for ((n = 0; n < 10; n++)); do
	fresh raw
	exec_patch raw &
	pid=$!
	if only_child $pid && keeper=$child && only_child "$keeper"; then
		while mapfile -s 30 -t status < "/proc/$child/status" &&
			[[ ${status[*]} =~ SigCgt:.([0-9a-f]+) ]] &&
			! ((0x${BASH_REMATCH[1]} & 1 << 14)); do :; done
		kill -9 "$keeper" && killed=$((killed + 1))
	fi
	began=$SECONDS
	wait $pid
	((SECONDS - began < 8)) || bad+="busflip waited $((SECONDS - began)) s"$'\n'
	seen=$(recovered raw)
	case $seen in
	old | new) ;;
	*) bad+="$seen"$'\n' ;;
	esac
done 2> "$work/said"
is "the keeper killed while qemu-nbd comes up" "$bad$(pgrep -f "qemu-nbd.*$work/")" ""
ok "in time" test $killed -gt 5

# At any time, and any of the processes of one run. Only kills that came in time
# count: before busflip was done.
bad='' n=0 late=0 whole=0
count=([old]=0 [new]=0)
while ((n < kills && late < kills * 20)); do
	format=raw
	[ $((n % 2)) = 0 ] && format=qcow2
	# How long one takes now, in microseconds: other tests come and go.
	if (((n + late) % 20 == 0)); then
		fresh $format
		begin=${EPOCHREALTIME/[^0-9]/}
		patch $format > /dev/null
		whole=$((${EPOCHREALTIME/[^0-9]/} - begin))
	fi
	fresh $format
	exec_patch $format &
	pid=$!
	sleep "$(printf '0.%06d' $((whole * RANDOM / 32768 % 1000000)))"
	# The keeper of qemu-nbd, qemu-nbd, the helper.
	children=$(pgrep -P $pid | tr '\n' ' ')
	children+=$(pgrep -P "${children// /,}0" | tr '\n' ' ')
	children=${children% }
	case $((RANDOM % 5)) in
	0 | 4) victims=$pid ;;
	1) victims="$children $pid" ;;
	2) victims=${children%% *} ;;
	3) victims=${children##* } ;;
	esac
	# shellcheck disable=SC2086	# words
	if kill -9 $victims 2>/dev/null; then
		n=$((n + 1))
	else
		late=$((late + 1))
	fi
	wait 2>/dev/null
	seen=$(recovered $format)
	case $seen in
	old | new) count[$seen]=$((count[$seen] + 1)) ;;
	*) bad+="random kill $n, $format: $seen"$'\n' ;;
	esac
done 2>/dev/null
sleep 1
is "no qemu-nbd is left behind" "$(pgrep -f "qemu-nbd.*$work/")" ""
diag "random kills: $n in time, $late too late; ${count[old]} old, ${count[new]} new"
is "killed at random times, none torn" "$bad" ""
ok "both outcomes were seen" test "${count[old]}" -gt 0 -a "${count[new]}" -gt 0
