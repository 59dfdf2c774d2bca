#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# How sessions of the model end according to libvirt: resets and recovery, fast startup, a
# guest that is destroyed.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/../../lib.sh"
# shellcheck source=tests/guest/windows/lib-windows.sh
. "${BASH_SOURCE[0]%/*}/lib-windows.sh"
windows_required "$@"
plan 16

reason()
{
	virsh -q domstate --reason "$1"
}

# --- reset, and the recovery environment ---
windows_disk loop windows=10 driver=none
windows_domain loop machine=pc bus=virtio words='bugcheck=reset'
ok "resets, and ends in recovery" windows_starts loop '^nt: recovery-environment'
ok "which powers off" wait_for "is_off loop" "$windows_patience"
is "cleanly" "$(reason loop)" "shut off (shutdown)"
is "after two failures" "$(grep -c 'nt: blue-screen' "$LAB/loop.serial")" 2
windows_domain loop machine=pc bus=virtio
ok "AutoReboot=1 alone does the same" windows_starts loop '^nt: recovery-environment'
wait_for "is_off loop" "$windows_patience"
windows_peek loop set 'CS\Control\CrashControl' AutoReboot 0
windows_starts loop '^nt: blue-screen'
sleep 1
is "AutoReboot=0 stands still" "$(grep -c 'nt: model ' "$LAB/loop.serial")" 1
virsh -q destroy loop

# --- fast startup ---
windows_disk fast windows=11 fast=on
windows_domain fast bus=sata
ok "fast startup: a session" windows_session fast
ok "is hybrid" said fast 'shutdown kind=hybrid'
is "and libvirt does not support this check" "$(reason fast)" "shut off (shutdown)"
ok "the next one is the same kernel" windows_session fast
ok "resumed" said fast 'up resumed=yes'
windows_disk pm windows=11 fast=on
windows_domain pm bus=sata head='<pm><suspend-to-disk enabled="no"/></pm>'
windows_session pm
ok "without S4 it is a full one" said pm 'shutdown kind=full'

# --- destroyed; never shuts down ---
windows_disk cut windows=10 driver=bootable
windows_domain cut bus=sata words='button=ignore'
windows_starts cut
virsh -q shutdown cut
ok "button=ignore" wait_for "said cut 'button ignored'" "$windows_patience"
virsh -q destroy cut
like "destroyed: log in use, hive dirty" "$(windows_peek cut state)" \
	'logfile=in-use .*hive=dirty'
windows_domain cut bus=sata
ok "the next session replays it" windows_session cut
like "and ends clean" "$(windows_peek cut state)" 'logfile=clean .*hive=clean'
