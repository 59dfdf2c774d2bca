#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# libvirt's lock manager: if libvirt takes a lease on a disk, busflip writes to the disk
# only while it holds that lease, and a hook does not write at all if the lease is of a
# kind that busflip cannot take. Two hosts, each with its own libvirtd and virtlockd, share
# the folder of the leases. On the second host the disk's path leads to another file, so
# neither host sees the other one's QEMU locks, as with a shared block device.
# (ntsim does to the disk what Windows would do, see lib-kill.sh.)

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
busflip_required "$@"
# shellcheck source=tests/disklib.sh
. "${BASH_SOURCE[0]%/*}/disklib.sh"
disk_required
# shellcheck source=tests/lib-kill.sh
. "${BASH_SOURCE[0]%/*}/lib-kill.sh"
guest_required
# shellcheck source=tests/lib-hosts.sh
. "${BASH_SOURCE[0]%/*}/lib-hosts.sh"
requires virtlockd --version
plan 65

make_guest
path=$LAB/win.img leases=$LAB/leases
mkdir "$leases"

# lock_manager VALUE - of qemu.conf; hooks read it anew, the daemon only when it starts
lock_manager()
{
	sed -i '/^lock_manager/d' /etc/libvirt/qemu.conf
	[ ! "$1" ] || echo "lock_manager = \"$1\"" >> /etc/libvirt/qemu.conf
}

# lockd_conf LINE...
lockd_conf()
{
	printf '%s\n' "$@" > /etc/libvirt/qemu-lockd.conf
}

disk_sum()
{
	sha256sum < "$LAB/win.img"
}

new_way()
{
	cp --sparse=always "$LAB/old.img" "$LAB/win.img"
	rm -rf "${folder:?}/$uuid" $folder/journal $folder/session $folder/last
	quietly virsh -q define "$LAB/win.xml"
	quietly command busflip stage win
	before=$(disk_sum)
	: > "$LAB/log"
}

isnt_as_before()
{
	unlike "$1" "$(disk_sum)" "^$before"
}

start_here()
{
	: > "$LAB/win.serial"
	virsh start win > "$LAB/out" 2>&1
}

# session NAME - all of it, with a Windows that shuts down
session()
{
	before=$(disk_sum)
	ok "$1: it starts" start_here
	wait_boot win 1
	windows_runs || diag "Windows does not run: $(cat "$LAB/said")"
	quietly virsh -q shutdown win
	wait_off win
}

lock_manager lockd
lockd_conf "file_lockspace_dir = \"$leases\""
virtlockd -d -p "$LAB/virtlockd.pid" || bail_out "virtlockd does not start"
quietly lab_daemon_restart
cp --sparse=always "$LAB/old.img" "$LAB/win.img"
cp --sparse=always "$LAB/old.img" "$LAB/b.img"
make_domain win uuid=$uuid machine=pc panic='' image="$LAB/win.img" guest=stay > "$LAB/win.xml"
lease=$leases/$(printf %s "$LAB/win.img" | sha256sum | cut -d ' ' -f 1)

rm /etc/libvirt/hooks/qemu
second_host "virtlockd -d -p $LAB/b/virtlockd.pid; mount --bind $LAB/b.img $LAB/win.img"
install -m 755 "$BUSFLIP_BUILD/busflip-hook" /etc/libvirt/hooks/qemu
quietly lab_daemon_restart
quietly on b virsh -q define "$LAB/win.xml"

# --- it runs on the other host

on b virsh -q start win || diag "does not start there"
ok "runs elsewhere: it has its lease" [ -e "$lease" ]
new_way
like "runs elsewhere: check says so" "$(command busflip check win)" \
	"lock-manager not known $LAB/win.img is in use, on this or another host: .*lockd.* on $lease"
fails "runs elsewhere: it does not start here" 1 virsh start win
like "runs elsewhere: for its lease" "$output" "Lockspace resource '.*' is locked"
is "runs elsewhere: nothing was written to its disk" "$(disk_sum)" "$before"
like "runs elsewhere: the story says why" "$(command busflip status win)" \
	"starts with its disk as it is: $LAB/win.img: the image is in use, on this or another host: "
fails "runs elsewhere: nor by hand" 10 busflip patch win
like "runs elsewhere: which says why" "$output" 'win.img: the image is in use, on this or another'
quietly on b virsh -q destroy win

# --- it runs nowhere: all of the conversion, and a guest there can't start during a patch

new_way
like "lockd: check names the lock" "$(command busflip check win)" \
	"lock-manager ok +lockd: a hook writes to $LAB/win.img only while it holds the lock on $lease"
printf '#!/bin/sh\n: > %s\nuntil [ -e %s ]; do sleep 0.02; done\nexec %s\n' "$LAB/looks" \
	"$LAB/go" /usr/local/libexec/busflip/busflip-helper > "$LAB/helper"
chmod +x "$LAB/helper"
command busflip patch --helper "$LAB/helper" win > "$LAB/said" 2>&1 &
wait_for "[ -e $LAB/looks ]" 10
fails "lockd: it does not start elsewhere during a patch" 1 on b virsh start win
like "lockd: for the lease" "$output" "Lockspace resource '.*' is locked"
: > "$LAB/go"
wait $!
is "lockd: the patch ends well" $? 0
ok "lockd: then it starts elsewhere" on b virsh -q start win
quietly on b virsh -q destroy win
new_way
session "lockd, staged"
like "lockd, staged: Windows was made ready before" "$(cat "$LAB/log")" \
	"made ready for SATA and VirtIO"
