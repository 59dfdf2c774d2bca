#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What busflip check reports about AppArmor and SELinux, where neither runs. AppArmor is
# simulated by the files from which libvirt's use of it is known; the verdict comes from
# libvirt's own virt-aa-helper. SELinux is simulated by the labels of files, the
# capabilities of a libvirt that uses it, and the kernel's file for access queries, with a
# policy of a few lines. (test-confine and test-selinux.c test the parts.)

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
busflip_required "$@"
[ -e "$BUSFLIP_BUILD/tests/capabilities.so" ] || skip_all "capabilities.so is not built"
plan 37
output=

# confinement NAME - what is said of it
confinement()
{
	busflip check "$1" | sed -n '/^confinement/ { p; n; /^ *cure/p }'
}

# restart [VARIABLE=VALUE] - the daemon, with that in its environment
restart()
{
	local pid

	pid=$(cat "$LAB/libvirtd.pid")
	kill "$pid" && wait_for "! kill -0 $pid 2>/dev/null" 60
	(export "${@:-LANG=C}" && lab_daemon_start) || bail_out "the daemon does not start"
}

define_domain win
unlike "without either, nothing is said" "$(busflip check win)" confinement

# --- AppArmor

apparmor()
{
	# What libvirt looks at (use_apparmor() in src/security/security_apparmor.c, 9.0.0).
	mount -t tmpfs securityfs /sys/kernel/security
	mkdir /sys/kernel/security/apparmor
	echo "$(command -v libvirtd) (enforce)" > /sys/kernel/security/apparmor/profiles
	sed -i 's/^security_driver.*/security_driver = "apparmor"/' /etc/libvirt/qemu.conf
	restart
	like "libvirt uses AppArmor" "$(virsh capabilities)" '<model>apparmor</model>'
	like "an ordinary image" "$(confinement win)" '^confinement +ok +AppArmor: libvirt generates a profile$'
	# A folder that no guest may have anything from.
	mkdir -p /etc/images
	cp "$LAB/win.img" /etc/images/win.img
	make_domain secret image=/etc/images/win.img > "$LAB/secret.xml"
	quietly virsh -q define "$LAB/secret.xml"
	like "an image in /etc" "$(confinement secret)" \
		'confinement +not ok +AppArmor: /etc/images/win.img: skipped restricted file.*
 *cure: move the image to /var/lib/libvirt/images and set the new path with virsh edit secret$'
	fails "check: its exit status" 1 busflip check secret
	fails "libvirt does not start it" 1 virsh start secret
	like "for that reason" "$output" 'cannot load AppArmor profile'
	mv /etc/images/win.img /var/lib/libvirt/secret.img
	virsh dumpxml --inactive secret | sed 's,/etc/images/win.img,/var/lib/libvirt/secret.img,' > "$LAB/secret.xml"
	quietly virsh -q define "$LAB/secret.xml"
	like "the cure works" "$(confinement secret)" '^confinement  ok '
	# Not every libvirt lets QEMU have a volume of a pool; this one's helper says nothing of it.
	quietly virsh -q pool-create-as lab dir --target "$LAB"
	make_domain volume image="$LAB/win.img" | sed -e "s,<disk type='file',<disk type='volume'," \
		-e "s,<source file='$LAB/win.img',<source pool='lab' volume='win.img'," > "$LAB/volume.xml"
	quietly virsh -q define "$LAB/volume.xml"
	like "a volume of a pool" "$(confinement volume)" \
		"confinement +not known +AppArmor: libvirt generates a profile, but some versions omit volumes of a pool from it
 *cure: if its start fails with Permission denied, virsh edit volume: <disk type='file'> .*, with the path $LAB/win.img\$"
	printf '#!/nowhere\n' > "$LAB/helper" && chmod +x "$LAB/helper"
	mount --bind "$LAB/helper" "$helper"
	like "one that can't be run" "$(confinement win)" \
		"^confinement +not known .*virt-aa-helper gave no answer"
	umount "$helper"
	chmod -x "$helper"
	like "nobody to ask" "$(confinement win)" "^confinement +not known .*virt-aa-helper is not installed"
	sed -i 's/^security_driver.*/security_driver = "none"/' /etc/libvirt/qemu.conf
	umount /sys/kernel/security
}

