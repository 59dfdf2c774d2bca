#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# busflip check says what libvirt itself would refuse: networks and bridges that an
# imported definition names and this host has not, with the cure; and what it finds
# wrong with the definition when it makes a QEMU command of it, in its own words.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
busflip_required "$@"
# shellcheck source=tests/lib-check.sh
. "$tests/lib-check.sh"
requires ip -V
plan 52

# interface TYPE SOURCE [MORE]
interface()
{
	echo "<interface type='$1'><source $2/>${3:-}</interface>"
}

# domain NAME INTERFACES
domain()
{
	make_domain "$1" devices="$2" > "$LAB/$1.xml"
	quietly virsh -q define "$LAB/$1.xml"
}

# network NAME - one without addresses and DHCP, not active
network()
{
	networks=$((${networks:-0} + 1))
	echo "<network><name>$1</name><bridge name='lab$networks'/></network>" > "$LAB/network.xml"
	quietly virsh -q net-define "$LAB/network.xml"
}

# refused NAME WHY - libvirt does not start it
refused()
{
	fails "$1: libvirt does not start it" 1 virsh start "$1"
	like "$1: for that reason" "$output" "$2"
}

# starts NAME - it does now
starts()
{
	ok "$1: it starts" run_once "$1"
}

# --- networks

domain off "$(interface network "network='plain'")"
not_ok off network 'there is no network plain here' \
	'name one that virsh net-list --all shows with virsh edit off, or define it: virsh net-define'
refused off "Network not found: no network with matching name 'plain'"
network plain
not_ok off network 'network plain is not active' \
	'virsh net-start plain; virsh net-autostart plain'
refused off "network 'plain' is not active"
cured off "$cure"
like "off: what is said of it then" "$(busflip check off)" \
	'network +ok +what its interfaces are connected to is there'
ok "off: also after the next boot of the host" test -e /etc/libvirt/qemu/networks/autostart/plain.xml
starts off

# Named as nobody should, and twice.
network "it's &lt;b>"
domain odd "$(interface network 'network="it&apos;s &lt;b>"')$(interface network 'network="it&apos;s &lt;b>"')"
not_ok odd network "network it's <b> is not active" "virsh net-start .*; virsh net-autostart .*"
cured odd "$cure"
starts odd

# --- bridges and devices of the host

domain bridge "$(interface bridge "bridge='br9'")"
not_ok bridge network 'there is no bridge br9 on this host' \
	'set it up, or name another that ip link shows with virsh edit bridge'
refused bridge "br9.*No such device"
cured bridge "ip link add br9 type bridge && ip link set br9 up"
starts bridge
domain direct "$(interface direct "dev='eth9' mode='bridge'")"
not_ok direct network 'there is no network device eth9 on this host' 'set it up, or .*'
refused direct "eth9"

# --- more than one, and none

domain both "$(interface network "network='plain'")$(interface bridge "bridge='br8'")"
not_ok both network 'there is no bridge br8 on this host' 'set it up, .*'
unlike "both: it is not said that all are there" "$output" 'network +ok'
domain user "<interface type='user'/>"
unlike "one that is connected to none" "$(busflip check user)" '^network '

# --- the rest of the definition

cpu="<cpu mode='host-passthrough'/>"
make_domain cpu head="$cpu" > "$LAB/cpu.xml"
quietly virsh -q define "$LAB/cpu.xml"
not_ok cpu command "unsupported configuration: CPU mode 'host-passthrough' .*" \
	'put right what libvirt says, with virsh edit cpu or on this host'
refused cpu "unsupported configuration: CPU mode 'host-passthrough'"
virsh dumpxml --inactive cpu | sed '/<cpu /d' > "$LAB/cpu.xml"
quietly virsh -q define "$LAB/cpu.xml"
like "cpu: without it" "$(busflip check cpu)" 'command +ok +libvirt makes a QEMU command of it'
starts cpu
make_domain two head="$cpu" devices="$(interface bridge "bridge='br8'")" > "$LAB/two.xml"
quietly virsh -q define "$LAB/two.xml"
not_ok two network 'there is no bridge br8 on this host' 'set it up, .*'
unlike "libvirt is not asked while anything else is wrong" "$output" '^command '

# Those who enable it are told.
fails "both: enable" 0 busflip enable both
like "both: and what it says" "$output" 'there is no bridge br8 on this host'
