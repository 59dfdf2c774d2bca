#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The whole conversion with a guest that behaves as Windows does (guest/windows/): it comes
# from VMware and ends on VirtIO with start and shutdown only; or VirtIO is impossible, and
# it ends running on SATA.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
# shellcheck source=tests/guest/windows/lib-windows.sh
. "${BASH_SOURCE[0]%/*}/guest/windows/lib-windows.sh"
windows_required "$@"
plan 48

# Long enough for a machine that has other things to do; the guest is up in 4 s.
printf '[busflip]\ntrial_timeout = 25\n' > /etc/busflip.conf

# windows NAME DISK-OPTIONS... - tagged, staged
windows()
{
	local name=$1

	shift
	windows_disk "$name" "$@"
	windows_domain "$name" tag=yes words="${words:-}"
	quietly busflip stage "$name"
}

# session NAME - up, power button, off, and what busflip had to do is done
session()
{
	windows_session "$1" && settled_within "$1" 30
}

settled_within()
{
	wait_for "settled '$1'" "$2"
}

# for_the_way NAME - what busflip changes and puts back
for_the_way()
{
	busflip inspect --json "$1" | python3 -c 'import json, sys
w = json.load(sys.stdin)["windows"]
for name in "hiberboot_enabled", "auto_reboot", "san_policy":
    print(name, w[name]["value"], end=" ")'
}

reason_of()
{
	xpath "$1" 'string(//*[local-name()="state"]/@reason)'
}

# --- its driver is there, but nothing would ever load it

windows ready driver=service fast=on autoreboot=1
before=$(for_the_way ready)
like "fast startup, and restarts after a blue screen" "$before" 'hiberboot.*1.*reboot.*1'
is "imported: on SATA" "$(where ready)" staged/sata
ok "first session" session ready
is "on trial" "$(where ready)" trial/virtio
busflip inspect ready > "$LAB/inspect"
is "inspect: each condition holds" \
	"$(sed -n '/^Conditions/,/^Also/s/^\([a-z-]*\) .*not .*/\1/p' "$LAB/inspect")" ""
like "compared with the session on SATA" "$(cat "$LAB/inspect")" \
	'Compared with +the session that began .* when it was staged'
like "and says what comes next" "$(cat "$LAB/inspect")" 'Next: start it; it boots on VirtIO'
unlike "all that is off" "$(for_the_way ready)" "$before"
ok "second session" windows_starts ready
ok "it is seen to write" wait_for "grep -q 'domain=ready .* Windows writes to' '$LAB/log'" 30
quietly virsh -q shutdown ready
wait_for "is_off ready" 60
settled_within ready 30
ok "Windows ran on VirtIO" said ready 'nt: match .*service=viostor'
is "done" "$(where ready)" "done/virtio"
like "inspect: done, by what the session on VirtIO has shown" "$(busflip inspect ready)" \
	'when it was trial.*booted +ok .*virtio-disk-seen +ok .*Next: nothing: it is done'
is "what was for the way only is as before" "$(for_the_way ready)" "$before"
ok "third session: nothing happens any more" session ready
is "still done" "$(where ready)" "done/virtio"

# --- its image is on a file system that is full: paused by its first write. That is
# not a Windows that does not come up, however long it takes; the rest goes on beside it.

windows full driver=bootable
ok "full: a session on SATA" session full
is "full: on trial" "$(where full)" trial/virtio
mkdir "$LAB/small"
mount -t tmpfs -o size=96M,mode=755 small "$LAB/small"
mv "$LAB/full.img" "$LAB/full.base"
quietly qemu-img create -f qcow2 -b "$LAB/full.base" -F raw "$LAB/small/full.qcow2"
virsh dumpxml --inactive --security-info full |
	sed "s,$LAB/full.img,$LAB/small/full.qcow2," > "$LAB/full.xml"
xmllint --shell "$LAB/full.xml" > /dev/null <<END
cd //disk[source/@file='$LAB/small/full.qcow2']/driver/@type
set qcow2
save
END
quietly virsh define "$LAB/full.xml"
dd if=/dev/zero of="$LAB/small/ballast" bs=64K status=none 2> /dev/null
virsh -q start full
# shellcheck disable=SC2016	# wait_for expands it
ok "full: is paused by its first write" wait_for \
	'[ "$(virsh -q domstate --reason full)" = "paused (I/O error)" ]' "$windows_patience"
paused=$SECONDS

# --- planted StartOverride, destroyed in the middle, and it arrives all the same

windows late driver=bootable override=viostor fast=on autoreboot=1
before=$(for_the_way late)
ok "destroyed: up on SATA" windows_starts late
quietly virsh -q destroy late
settled_within late 30
is "stays on SATA" "$(where late)" staged/sata
ok "next session" session late
is "on trial" "$(where late)" trial/virtio
way=$(for_the_way late)
unlike "with what is for the way" "$way" "$before"
ok "destroyed on VirtIO" windows_starts late
quietly virsh -q destroy late
settled_within late 30
is "back to SATA, counted" "$(where late) $(xpath late 'string(//*[local-name()="state"]/@attempts)')" \
	"staged/sata 1"
is "what is for the way stays: it is not over" "$(for_the_way late)" "$way"
ok "session on SATA" session late
is "on trial again" "$(where late)" trial/virtio
ok "session on VirtIO" session late
is "done" "$(where late)" "done/virtio"
is "all is as before" "$(for_the_way late)" "$before"

# --- no driver anywhere: never on VirtIO

windows never driver=none
ok "without a driver: a session on SATA" session never
is "stays on SATA" "$(where never)" staged/sata
like "says what is missing" "$(reason_of never)" 'driver-service \(not set up\)'
ok "and runs" windows_starts never
quietly virsh -q destroy never

# --- sent to VirtIO by hand before it is ready: the blue screen, and back

words=bugcheck=hang windows early driver=service
quietly busflip promote early
is "promoted by hand" "$(where early)" trial/virtio
ok "the blue screen" windows_starts early '^nt: stop code=0x7B'
: > "$LAB/early.serial"
ok "nobody does anything: it comes up again" wait_for "said early '^nt: user-mode done'" 90
is "on SATA" "$(where early)" staged/sata
like "it is logged" "$(grep 'Windows is not running' "$LAB/log")" 'domain=early.*it is destroyed, to be started on SATA'
quietly virsh -q shutdown early
wait_for "is_off early" 60
settled_within early 30
is "on trial" "$(where early)" trial/virtio
ok "a session on VirtIO" session early
is "done" "$(where early)" "done/virtio"

# --- the one on the full file system has waited all the while

while [ $((SECONDS - paused)) -lt 40 ]; do sleep 1; done
is "full: nobody has taken it down" "$(virsh -q domstate --reason full)/$(where full)" \
	"paused (I/O error)/trial/virtio"
rm "$LAB/small/ballast"
virsh -q resume full
ok "full: with room again, it comes up" wait_for "said full '^nt: user-mode done'" "$windows_patience"
ok "full: shuts down" windows_off full
settled_within full 30
is "full: is done" "$(where full)" "done/virtio"