helper=
for file in /usr/lib/libvirt /usr/libexec /usr/libexec/libvirt; do
	[ ! -x "$file/virt-aa-helper" ] || helper=$file/virt-aa-helper
done
if [ "$helper" ]; then
	apparmor
else
	skip_some 10 AppArmor "this libvirt has none"
fi

# --- SELinux

# Where the kernel has it, what is below is over its own.
[ -d /sys/fs/selinux ] || { mount -t tmpfs fs /sys/fs && mkdir /sys/fs/selinux; }
mount -t tmpfs selinux /sys/fs/selinux
mkdir -p /sys/fs/selinux/class/{file,dir}/perms
cd /sys/fs/selinux || exit 1
echo 1 > enforce
echo 6 > class/file/index && echo 7 > class/dir/index
echo 2 > class/file/perms/read && echo 3 > class/file/perms/write
echo 18 > class/file/perms/open && echo 5 > class/dir/perms/search
cat > "$LAB/kernel.py" <<'END'
import os, tty
master, slave = os.openpty()
tty.setraw(slave)
os.symlink(os.ttyname(slave), "/sys/fs/selinux/access")
folders = {"home_t": 0}
files = {"svirt_image_t": 0x20006, "virt_content_t": 0x20002, "iso_t": 0x20002}
while True:
    question = os.read(master, 4096).decode()
    print(question, flush=True)
    process, label, number = question.split(" ")
    kind = label.split(":")[2]
    allowed = folders.get(kind, 0xffffffff) if number == "7" else files.get(kind, 0)
    if process != "system_u:system_r:svirt_tcg_t:s0":
        allowed = 0
    os.write(master, b"%x ffffffff 0 ffffffff 1 0" % allowed)
END
cd "$LAB" || exit 1
python3 "$LAB/kernel.py" > "$LAB/questions" 2>&1 &
wait_for '[ -e /sys/fs/selinux/access ]' 10

# label TYPE FILE...
label()
{
	python3 -c 'import os, sys
for path in sys.argv[2:]:
    os.setxattr(path, "security.selinux", b"system_u:object_r:%s:s0\0" % sys.argv[1].encode())' "$@"
}

# confined NAME FILE [SECLABEL [OF-THE-DISK]] - a domain on that image
confined()
{
	make_domain "$1" image="$2" head="${3:-}" format="${format:-raw}" |
		sed "s,<source file='$2'/>,<source file='$2'>${4:-}</source>," > "$LAB/$1.xml"
	quietly virsh -q define "$LAB/$1.xml"
}

restart LD_PRELOAD="$BUSFLIP_BUILD/tests/capabilities.so"
like "libvirt says that it uses SELinux" "$(virsh capabilities)" '<model>selinux</model>'
mkdir "$LAB/images"
cp "$LAB/win.img" "$LAB/images/win.img"
label dir_t /run "$LAB" "$LAB/images"
label user_tmp_t "$LAB/images/win.img"
confined free "$LAB/images/win.img"
like "an image that libvirt labels" "$(confinement free)" '^confinement +ok +SELinux: QEMU may use the image$'
label home_t "$LAB/images"
like "in a folder that QEMU may not enter" "$(confinement free)" \
	"^confinement +not ok +SELinux: $LAB/images/win.img: QEMU may not enter $LAB/images, which has the label system_u:object_r:home_t:s0
 *cure: move the image to /var/lib/libvirt/images "
fails "check: its exit status" 1 busflip check free
echo 0 > /sys/fs/selinux/enforce
is "permissive: nothing is said" "$(confinement free)" ''
echo 1 > /sys/fs/selinux/enforce
label dir_t "$LAB/images"
confined lost "$LAB/images/lost.img"
is "an image that is not there: nothing is said" "$(confinement lost)" ''

