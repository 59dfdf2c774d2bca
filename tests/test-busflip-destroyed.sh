#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Sessions that are destroyed, and an administrator who makes the decisions:
# attempts, held, retry, hold, promote, rollback, disable.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
busflip_required "$@"
plan 90

# --- destroyed

staged_domain win guest=stay
virsh dumpxml --inactive win > "$LAB/tmp/staged"
stored=$(stat -c %i /etc/libvirt/qemu/win.xml)
quietly busflip stage win
is "staged twice, it is stored once" "$(stat -c %i /etc/libvirt/qemu/win.xml)" "$stored"
ok "destroyed on SATA" cut_off win
is "it booted from SATA" "$(boot_kind win)" ahci
is "it is still there" "$(where win)" staged/sata
is "nothing was counted" "$(attempts_of win)" 0
is "nothing was written" "$(virsh dumpxml --inactive win | diff "$LAB/tmp/staged" -)" ""
ok "once more" cut_off win
is "it is still there" "$(where win)" staged/sata
ok "shut down with its power button" press win
is "it is on trial" "$(where win)" trial/virtio
is "with no attempt so far" "$(attempts_of win)" 0

ok "destroyed on VirtIO" cut_off win
is "it had booted from VirtIO" "$(boot_kind win)" virtio-blk
is "it is back on SATA" "$(where win)" staged/sata
is "with the bait" "$(baits_of win)" 1
is "one attempt is counted" "$(attempts_of win)" 1
ok "destroyed on SATA" cut_off win
is "it booted from SATA" "$(boot_kind win)" ahci
is "does not count" "$(attempts_of win)" 1
ok "a clean session on SATA" press win
is "it gets its second trial" "$(where win)" trial/virtio
is "the count is kept" "$(attempts_of win)" 1
ok "destroyed on VirtIO again" cut_off win
is "it is held" "$(where win)" held/sata
is "two attempts are counted" "$(attempts_of win)" 2
like "status says why" "$(busflip status win)" "held .*no attempt is left"
ok "a clean session while it is held" press win
is "changes nothing" "$(where win)" held/sata
is "it ran on SATA" "$(boot_kind win)" ahci
fails "a domain that is held is not promoted" 1 busflip promote win
like "and it says what to do" "$output" "busflip: domain win: .*busflip retry"

ok "retry" busflip retry win
is "it is staged again" "$(where win)" staged/sata
is "its attempts are forgotten" "$(attempts_of win)" 0
ok "a clean session on SATA" press win
is "leads to its third trial" "$(where win)" trial/virtio
ok "a clean session on VirtIO" press win
is "leads to the end" "$(where win)" "done/virtio"
same_as_original win "and the definition is the user's"
ok "destroyed when it is done" cut_off win
is "changes nothing" "$(where win)" "done/virtio"

# --- max_attempts

printf '[busflip]\nevidence = shutdown\nmax_attempts = 1\n' > /etc/busflip.conf
define_domain once guest=stay
quietly busflip stage once
press once
is "max_attempts = 1: on trial" "$(where once)" trial/virtio
ok "destroyed" cut_off once
is "is held at once" "$(where once)" held/sata
is "with one attempt" "$(attempts_of once)" 1
ok "disable --keep-sata" busflip disable once --keep-sata
is "leaves it on SATA" "$(where once)" none/sata
is "without a trace of busflip" "$(virsh dumpxml --inactive once | grep -c busflip)" 0
default_config

# --- the administrator

define_domain admin guest=stay tag=no
fails "promote needs a tag" 1 busflip promote admin
like "and says how to get one" "$output" "busflip: domain admin: .*busflip enable"
ok "enable" busflip enable admin
is "tags and stages" "$(where admin)" staged/sata
ok "promote" busflip promote admin
is "goes to VirtIO without a session" "$(where admin)" trial/virtio
ok "promote again" busflip promote admin
is "changes nothing" "$(where admin)" trial/virtio
ok "rollback" busflip rollback admin
is "goes back to SATA" "$(where admin)" staged/sata
is "and is no failed attempt" "$(attempts_of admin)" 0
ok "rollback again" busflip rollback admin
is "changes nothing" "$(where admin)" staged/sata
ok "hold" busflip hold admin
is "stays on SATA" "$(where admin)" held/sata
ok "a clean session" press admin
is "does not end that" "$(where admin)" held/sata
quietly busflip retry admin
quietly busflip promote admin
ok "hold on trial" busflip hold admin
is "goes to SATA" "$(where admin)" held/sata
quietly busflip retry admin
press admin
press admin
is "then it is done" "$(where admin)" "done/virtio"
fails "hold when it is done" 1 busflip hold admin
ok "rollback when it is done" busflip rollback admin
is "stages it again" "$(where admin)" staged/sata
press admin
press admin
is "and the way is the same" "$(where admin)" "done/virtio"

# While the guest runs, for its next start; the session that runs counts for
# the bus that it runs on.
quietly busflip rollback admin
virsh -q start admin
ok "promote while it runs on SATA" busflip promote admin
is "the guest stays on SATA" "$(bus_of_disk admin --live)" sata
virsh -q destroy admin
wait_off admin
is "and what it does there is no failed attempt" "$(where admin)/$(attempts_of admin)" trial/virtio/0

# --- disable

ok "disable on trial" busflip disable admin
same_as_original admin "gives the user's definition back"
for bus in virtio scsi sata; do
	define_domain "back-$bus" tag=no bus=$bus
	quietly busflip enable "back-$bus"
	ok "disable while staged, from $bus" busflip disable "back-$bus"
	same_as_original "back-$bus" "gives the user's definition back"
done
staged_domain held
quietly busflip hold held
ok "disable while held" busflip disable held
is "without a trace of busflip" "$(virsh dumpxml --inactive held | grep -c busflip)" 0
is "with the disk on VirtIO" "$(bus_of_disk held)" virtio
staged_domain keep
ok "disable --keep-sata while staged" busflip disable keep --keep-sata
is "leaves it on SATA, without the bait" "$(where keep)/$(baits_of keep)" none/sata/0
ok "where it runs as ever" run_once keep
is "and stays" "$(where keep)/$(boot_kind keep)" none/sata/ahci
