#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What busflip reports if something is missing that is almost always there: permissions, a
# library, a place to write to, a disk that can be staged; and that each report is true.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
busflip_required "$@"
# shellcheck source=tests/disklib.sh
. "${BASH_SOURCE[0]%/*}/disklib.sh"
disk_required
requires setpriv --version
requires bsdtar --version
plan 87

busflip()
{
	command busflip "$@"
}

make_windows "$work/c.ntfs" $((64 * 1048576))
"$tests/mkdisk.sh" -f raw "$LAB/win.img" "$work/c.ntfs"
cp --sparse=always "$LAB/win.img" "$LAB/old.img"
printf '[busflip]\nvirtio_win = %s\ntrial_timeout = 5\n' "$work/vw" > /etc/busflip.conf

# --- who is not root ---

# libvirt's test driver needs neither rights nor a daemon.
mkdir -m 755 "$work/open"
make_domain win tag='' image="$LAB/win.img" | sed "s/<domain type='[a-z]*'/<domain type='test'/" > "$work/win.xml"
sed -e 's,>win<,>volume<,' -e "s,<disk type='file',<disk type='volume'," \
	-e "s,<source file='[^']*'/>,<source pool='lab' volume='win.img'/>," "$work/win.xml" > "$work/volume.xml"
quietly virsh -q pool-create-as lab dir --target "$LAB"
{ echo '<node>'; grep -hv '<?xml' "$work/win.xml" "$work/volume.xml"; echo '</node>'; } > "$work/open/node.xml"
chmod 755 "$work" "$LAB"
chmod 600 "$LAB/win.img"

# by_nobody COMMAND... - of busflip, as a user without any rights
by_nobody()
{
	setpriv --reuid=65534 --regid=65534 --clear-groups "$(command -v busflip)" \
		-c "test://$work/open/node.xml" "$@"
}

fails "check, not as root" 1 by_nobody check win
like "the format is not known, which is no fault of the definition" "$output" \
	$'format +not known .*Permission denied.*\n +cure: +run busflip check as root'
like "nor is Windows" "$output" \
	$'windows +not known .*Permission denied.*\n +cure: +run busflip check as root'
fails "check, not as root, of a volume of a storage pool" 1 by_nobody check volume
like "where it is is not known" "$output" \
	$'system-disk +not known +cannot open .*/lab.xml: Permission denied\n +cure: +run busflip check as root'
for command in "inspect win" "inspect volume" "patch --format raw $LAB/win.img"; do
	# shellcheck disable=SC2086	# words
	fails "$command, not as root" 1 by_nobody $command
	like "$command: says so" "$output" 'Permission denied; run busflip as root$'
done
fails "stage --all, not as root" 1 by_nobody stage --all
is "says so, and nothing else" "$output" "busflip: stage --all: run busflip as root"
fails "hold, not as root" 1 by_nobody hold win
like "says so" "$output" '^busflip: domain win: .*Permission denied; run busflip as root$'

# --- what can't be staged ---

make_domain odd 'tag=bus="nvme"' image="$LAB/win.img" > "$LAB/odd.xml"
quietly virsh -q define "$LAB/odd.xml"
like "status: it waits for nothing that would come by itself" "$(busflip status)" \
	$'\nodd +none +virtio +busflip check .*can.t be staged'
like "as JSON" "$(busflip status --json)" '"target_bus":"virtio".*"reason":"can.t be staged: its busflip tag'
like "inspect, too" "$(busflip inspect --json odd 2>&1)" '"reason":"can.t be staged: '
quietly virsh -q undefine odd

# --- a tag that is nearly right ---

# no_tag NAME ELEMENT - define a domain with that in its metadata
no_tag()
{
	make_domain "$1" tag=no metadata="$2" image="$LAB/win.img" > "$LAB/$1.xml"
	quietly virsh -q define "$LAB/$1.xml"
}
of() { echo "its metadata has an element <$1> of $2, but the tag is <domain> of $tag_uri"; }

no_tag near "<x:domain xmlns:x='urn:busflip:domain'/>"
fails "another namespace: status" 1 busflip status near
is "says so" "$output" "busflip: domain near has no busflip tag: $(of domain urn:busflip:domain); busflip enable near adds one"
fails "stage" 1 busflip stage near
is "too" "$output" "busflip: domain near: it has no busflip tag: $(of domain urn:busflip:domain); busflip enable near adds one"
fails "check" 1 busflip check near
like "too, and what would do" "$output"$'\n' \
	$'\ntag +not ok +'"$(of domain urn:busflip:domain)"$'\n +cure: +busflip enable near\n'