# A seclabel of that model stays in a definition, whatever the host has.
for where in domain disk any; do
	case $where in
	domain)
		confined "fixed-$where" "$LAB/images/win.img" "<seclabel type='static' model='selinux'
			relabel='no'><label>system_u:system_r:svirt_tcg_t:s0</label></seclabel>" ;;
	disk) confined "fixed-$where" "$LAB/images/win.img" '' "<seclabel model='selinux' relabel='no'/>" ;;
	any) confined "fixed-$where" "$LAB/images/win.img" '' "<seclabel relabel='no'/>" ;;
	esac
	label user_tmp_t "$LAB/images/win.img"
	like "left alone by the $where: a label of something else" "$(confinement "fixed-$where")" \
		"^confinement +not ok +SELinux: $LAB/images/win.img has the label system_u:object_r:user_tmp_t:s0, with which QEMU may not read and write it, and libvirt does not change it \(relabel='no'\)
 *cure: chcon -t svirt_image_t $LAB/images/win.img\$"
	label virt_content_t "$LAB/images/win.img"
	like "one that QEMU may only read" "$(confinement "fixed-$where")" '^confinement +not ok '
	label svirt_image_t "$LAB/images/win.img"
	like "the cure: the label of an image" "$(confinement "fixed-$where")" '^confinement +ok '
done
confined other "$LAB/images/win.img" "<seclabel type='static' model='selinux' relabel='no'>
	<label>system_u:system_r:other_t:s0</label></seclabel>"
like "a label of its own that its QEMU runs with" "$(confinement other)" \
	'^confinement +not ok +SELinux: .*: QEMU may not enter /run,'

# What QEMU only reads needs less.
mv "$LAB/images/win.img" "$LAB/images/base.img"
qemu-img create -q -f qcow2 -F raw -b "$LAB/images/base.img" "$LAB/images/top.qcow2"
label svirt_image_t "$LAB/images/top.qcow2"
label user_tmp_t "$LAB/images/base.img"
format=qcow2 confined based "$LAB/images/top.qcow2" '' "<seclabel model='selinux' relabel='no'/>"
like "what it is based on" "$(confinement based)" \
	"^confinement +not ok +SELinux: $LAB/images/base.img has the label .*, with which QEMU may not read it, .*
 *cure: chcon -t virt_content_t $LAB/images/base.img\$"
label virt_content_t "$LAB/images/base.img"
like "may be for reading" "$(confinement based)" \
	'^confinement +ok +SELinux: QEMU may use the image and its backing files$'

# A CD-ROM on a file system that takes no labels now.
mkdir "$LAB/media"
mount -t tmpfs media "$LAB/media"
truncate -s 1M "$LAB/media/cd.iso"
label dir_t "$LAB/media"
label user_tmp_t "$LAB/media/cd.iso"
make_domain cd image="$LAB/images/base.img" devices="<disk type='file' device='cdrom'>
	<source file='$LAB/media/cd.iso'/><target dev='sdb' bus='sata'/></disk>" > "$LAB/cd.xml"
quietly virsh -q define "$LAB/cd.xml"
like "a CD-ROM that libvirt labels" "$(busflip check cd)" 'other-files +ok '
mount -o remount,ro "$LAB/media"
fails "read-only: check" 1 busflip check cd
like "read-only: what is wrong" "$output" \
	"confinement +not ok +SELinux: disk sdb: $LAB/media/cd.iso has the label .*user_tmp_t.*, with which QEMU may not read it, and libvirt can't change it \(read-only file system\)
 *cure: copy it to /var/lib/libvirt/images and "
mount -o remount,rw "$LAB/media"
label iso_t "$LAB/media/cd.iso"
mount -o remount,ro "$LAB/media"
like "read-only, with a label for it" "$(busflip check cd)" 'other-files +ok '

like "it was asked about QEMU, with the type that TCG has" "$(sort -u "$LAB/questions")" \
	'system_u:system_r:svirt_tcg_t:s0 system_u:object_r:dir_t:s0 7'
unlike "and in three words" "$(cat "$LAB/questions")" 'Traceback'
rm /sys/fs/selinux/access
like "nobody to ask: an image that libvirt labels" "$(confinement cd)" '^confinement +ok '
like "one that it leaves alone is not known" "$(confinement based)" \
	'^confinement +not known +SELinux: libvirt does not label .*
 *cure: chcon -t svirt_image_t .*, unless ls -Z '
