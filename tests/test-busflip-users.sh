#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Other users of the host must not be able to misuse or delay a start: busflip does not
# read or write an image that libvirt does not give to QEMU's user, and neither a /tmp
# without inodes nor a lease on an image delays anything.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
busflip_required "$@"
# shellcheck source=tests/lib-check.sh
. "$tests/lib-check.sh"
# shellcheck source=tests/disklib.sh
. "${BASH_SOURCE[0]%/*}/disklib.sh"
disk_required
plan 39

busflip()
{
	command busflip "$@"
}

size=$((80 * 1048576))
make_windows "$work/c.ntfs" $size
windows_disk "$work/old.img" mbr
printf '[busflip]\nvirtio_win = %s\n' "$work/vw" > /etc/busflip.conf
folder=$LAB/images
mkdir "$folder"
chmod 755 "$folder"
image=$folder/win.img

# new OWNER - the image, for him alone
new()
{
	cp --sparse=always "$work/old.img" "$image"
	chmod 600 "$image"
	chown "$1" "$image"
	before=$(sha256sum < "$image")
}

# is_left NAME - a start of win does nothing with the image, nor does a command
is_left()
{
	: > "$LAB/log"
	virsh -q start win > "$LAB/out" 2>&1 && wait_off win
	like "$1: its start says why" "$(grep 'domain=win ' "$LAB/log")" \
		"$image: libvirt does not give it to QEMU's user .*, who may not write it by himself"
	for command in inspect patch; do
		fails "$1: $command" 11 busflip $command win
		like "$1: $command says why" "$output" "$image: libvirt does not give it to QEMU's user"
	done
	is "$1: it is as it was" "$(sha256sum < "$image")" "$before"
	virsh -q undefine win
}

# is_patched NAME - it is
is_patched()
{
	virsh -q start win > "$LAB/out" 2>&1
	is "$1: it starts" $? 0
	wait_off win
	fails "$1: its disk was made ready" 1 [ "$(sha256sum < "$image")" = "$before" ]
	virsh -q undefine win
}

qemu=$(stat -c %U:%G /var/lib/libvirt/qemu)
# A label of that driver, of the domain, for that user.
label="<label>+$(id -u "${qemu%:*}"):+$(getent group "${qemu#*:}" | cut -d: -f3)</label>"

new root
staged_domain win image="$image"
is_patched "libvirt gives it"

new root
staged_domain win image="$image"
virsh -q dumpxml --inactive win | sed "s,<source file='$image'/>,<source file='$image'><seclabel \
model='dac' relabel='no'/></source>," | virsh -q define /dev/stdin
is_left "not by the label of its source"

for how in "type='static' relabel='no'" "type='static'" "type='none'"; do
	new root
	l=$label
	[ "$how" != "type='none'" ] || l=''
	make_domain win image="$image" |
		sed "s,</domain>,<seclabel model='dac' $how>$l</seclabel>&," |
		virsh -q define /dev/stdin
	quietly busflip stage win
	is_left "not by the label of the domain, $how"
done

echo 'dynamic_ownership = 0' >> /etc/libvirt/qemu.conf
lab_daemon_restart
new root
staged_domain win image="$image"
is_left "not by qemu.conf"
new "$qemu"
staged_domain win image="$image"
is_patched "not by qemu.conf, but it is QEMU's user's"
sed -i '/dynamic_ownership/d' /etc/libvirt/qemu.conf
lab_daemon_restart

new root
staged_domain win image="$image"
mount -t tmpfs -o nr_inodes=2,mode=1777 small /tmp
: > /tmp/full
fails "/tmp has no inodes" 1 touch /tmp/more
is_patched "/tmp has no inodes"
umount /tmp

new "$qemu"
setpriv --reuid "${qemu%:*}" --regid "${qemu#*:}" --clear-groups python3 -c "
import fcntl, os, signal, sys, time
signal.signal(signal.SIGIO, signal.SIG_IGN)
f = os.open('$image', os.O_RDWR)
fcntl.fcntl(f, fcntl.F_SETLEASE, fcntl.F_WRLCK)
print('leased', flush=True)
time.sleep(60)" > "$LAB/leased" &
lease=$!
wait_for "grep -q leased $LAB/leased" 10
fails "a lease on the image" 10 timeout 5 busflip inspect --format raw "$image"
like "is told" "$output" "$image: .*lease"
kill $lease
wait $lease || :
