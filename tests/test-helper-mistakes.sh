#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Mistakes on the command line, and files that are not what they should be: images,
# backups, drivers, and the few files that busflip reads from a volume. Each is reported in
# a message that names what is wrong, and the image is unchanged.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
# shellcheck source=tests/disklib.sh
. "${BASH_SOURCE[0]%/*}/disklib.sh"
disk_required
requires bsdtar --version
plan 85

make_parts
make_windows "$work/good.ntfs" $((32 * 1048576))
"$tests/mkdisk.sh" -f raw "$work/old.raw" "$work/good.ntfs"
image=$work/disk.raw hive=Windows/System32/config/SYSTEM
cp --sparse=always "$work/old.raw" "$image"

# told NAME STATUS WORDS COMMAND... - that command of busflip fails, and says so
told()
{
	fails "$1: exit status $2" "$2" busflip "${@:4}"
	like "$1: says so" "$output" "^busflip: $3"
}

# --- the command line

told "--disk of an image" 2 "$image: --disk is only for domains" inspect --format raw --disk vda "$image"
told "--partition" 2 "--partition must be the number of a partition, not first" \
	inspect --format raw --partition first "$image"
told "--bus" 2 "--bus must be virtio or scsi, not floppy" patch --format raw --bus floppy "$image"
told "a format that is none" 12 "$image: QEMU doesn't know this format; give raw, qcow2, .*" \
	inspect --format ntfs "$image"
told "a folder" 1 "$work/vw is neither a file nor a block device" \
	inspect --format raw "$work/vw"
mkfifo "$work/fifo"
told "a pipe" 1 "$work/fifo is neither a file nor a block device" \
	inspect --format raw "$work/fifo"

echo text > "$work/reply"
is "busflip-helper by itself: wrong usage, and what it is led to is left alone" \
	"$("$BUSFLIP_BUILD/busflip-helper" < /dev/null 2>&1 1<> "$work/reply" | head -n 1) $(cat "$work/reply")" \
	"busflip-helper is started by busflip; it is of no use on its own. text"

# --- qcow2

# qcow2 NAME OFFSET FORMAT VALUE WORDS - an image with a base, of which the header says
# something else there
qcow2()
{
	rm -f "$work/top.qcow2"
	qemu-img create -q -f qcow2 -F raw -b "$image" "$work/top.qcow2"
	python3 -c 'import struct, sys
with open(sys.argv[1], "r+b") as f:
    f.seek(int(sys.argv[2]))
    f.write(struct.pack(sys.argv[3], int(sys.argv[4])))' "$work/top.qcow2" "$2" "$3" "$4"
	told "$1" 12 "$work/top.qcow2: $5" inspect --format qcow2 "$work/top.qcow2"
}

qcow2 "another version" 4 '>I' 9 'version 9 of qcow2 is not known: is that its format .*'
qcow2 "length of the header" 100 '>I' 5 'damaged qcow2 header \(see qemu-img check\)'
qcow2 "name of the base" 8 '>Q' 1000000000 'damaged qcow2 backing name .*'
qcow2 "extensions" 116 '>I' 4000000000 'damaged qcow2 header extensions .*'
qcow2 "a base without its format" 112 '>I' 305419896 \
	"refers to a backing file without its format: \"qemu-img rebase -u -b .* -F FORMAT .*top.qcow2\" adds it"
qemu-img create -q -u -f qcow2 -F raw -b nbd://host/disk "$work/nbd.qcow2" 1M
told "a base that is no file" 12 \
	"$work/nbd.qcow2: refers to \"nbd://host/disk\", which is not a file: .*qemu-img convert" \
	inspect --format qcow2 "$work/nbd.qcow2"
qemu-img create -q -u -f qcow2 -F raw -b fifo "$work/pipe.qcow2" 1M
told "a base that is a pipe" 12 \
	"$work/pipe.qcow2: refers to .*/fifo, which is neither a file nor a block device" \
	inspect --format qcow2 "$work/pipe.qcow2"
