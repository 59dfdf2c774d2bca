#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The bait's image, which all staged guests share: a local user who can read it can lock a
# byte of it, and QEMU then refuses the image and the guest does not start. Also tests who
# can read it: guests whose QEMU runs as its own user, file systems without ACLs, an older
# installation, and a domain that uses this file as its disk.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
busflip_required "$@"
requires command -v setpriv
plan 76

# Locks the byte of whatever file has that name, again and again, and holds what it has got.
# shellcheck disable=SC2016
locker='
import fcntl, os, struct, sys, time
path, byte, kind, seen = sys.argv[1], int(sys.argv[2]), sys.argv[3], 0
ofd = struct.pack("hhqqi4x", fcntl.F_RDLCK, os.SEEK_SET, byte, 1, 0)
while True:
	try:
		if os.stat(path).st_ino != seen:
			fd = os.open(path, os.O_RDONLY)
			if kind == "ofd":
				fcntl.fcntl(fd, 37, ofd)
			else:
				fcntl.lockf(fd, fcntl.LOCK_SH | fcntl.LOCK_NB, 1, byte)
			seen = os.fstat(fd).st_ino
			print("locked", flush=True)
	except OSError as e:
		print(e.strerror, flush=True)
		seen = os.stat(path).st_ino if e.errno == 13 and os.path.exists(path) else 0
	time.sleep(0.0005)
'

# as USER COMMAND [ARG...] - with "&": in its own process, which can be killed
as()
{
	local user=$1 run=exec

	[ "$BASHPID" != $$ ] || run=
	shift
	$run setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups "$@"
}

# lock USER [BYTE [KIND]] - that user locks the bait, as long as it lets him: until unlock.
# What it said is in $LAB/locker.
lock()
{
	: > "$LAB/locker"
	as "$1" python3 -c "$locker" "$bait" "${2:-200}" "${3:-ofd}" > "$LAB/locker" 2>&1 &
	locker_pid=$!
	wait_for "[ -s '$LAB/locker' ]" 30
}

unlock()
{
	kill "$locker_pid"
	wait "$locker_pid" 2> /dev/null
}

# world - the bait as it was before: readable by all
world()
{
	rm -f "$bait"
	truncate -s 8M "$bait"
	chmod 644 "$bait"
}

inode()
{
	stat -c %i "$bait"
}

# readers - the users that it names
readers()
{
	getfacl -pn "$bait" 2> /dev/null | sed -n 's/^user:\([0-9].*\):r--$/\1/p' | sort -n |
		paste -sd ' '
}

# runs NAME - it is started, with its bait, and ended
runs()
{
	virsh -q start "$1" && [ "$(baits_of "$1" --live)" = 1 ] && is_running "$1" &&
		virsh -q destroy "$1" && wait_off "$1"
}

qemu=$(id -u libvirt-qemu)
device=/machine/peripheral/virtio-disk25/virtio-backend
useradd -u 4321 alice
useradd -u 4322 bob

# --- who may read it

stat=$(stat -c '%a %U:%G %s' "$bait")
is "the bait as it is installed, before the daemon has run: for root" "${stat/#640/600}" \
	"600 root:root 8388608"
staged_domain win guest=stay
is "a domain is staged: it is for root and QEMU's user" \
	"$(stat -c '%a %U:%G' "$bait") $(readers)" "640 root:root $qemu"
fails "another user can't open it" 1 as nobody cat "$bait"
ok "QEMU's user can" as libvirt-qemu cmp -n 8388608 "$bait" /dev/zero
first=$(inode)
ok "the guest starts" runs win
is "with this file" "$(inode)" "$first"

# --- a lock of a stranger: what it did before

define_domain plain guest=stay tag=no devices="<disk type='file' device='disk'>
	<driver name='qemu' type='raw'/>
	<source file='$LAB/shared.raw'><seclabel model='dac' relabel='no'/></source>
	<target dev='vdb' bus='virtio'/><readonly/></disk>"
