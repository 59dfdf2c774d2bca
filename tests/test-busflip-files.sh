#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# busflip check DOMAIN: the files that a guest needs: its image and the backing files, its
# other disks, CD-ROMs and kernel. check reports what is missing, cannot be written, has
# another format or is not what the definition says; libvirt does refuse to start the
# guest, and the cure works.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
busflip_required "$@"
# shellcheck source=tests/lib-check.sh
. "$tests/lib-check.sh"
# shellcheck source=tests/disklib.sh
. "${BASH_SOURCE[0]%/*}/disklib.sh"
disk_required
requires virt-xml --version
requires setfacl --version
requires mkfs.ext4 -V
requires command -v chattr
plan 114

busflip()
{
	command busflip "$@"
}

size=$((80 * 1048576))
make_windows "$work/c.ntfs" $size
windows_disk "$LAB/win.img" mbr
printf '[busflip]\nvirtio_win = %s\n' "$work/vw" > /etc/busflip.conf

# --- what is below an image

# What the definition says of the chain counts, and not what the image does; but busflip
# reads that.
qemu-img convert -O qcow2 "$LAB/win.img" "$LAB/ended.qcow2"
qemu-img rebase -u -F raw -b "$LAB/none.img" "$LAB/ended.qcow2"
image=$LAB/ended.qcow2 domain ended format=qcow2 disk='<backingStore/>'
not_ok ended windows "busflip would read $LAB/ended.qcow2 with the backing files that the image names, .*" \
	"with the guest off, make both name the same files: .*: qemu-img rebase -u -b '' $LAB/ended.qcow2"
like "ended: the definition ends the chain" "$output" 'backing +ok +none, by the definition'
ok "ended: and it starts" run_once ended
cured ended "${cure##*: }"
unlike "ended: there is nothing more to say of that" "$(busflip check ended)" 'backing +(ok|not)'

# store FILE - as libvirt writes a chain
store()
{
	echo "<backingStore type='file'><format type='raw'/><source file='$1'/><backingStore/>
		</backingStore>"
}
cp --sparse=always "$LAB/win.img" "$LAB/base.img"
qemu-img create -q -f qcow2 -F raw -b "$LAB/base.img" "$LAB/chain.qcow2"
image=$LAB/chain.qcow2 domain chain format=qcow2 disk="$(store "$LAB/base.img")"
checks chain 0
like "chain: both say the same" "$output" 'backing +ok +1 more file'
image=$LAB/chain.qcow2 domain other format=qcow2 disk="$(store "$LAB/win.img")"
not_ok other windows "busflip would read $LAB/chain.qcow2 with .*" 'with the guest off, .*'
like "other: which files those are is known, what they are is not" "$output" \
	"backing +not known the definition names other files .* than $LAB/chain.qcow2 does"
ok "other: it starts" run_once other
image=$LAB/chain.qcow2 domain broken format=qcow2 disk="$(store "$LAB/none.img")"
fails "broken: check" 1 busflip check broken
like "broken: a file of the definition is missing" "$output" \
	"backing +not ok +$LAB/none.img does not exist"
fails "broken: libvirt does not start it" 1 virsh start broken

# --- what no change of owner cures

mkdir "$LAB/fixed"
mount -t tmpfs fixed "$LAB/fixed"
cp --sparse=always "$LAB/win.img" "$LAB/fixed/"
image=$LAB/fixed/win.img domain fixed
ok "fixed: nothing is wrong" busflip check fixed
mount -o remount,ro "$LAB/fixed"
fails "fixed: check" 1 busflip check fixed
like "fixed: what is wrong" "$output" "access +not ok +$LAB/fixed/win.img is on a file system .*read-only"
like "fixed: the cure" "$output" 'cure: mount -o remount,rw '
fails "fixed: libvirt does not start it" 1 virsh start fixed
umount -l "$LAB/fixed"

# --- what nobody can write to, whoever owns it

# On a file system that has such attributes in every Linux; a tmpfs has from 6.0 on.
truncate -s 200M "$LAB/ext4"
mkfs.ext4 -qF "$LAB/ext4"
mkdir "$LAB/own"
mount -o loop "$LAB/ext4" "$LAB/own" 2>/dev/null || mount -t tmpfs own "$LAB/own"
cp --sparse=always "$LAB/win.img" "$LAB/own/w.img"
image=$LAB/own/w.img domain own
ok "own: nothing is wrong" busflip check own
chattr +i "$LAB/own/w.img"
not_ok own access "$LAB/own/w.img is immutable: nobody can write to it" "chattr -i $LAB/own/w.img"
fails "own: libvirt does not start it" 1 virsh start own
like "own: for that reason" "$output" 'Operation not permitted'
cured own "$cure"
ok "own: it starts" run_once own
chattr +a "$LAB/own/w.img"
not_ok own access "$LAB/own/w.img is append-only: .*" "chattr -a $LAB/own/w.img"
fails "own: libvirt does not start that either" 1 virsh start own
cured own "$cure"