below=$work/0.qcow2
qemu-img create -q -f qcow2 "$below" 1M
for ((i = 1; i <= 70; i++)); do
	qemu-img create -q -u -f qcow2 -F qcow2 -b "$below" "$work/$i.qcow2" 1M
	below=$work/$i.qcow2
done
told "too long a chain" 12 "$work/70.qcow2: $work/6.qcow2: more than 64 files: reduce their number with .*" \
	inspect --format qcow2 "$below"

# --- what is kept

busflip patch --format raw --virtio-win "$work/vw" "$image" > /dev/null || bail_out patch
kept=$(echo "$state"/image-*/*/patch.info)
kept=${kept%/patch.info}
cp -r "$state" "$work/patched"
cp --sparse=always "$image" "$work/new.raw"

# damaged NAME FILE WORDS COMMAND... - that was done to what is kept
damaged()
{
	told "$1" 35 "$image: $kept is damaged \($2: $3\): move that folder away; undo .*" \
		undo --format raw "$image"
	ok "$1: nothing is written" cmp "$image" "$work/new.raw"
	rm -rf "$state"
	cp -r "$work/patched" "$state"
}

truncate -s 4096 "$kept/SYSTEM"
damaged "SYSTEM is cut off" SYSTEM "incomplete"
sed -i 's/^\([a-z_]*\)=[0-9]*$/\1=x/' "$kept/patch.info"
damaged "a number that is none" patch.info "bad value"
sed -i '/^hive/d' "$kept/patch.info"
damaged "no name of a hive" patch.info "not complete"
sed -i "s|^image=.*|image=/$(printf '%05000d' 0)|" "$kept/patch.info"
damaged "a name too long" patch.info "name too long"
ok "undo, with all of it there" busflip undo --format raw "$image"

# --- drivers

# drivers NAME WORDS - from $work/virtio
drivers()
{
	told "$1" 32 "$image: $2; set virtio_win in .*, to a virtio-win ISO or folder .*" \
		patch --format raw --virtio-win "$work/virtio" "$image"
}

cp --sparse=always "$work/old.raw" "$image"
rm -rf "$state"
bsdtar --format=iso9660 -cf "$work/virtio" -C "$work/vw" . || bail_out bsdtar
# Before the end of whichever driver's file comes first: the folder decides that.
truncate -s 100K "$work/virtio"
drivers "an ISO cut off" "$work/virtio: Truncated input file.*"
rm "$work/virtio"
truncate -s 1M "$work/virtio"
drivers "no ISO" "$work/virtio: Unrecognized archive format"
rm "$work/virtio"
mkdir -p "$work/virtio/viostor/w10/amd64"
truncate -s 9M "$work/virtio/viostor/w10/amd64/viostor.sys"
drivers "a driver of 9 MB" "no viostor driver for Windows 10 \(build 19045, amd64\): looked for viostor/w10/amd64 in $work/virtio"
software_hive "$work/server" 17763 "Windows Server 2019 Standard"
sed -i 's/"Client"/"Server"/' "$work/server.reg"
hivexregedit --merge --prefix 'HKEY_LOCAL_MACHINE\SOFTWARE' "$work/server" "$work/server.reg"
mv "$work/SOFTWARE" "$work/client"
mv "$work/server" "$work/SOFTWARE"
make_windows "$work/server.ntfs" $((32 * 1048576))
mv "$work/client" "$work/SOFTWARE"
"$tests/mkdisk.sh" -f raw "$image" "$work/server.ntfs"
drivers "a server" "no viostor driver for Windows Server \(build 17763, amd64\): looked for viostor/2k19/amd64 in $work/virtio"
cp --sparse=always "$work/old.raw" "$image"
for ((i = 0; i < 200; i++)); do
	mkdir -p "$work/virtio/viostor/v$i/amd64"
	touch "$work/virtio/viostor/v$i/amd64/viostor."{sys,inf,cat}
	echo . | tee "$work/virtio/viostor/v$i/amd64/viostor."{sys,inf,cat} > /dev/null
done
drivers "too many" "$work/virtio: too many driver files"
ok "nothing was written" cmp "$image" "$work/old.raw"

# --- the volume

# volume NAME STATUS WORDS [MKVOL-ARGUMENT...] - that was done to the good one
volume()
{
	cp --sparse=always "$work/good.ntfs" "$work/c.ntfs"
	"$mkvol" "$work/c.ntfs" "${@:4}" || bail_out "mkvol ${*:4}"
	"$tests/mkdisk.sh" -f raw "$work/disk.raw" "$work/c.ntfs"
	cp --sparse=always "$image" "$work/before"
	told "$1" "$2" "$image: .*$3" patch --format raw --virtio-win "$work/vw" "$image"
	ok "$1: nothing is written" cmp "$image" "$work/before"
}

head -c 100 /dev/zero > "$work/short"
volume "SYSTEM of 100 bytes" 28 "$hive: only 100 bytes.*" rm $hive put $hive "$work/short"
volume "SYSTEM is a folder" 28 "$hive: only 0 bytes.*" rm $hive mkdir $hive
volume "no SYSTEM" 13 "no Windows found: .*" rm $hive
volume "SOFTWARE of 100 bytes" 28 "SOFTWARE: only 100 bytes.*" \
	rm "${hive%SYSTEM}SOFTWARE" put "${hive%SYSTEM}SOFTWARE" "$work/short"
echo text > "$work/small"
volume "a folder where the driver goes" 1 "Windows/System32/drivers/viostor.sys is a directory: .*" \
	mkdir Windows/System32/drivers/viostor.sys
unlike "which is no driver on board" "$(busflip inspect --json --format raw "$image")" drivers/viostor.sys
volume "a file where the package goes" 1 "Windows/Drivers/VirtIO is not a directory: .*" \
	mkdir Windows/Drivers put Windows/Drivers/VirtIO "$work/small"
volume "encrypted SOFTWARE" 25 "SOFTWARE: encrypted; in Windows: cipher /d" \
	flag "${hive%SYSTEM}SOFTWARE" encrypted
cp "$work/SYSTEM" "$work/dirty"
printf '\377' | dd of="$work/dirty" bs=1 seek=4 conv=notrunc status=none
volume "a log of a dirty SYSTEM that is a link" 26 "$hive.LOG1 is a reparse point .*" \
	rm $hive put $hive "$work/dirty" put $hive.LOG1 "$work/small" flag $hive.LOG1 reparse
unlike "and is named once" "$output" "SYSTEM: .*SYSTEM.LOG1"

# What is kept of a disk has limits: a hive with room that nobody uses, in bins of 1 MiB,
# and a log full of nothing.
python3 - "$work/SYSTEM" "$work/vast" <<'END'
import struct, sys
hive = bytearray(open(sys.argv[1], 'rb').read())
at = struct.unpack_from('<I', hive, 40)[0]
with open(sys.argv[2], 'wb') as out:
    bins = at
    while bins < 128 << 20:
        out.seek(4096 + bins)
        out.write(struct.pack('<4sII20xi', b'hbin', bins, 1 << 20, 32 - (1 << 20)))
        bins += 1 << 20
    out.truncate(4096 + bins)
    struct.pack_into('<I', hive, 40, bins)
    check = 0
    for word in struct.unpack_from('<127I', hive):
        check ^= word
    struct.pack_into('<I', hive, 508, check)
    out.seek(0)
    out.write(hive[:4096 + at])
END
make_windows "$work/good.ntfs" $((400 * 1048576))
volume "SYSTEM of more than 128 MiB" 31 "SYSTEM hive: 13[0-9] MB; one of more than 128 MiB is not patched" \
	rm $hive put $hive "$work/vast"
truncate -s $((32 * 1048576 + 1)) "$work/log"
volume "SYSTEM.LOG2 of more than 32 MiB" 31 "$hive.LOG2 has 33554433 bytes, more than 33554432; .*" \
	put $hive.LOG2 "$work/log"
