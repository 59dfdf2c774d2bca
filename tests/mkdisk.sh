#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# mkdisk.sh - put NTFS volumes into a disk image with a partition table
#
# mkdisk.sh [-s SIZE] [-f FORMAT] [-t TABLE] [-T TYPE] OUT VOLUME...
#   SIZE    of the disk (default: as much as the volumes need)
#   FORMAT  raw, qcow2, vmdk, vhdx, ... (default: qcow2)
#   TABLE   gpt (with an ESP and an MSR in front), mbr, logical, none
#   TYPE    of the volumes' partitions, as sfdisk takes it (default: basic data)
#
# Mounts nothing and does not need root; holes stay holes.
set -eu

size='' format=qcow2 table=gpt type=''
while getopts s:f:t:T: opt; do
	case $opt in
	s) size=$OPTARG ;;
	f) format=$OPTARG ;;
	t) table=$OPTARG ;;
	T) type=$OPTARG ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
out=$1
shift

MIB=2048	# in sectors

# Where each volume goes, in MiB-aligned sectors, one line each: start sectors.
layout=$(
	at=$MIB
	[ "$table" = gpt ] && at=$((117 * MIB))
	for v; do
		[ "$table" = logical ] && at=$((at + MIB))
		n=$(($(stat -c %s "$v") / 512))
		echo "$at $n"
		at=$(((at + n + MIB - 1) / MIB * MIB))
	done
	echo "end $at"
)
if [ -z "$size" ]; then
	size=$(($(echo "$layout" | sed -n 's/^end //p') * 512 + 1024 * 1024))
fi
layout=$(echo "$layout" | grep -v ^end)
[ "$table" = none ] && layout="0 $(($(stat -c %s "$1") / 512))"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
raw=$work/disk.raw
[ "$format" = raw ] && raw=$out && rm -f "$raw"
truncate -s "$size" "$raw"

case $table in
gpt)
	{
		echo 'label: gpt'
		echo "start=$MIB, size=$((100 * MIB)), type=uefi"
		echo "start=$((101 * MIB)), size=$((16 * MIB)), type=E3C9E316-0B5C-4DB8-817D-F92DF00215AE"
		echo "$layout" | while read -r s n; do
			echo "start=$s, size=$n, type=${type:-EBD0A0A2-B9E5-4433-87C0-68B6B72699C7}"
		done
	} | sfdisk -q "$raw"
	;;
mbr)
	{
		echo 'label: dos'
		echo "$layout" | while read -r s n; do
			echo "start=$s, size=$n, type=${type:-7}"
		done
	} | sfdisk -q "$raw"
	;;
logical)
	{
		echo 'label: dos'
		echo "start=$MIB, type=f"
		echo "$layout" | while read -r s n; do
			echo "start=$s, size=$n, type=${type:-7}"
		done
	} | sfdisk -q "$raw"
	;;
esac

echo "$layout" | while read -r s n; do
	qemu-img convert -n -f raw "$1" --target-image-opts \
		"driver=raw,offset=$((s * 512)),size=$((n * 512)),file.driver=file,file.filename=$raw"
	shift
done
if [ "$format" != raw ]; then
	rm -f "$out"
	qemu-img convert -f raw -O "$format" "$raw" "$out"
fi
