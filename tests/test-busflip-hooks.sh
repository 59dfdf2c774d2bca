#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The hook together with other hooks, on domains that do not concern it, and with a
# busflip that is broken, hangs or is missing: guests start in every case.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
busflip_required "$@"
plan 61

hook=/etc/libvirt/hooks/qemu
sbin=/usr/local/sbin/busflip
mv $sbin $sbin.real

# In busflip's place: notes each call of the hook, and behaves as the domain is
# called.
cat > $sbin <<END
#!/bin/bash
[ "\$1" = event ] || exec -a busflip $sbin.real "\$@"
echo "\$3 \$4" >> $LAB/calls
case \$3-\$4 in
env-*)		env | sort > $LAB/env; readlink -f /proc/\$\$/cwd >> $LAB/env ;;
hang-started)	exec sleep 1000 ;;
crash-late-*|crash-*)	kill -SEGV \$\$ ;;
fail-*)		exit 1 ;;
refuse-prepare)	exec $sbin.real "\$@" ;;
refuse-*)	exit \$(sed -n 's/.*EXIT_REFUSE_START = \([0-9]*\).*/\1/p' $tests/../helper/shared/base.h) ;;
chatty-*)	echo "<domain/>"; echo hello >&2 ;;
deaf-*)		exec < /dev/null ;;
*)		exec $sbin.real "\$@" ;;
esac
END
chmod 755 $sbin

# calls_of NAME - what the hook had busflip do for it
calls_of()
{
	sed -n "s/^$1 //p" "$LAB/calls" 2>/dev/null | paste -sd ' '
}

# --- a busflip that hangs takes a minute: it is looked at in the end

staged_domain hang guest=stay
begin=$SECONDS
virsh -q start hang &
hanging=$!

# --- none of its business

# A URI that is not the tag's: an attribute's, another element's, only text.
uri='urn:busflip:domain:1'
define_domain plain tag=no
define_domain text tag=no head="<description>wants xmlns='$uri'</description>"
define_domain other tag=no metadata="<x:domain xmlns:x='$uri:x'/><x:other xmlns:x='$uri'/>"
define_domain outside tag=no metadata="<x:all xmlns:x='urn:x'><x:domain xmlns:x='$uri'/></x:all>"
for name in plain text other outside; do
	file=/etc/libvirt/qemu/$name.xml
	cp -a $file "$LAB/tmp/$name"
	ok "$name: without the tag it starts and goes off" run_once $name
	run_once $name
	is "$name: its file is the same, byte for byte" \
		"$(cmp $file "$LAB/tmp/$name" 2>&1)$(stat -c %i:%Y $file)" \
		"$(stat -c %i $file):$(stat -c %Y "$LAB/tmp/$name")"
	is "$name: it was never on SATA" "$(boot_kind $name)" virtio-blk
done
is "busflip is not even run for one without the URI" "$(calls_of plain)" ""

# --- what it is run for

staged_domain win
run_once win
is "a staged one: prepare, started, stopped, release" "$(calls_of win)" "prepare started stopped release"
run_once win
is "so is one on trial" "$(where win)" "done/virtio"
: > "$LAB/calls"
run_once win
is "one that is done: nothing" "$(calls_of win)" ""
staged_domain held
quietly busflip hold held
run_once held
is "one that is held: nothing" "$(calls_of held)" ""
staged_domain env
run_once env
is "its environment is its own" "$(cat "$LAB/env")" \
"LC_ALL=C
PATH=/usr/sbin:/usr/bin:/sbin:/bin
PWD=/
SHLVL=1
_=/usr/bin/env
/"

# --- a broken one

for how in crash fail refuse chatty deaf; do
	staged_domain $how
	ok "$how: the guest starts" run_once $how
	is "$how: on SATA" "$(boot_kind $how)" ahci
	is "$how: and stays there" "$(where $how)" staged/sata
