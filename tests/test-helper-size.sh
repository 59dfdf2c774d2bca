#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A disk of 2 TiB and one of 20 GiB with the same Windows: the same amount is read from
# both, with the same memory. Structures that grow with the volume, such as the cluster
# bitmap (64 MiB at 2 TiB), must not be read. For times, see bench-size.sh.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
# shellcheck source=tests/disklib.sh
. "${BASH_SOURCE[0]%/*}/disklib.sh"
disk_required
requires ntfsinfo --version
requires truncate -s 4T "$work/large"
rm "$work/large"
plan 24

hive=Windows/System32/config/SYSTEM
# In a file full of holes the map would be read for nothing: its zeros are written.
# fill_map IMAGE FORMAT - with the map of $work/c.ntfs
fill_map()
{
	local begin length options="driver=raw,file.driver=$2"

	read -r _ begin length < <(ntfsinfo -fv -i 6 "$work/c.ntfs" 2> /dev/null |
		sed -n '/attribute $DATA/,$s/^[[:space:]]*\(0x0[[:space:]]*0x.*\)/\1/p')
	[ "$length" ] || bail_out "where is the map of clusters?"
	dd if="$work/c.ntfs" of="$work/map" bs=4096 skip=$((begin)) count=$((length)) status=none
	options+=",file.file.driver=file,file.file.filename=$1"
	options+=",offset=$((117 * 1048576 + begin * 4096)),size=$((length * 4096))"
	qemu-img convert -n -S 0 -f raw "$work/map" --target-image-opts "$options" ||
		bail_out "cannot write the map of clusters"
}

for gib in 20 2048; do
	make_windows "$work/c.ntfs" ${gib}G
	"$tests/mkdisk.sh" -f raw "$work/$gib.raw" "$work/c.ntfs"
	qemu-img convert -f raw -O qcow2 "$work/$gib.raw" "$work/$gib.qcow2"
	fill_map "$work/$gib.raw" raw
	fill_map "$work/$gib.qcow2" qcow2
done

# measured KEY COMMAND FORMAT IMAGE [OPTION...] - into read_kib and memory_kib
declare -A read_kib=() memory_kib=()
measured()
{
	local key=$1 seen status

	seen=$("$tests/measure.py" "$BUSFLIP_BUILD/busflip" --config /dev/null \
		--helper "$BUSFLIP_BUILD/busflip-helper" "$2" \
		--format "$3" "${@:4}" 2> "$work/err")
	status=$?
	is "$key: exit status" "$status $(cat "$work/err")" "0 "
	seen=${seen#* }
	read_kib[$key]=${seen% *}
	memory_kib[$key]=${seen#* }
}

# alike WHAT SMALL LARGE - within a quarter
alike()
{
	diag "$1: $2 KiB with 20 GiB, $3 KiB with 2 TiB"
	ok "$1: about the same" test "$2" -gt 0 -a $((4 * $3)) -lt $((5 * $2))
}

for format in raw qcow2; do
	for gib in 20 2048; do
		image=$work/$gib.$format
		measured "$format, $gib GiB, inspect" inspect $format "$image"
		measured "$format, $gib GiB, patch" patch $format "$image" --virtio-win "$work/vw"
		get_volume "$image" $format $((117 * 1048576)) $((gib << 30)) "$work/now.ntfs"
		is "$format, $gib GiB: new as any other" "$(sum_file "$work/now.ntfs" $hive)" \
			"${sum:=$(sum_file "$work/now.ntfs" $hive)}"
		ok "$format, $gib GiB: the volume is sound" volume_sound "$work/now.ntfs"
	done
	for what in inspect patch; do
		small="$format, 20 GiB, $what" large="$format, 2048 GiB, $what"
		alike "$format, $what: read" "${read_kib[$small]}" "${read_kib[$large]}"
		alike "$format, $what: memory" "${memory_kib[$small]}" "${memory_kib[$large]}"
	done
done
