#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The administrators' tools as busflip-recipes(7) describes them: the commands are
# extracted from the page and run, until a guest boots on SATA and then on VirtIO.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
busflip_required "$@"
requires virt-install --version
requires ansible-playbook --version
requires xsltproc --version
plan 33
printf '[busflip]\nevidence = shutdown\n' > /etc/busflip.conf
page=$tests/../hook/busflip-recipes.7

# shown BEGIN - the command in the page that begins so, with its further lines
shown()
{
	page_text "$page" | sed -n "/^$1/{:more; p; /\\\\$/{n; b more}}"
}

tags_of()
{
	xpath "$1" "count(/domain/metadata/*[namespace-uri()='$tag_uri'])"
}

# --- virt-install: it defines and starts at once

make_domain disk > /dev/null
cd "$LAB" || exit 1
qemu-img convert -O qcow2 disk.img win2019.qcow2
command=$(shown virt-install)
like "the page shows virt-install" "$command" '^virt-install .*--xml '
# No KVM and little memory here, and nobody to look at the screen.
command=${command/--memory 4096/--memory 64 --virt-type qemu --graphics none --noautoconsole}
ok "virt-install, as it is shown there" bash -c "$command"
wait_off win2019 120
is "its guest has booted on SATA, and goes to VirtIO" \
	"$(xpath win2019 "string(/domain/metadata/*[local-name()='state']/@phase)")" trial
is "its one tag is there" "$(tags_of win2019)" 1
ok "once more" virsh -q start win2019
wait_off win2019 120
is "done, on VirtIO" "$(where win2019)" done/virtio
virsh -q undefine win2019

# --- virsh

define_domain win2019 tag=no
ok "virsh metadata, as it is shown there" bash -c "$(shown 'virsh metadata')"
is "a tag" "$(tags_of win2019)" 1
ok "with which it can be staged" busflip stage win2019
virsh -q undefine win2019

# --- virsh edit, and virt-manager's XML tab, which defines what was typed as well

three=$(page_text "$page" '<metadata>')
is "the page shows the three lines" "$(wc -l <<< "$three")" 3
is "the README shows the same" \
	"$(sed -n '/^    <metadata>/,/^    <\/metadata>/s/^    //p' "$tests/../README.md")" "$three"
middle=$(sed -n 2p <<< "$three")
libosinfo="<o:libosinfo xmlns:o='http://libosinfo.org/xmlns/libvirt/domain/1.0'>
	<o:os id='http://microsoft.com/win/2k19'/></o:libosinfo>"
# typed BEHIND TEXT - virsh edit, by somebody who puts it behind the line with BEHIND
typed()
{
	printf '%s\n' "$2" > typed
	EDITOR="sed -i '/$1/r typed'" virsh -q edit win2019
}

systems_of()
{
	xpath "$1" "count(/domain/metadata/*[local-name()='libosinfo'])"
}

define_domain win2019 tag=no
ok "the three lines behind <name>" typed '<name>' "$three"
is "a tag" "$(tags_of win2019)" 1
ok "with which it can be staged" busflip stage win2019
virsh -q undefine win2019
define_domain win2019 tag=no metadata="$libosinfo"
ok "the middle line into a <metadata> that is there" typed '<metadata>' "$middle"
is "a tag beside what virt-manager has written" "$(tags_of win2019) $(systems_of win2019)" '1 1'
ok "with which it can be staged" busflip stage win2019
virsh -q undefine win2019
define_domain win2019 tag=no metadata="$libosinfo"
quietly typed '<name>' "$three" < /dev/null
is "virsh edit refuses a second <metadata>" "$(tags_of win2019) $(systems_of win2019)" '0 1'
virsh dumpxml --inactive win2019 | sed '/<name>/r typed' > twice.xml
ok "others do not" virsh -q define twice.xml
is "and libvirt keeps the first" "$(tags_of win2019) $(systems_of win2019)" '1 0'
virsh -q undefine win2019

# --- hyper2kvm: a domain as it writes it, of a Windows with a BIOS

mkdir -p out/libvirt
make_domain win2019-1a2b3c tag=no machine=pc bus=sata > out/libvirt/win2019-1a2b3c.xml
like "the page shows how to write it" "$(shown h2kvmctl)" ' --emit-domain-xml$'
ok "its XML is defined, as it is shown there" bash -c "$(shown 'virsh define')"
ok "and tagged" bash -c "$(shown 'busflip enable win2019-1a2b3c')"
is "SATA, with the bait" "$(where win2019-1a2b3c) $(baits_of win2019-1a2b3c)" 'staged/sata 1'
run_once win2019-1a2b3c
is "after a clean shutdown VirtIO" "$(where win2019-1a2b3c)" trial/virtio
run_once win2019-1a2b3c
is "done there" "$(boot_kind win2019-1a2b3c),$(where win2019-1a2b3c)" virtio-blk,done/virtio
virsh -q undefine win2019-1a2b3c

# --- Ansible

define_domain win2019 tag=no
{
	printf -- '- hosts: localhost\n  connection: local\n  gather_facts: false\n  tasks:\n'
	page_text "$page" '- name' | sed 's/^/    /'
} > play.yml
export HOME=$LAB/home ANSIBLE_NOCOLOR=1 LC_ALL=C.UTF-8
mkdir -p "$HOME"
like "the Ansible task" "$(ansible-playbook -i localhost, play.yml 2>&1)" 'changed=1 .*failed=0'
is "has staged it" "$(where win2019)" staged/sata
like "and changes nothing the next time" "$(ansible-playbook -i localhost, play.yml 2>&1)" \
	'changed=0 .*failed=0'
virsh -q undefine win2019

# --- the stylesheet for Terraform

page_text "$page" '<xsl:stylesheet' > busflip.xsl
make_domain win2019 tag=no metadata="<o:other xmlns:o='urn:other:1'><o:thing/></o:other>" > before.xml
ok "the stylesheet" xsltproc -o after.xml busflip.xsl before.xml
quietly virsh -q define after.xml
is "adds the tag and keeps what was there" \
	"$(tags_of win2019) $(xpath win2019 "count(//*[local-name()='thing'])")" '1 1'
ok "to be staged" busflip stage win2019
virsh dumpxml --inactive win2019 > staged.xml
xsltproc busflip.xsl staged.xml > again.xml
is "of one that has it, nothing changes" "$(canonical again.xml)" "$(canonical staged.xml)"