like "inspect, too" "$(busflip inspect near 2>&1)" \
	"Next: nothing, since it has no busflip tag: $(of domain urn:busflip:domain); busflip enable near adds one"
fails "enable" 0 busflip enable near
like "says that there is the tag now" "$output" \
	"busflip: domain near: $(of domain urn:busflip:domain): the correct tag was written"
is "and there it is" "$(xpath near "count(//metadata/*[namespace-uri()='$tag_uri'])")" 1
unlike "which is enough" "$(busflip check near 2>&1)" $'\ntag '
virsh -q metadata near "$tag_uri" --remove > /dev/null
like "taken out again: inspect" "$(busflip inspect near 2>&1)" \
	"since its busflip tag is missing: $(of domain urn:busflip:domain); busflip enable near writes"
quietly virsh -q undefine near

# libvirt keeps one element of a namespace, the first.
no_tag near "<x:domains xmlns:x='$tag_uri'/>"
quietly busflip stage --all
ok "another name: what comes of itself is logged" \
	wait_for "logged \"domain=near .*can't be staged .*: $(of domains "$tag_uri")\"" 10
fails "enable" 0 busflip enable near
like "says so" "$output" "domain near: $(of domains "$tag_uri"): the correct tag was written"
is "the tag is in its place" "$(xpath near 'name(//metadata/*[1])'),$(where near)" \
	busflip:domain,staged/sata
quietly virsh -q undefine near

no_tag near "<x:d$(printf '%0200d' 7) xmlns:x='$(printf '%0200d' 8)&#x9b;busflip'/>"
fails "a name without end" 1 busflip status near
is "is cut" "$output" "busflip: domain near has no busflip tag: $(of "d$(printf '%043d' 0)..." \
	"$(printf '%076d' 0)..."); busflip enable near adds one"
quietly virsh -q undefine near
no_tag near "<x:domain xmlns:x='urn:other:domain:1'/>"
is "what is of no concern" "$(busflip status near 2>&1)" \
	"busflip: domain near has no busflip tag; busflip enable near adds one"
quietly virsh -q undefine near

# An attribute that it does not have might mean another driver.
for wrong in Bus=\"scsi\" busflip:bus=\"scsi\" bus=\"nvme\" target=\"vda\"; do
	make_domain near tag="$wrong" image="$LAB/win.img" > "$LAB/near.xml"
	quietly virsh -q define "$LAB/near.xml"
	fails "$wrong: stage" 1 busflip stage near
	like "says so" "$output" "tag has the attribute $wrong, but only .*: busflip enable near writes it again\$"
	like "status, too" "$(busflip status near)" "Next: .* the attribute $wrong, but"
	fails "and enable does" 0 busflip enable near
	is "$wrong: it is gone" "$(xpath near "count(//metadata/*[1]/@*)"),$(where near)" 0,staged/sata
	quietly virsh -q undefine near
done

# --- a file that is taken for a domain ---

cd "$LAB" || bail_out "cd"
fails "a file without a slash" 1 busflip inspect win.img
like "says what would do" "$output" \
	'^busflip: domain win.img: there is no domain win.img .*; for the file of that name, type ./win.img$'
cd "$OLDPWD" || bail_out "cd back"

# --- a disk that can't be looked into, and one whose file can't be had ---

cp --sparse=always "$LAB/win.img" "$LAB/slice.img"
boot_sectors "$LAB/slice.img" off
slice="<slices><slice type='storage' offset='0' size='$(stat -c %s "$LAB/slice.img")'/></slices>"
make_domain slice image="$LAB/slice.img" |
	sed "s|<source file=\(.*\)/>\$|<source file=\1>$slice</source>|" > "$LAB/slice.xml"
quietly virsh -q define "$LAB/slice.xml"
quietly busflip stage slice
is "a slice of a file is staged" "$(where slice)" staged/sata
ok "starts and goes off" run_once slice
ok "its start was logged" logged 'domain=slice .*starts with its disk as it is: its disk is a slice of .*; evidence = shutdown in /etc/busflip.conf does not need it'
is "it stays on SATA" "$(where slice)" staged/sata
quietly virsh -q undefine slice

# --- no place for the bait ---

make_domain win image="$LAB/win.img" > "$LAB/win.xml"
quietly virsh -q define "$LAB/win.xml"
mkfifo "$LAB/pipe.img"
printf '[busflip]\nbait = %s\n' "$LAB/pipe.img" > "$LAB/pipe.conf"
fails "a bait that is no file" 1 busflip --config "$LAB/pipe.conf" enable win
like "says so" "$output" "^busflip: domain win: the bait disk $LAB/pipe.img is not a file"
is "nothing has changed" "$(where win)" none/virtio
quietly busflip --config "$LAB/pipe.conf" stage --all
is "who asks for all has it staged without one" "$(where win)" staged/sata
ok "and it is logged" logged 'domain=win .*is staged without a bait: .*pipe.img is not a file'
quietly busflip disable win

# --- a folder that can't be written to ---

mkdir "$LAB/media"
mount --bind "$LAB" "$LAB/media" || bail_out mount
mount -o remount,ro,bind "$LAB/media" || bail_out remount
fails "an image on a read-only file system" 11 busflip patch --format raw "$LAB/media/win.img"
like "says so" "$output" "media/win.img.*(read-only|can't be written).*; make the image writable"
umount "$LAB/media"

# --- libraries that are not there ---

# without LIBRARY COMMAND... - in a mount namespace where that file is empty
without()
{
	local file

	file=$(ldconfig -p | sed -nE "s|.*[[:space:]]$1 .*=> ||p" | head -n 1)
	# shellcheck disable=SC2016	# by that shell
	unshare -m bash -c 'mount --bind /dev/null "$1" && shift && exec "$@"' - \
		"$(realpath "$file")" "${@:2}"
}

fails "no libvirt" 1 without libvirt.so.0 busflip status
like "says so" "$output" "^busflip: .*cannot load libvirt \(is it installed\?\): "
ok "what needs none works" without libvirt.so.0 busflip filter stage < "$LAB/win.xml"
fails "no libnbd" 1 without libnbd.so.0 busflip patch --format raw "$LAB/win.img"
like "says so" "$output" "$LAB/win.img: cannot load libnbd \(is it installed\?\): "
bsdtar --format=iso9660 -cf "$work/virtio.iso" -C "$work/vw" .
fails "no libarchive" 1 without libarchive.so.13 \
	busflip patch --format raw --virtio-win "$work/virtio.iso" "$LAB/win.img"
like "says so" "$output" "$LAB/win.img: cannot load libarchive \(is it installed\?\): "
ok "the disk is as it was" cmp "$LAB/win.img" "$LAB/old.img"

# --- a guest on trial that writes a little and no more ---

boot_sectors "$LAB/win.img" stay
quietly busflip enable win
quietly busflip promote win
is "on trial" "$(where win)" trial/virtio
quietly virsh -q start win
wait_for "[ \"\$(state_of win)\" = running ]" 30
device=/machine/peripheral/virtio-disk0/virtio-backend
for ((i = 0; i < 7; i++)); do
	quietly virsh -q qemu-monitor-command --hmp win \
		"qemu-io -d $device \"aio_write $((40 + i))M 512\""
done
ok "it is told as what it is" wait_for "logged 'only [0-9]+ writes to vda within 5 s on VirtIO: left'" 40
is "and runs on" "$(state_of win),$(where win)" running,trial/virtio
quietly virsh -q destroy win
wait_off win

# --- a disk that was staged and has been taken out since ---

virsh -q dumpxml --inactive win > "$LAB/there.xml"
python3 -c 'import re, sys
print(re.sub(r"<disk [^>]*>(?:(?!</disk>).)*win\.img.*?</disk>", "", sys.stdin.read(), flags=re.S))' < "$LAB/there.xml" > "$LAB/gone.xml"
quietly virsh -q define "$LAB/gone.xml"
fails "a staged disk that is gone: patch" 1 busflip patch win
like "says so" "$output" '^busflip: domain win: its system disk sda is no longer in the domain: add it again'
quietly virsh -q define "$LAB/there.xml"

# --- a state element that is damaged, and a disk that is to stay ---

virsh -q dumpxml --inactive win | sed 's/phase="[a-z]*"/phase="odd"/' > "$LAB/odd.xml"
quietly virsh -q define "$LAB/odd.xml"
fails "disable" 1 busflip disable win
like "says what would do" "$output" 'busflip disable --force win'
fails "disable --force" 0 busflip disable --force win
like "says that the disk was not put back" "$output" \
	'tag and state are removed, the disk stays as it is: it could not be put back$'