is "lockd, staged: goes on" "$(where win)" trial/virtio
session "lockd, trial"
is "lockd, trial: is done" "$(where win)" done/virtio
like "lockd, trial: all is put back" "$(cat "$LAB/log")" \
	"temporary changes in Windows were undone"
is "lockd: no lease is left" "$(ls "$leases")" ''

# --- the lease on the image itself, as a host has it that is reached by the file's locks

lockd_conf '# nothing'
quietly lab_daemon_restart
new_way
python3 -c '
import fcntl, sys, time
image = open(sys.argv[1], "r+b")
fcntl.lockf(image, fcntl.LOCK_EX, 1, 0)
open(sys.argv[2], "w")
time.sleep(600)' "$LAB/win.img" "$LAB/locked" &
holder=$!
wait_for "[ -e $LAB/locked ]" 10
fails "the image's own lock: it does not start" 1 virsh start win
is "the image's own lock: nothing was written" "$(disk_sum)" "$before"
like "the image's own lock: the story says why" "$(command busflip status win)" \
	"manager .lockd. on $LAB/win.img; shut that"
kill $holder
ok "the image's own lock: free, it starts" start_here
isnt_as_before "the image's own lock: and Windows was made ready"
quietly virsh -q destroy win

# --- leases that busflip can't take. No daemon here has that setting: it comes after the
# daemon's start, and hooks read it.

# as_it_is NAME SETTING - a start writes nothing, and says why and what to do
as_it_is()
{
	new_way
	like "$1: check says so" "$(command busflip check win)" "lock-manager not known $path may be in \
use on another host, and busflip can't take the lock of libvirt's lock manager \($2\), so no hook \
writes to it
 *cure: when the guest runs on no host, run busflip patch win before its first start"
	ok "$1: it starts" start_here
	is "$1: nothing was written" "$(disk_sum)" "$before"
	like "$1: the story says why" "$(command busflip status win)" \
		"$path may be in use on another host.*\($2\).*, run busflip patch win"
	quietly virsh -q destroy win
	wait_off win
}

lock_manager ''
quietly lab_daemon_restart
lock_manager sanlock
new_way
like "sanlock, a file system of this host: check says so" "$(command busflip check win)" \
	'lock-manager ok +lock_manager = .sanlock. .*; but .*win.img is on a file system that no'
ok "sanlock, a file system of this host: it starts" start_here
isnt_as_before "sanlock, a file system of this host: Windows was made ready"
quietly virsh -q destroy win
wait_off win

# An overlay may have any file system below it.
mkdir -p /var/lib/shared && : > /var/lib/shared/win.img
ln -sf /var/lib/shared/win.img "$LAB/win.img"
as_it_is sanlock 'lock_manager = "sanlock" in /etc/libvirt/qemu.conf'
ok "sanlock, by hand" busflip patch win
isnt_as_before "sanlock, by hand: Windows is ready"
session "sanlock, staged"
is "sanlock, staged: goes on" "$(where win)" trial/virtio
session "sanlock, trial"
is "sanlock, trial: is done" "$(where win)" done/virtio
like "sanlock, trial: what was changed for the way stays" "$(command busflip status win)" \
	'could not be undone: .*; when the guest runs on no host, run busflip undo --settings win'
like "sanlock, by hand: it does not" "$(busflip disable win)" 'temporary changes in Windows were undone'

# Half patched: the start must not go on, and may not write.
killer=$BUSFLIP_BUILD/tests/killer.so
new_way
LD_PRELOAD=$killer KILLER_COUNT=$LAB/count command busflip patch win > /dev/null
n=$(cat "$LAB/count")
new_way
{ LD_PRELOAD=$killer KILLER_AT=$((n - 6)) KILLER_WHO=all \
	command busflip patch win > /dev/null; } 2> /dev/null
is "sanlock, half patched" "$(journals | wc -l)" 1
before=$(disk_sum)
fails "sanlock, half patched: does not start" 1 virsh start win
like "sanlock, half patched: says what to do" "$output" \
	'its disk sda is half patched.*may be in use on another host.* runs on no host, run busflip patch'
is "sanlock, half patched: nothing was written" "$(disk_sum)" "$before"
ok "sanlock, half patched: by hand" busflip patch win
ok "sanlock, half patched: then it starts" start_here
quietly virsh -q destroy win
wait_off win

lock_manager lockd
lockd_conf 'auto_disk_leases = 0'
as_it_is "leases by hand" 'auto_disk_leases = 0 in /etc/libvirt/qemu-lockd.conf'
lockd_conf "file_lockspace_dir = \"$leases/none\""
as_it_is "no folder for leases" "file_lockspace_dir $leases/none: No such file or directory"

# The name is that of a device; the file is on an overlay, too.
mkdir -p /dev/vg && mv /var/lib/shared/win.img /dev/vg/win
ln -sf /dev/vg/win "$LAB/win.img"
sed -i "s|'$LAB/win.img'|'/dev/vg/win'|" "$LAB/win.xml"
path=/dev/vg/win
lockd_conf 'lvm_lockspace_dir = "/leases"'
as_it_is "lvm_lockspace_dir" 'lvm_lockspace_dir in /etc/libvirt/qemu-lockd.conf'
lockd_conf '# another comment' 'scsi_lockspace_dir="/leases" # and one more'
as_it_is "scsi_lockspace_dir" 'scsi_lockspace_dir in /etc/libvirt/qemu-lockd.conf'

# --- none: as ever

lock_manager nop
new_way
ok "nop: it starts" start_here
isnt_as_before "nop: Windows was made ready"
unlike "nop: check has nothing to say" "$(command busflip check win)" lock-manager
quietly virsh -q destroy win
wait_off win
