#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# An image that fails or is slow under qemu-nbd: errors during reads, writes and flushes,
# and delays. The first run that finds the image healthy again completes what was decided;
# until then the image is not half written.
#
# nbdkit injects the faults; nbdfuse presents its export as a file: $disk.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
namespace_required "$@"
# shellcheck source=tests/disklib.sh
. "${BASH_SOURCE[0]%/*}/disklib.sh"
disk_required
requires nbdkit --version
requires command -v nbdfuse
requires test -w /dev/fuse
plan 45

size=$((64 * 1048576)) offset=$((117 * 1048576))
hive=Windows/System32/config/SYSTEM
driver=Windows/System32/drivers/viostor.sys
cleanup_fn umount -q "$work/fuse" "$work/slow"
disk=$work/fuse/disk output='' count=0
make_windows "$work/c.ntfs" $size
"$tests/mkdisk.sh" -f raw "$work/old.raw" "$work/c.ntfs"
# With room at its end: a file by FUSE doesn't grow.
"$tests/mkdisk.sh" -f qcow2 "$work/old.qcow2" "$work/c.ntfs"
truncate -s +4M "$work/old.qcow2"
mkdir "$work/fuse" "$work/slow"

# attach FOLDER NBDKIT-ARGUMENT... - what nbdkit serves becomes FOLDER/disk
attach()
{
	local folder=$1

	shift
	count=$((count + 1))
	nbdkit -U "$work/nbd$count" --pidfile "$work/nbd$count.pid" "$@" || bail_out "no nbdkit"
	nbdfuse "$folder/disk" --unix "$work/nbd$count" 2> /dev/null &
	wait_for "[ -s $folder/disk ]" 10 || skip_all "no FUSE here"
}

# detach FOLDER - what was written is in the image then
detach()
{
	fusermount3 -u "$1" && wait_for "! [ -e $1/disk ]" 10
	kill "$(cat "$work/nbd$count.pid")"
	wait_for "! [ -e /proc/$(cat "$work/nbd$count.pid")/stat ]" 10
}

# fresh FORMAT [NBDKIT-ARGUMENT...] - a new $disk; "on read" and "on write" make
# it fail always, "on some-reads" and "on some-writes" now and then
fresh()
{
	image=$work/disk.$1 format=$1
	shift
	! [ -e "$disk" ] || detach "$work/fuse"
	rm -rf "$state" "$work"/fault-*
	cp --sparse=always "$work/old.$format" "$image"
	[ $# != 0 ] || set -- --filter=error --filter=error file "$image" \
		error-pread-rate=100% error-pread-file="$work/fault-read" \
		error-pwrite-rate=100% error-pwrite-file="$work/fault-write"
	attach "$work/fuse" "$@"
}

random_faults()
{
	fresh "$1" --filter=error file "$work/disk.$1" \
		error-pread-rate="$2" error-pread-file="$work/fault-read" \
		error-pwrite-rate="$2" error-pwrite-file="$work/fault-write"
}

on()
{
	touch "$work/fault-$1"
}

off()
{
	rm -f "$work/fault-$1"
}

patch()
{
	busflip patch --format "$format" --virtio-win "$work/vw" "$disk"
}

inspect()
{
	busflip inspect --format "$format" "$disk"
}

# sums FILE - of hive and driver
sums()
{
	get_volume "$1" "$format" $offset $size "$work/now.ntfs" || return
	echo "$(sum_file "$work/now.ntfs" $hive) $(sum_file "$work/now.ntfs" $driver)"
}

# state_now - old, new or torn, by somebody else than busflip
state_now()
{
	local seen

	seen=$(sums "$image")
	volume_sound "$work/now.ntfs" || { echo "volume damaged"; return; }
	case $seen in
	"$old_sums") echo old ;;
	"$new_sums") echo new ;;
	*) echo "torn: $seen" ;;
	esac
}

pending()
{
	compgen -G "$state/journal/*.journal" > /dev/null
}

# --- so slow that it ends by itself; goes on beside the rest ---
cp --sparse=always "$work/old.raw" "$work/slow.raw"
attach "$work/slow" --filter=delay file "$work/slow.raw" rdelay=3
(
	state=$work/slow-state
	begin=$SECONDS
	busflip patch --format raw --virtio-win "$work/vw" "$work/slow/disk" \
		> "$work/slow.out" 2>&1
	echo "status=$?" $((SECONDS - begin)) > "$work/slow.status"
) &

# --- what it is like when all is well ---
format=raw
image=$work/old.raw
old_sums=$(sums "$image")
fresh raw
said=$(inspect)
patch > "$work/patch.out" 2>&1 || bail_out "$(cat "$work/patch.out")"
new_sums=$(sums "$image")
unlike "the patch changes hive and driver" "$new_sums" "$old_sums"

