#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A data file that belongs to another domain according to the headers or the names of that
# domain's images, although no definition names the file. Also, definitions of other
# domains do not keep a guest from starting if its image has data files of its own.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
busflip_required "$@"
# shellcheck source=tests/lib-check.sh
. "$tests/lib-check.sh"
# shellcheck source=tests/disklib.sh
. "${BASH_SOURCE[0]%/*}/disklib.sh"
disk_required
killer=$BUSFLIP_BUILD/tests/killer.so
[ -e "$killer" ] || skip_all "killer.so is not built"
plan 85

busflip()
{
	command busflip "$@"
}

make_windows "$work/c.ntfs" $((80 * 1048576))
windows_disk "$work/old.img" mbr
printf '[busflip]\nvirtio_win = %s\npatch_timeout = 2\n' "$work/vw" > /etc/busflip.conf
folder=$LAB/images
mkdir "$folder" "$LAB/elsewhere"

# put FILE - a disk of the user that QEMU runs as
put()
{
	cp --sparse=always "$work/old.img" "$1"
	chmod 600 "$1"
	chown libvirt-qemu "$1"
}

# image_on KIND IMAGE DATA - as data_of, of the user that QEMU runs as
image_on()
{
	data_of "$@"
	chown libvirt-qemu "$2"
}

# server FORMAT IMAGE - its definition says no more, as virt-install writes it
server()
{
	make_domain server tag=no image="$2" format="$1" | quietly virsh -q define /dev/stdin
}

# refused NAME FORMAT IMAGE DATA SAYS
refused()
{
	local before

	before=$(sha256sum < "$4")
	for command in inspect patch; do
		fails "$1: $command" 12 busflip $command --format "$2" "$3"
		like "$1: says why" "$output" "^busflip: $3: keeps its data in $4, which $5"
		unlike "$1: nothing of it is printed" "$output" "build 19045"
	done
	is "$1: it is as it was" "$(sha256sum < "$4")" "$before"
}

# --- what only an image's header names ---

