#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The Debian package, from "make deb" to purge, with the real dpkg and a running daemon:
# hooks of others, a changed configuration, units.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
if [ ! -e /etc/debian_version ]; then
	skip_all "this is not Debian"
fi
busflip_required "$@"
requires dpkg-buildpackage --version
requires command -v dh
requires lintian --version
# shellcheck source=tests/lib-package.sh
. "$tests/lib-package.sh"
export DEBIAN_FRONTEND=noninteractive
export DEB_BUILD_OPTIONS='nocheck noautodbgsym parallel=2'
output=
plan 60

package_host
mkdir -p /etc/apparmor.d/local
echo '#include <local/usr.sbin.libvirtd>' > /etc/apparmor.d/usr.sbin.libvirtd
echo '# ours' > /etc/apparmor.d/local/usr.sbin.libvirtd
define_domain bystander guest=stay tag=no
virsh -q start bystander

field()
{
	dpkg-query -W -f "\${$1}" busflip
}

# --- the package

is "what it is built with is what install.sh installs for that" \
	"$(sed -n '/^Build-Depends:/,/^[A-Z]/s/^ \([a-z0-9.+-]*\).*/\1/p' conf/debian/control | sort)" \
	"$(bash -c '. conf/packages.sh; packages debian build' |
	   tr ' ' '\n' | grep -vxE 'gcc|make|libc6-dev|linux-libc-dev' | sort)"