truncate -s 8M "$LAB/shared.raw"
for byte in 101 200; do
	bait=$LAB/shared.raw lock nobody $byte
	fails "QEMU is refused an image of which byte $byte is locked" 1 virsh -q start plain
	like "by that lock" "$output" 'Failed to get (shared )?"(write|consistent read)" lock'
	unlock
done

# --- a stranger who tries to lock it, before and while guests are staged and started

for kind in ofd posix; do
	lock nobody 200 $kind
	staged_domain "hunted-$kind" guest=stay
	ok "a stranger is after it ($kind): the guest starts" runs "hunted-$kind"
	ok "and one that was staged before" runs win
	is "he gets nothing" "$(sort -u "$LAB/locker")" "Permission denied"
	unlock
done
rm "$bait"
lock nobody 2> /dev/null
quietly busflip stage --all
ok "it is made anew meanwhile: the guest starts" runs win
is "he does not come between" "$(grep -c locked "$LAB/locker")" 0
unlock

# --- as it was installed before, and held by that time

for byte in 101 200; do
	world
	lock nobody $byte
	is "the bait of before is locked at $byte" "$(tail -n 1 "$LAB/locker")" locked
	ok "the hook alone: the guest starts" runs win
	is "with a new bait" "$(stat -c %a "$bait") $(readers)" "640 $qemu"
	unlock
done
world
virsh -q start win
old=$(inode)
chmod 644 "$bait"
lock nobody
like "check says so" "$(busflip check win)" \
	"other-files +not ok +the bait: $bait is locked by a process .*
 *cure: run busflip stage --all"
unlock
like "and that everybody may read it" "$(busflip check win)" \
	"other-files +not ok +the bait: $bait can be opened by every user .*
 *cure: run busflip stage --all"
lock nobody
ok "busflip bait, as install.sh and the packages run it" busflip bait
unlock
is "makes a new one" "$(stat -c %a "$bait") $(readers)" "640 $qemu"
ok "in place of the old one" [ "$(inode)" != "$old" ]
unlike "check has nothing to say" "$(busflip check win)" "the bait:"
is "the guest that has the old one runs" "$(state_of win)" running
virsh -q qemu-monitor-command win --hmp "qemu-io -d $device \"read 0 512\""
virsh -q destroy win
wait_off win
ok "its QEMU has read it still" grep -q '^read 512/512 bytes' /var/log/libvirt/qemu/win.log
world
caps=$(sed -n 's/^CapabilityBoundingSet=//p' "$tests/../conf/busflip-stage.service" |
	tr 'A-Z ' 'a-z,' | sed 's/cap_/+/g')
# as_service - as the unit runs it
as_service()
{
	setpriv --bounding-set "-all,$caps" busflip stage --all
}
quietly as_service
is "so does busflip stage --all, with what its unit may" \
	"$(stat -c %a "$bait") $(readers)" "640 $qemu"
is "and leaves nothing behind" "$(echo "$bait"*)" "$bait"

# --- who may read it, and locks it: QEMU's own user, after a break-out

old=$(inode)
: > "$LAB/locker"
as libvirt-qemu python3 -c '
import fcntl, os, sys, time
fd = os.open(sys.argv[1], os.O_RDONLY)
fcntl.lockf(fd, fcntl.LOCK_SH, 1, 200)
print("locked", flush=True)
time.sleep(600)' "$bait" > "$LAB/locker" & locker_pid=$!
wait_for "[ -s '$LAB/locker' ]" 30
ok "QEMU's user has it locked: the guest starts" runs win
unlock
ok "with a new bait" [ "$(inode)" != "$old" ]
is "for that user" "$(stat -c %a "$bait") $(readers)" "640 $qemu"

# --- QEMU with a user of its own

own="<seclabel type='static' model='dac' relabel='yes'><label>alice:alice</label></seclabel>"
other="<seclabel type='static' model='dac' relabel='yes'><label>+4322:+4322</label></seclabel>"
staged_domain own guest=stay head="$own"
staged_domain other guest=stay head="$other"
is "domains with a user of their own are staged: these read it, too" "$(readers)" "4321 4322 $qemu"
ok "the guest of alice starts" virsh -q start own
ok "beside it that of bob" virsh -q start other
ok "and one without" virsh -q start win
is "each as its user" \
	"$(ps -o uid= -C qemu-system-x86_64 | sort -n | xargs)" "4321 4322 $qemu"
