#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Runs the EXAMPLES of busflip(8) and busflip.conf(5) exactly as written; each must do what
# the page says. An example that is added there must be added here.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
busflip_required "$@"
# shellcheck source=tests/disklib.sh
. "${BASH_SOURCE[0]%/*}/disklib.sh"
unset -f busflip	# the installed one
disk_required
requires bsdtar --version
output=
plan 54

mkdir "$LAB/examples"
cd "$LAB/examples" || exit 1
# examples PAGE NAME - to files NAME.1 and so on
examples()
{
	awk -v name="$2" '
		/^\.Sh / { inside = $2 == "EXAMPLES" }
		inside && /^\.Ed/ { block = 0 }
		inside && block { gsub(/\\e/, "\\"); gsub(/\\\(aq/, "'\''"); print > (name "." n) }
		inside && /^\.Bd -literal/ { n++; block = 1 }
		' "$tests/../$1"
}

examples hook/busflip.8 example
examples conf/busflip.conf.5 conf
is "as many examples as this test knows" "$(find . -name "example.*" | wc -l)" 10
is "and of the configuration" "$(find . -name "conf.*" | wc -l)" 1
is "no other page has any" "$(grep -l '^\.Sh EXAMPLES' "$tests"/../*/*.[1-8] | xargs -n 1 basename | xargs)" \
	'busflip.conf.5 busflip.8'
is "in commands that a reader can type" "$(cat example.* | grep -n '\\[^$]')" ''

# example NAME STATUS FIRST-WORDS - run the next one; it begins with these words
number=0
example()
{
	number=$((number + 1))
	like "example $number is: $1" "$(cat "example.$number")" "^$3"
	fails "$1" "$2" bash -eu "example.$number"
}

# registry_of IMAGE - a sum of its SYSTEM hive
registry_of()
{
	get_volume "$1" qcow2 $((117 * 1048576)) $((64 * 1048576)) "$work/now.ntfs"
	sum_file "$work/now.ntfs" Windows/System32/config/SYSTEM
}

# --- tag it and start it

define_domain win2019
example "tag an imported guest and start it as ever" 0 'busflip enable'
like "it says where the domain stands" "$output" 'win2019: (staged|trial) since'
wait_off win2019
is "first on SATA" "$(boot_kind win2019),$(where win2019)" ahci,trial/virtio
run_once win2019
is "and then on VirtIO" "$(boot_kind win2019),$(where win2019)" virtio-blk,done/virtio
virsh -q undefine win2019

# --- the tag of another tool

define_domain win2019 tag=no
example "tag it without busflip" 0 'virsh metadata'
quietly busflip stage win2019
is "it is taken for a tag" "$(where win2019)" staged/sata

# --- held

quietly busflip hold win2019
is "held" "$(where win2019)" held/sata
example "give a guest another try" 0 'busflip retry'
is "it is on its way again" "$(where win2019)" staged/sata
virsh -q undefine win2019

# --- what staging would change

define_domain win2019
example "see what staging would change" 1 'virsh dumpxml'
like "SATA for VirtIO" "$output" $'<[^\n]*vda[^\n]*virtio.*>[^\n]*sda[^\n]*sata'
is "nothing has changed" "$(where win2019)" none/virtio

# --- for Prometheus

prom=/var/lib/prometheus/node-exporter
mkdir -p $prom
example "give Prometheus the figures" 0 'cd .*busflip status --prometheus'
like "they are there" "$(cat $prom/busflip.prom)" 'busflip_domains.phase="none". 1'
is "for its user to read, and nothing else is" "$(cd $prom && stat -c '%a %n' -- * .??* 2>/dev/null)" \
	'644 busflip.prom'
define_domain other
make_domain huge > huge.xml
python3 - huge.xml <<'END'
import sys
with open(sys.argv[1], 'r+') as f:
    xml = f.read()
    text = '<huge xmlns="urn:huge">%s</huge></metadata>'
    f.seek(0)
    f.write(xml.replace('</metadata>', text % ('x' * (4193000 - len(xml) - len(text)))))
END
quietly virsh -q define huge.xml
ok "one that can't be read" bash -eu "example.$number"
like "does not keep the others' back" "$(cat $prom/busflip.prom)" 'busflip_domains.phase="none". 2'
virsh -q undefine huge
virsh -q undefine other
sed -i '1a uri = qemu+unix:///system?socket=/run/nowhere' /etc/busflip.conf
ok "while libvirt does not answer" bash -eu "example.$number"
like "the last ones stay" "$(cat $prom/busflip.prom)" 'busflip_domains.phase="none". 2'
is "and nothing is left beside them" "$(ls -A $prom)" busflip.prom
sed -i 2d /etc/busflip.conf

# --- an image

make_windows "$work/c.ntfs" $((64 * 1048576))
"$tests/mkdisk.sh" -f qcow2 win2019.qcow2 "$work/c.ntfs"
bsdtar --format=iso9660 -cf virtio-win.iso -C "$work/vw" .
cp win2019.qcow2 before.qcow2
example "see what would keep it from starting" 0 'busflip check'
like "it is no Windows" "$output" 'boot-disk +not known '
example "look at the Windows in an image, patch it, undo it" 0 'busflip inspect'
like "it says what is in there and what it did" "$output" 'Windows 10 Pro.*viostor'
is "the registry is as before" "$(registry_of win2019.qcow2)" "$(registry_of before.qcow2)"

# --- the configuration, and back

sed -i 's/^evidence/bus = scsi\nevidence/' /etc/busflip.conf
example "check the configuration and stage" 0 'busflip check-config'
is "it is staged" "$(where win2019)" staged/sata
example "do without busflip" 0 'busflip disable'
is "the disk is as it was before, the tag is gone" \
	"$(where win2019) $(baits_of win2019) $(xpath win2019 'count(/domain/metadata/*)')" 'none/virtio 0 0'

# --- what is kept of a domain

# kept - what there is of $uuid
kept()
{
	(cd /var/lib/busflip && find . -maxdepth 2 -name "$uuid" | sort | xargs)
}

all='./UUID ./last/UUID ./story/UUID'
virsh -q undefine win2019
define_domain win2019 format=qcow2 image="$PWD/win2019.qcow2"
uuid=$(uuid_of win2019)
quietly busflip enable win2019
quietly virsh -q start win2019
virsh -q destroy win2019
wait_off win2019
quietly busflip disable win2019
is "disable leaves registry, session and story" "$(kept)" "${all//UUID/$uuid}"
virsh -q undefine win2019
quietly busflip stage --all
is "and so does the end of the domain" "$(kept)" "${all//UUID/$uuid}"
is "for root only" "$(find /var/lib/busflip -path "*$uuid*" -perm /077)" ''
define_domain win2019 uuid="$uuid" format=qcow2 image="$PWD/win2019.qcow2"
define_domain other
quietly busflip enable other
quietly virsh -q pool-create-as examples dir --target "$PWD"
example "remove a domain for good" 0 'virsh undefine'
is "nothing of it is left" "$(kept)" ''
is "but of others" "$(uuid=$(uuid_of other) && kept)" "./story/$(uuid_of other)"
virsh -q undefine other

# --- of the configuration

ok "busflip.conf: there are no complaints" busflip check-config conf.1
cp conf.1 /etc/busflip.conf
define_domain early
quietly busflip stage early
is "disks go to virtio-scsi" "$(busflip status --json early | grep -o '"target_bus":"[a-z]*"')" \
	'"target_bus":"scsi"'
virsh -q undefine early
define_domain early
fails "a start that comes too early" 1 virsh start early
like "is refused" "$output" 'late_start = refuse'
is "it is off" "$(state_of early)" 'shut off'
