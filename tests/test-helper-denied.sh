#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Each place in busflip and its helper that asks the system for memory, a descriptor, space
# or bytes of a file is denied it once: a message says what is wrong with which image, and
# the disk is either unchanged or completely patched. Where busflip can do without the
# resource, the result is the same as with it.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
# shellcheck source=tests/disklib.sh
. "${BASH_SOURCE[0]%/*}/disklib.sh"
disk_required
denier=$BUSFLIP_BUILD/tests/denier.so
requires test -e "$denier"
plan 8

offset=$((117 * 1048576)) size=$((32 * 1048576))
image=$work/disk.raw
make_parts
make_windows "$work/c.ntfs" $size
"$tests/mkdisk.sh" -f raw "$work/old.raw" "$work/c.ntfs"
cp "$denier" "$work/denier.so"
chmod 755 "$work" "$work/denier.so"
: > "$work/busflip.conf"

# The helper gets nothing of our environment.
cat > "$work/helper" <<END
#!/bin/sh
. $work/deny
exec $BUSFLIP_BUILD/busflip-helper
END
chmod 755 "$work/helper"

# run WHO COMMAND VARIABLE=VALUE - WHO is busflip or helper, and gets the denier with that
# in its environment
run()
{
	local preload=() drivers=() denier="LD_PRELOAD=$work/denier.so $3"

	echo : > "$work/deny"
	[ "$2" != patch ] || drivers=(--virtio-win "$work/vw")
	if [ "$1" = busflip ]; then
		read -r -a preload <<< "$denier"
	else
		echo "export $denier" > "$work/deny"
	fi
	timeout 60 env "${preload[@]}" "$BUSFLIP_BUILD/busflip" --config "$work/busflip.conf" \
		--helper "$work/helper" "$2" --format raw \
		"${drivers[@]}" "$image" > "$work/out" 2> "$work/said"
}

sums()
{
	get_volume "$image" raw $offset $size "$work/now.ntfs"
	echo "$(sum_file "$work/now.ntfs" Windows/System32/config/SYSTEM)" \
		"$(sum_file "$work/now.ntfs" Windows/System32/drivers/viostor.sys)"
}

cp --sparse=always "$work/old.raw" "$image"
old_sums=$(sums)
busflip patch --format raw --virtio-win "$work/vw" "$image" > /dev/null ||
	bail_out "patch does not work"
new_sums=$(sums)
cp --sparse=always "$image" "$work/new.raw"
cp -r "$state" "$work/patched"
busflip undo --format raw "$image" > /dev/null || bail_out "undo does not work"
undone_sums=$(sums)		# the driver stays

# begin COMMAND - the image and what busflip keeps, as they are before it
begin()
{
	rm -rf "$state"
	if [ "$1" = undo ]; then
		cp --sparse=always "$work/new.raw" "$image"
		cp -r "$work/patched" "$state"
	else
		cp --sparse=always "$work/old.raw" "$image"
	fi
}

# what_it_is - once the next run has finished what there is to be finished
what_it_is()
{
	local now journals

	journals=$(compgen -G "$state/journal/*.journal")
	[ "$journals" ] || ! cmp -s "$image" "$work/old.raw" || { echo old; return; }
	busflip inspect --format raw "$image" > "$work/inspect" 2>&1 ||
		{ echo "inspect: $(cat "$work/inspect")"; return; }
	compgen -G "$state/journal/*.journal" > /dev/null && { echo "journal left"; return; }
	now=$(sums)
	volume_sound "$work/now.ntfs" || { echo "volume damaged"; return; }
	case $now in
	"$old_sums") echo old ;;
	"$new_sums") echo new ;;
	"$undone_sums") echo undone ;;
	*) echo torn ;;
	esac
}

# judge COMMAND STATUS - says what is wrong
judge()
{
	local is
	local -A before=([patch]=old [undo]=new) after=([patch]=new [undo]=undone)

	case $2 in
	0) ;;
	[1-9] | [1-3][0-9] | 40)
		grep -qE "^busflip: .*($image|--config $work/busflip.conf)" "$work/said" ||
			echo "status $2, said: $(cat "$work/said")"
		grep -E "Success|killed by signal|\(null\)" "$work/said" ;;
	*) echo "status $2: $(cat "$work/said")" ;;
	esac
	is=$(what_it_is)
	case $2:$is in
	*:"${after[$1]}" | [1-9]*:"${before[$1]}") ;;
	*) echo "status $2, and the disk is: $is" ;;
	esac
}

for who in busflip helper; do
	known=' '
	for command in patch undo; do
		begin $command
		: > "$work/list"
		run $who $command "DENIER_LIST=$work/list"
		bad='' places=0 refused=0
		while read -r at call; do
			[[ $known != *" $at "* ]] || continue
			known+="$at "
			begin $command
			run $who $command "DENIER_AT=$at"
			status=$?
			wrong=$(judge $command $status)
			[ ! "$wrong" ] || bad+="$at $call: $wrong"$'\n'
			places=$((places + 1)) refused=$((refused + (status != 0)))
		done < <(tr -d '\0' < "$work/list")
		diag "$who $command: $places places, an error in $refused"
		ok "$who, $command: there are places" test $places -gt 0 -a $refused -gt 0
		is "$who, $command: denied in each of them" "$bad" ""
	done
done