ok "make deb" make -s deb
version=$(dpkg-deb -f build/deb/*.deb Version)
deb=build/deb/busflip_${version}_amd64.deb
ok "lintian finds no error" lintian --allow-root --fail-on error "$deb"
is "what it has in /etc is configuration" \
	"$(dpkg-deb -c "$deb" | awk '{ print $6 }' | grep '^\./etc/.*[^/]$')" ./etc/busflip.conf
# Small systems have dpkg leave such files out, so they are looked for in here.
is "manual pages and completion are where they are looked for" \
	"$(dpkg-deb -c "$deb" | awk '{ print $6 }' |
	   grep -E '/(man|[a-z_-]*completions(\.d)?)/.*[^/]$' | sort)" \
"./usr/share/bash-completion/completions/busflip
./usr/share/fish/vendor_completions.d/busflip.fish
./usr/share/man/man5/busflip.conf.5.gz
./usr/share/man/man7/busflip-engines.7.gz
./usr/share/man/man7/busflip-recipes.7.gz
./usr/share/man/man8/busflip-helper.8.gz
./usr/share/man/man8/busflip-hook.8.gz
./usr/share/man/man8/busflip.8.gz
./usr/share/zsh/vendor-completions/_busflip"
is "pages name the paths of the package" \
	"$(dpkg-deb --fsys-tarfile "$deb" | tar -xO --wildcards './usr/share/man/*.gz' | zcat |
	   grep -oE '/usr/(local|share/busflip)' | sort -u)" /usr/share/busflip
like "it depends on what is loaded at run time" "$(dpkg-deb -f "$deb" Depends)" \
	'libarchive13.*libnbd0.*libvirt0'

# --- install

ok "dpkg -i" dpkg -i "$deb"
is "it is installed" "$(field db:Status-Status)" installed
is "the program has the package's version" "$(busflip --version)" "busflip $version"
is "and is that of the package" "$(command -v busflip)" /usr/sbin/busflip
is "files, and what maintainer scripts make" "$(new | grep -v /usr/share/)" \
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
/usr/sbin/busflip
/var/lib/busflip
/var/lib/busflip/bait.img"
ok "the foreign hook is untouched" cmp $hook "$LAB/foreign"
is "AppArmor needs no rule for /usr/sbin" \
	"$(cat /etc/apparmor.d/local/usr.sbin.libvirtd)" '# ours'
unlike "no path of another prefix is in it" \
	"$(cd / && dpkg -L busflip | xargs -d '\n' grep -lsI /usr/local/ | grep -v -e doc -e setup.sh)" .
is "the daemon is the same" "$(cat "$LAB/libvirtd.pid")" "$daemon"
is "the guest that ran still runs" "$(state_of bystander)" running

# Its guests have no Windows on their disks.
sed -i 's/^#evidence = .*/evidence = shutdown/' /etc/busflip.conf
define_domain win guest=stay
press_late win
is "the daemon knows of the hook" "$(where win)" trial/virtio
ok "and runs the other one" grep -q '^win release$' "$LAB/foreign.calls"

# --- upgrade

cp /etc/busflip.conf "$LAB/edited"
sed -i '1s/.*/busflip (99.1) unstable; urgency=medium/' conf/debian/changelog
echo '# a comment of a later version' >> conf/busflip.conf
ok "make deb of another version" make -s deb
is "which is in nothing but the changelog" "$(ls build/deb/*.deb)" \
	build/deb/busflip_99.1_amd64.deb
chmod 644 $bait
ok "dpkg -i" dpkg -i --force-confdef --force-confold build/deb/*.deb
is "it is upgraded" "$(busflip --version),$(field Version)" "busflip 99.1,99.1"
is "the bait that everybody could read is for QEMU's user" \
	"$(stat -c %a $bait) $(getfacl -p $bait | grep '^user:[^:]')" "640 user:libvirt-qemu:r--"
ok "the configuration that was changed is kept" cmp /etc/busflip.conf "$LAB/edited"
like "the new one is beside it" "$(tail -n 1 /etc/busflip.conf.dpkg-dist)" 'later version'
is "there is one hook of ours" "$(find $hook $hook.d -type f)" "$hook
$hook.d/50-busflip"
press win
is "a domain on its way arrives" "$(where win)" "done/virtio"

# --- remove

staged_domain 'on the way'
on_trial watched
watcher=$(watcher_of watched)
for options in '' --force '--prefix=/usr --force'; do
	# shellcheck disable=SC2086	# a list
	fails "install.sh --uninstall $options leaves a package alone" 1 \
		./install.sh --uninstall $options
	like "and says what takes it away" "$output" 'a package; .*apt remove busflip'
done
is "the staged domain still has its hook and its bait" "$(ls $hook.d $bait)" \
"$bait

$hook.d:
50-busflip"
mkdir -p /var/lib/busflip/journal
: > /var/lib/busflip/journal/0123.journal
fails "dpkg -r" 0 dpkg -r busflip
like "names the domain that is on its way" "$output" 'on the way \(staged\)'
like "and the one on trial" "$output" 'watched \(trial\)'
ok "which nothing watches any more" wait_for "! kill -0 $watcher 2>/dev/null" 5
is "and which runs on" "$(state_of watched)" running
virsh -q destroy watched
virsh -q undefine watched
like "and the patch that was interrupted" "$output" 'half written.*journal/0123\.journal'
ok "whose journal stays" rm /var/lib/busflip/journal/0123.journal
is "it is removed" "$(field db:Status-Status)" config-files
is "configuration, the bait of the staged domain and the foreign hook stay" \
	"$(footprint | grep -e /hooks/ -e 'busflip\.conf' -e bait)" \
"/etc/busflip.conf
/etc/busflip.conf.dpkg-dist
$hook
/var/lib/busflip/bait.img"
ok "which is untouched" cmp $hook "$LAB/foreign"
ok "no program is left" [ ! -e /usr/sbin/busflip -a ! -e /usr/libexec/busflip ]
ok "the staged domain starts" virsh -q start 'on the way'
wait_for "is_off 'on the way'" 30
ok "the daemon is the same, and does not look for our hook" \
	[ "$(cat "$LAB/libvirtd.pid")" = "$daemon" ]

# --- purge

ok "dpkg -P" dpkg -P busflip
is "the bait stays while a domain has it" "$(new)" "/var/lib/busflip
/var/lib/busflip/bait.img"
virsh -q undefine 'on the way'

# --- no other hook

rm $hook
install -m 755 /bin/true /usr/local/sbin/busflip
fails "dpkg -i on a host without a hook" 0 dpkg -i build/deb/*.deb
like "it tells of an installation by install.sh" "$output" 'is from install.sh'
cp /usr/sbin/busflip /usr/local/sbin/busflip
fails "which --uninstall takes away beside the package" 0 ./install.sh --uninstall
like "that has to be installed again then" "$output" 'reinstall the package'
quietly dpkg -i build/deb/*.deb
is "ours is the hook" "$(find $hook* -type f)" $hook
ok "a host with the package has no use for install.sh" \
	grep -q 'installed as a package' <(./install.sh 2>&1)
cp "$LAB/foreign" $hook.new && mv $hook.new $hook
ok "apt purge, when somebody has put another in its place" apt-get -y -q purge busflip
ok "it stays" cmp $hook "$LAB/foreign"
is "nothing else does" "$(new)" ''
is "the guest that ran still runs" "$(state_of bystander)" running