done
# Not staged: the hook would have bounced it.
define_domain crash-late
ok "crash: one that is not staged starts" run_once crash-late
is "crash: as it is" "$(boot_kind crash-late)/$(where crash-late)" virtio-blk/none/virtio

# --- one that hangs

wait $hanging
is "hang: the start succeeds, though late" $? 0
is "hang: it was waited for" "$((SECONDS - begin >= 55))" 1
is "hang: the guest runs on SATA" "$(state_of hang)/$(boot_kind hang)" running/ahci
ok "hang: that is logged" logged "busflip-hook: domain hang: busflip did not finish in 60 s, killed"
is "hang: nothing of it is left" "$(pgrep -fx 'sleep 1000')" ""
virsh -q shutdown hang
wait_off hang
is "hang: the session counts" "$(where hang)" trial/virtio

# libvirt kills a running guest whose reconnect hook fails.
sed -i 's/^crash-late-\*/reconnect-*|&/' $sbin
staged_domain reconnect guest=stay
virsh -q start reconnect
wait_boot reconnect 1
lab_daemon_restart
is "crash: a guest goes on when the daemon is restarted" \
	"$(state_of reconnect)/$(guest_boots reconnect)" running/1
virsh -q destroy reconnect

# --- a missing one

rm $sbin
staged=$(make_domain missing)
ok "missing: a tagged domain is defined" virsh -q define <(echo "$staged")
virsh dumpxml --inactive missing > "$LAB/missing.original"
ok "missing: and starts" run_once missing
is "missing: as it is" "$(boot_kind missing)" virtio-blk
same_as_original missing "missing: and is not changed"
ok "missing: that is logged" logged "busflip-hook: domain missing: cannot run $sbin: "
: > $sbin
chmod 755 $sbin
ok "empty: it starts" run_once missing
rm $sbin
mkdir $sbin
ok "a directory: it starts" run_once missing
rmdir $sbin
mv $sbin.real $sbin
# Whether it has gone off by itself before it would be taken down is luck.
run_once missing
like "once it is back, the domain is staged" "$(where missing)" "staged/sata|trial/virtio"

# --- beside somebody else's

foreign=$hook
mkdir $hook.d
mv $hook $hook.d/50-busflip
for place in "$foreign" "$hook.d/10-first" "$hook.d/60-last"; do
	cat > "$place" <<-END
	#!/bin/sh
	echo "\$1 \$2" >> $LAB/calls.${place##*/}
	cat >> $LAB/stdin.${place##*/}
	echo "nothing that anybody reads"
	END
	chmod 755 "$place"
done
lab_daemon_restart
define_domain both guest=stay
ok "with a foreign hook a tagged domain starts" press_late both
is "it ran on SATA" "$(boot_kind both)/$(where both)" ahci/trial/virtio
press both
is "and then on VirtIO, to the end" "$(boot_kind both)/$(where both)" "virtio-blk/done/virtio"
same_as_original both "the definition is the user's"
for place in qemu 10-first 60-last; do
	is "$place has seen every event, of three starts" \
		"$(grep -c '^both prepare$' "$LAB/calls.$place"),$(grep -c '^both started$' "$LAB/calls.$place"),$(grep -c '^both release$' "$LAB/calls.$place")" \
		3,3,3
done
like "60-last has seen the XML" "$(cat "$LAB/stdin.60-last")" "<name>both</name>"

# One that refuses a start has its way, and that is no session.
staged_domain veto
# shellcheck disable=SC2016	# the hook expands it
echo '[ "$1 $2" != "veto prepare" ]' >> "$hook.d/10-first"
fails "a foreign hook refuses a start" 1 virsh -q start veto
wait_off veto
is "it stays staged" "$(where veto)/$(attempts_of veto)" staged/sata/0
sed -i '$d' "$hook.d/10-first"
run_once veto
is "and is promoted when it may start" "$(where veto)" trial/virtio