for kind in qcow2 monolithicFlat; do
	format=${kind/m*/vmdk}
	put "$folder/win-server-flat.img"
	image_on $kind "$folder/win-server.$format" "$folder/win-server-flat.img"
	image_on $kind "$folder/win.$format" "$folder/win-server-flat.img"
	server "$format" "$folder/win-server.$format"
	refused "$kind of a domain" "$format" "$folder/win.$format" "$folder/win-server-flat.img" \
		'is a disk of domain server: .*convert'
	ok "$kind: who has it is patched" busflip patch server
	virsh -q undefine server
	refused "$kind of no domain" "$format" "$folder/win.$format" \
		"$folder/win-server-flat.img" "also belongs to $folder/win-server.$format: .*convert"
	mv "$folder/win.$format" "$folder/win-server.img"
	refused "$kind of as long a name" "$format" "$folder/win-server.img" \
		"$folder/win-server-flat.img" "also belongs to $folder/win-server.$format: .*move"
	rm "$folder"/*
done

put "$folder/win-base.img"
qemu-img create -q -f qcow2 -b ../images/win-base.img -F raw "$LAB/elsewhere/middle.qcow2"
qemu-img create -q -f qcow2 -b middle.qcow2 -F qcow2 "$LAB/elsewhere/top.qcow2"
server qcow2 "$LAB/elsewhere/top.qcow2"
image_on qcow2 "$folder/win.qcow2" "$folder/win-base.img"
refused "below two overlays" qcow2 "$folder/win.qcow2" "$folder/win-base.img" \
	'is a disk of domain server'
staged_domain evil image="$folder/win.qcow2" format=qcow2
before=$(sha256sum < "$folder/win-base.img")
: > "$LAB/log"
virsh -q start evil > "$LAB/out" 2>&1 && wait_off evil
like "its start says why" "$(grep 'domain=evil ' "$LAB/log")" 'is a disk of domain server'
is "it is as it was" "$(sha256sum < "$folder/win-base.img")" "$before"
virsh -q undefine evil
virsh -q undefine server
rm "$folder"/*

# Names that are not followed in an image of one's own.
for format in vmdk qed qcow; do
	base=$folder/win-base.img kind=qcow2 image=$folder/win.qcow2 below=raw
	put "$base"
	if [ $format = vmdk ]; then
		qemu-img convert -O vmdk "$work/old.img" "$base"
		kind=twoGbMaxExtentSparse image=$folder/win.vmdk below=vmdk
	fi
	qemu-img create -q -f $format -b "$base" -F $below "$LAB/elsewhere/top.$format"
	image_on $kind "$image" "$base"
	server $format "$LAB/elsewhere/top.$format"
	refused "below a $format" "${image##*.}" "$image" "$base" 'is a disk of domain server'
	virsh -q undefine server
	rm "$folder"/*
done

# --- what others have does not keep it from being used ---

own=$folder/own.vmdk data=$folder/own-flat.vmdk
fresh()
{
	put "$data"
	image_on monolithicFlat "$own" "$data"
}
fresh
# Its guest wrote that.
put "$folder/liar.img"
python3 - "$folder/liar.img" "$data" <<'END'
import struct, sys
name = sys.argv[2].encode()
header = struct.pack(">4sIQIIQIIQQIIQ", b"QFI\xfb", 2, 128, len(name), 16, 64 << 20, 0, 1,
                     196608, 65536, 1, 0, 0)
with open(sys.argv[1], "r+b") as f:
    f.write(header.ljust(128, b"\0") + name)
END
server raw "$folder/liar.img"
ok "a raw disk that begins as a qcow2 on it does" busflip inspect --format vmdk "$own"
virsh -q undefine server

make_domain big tag=no | python3 -c 'import sys
print(sys.stdin.read().replace("<memory", "<metadata><x:y xmlns:x=\"urn:x\">" + ">" * 2300000 +
      "</x:y></metadata><memory", 1))' > "$LAB/big.xml"
quietly virsh -q define "$LAB/big.xml"
ok "a definition of more than 8 MiB" test "$(stat -c %s /etc/libvirt/qemu/big.xml)" -gt 8388608
ok "it does not matter" busflip inspect --format vmdk "$own"
virsh -q undefine big

# journal_left - own.vmdk is half patched
journal_left()
{
	fresh
	rm -rf /var/lib/busflip/journal
	LD_PRELOAD=$killer KILLER_AT=$(($(cat "$work/count") - 6)) KILLER_WHO=all \
		command busflip patch --format vmdk "$own" > /dev/null
	compgen -G '/var/lib/busflip/journal/*.journal' > /dev/null
} 2> /dev/null

# finished NAME - by the start of the guest
finished()
{
	: > "$LAB/log"
	ok "$1: it starts" timeout 50 virsh -q start own
	like "$1: its patch was finished" "$(cat "$LAB/log")" 'finished an interrupted patch'
	virsh -q destroy own
	wait_off own
}

fresh
LD_PRELOAD=$killer KILLER_COUNT=$work/count command busflip patch --format vmdk "$own" > /dev/null
staged_domain own image="$own" format=vmdk guest=stay
ok "half patched" journal_left
server raw "$data"
finished "another domain has it by now"
virsh -q undefine server

# --- a disk on a file system that does not answer ---

mkdir "$LAB/mnt"
cp "$work/c.ntfs" "$work/other.ntfs"
ntfs-3g -o allow_other,no_detach "$work/other.ntfs" "$LAB/mnt" > "$work/fuse" 2>&1 &
fuse=$!
# shellcheck disable=SC2016	# evaluated later
if wait_for 'mountpoint -q "$LAB/mnt"' 10; then
	make_domain server tag=no image="$LAB/mnt/x.img" | virsh -q define /dev/stdin
	fresh
	kill -STOP $fuse
	: > "$LAB/log"
	ok "no answer: it starts" timeout 50 virsh -q start own
	like "no answer: as it is" "$(cat "$LAB/log")" \
		"domain=own .*starts with its disk as it is: .*$own: .* the time limit was over before"
	virsh -q destroy own
	wait_off own
	kill -CONT $fuse
	ok "no answer: half patched" journal_left
	kill -STOP $fuse
	finished "no answer"
	kill -CONT $fuse
	umount "$LAB/mnt"
else
	skip_some 5 "a file system that does not answer" "ntfs-3g does not mount: $(cat "$work/fuse")"
fi
