#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The backups of one disk are never lost to another: neither to a path with the same short
# hash, nor to a domain that is defined with a UUID used before.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
busflip_required "$@"
# shellcheck source=tests/disklib.sh
. "${BASH_SOURCE[0]%/*}/disklib.sh"
# shellcheck source=tests/lib-check.sh
. "${BASH_SOURCE[0]%/*}/lib-check.sh"
disk_required
plan 25

# The installed one, with its own configuration and folders.
busflip()
{
	command busflip "$@"
}

kept=/var/lib/busflip
printf '[busflip]\nvirtio_win = %s\nkeep = 2\n' "$work/vw" > /etc/busflip.conf
make_windows "$work/c.ntfs" $((80 * 1048576))
windows_disk "$work/old.raw" mbr

# fresh IMAGE
fresh()
{
	cp --sparse=always "$work/old.raw" "$1"
}

# of IMAGE - how many registries are kept of it
of()
{
	grep -lsx "image=$1" $kept/*/*/patch.info | wc -l
}

# --- another path with the same hash ---

# By FNV-1a, by which folders were named once, this path has the same one as the other;
# made in a tenth of a second.
victim=/run/img/victim.img
mkdir -p /run/img/t1
evil=$(python3 - $victim <<'END'
import os, sys
def fnv(path):
    h = 0xcbf29ce484222325
    for byte in path:
        h = (h ^ byte) * 0x100000001b3 % (1 << 64)
    return h
path = b"/run/img/t1/" + bytes.fromhex("756a73676e6362661a05060f0418fc1a0109170e0d0c1d1c180e0b07")
assert fnv(path) == fnv(os.fsencode(sys.argv[1]))
sys.stdout.buffer.write(path)
END
)
chmod 755 /run/img /run/img/t1
fresh $victim
quietly busflip patch --format raw $victim
fresh "$evil"
ln -s "$evil" /run/img/t1/evil.img
define_domain evil image=/run/img/t1/evil.img
ok "a domain whose image has the same hash is patched" busflip patch evil
is "and so does its registry" "$(of $victim)" 1
uuid=$(uuid_of evil)
quietly virsh -q undefine evil
rm -rf "${kept:?}/$uuid"
fresh "$evil"
quietly busflip patch --format raw "$evil"
is "patched by its path, it has a folder of its own" "$(echo $kept/image-*/ | wc -w)" 2
rm -rf "${kept:?}"/image-*

# --- the folder of a busflip before ---

short=$kept/image-$(python3 - $victim <<'END'
import os, sys
h = 0xcbf29ce484222325
for byte in os.fsencode(sys.argv[1]):
    h = (h ^ byte) * 0x100000001b3 % (1 << 64)
print("%016x" % h)
END
)
fresh $victim
quietly busflip patch --format raw $victim
mv $kept/image-* "$short"
define_domain goes image=$victim
fresh $victim
ok "a domain on an image that was patched by its path" busflip patch goes
like "from the folder that has its name of now" "$(cd $kept && echo image-*)" \
	'^image-[0-9a-f]{64}$'
is "in which the registry is" "$(of $victim)" 2
quietly virsh -q undefine goes
rm -rf "${kept:?}"/*-*
fresh $victim
quietly busflip patch --format raw $victim
mv $kept/image-* "$short"
ok "undo --force finds it there" busflip undo --force --format raw $victim
is "and nothing is left" "$(of $victim)" 0
fresh $victim
quietly busflip patch --format raw $victim
mv $kept/image-* "$short"
sed -i 's/^image=.*/image=\/another.img/' "$short"/*/patch.info
fresh $victim
quietly busflip patch --format raw $victim
ok "one of another image is not taken" test -e "$short"
is "but a new one is made" "$(of $victim)" 1
rm -rf "${kept:?}"/*-*

# --- a clock that was ahead ---

# names - of what is kept, in order
names()
{
	(cd $kept && printf '%s\n' */2*/ | cut -d/ -f2 | sort)
}

fresh $victim
quietly busflip patch --bus scsi --format raw $victim
folder=$(echo $kept/image-*)
mv "$folder"/2* "$folder/20990101T000000.999999Z"
define_domain clock image=$victim
ok "patched when the clock was ahead, and again" busflip patch --bus virtio clock
is "what is kept later sorts later, also in another folder" "$(names)" \
	"20990101T000000.999999Z"$'\n'"20990101T000001.000000Z"
ok "undo" busflip undo --format raw $victim
is "takes the newest" "$(names)" "20990101T000000.999999Z"
ok "and then" busflip undo clock
is "the other one" "$(of $victim)" 0
quietly virsh -q undefine clock
rm -rf "${kept:?}"/*-*
for n in 1 2 3 4; do
	fresh $victim
	quietly busflip patch --format raw $victim
	[ $n != 1 ] || mv "$kept"/image-*/2* "$(echo $kept/image-*)/20990101T000000.000000Z"
done
is "keep = 2: the newest ones stay" "$(names)" \
	"20990101T000000.000002Z"$'\n'"20990101T000000.000003Z"
rm -rf "${kept:?}"/*-*

# --- a UUID of before ---

uuid=11111111-2222-4333-8444-555555555555
fresh "$LAB/first.img"
define_domain first uuid=$uuid image="$LAB/first.img"
quietly busflip patch first
quietly virsh -q undefine first
is "a domain is gone, its disk and registry are there" "$(of "$LAB/first.img")" 1
define_domain second uuid=$uuid image="$LAB/second.img"
for n in 1 2 3; do
	fresh "$LAB/second.img"
	busflip patch second > /dev/null || diag "patch $n failed"
done
is "another one with its UUID is patched three times: keep = 2" "$(of "$LAB/second.img")" 2
is "the registry of the first one is there" "$(of "$LAB/first.img")" 1
ok "and undo takes it" busflip undo --format raw "$LAB/first.img"
mv "$LAB/second.img" "$LAB/moved.img"
virsh dumpxml second | sed s/second.img/moved.img/ > "$LAB/second.xml"
quietly virsh -q define "$LAB/second.xml"
fresh "$LAB/moved.img"
ok "a disk that was renamed is patched" busflip patch second
is "what it has had by its old name counts" \
	"$(of "$LAB/second.img") $(of "$LAB/moved.img")" "1 1"
quietly virsh -q undefine second
rm "$LAB/moved.img"
ok "clean" busflip clean
is "and nothing is left of it" "$(find $kept -name patch.info | wc -l)" 0
