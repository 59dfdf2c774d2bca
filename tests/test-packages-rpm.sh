#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The RPM package, from "make rpm" to its removal, with the real rpm and a running daemon.
# Also runs where packages are not RPMs: dependencies are ignored.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
busflip_required "$@"
requires rpmbuild --version
requires rpmlint --version
# shellcheck source=tests/lib-package.sh
. "$tests/lib-package.sh"
output=
plan 28

# Up to Debian 12 rpm wants to be asked twice there.
force=(--nodeps)
! rpm --help | grep -q -e --force-debian || force+=(--force-debian)
package_host
define_domain bystander guest=stay tag=no
virsh -q start bystander

ok "make rpm" make -s rpm RPMFLAGS="--nodeps --nocheck"
rpm=$(echo build/rpm/RPMS/*/busflip-[0-9]*.rpm)
ok "rpmlint finds no error" rpmlint --ignore-unused-rpmlintrc -r conf/busflip.rpmlintrc \
	"$rpm" build/rpm/SPECS/busflip.spec
version=$(rpm -qp --qf '%{VERSION}' "$rpm")
like "the spec has the changelog of the Debian package" \
	"$(rpm -qp --changelog "$rpm" | head -n 1)" " - $version-1\$"
like "it requires what is loaded at run time" "$(rpm -qp --requires "$rpm" | paste -sd ' ')" \
	'libarchive\.so\.13.*libnbd\.so\.0.*libvirt\.so\.0'
is "its only configuration" "$(rpm -qcp "$rpm")" /etc/busflip.conf

ok "rpm -i" rpm -i "${force[@]}" "$rpm"
# /usr/bin, where the two are one.
like "the program is there" "$(command -v busflip)" '^/usr/s?bin/busflip$'
is "the program has the package's version" "$(busflip --version)" "busflip $version"
is "files, and what scriptlets make" \
	"$(new | grep -v -e '^/usr/share/' -e '^/usr/sbin/')" \
"/etc/busflip.conf
/etc/libvirt/hooks/qemu.d
/etc/libvirt/hooks/qemu.d/50-busflip
/etc/systemd/system/multi-user.target.wants/busflip-stage.service
/etc/systemd/system/paths.target.wants/busflip-stage.path
/usr/lib/systemd/system/busflip-stage.path
/usr/lib/systemd/system/busflip-stage.service
/usr/libexec/busflip
/usr/libexec/busflip/busflip-helper
/usr/libexec/busflip/busflip-hook
/var/lib/busflip
/var/lib/busflip/bait.img"
ok "the foreign hook is untouched" cmp $hook "$LAB/foreign"
is "the daemon is the same" "$(cat "$LAB/libvirtd.pid")" "$daemon"
sed -i 's/^#evidence = .*/evidence = shutdown/' /etc/busflip.conf
cp /etc/busflip.conf "$LAB/edited"
define_domain win guest=stay
press_late win
is "the daemon knows of the hook" "$(where win)" trial/virtio
ok "and runs the other one" grep -q '^win release$' "$LAB/foreign.calls"

# An upgrade, to the same version: the scriptlets are told the same.
systemctl -q disable busflip-stage.service
chmod 644 $bait
ok "rpm -U" rpm -U --replacepkgs --replacefiles "${force[@]}" "$rpm"
is "the bait that everybody could read is for QEMU's user" \
	"$(stat -c %a $bait) $(getfacl -p $bait | grep '^user:[^:]')" "640 user:libvirt-qemu:r--"
ok "the configuration that was changed is kept" cmp /etc/busflip.conf "$LAB/edited"
ok "a unit that was disabled stays so" \
	[ ! -e /etc/systemd/system/multi-user.target.wants/busflip-stage.service ]
is "there is one hook of ours" "$(find $hook $hook.d -type f)" "$hook
$hook.d/50-busflip"
press win
is "a domain on its way arrives" "$(where win)" "done/virtio"

staged_domain 'on the way'
on_trial watched
watcher=$(watcher_of watched)
fails "rpm -e" 0 rpm -e --nodeps busflip
like "names the domain that is on its way" "$output" 'on the way \(staged\)'
ok "nothing watches the one on trial any more" wait_for "! kill -0 $watcher 2>/dev/null" 5
is "which runs on" "$(state_of watched)" running
virsh -q destroy watched
virsh -q undefine watched
is "configuration that was changed, the bait of the staged domain, the foreign hook" \
	"$(footprint | grep -e /hooks/ -e 'busflip\.conf' -e bait)" \
"/etc/busflip.conf.rpmsave
$hook
/var/lib/busflip/bait.img"
ok "which is untouched" cmp $hook "$LAB/foreign"
is "nothing else stays" "$(new)" "/etc/busflip.conf.rpmsave
/var/lib/busflip
/var/lib/busflip/bait.img"
ok "the staged domain starts" virsh -q start 'on the way'
is "the guest that ran still runs" "$(state_of bystander)" running