# --- read errors ---
for format in raw qcow2; do
	fresh $format
	on read
	fails "$format, no read works: inspect fails" 1 inspect
	like "$format: names the image and the reason" "$output" "$disk.*Input/output error"
	fails "$format, no read works: patch fails" 1 patch
	off read
	ok "$format: nothing was written" cmp "$image" "$work/old.$format"
	ok "$format: well again, it is patched" patch
done

# Half of an answer would be worse than none: what is said must be what is said of
# a sound disk.
random_faults raw 8%
on read
bad='' failed=0
for ((n = 0; n < 25 || (failed == 0 && n < 300); n++)); do
	# The host has kept what it read before.
	dd if="$disk" of=/dev/null count=0 iflag=nocache status=none
	seen=$(inspect 2> "$work/err")
	case $?$seen in
	"0$said") ;;
	1) failed=$((failed + 1)) ;;
	*) bad+="$(cat "$work/err") $seen"$'\n' ;;
	esac
done
diag "8 % of the reads fail: $failed of $n runs failed"
is "some reads fail: inspect says it all or fails" "$bad" ""
ok "some runs failed" test $failed -gt 0
ok "nothing was written" cmp "$image" "$work/old.raw"

# --- write errors ---
for format in raw qcow2; do
	fresh $format
	on write
	fails "$format, no write works: patch fails" 1 patch
	like "$format: names the image, the reason, what to do" "$output" \
		"$disk: interrupted while writing; the next busflip command .*Input/output error"
	fails "$format, still no write works: inspect fails" 1 inspect
	like "$format: names the image, what is left and what to do" "$output" \
		"$disk: an interrupted patch .*the next busflip command .*Input/output error"
	ok "$format: the journal is still there" pending
	off write
	fails "$format, well again: inspect finishes it" 0 inspect
	like "$format: and says so" "$output" "$disk: finished an interrupted patch"
	is "$format: and it is new" "$(state_now)" new
	ok "$format: what was before it is still kept" \
		busflip undo --format "$format" "$disk"
	is "$format: and put back" "$(sums "$image" | cut -d ' ' -f 1)" "${old_sums%% *}"
done

declare -A seen_states=()
bad='' interrupted=0
for ((n = 0; n < 12; n++)); do
	format=raw
	[ $((n % 2)) = 0 ] && format=qcow2
	random_faults $format 25%
	on write
	patch > /dev/null 2>&1 || interrupted=$((interrupted + 1))
	# Again, with errors still there: a redo that is interrupted too.
	inspect > /dev/null 2>&1
	off write
	inspect > "$work/err" 2>&1 || bad+="$format: inspect: $(cat "$work/err")"$'\n'
	pending && bad+="$format: journal left"$'\n'
	now=$(state_now)
	[ "$now" = old ] || [ "$now" = new ] || bad+="$format: $now"$'\n'
	seen_states[$now]=$((${seen_states[$now]:-0} + 1))
done
diag "a quarter of the writes fail: $interrupted of $n runs interrupted;" \
	"then ${seen_states[old]:-0} old, ${seen_states[new]:-0} new"
is "some writes fail, then none: each time wholly old or new" "$bad" ""
ok "some runs were interrupted" test $interrupted -gt 0

# --- a flush that fails: as if nothing had been written ---
fresh raw eval get_size="stat -c %s $work/disk.raw" can_write='exit 0' can_flush='exit 0' \
	pread="dd if=$work/disk.raw bs=64k skip=\$4 count=\$3 iflag=skip_bytes,count_bytes" \
	pwrite="dd of=$work/disk.raw bs=64k seek=\$4 oflag=seek_bytes conv=notrunc" \
	flush="[ ! -e $work/fault-flush ] || { echo EIO >&2; exit 1; }"
on flush
fails "flush fails: patch fails" 1 patch
ok "the journal is still there" pending
off flush
ok "well again: inspect finishes it" inspect
is "and it is new" "$(state_now)" new

# --- delays ---
for format in raw qcow2; do
	fresh $format --filter=delay file "$work/disk.$format" delay-read=20ms delay-write=20ms
	begin=${EPOCHREALTIME/[^0-9]/}
	ok "$format: 20 ms for each request: patched" patch
	diag "in $(((${EPOCHREALTIME/[^0-9]/} - begin) / 1000)) ms"
done
wait_for "[ -s $work/slow.status ]" 75
like "too slow: stopped" "$(cat "$work/slow.status")" "^status=38 3[0-9]$"
like "says so" "$(cat "$work/slow.out")" "$work/slow/disk: .*not read within the time limit of 30000 ms.*nothing was"
ok "and nothing was written" cmp "$work/slow.raw" "$work/old.raw"