for name in own other win; do
	is "$name: with the bait" "$(baits_of $name --live)" 1
	virsh -q destroy $name
	wait_off $name
done
world
ok "an installation of before: that of bob starts" runs other
is "with a bait that he reads" "$(stat -c %a "$bait") $(readers)" "640 4322 $qemu"
ok "that of alice, too" runs own
lock alice
ok "alice locks it: that of bob starts" runs other
is "she reads it no more" "$(readers)" "4322 $qemu"
unlock

# --- no ACLs

mkdir "$LAB/ramfs"
mount -t ramfs none "$LAB/ramfs"
chmod 755 "$LAB/ramfs"
printf '[busflip]\nevidence = shutdown\nbait = %s\n' "$LAB/ramfs/bait.img" > /etc/busflip.conf
staged_domain simple guest=stay
is "a file system without ACLs: it is for the group of QEMU's user" \
	"$(stat -c '%a %u:%g' "$LAB/ramfs/bait.img")" "640 0:$(stat -c %g /var/lib/libvirt/qemu)"
ok "the guest starts" runs simple
staged_domain simple-own guest=stay head="$own"
is "a second user makes it readable by all" "$(stat -c %a "$LAB/ramfs/bait.img")" 644
ok "which is logged" logged "has no ACLs, so every user may read it"
ok "that guest starts" runs simple-own
ok "so does the first" runs simple

# --- it can't be made: the guest starts without

chmod 700 "$LAB/ramfs"
ok "QEMU may not enter its folder any more: the guest starts" virsh -q start simple
is "without a bait" "$(baits_of simple --live)" 0
virsh -q destroy simple
wait_off simple
ok "which is logged" \
	logged "domain=simple .*starts without its bait: QEMU runs as .*, which can't read the bait"
unlike "what went well is not" "$(grep 'domain=simple ' "$LAB/log")" 'No such file'
define_domain closed guest=stay
quietly as_service
is "what the unit stages then has none from the beginning" "$(where closed) $(baits_of closed)" \
	"staged/sata 0"
ok "which is logged" \
	logged "domain=closed .*is staged without a bait: QEMU runs as .*, which can't read the bait"
ok "that guest starts" virsh -q start closed
virsh -q destroy closed
wait_off closed

# --- libvirt gives it to QEMU's user

rm "$bait"
printf '[busflip]\nevidence = shutdown\nbait_owner = libvirt\n' > /etc/busflip.conf
staged_domain given guest=stay
staged_domain given-own guest=stay head="$own"
for name in given given-own given; do
	ok "bait_owner = libvirt, $name: the guest starts" runs $name
	is "and the bait is for no others" "$(stat -c '%a' "$bait") $(readers)" "640 4321 $qemu"
done
default_config

# --- a domain that has this file as its disk

quietly busflip stage --all
define_domain tenant tag=no guest=write image="$bait"
like "check of that domain says so" "$(busflip check tenant)" \
	"other-files +not ok +disk vda: $bait is the bait of all domains that are staged
 *cure: give disk vda an image of its own"
like "and check of one that is staged" "$(busflip check win)" \
	"other-files +not ok +the bait: the bait disk $bait is not .* it is a disk of domain tenant"
chmod 644 "$bait"
old=$(inode)
quietly busflip stage --all
is "a disk of somebody's stays, though it is blank and readable by all" "$(inode)" "$old"
virsh -q start tenant
fails "while it runs, QEMU refuses the bait to one that is staged" 1 virsh -q start win
ok "which is logged" \
	logged "domain=win .*may be kept from starting by its bait: .*it is a disk of domain tenant"
is "and the disk stays where it is" "$(inode)" "$old"
virsh -q destroy tenant
printf 'a word of the tenant' | dd of="$bait" bs=1 seek=4096 conv=notrunc status=none
virsh -q undefine tenant
quietly busflip stage --all
is "and one that holds data" \
	"$(inode) $(dd if="$bait" bs=1 skip=4096 count=20 status=none)" "$old a word of the tenant"