# --- files of other disks, and what it boots with

# cdrom FILE [ATTRIBUTES] - a drive with it
cdrom()
{
	echo "<disk type='file' device='cdrom'><driver name='qemu' type='raw'/>
		<source file='$1' ${2:-}/><target dev='sdb' bus='sata'/></disk>"
}

truncate -s 1M "$LAB/cd.iso"
chmod 600 "$LAB/cd.iso"
domain cd devices="$(cdrom "$LAB/cd.iso")"
checks cd 0
like "cd: it was looked at" "$output" 'other-files +ok +1 more file, and QEMU may use them'
ok "cd: it starts" run_once cd
mv "$LAB/cd.iso" "$LAB/away.iso"
not_ok cd other-files "disk sdb: $LAB/cd.iso does not exist" \
	'virsh change-media cd sdb --eject --config, or put it back'
checks cd 1
fails "cd: libvirt does not start it" 1 virsh start cd
cured cd "${cure%%,*}"
ok "cd: it starts then" run_once cd
floppy=$(cdrom "$LAB/cd.iso")
floppy=${floppy/cdrom/floppy} floppy=${floppy/sdb/fda} floppy=${floppy/\'sata\'/\'fdc\'}
domain floppy machine=pc bus=ide devices="$floppy"
not_ok floppy other-files "disk fda: $LAB/cd.iso does not exist" \
	'virsh change-media floppy fda --eject --config, or put it back'
domain optional devices="$(cdrom "$LAB/cd.iso" "startupPolicy='optional'")"
ok "optional: nothing is wrong" busflip check optional
like "optional: it says so" "$(busflip check optional)" \
	"other-files +ok +disk sdb: $LAB/cd.iso does not exist, and the guest starts without it"
ok "optional: it starts" run_once optional
# As many items as there are files, and none of them is lost.
many=''
for letter in {b..z} a{a..h}; do
	many+="<disk type='file' device='cdrom'><driver name='qemu' type='raw'/><source
		file='$LAB/none-$letter.iso' startupPolicy='optional'/>
		<target dev='sd$letter' bus='scsi'/></disk>"
done
domain many devices="<controller type='scsi' index='0' model='virtio-scsi'/>$many
	<disk type='file'><driver name='qemu' type='raw'/><source file='$LAB/none.img'/>
	<target dev='sdai' bus='scsi'/></disk>"
not_ok many other-files "disk sdai: $LAB/none.img does not exist" 'put it back, or .*'
is "many: all is said" "$(grep -c '^other-files ' <<< "$output")" 34
fails "many: libvirt does not start it" 1 virsh start many
domain requisite devices="$(cdrom "$LAB/cd.iso" "startupPolicy='requisite'")"
fails "requisite: check" 1 busflip check requisite
fails "requisite: libvirt does not start it" 1 virsh start requisite
mkdir -m 700 "$LAB/private"
mv "$LAB/away.iso" "$LAB/private/cd.iso"
domain private devices="$(cdrom "$LAB/private/cd.iso")"
not_ok private other-files "disk sdb: .*/cd.iso: QEMU runs as user .*, which can't enter $LAB/private" \
	"setfacl -m u:libvirt-qemu:x $LAB/private, or move .*"
fails "private: libvirt does not start it" 1 virsh start private
cured private "${cure%%,*}"
ok "private: it starts" run_once private

# What libvirt can't give to its user, which is no error to libvirt.
cp "$LAB/private/cd.iso" "$LAB/own/cd.iso"
chmod 600 "$LAB/own/cd.iso"
mount -o remount,ro "$LAB/own"
domain mounted devices="$(cdrom "$LAB/own/cd.iso")"
not_ok mounted other-files "disk sdb: $LAB/own/cd.iso: .* can't read it, and libvirt can't change its owner" \
	'copy it to /var/lib/libvirt/images and .*'
fails "mounted: libvirt does not start it" 1 virsh start mounted
mount -o remount,rw "$LAB/own"
chmod 644 "$LAB/own/cd.iso"
mount -o remount,ro "$LAB/own"
ok "mounted: readable, nothing is wrong" busflip check mounted
ok "mounted: it starts" run_once mounted
umount -l "$LAB/own"

qemu-img create -q -f qcow2 "$LAB/base.qcow2" 1M
qemu-img create -q -f qcow2 -F qcow2 -b "$LAB/base.qcow2" "$LAB/data.qcow2"
domain data devices="<disk type='file'><driver name='qemu' type='qcow2'/>
	<source file='$LAB/data.qcow2'/><target dev='vdb' bus='virtio'/></disk>"
ok "data: nothing is wrong" busflip check data
like "data: both were looked at" "$(busflip check data)" 'other-files +ok +2 more files'
mv "$LAB/base.qcow2" "$LAB/moved.qcow2"
not_ok data other-files "disk vdb: $LAB/data.qcow2: refers to $LAB/base.qcow2: No such file .*" \
	"qemu-img info --backing-chain $LAB/data.qcow2; .*"
fails "data: libvirt does not start it" 1 virsh start data
domain maybe devices="<disk type='file'><driver name='qemu' type='qcow2'/><source
	file='$LAB/data.qcow2' startupPolicy='optional'/><target dev='vdb' bus='virtio'/></disk>"
is "maybe: whether it would start without that disk is not known, and nothing else said" \
	"$(busflip check maybe | sed -n 's/^\(other-files  [^:]*\).*/\1/p')" "other-files  not known disk vdb"
domain alone devices="<disk type='file'><driver name='qemu' type='qcow2'/>
	<source file='$LAB/data.qcow2'/><backingStore/><target dev='vdb' bus='virtio'/></disk>"
ok "alone: by the definition there is no base" busflip check alone
ok "alone: it starts" run_once alone
rm "$LAB/data.qcow2"
not_ok data other-files "disk vdb: $LAB/data.qcow2 does not exist" 'put it back, or .* virsh edit data'

: > "$LAB/plain"
domain below devices="<disk type='file'><driver name='qemu' type='raw'/>
	<source file='$LAB/plain/data.img'/><target dev='vdb' bus='virtio'/></disk>"
not_ok below other-files "disk vdb: $LAB/plain/data.img does not exist" 'put it back, or .*'

# Of any disk the format must be the file's; one that QEMU encrypts is raw in its.
qemu-img create -q -f raw "$LAB/data.img" 1M
domain wrong devices="<disk type='file'><driver name='qemu' type='qcow2'/>
	<source file='$LAB/data.img'/><target dev='vdb' bus='virtio'/></disk>"
not_ok wrong other-files "disk vdb: the definition says qcow2, but $LAB/data.img is raw" \
	'virt-xml wrong --edit target=vdb --disk driver.type=raw'
fails "wrong: libvirt does not start it" 1 virsh start wrong
cured wrong "$cure"
qemu-img create -q -f qcow2 "$LAB/data.img" 1M
not_ok wrong other-files \
	"disk vdb: the definition says raw, but $LAB/data.img begins as qcow2 does" \
	'if the guest has never run with raw: virt-xml wrong --edit target=vdb --disk .*'
# On a busy machine QEMU at times fails to time the hash of LUKS.
for ((i = 0; i < 8; i++)); do
	qemu-img create -q -f luks --object secret,id=key,data=abc \
		-o key-secret=key,iter-time=10 "$LAB/data.img" 1M && break
done
domain secret devices="<disk type='file'><driver name='qemu' type='raw'/>
	<source file='$LAB/data.img'><encryption format='luks'>
	<secret type='passphrase' uuid='a9b4c3f0-3c5d-4b57-9d3a-0d0c8e2f4b11'/></encryption>
	</source><target dev='vdb' bus='virtio'/></disk>"
not_ok secret command "Secret not found: .*" 'fix what libvirt reports, .* or on this host'
echo "<secret ephemeral='yes'><uuid>a9b4c3f0-3c5d-4b57-9d3a-0d0c8e2f4b11</uuid></secret>" > "$LAB/key.xml"
quietly virsh -q secret-define "$LAB/key.xml"
quietly virsh -q secret-set-value a9b4c3f0-3c5d-4b57-9d3a-0d0c8e2f4b11 --base64 YWJj
ok "secret: raw, and begins as LUKS does" busflip check secret

domain kernel boot="<kernel>$LAB/vmlinuz</kernel><initrd>$LAB/initrd</initrd>"
touch "$LAB/initrd"
not_ok kernel other-files "kernel: $LAB/vmlinuz does not exist" 'put it back, or .*'
fails "kernel: libvirt does not start it" 1 virsh start kernel
touch "$LAB/vmlinuz"
ok "kernel: nothing is wrong then" busflip check kernel
