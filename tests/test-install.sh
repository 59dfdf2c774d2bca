#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# install.sh on a running host: the daemon is not restarted, guests keep running, hooks of
# others stay, and nothing is left after --uninstall or a failure.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
busflip_required "$@"

# A copy, so that nothing is built under the feet of other tests.
mkdir "$LAB/src"
cp -a "$tests/../"{Makefile,install.sh,hook,conf,helper} "$LAB/src/"
cp -a "$BUSFLIP_BUILD" "$LAB/src/build"
cd "$LAB/src" || exit 1
requires ./install.sh --deps
plan 69

hook=/etc/libvirt/hooks/qemu
hook_d=$hook.d/50-busflip
sbin=/usr/local/sbin/busflip
apparmor=/etc/apparmor.d/local/usr.sbin.libvirtd

# Everything that an installation may put somewhere.
footprint()
{
	find /etc /usr/local /var/lib/busflip -path '/etc/libvirt/qemu' -prune -o \
		\( -iname '*busflip*' -o -path '/etc/libvirt/hooks/*' -o -path '/var/lib/busflip/*' \) \
		-print 2>/dev/null | sort
}

make_uninstall()
{
	make -s uninstall >/dev/null
	rm -rf /var/lib/busflip "$hook.d"
}

# The host as it was before: no busflip, and a daemon that has looked for hooks
# and found none.
make_uninstall
ln -s "$LAB/libvirtd.pid" /run/libvirtd.pid
mkdir -p /etc/apparmor.d/local
echo '#include <local/usr.sbin.libvirtd>' > /etc/apparmor.d/usr.sbin.libvirtd
echo '# ours' > "$apparmor"
rm -f /etc/busflip.conf
is "nothing is installed at first" "$(footprint)" ""
lab_daemon_restart
daemon=$(cat "$LAB/libvirtd.pid")
define_domain bystander guest=stay tag=no
virsh -q start bystander
define_domain early
virsh -q start early
wait_for "is_off early" 15
is "no hook, nothing happens" "$(where early)" none/virtio

# --- install

ok "install.sh" ./install.sh
# Its guests have no Windows on their disks.
sed -i 's/^#evidence = .*/evidence = shutdown/' /etc/busflip.conf
is "the hook is in its place" "$(footprint | grep hooks/)" "$hook"
is "configuration, units, pages, state" "$(footprint | grep -v hooks/)" \
"/etc/busflip.conf
/usr/local/lib/systemd/system/busflip-stage.path
/usr/local/lib/systemd/system/busflip-stage.service
/usr/local/libexec/busflip
/usr/local/libexec/busflip/busflip-helper
/usr/local/sbin/busflip
/usr/local/share/bash-completion/completions/busflip
/usr/local/share/busflip
/usr/local/share/fish/vendor_completions.d/busflip.fish
/usr/local/share/man/man5/busflip.conf.5
/usr/local/share/man/man7/busflip-engines.7
/usr/local/share/man/man7/busflip-recipes.7
/usr/local/share/man/man8/busflip-helper.8
/usr/local/share/man/man8/busflip-hook.8
/usr/local/share/man/man8/busflip.8
/usr/local/share/zsh/site-functions/_busflip
/var/lib/busflip
/var/lib/busflip/bait.img"
is "the bait can be read by QEMU's user, and by no other" \
	"$(stat -c '%a %U' /var/lib/busflip /var/lib/busflip/bait.img | tr '\n' ' ')$(getfacl -p $bait | grep '^user:[^:]')" \
	"755 root 640 root user:libvirt-qemu:r--"
is "AppArmor lets libvirtd run busflip" "$(cat "$apparmor")" \
	"# ours
$sbin PUx,	# busflip, added by its install.sh"
is "the daemon is the same" "$(cat "$LAB/libvirtd.pid")" "$daemon"
is "the guest that ran still runs" "$(state_of bystander)" running

like "check finds the hook" "$(busflip check bystander)" "^hook +ok +$hook"
run_once early
is "the daemon knows of the hook: staged, run on SATA, promoted" "$(where early)" trial/virtio

# --- again

before=$(footprint)
echo '#bus = virtio, of course' >> /etc/busflip.conf
chmod 644 $bait
ok "install.sh again" ./install.sh
is "the bait of an older one is not for all any more" \
	"$(stat -c %a $bait) $(getfacl -p $bait | grep '^user:[^:]')" "640 user:libvirt-qemu:r--"
is "the same files" "$(footprint)" "$before"
is "the configuration is kept" "$(tail -n 1 /etc/busflip.conf)" '#bus = virtio, of course'
is "one rule for AppArmor" "$(grep -c busflip "$apparmor")" 1

# --- uninstall

fails "--uninstall refuses while a domain is on trial" 1 ./install.sh --uninstall
like "and names it" "$output" "early \(trial\)"
ok "everything is still there" [ -x "$sbin" -a -x "$hook" ]
staged_domain 'on the way'
fails "--uninstall refuses while a domain is staged" 1 ./install.sh --uninstall
like "and names it, with spaces" "$output" "on the way \(staged\)"
on_trial watched
watcher=$(watcher_of watched)
quietly ./install.sh
like "what watches it is of a program that was replaced" "$(readlink "/proc/$watcher/exe")" \
	"^$sbin \(deleted\)\$"
# Neither another program with the same words, nor ours with others.
echo 'read -r' > "$LAB/tmp/watch"
mkfifo "$LAB/tmp/never"
(cd "$LAB/tmp" && exec -a busflip bash watch "$(uuid_of watched)" <> never) &
same_words=$!
busflip status --watch > /dev/null &
same_program=$!
ok "--uninstall --force" ./install.sh --uninstall --force
ok "ends what watches a guest on trial" wait_for "! kill -0 $watcher 2>/dev/null" 5
ok "not what looks like it" kill $same_words
ok "nor the same program at other work" kill $same_program
is "the guest runs on" "$(state_of watched)" running
is "only the changed configuration is left" "$(footprint)" "/etc/busflip.conf"
ok "nor is there anything in /run" [ ! -e /run/busflip ]
is "AppArmor is as before" "$(cat "$apparmor")" "# ours"
virsh -q undefine 'on the way'
define_domain later
virsh -q start later
ok "domains start without busflip" wait_for "is_off later" 15
is "and nothing happens to them" "$(where later)" none/virtio
virsh -q destroy watched
for domain in early later watched; do
	virsh -q undefine $domain
done
rm /etc/busflip.conf

# --- somebody else's hook

cat > $hook <<END
#!/bin/sh
# not busflip-hook's
cat > /dev/null
echo "\$1 \$2" >> $LAB/foreign.calls
END
chmod +x $hook
cp $hook "$LAB/foreign"
ok "install.sh beside somebody else's hook" ./install.sh
sed -i 's/^#evidence = .*/evidence = shutdown/' /etc/busflip.conf
ok "theirs is untouched" cmp $hook "$LAB/foreign"
is "ours is in qemu.d" "$(footprint | grep hooks/)" "$hook
$hook.d
$hook_d"
define_domain both guest=stay
press_late both
is "ours works" "$(where both)" trial/virtio
ok "theirs too" grep -q '^both release$' "$LAB/foreign.calls"
press both
is "to the end" "$(where both)" "done/virtio"
sed -i 's/^evidence = .*/#evidence = require/' /etc/busflip.conf
mkdir -p /var/lib/busflip/journal
: > /var/lib/busflip/journal/0123.journal
fails "--uninstall refuses while a disk is half patched" 1 ./install.sh --uninstall
like "and names the journal" "$output" 'journal/0123\.journal'
rm /var/lib/busflip/journal/0123.journal
ok "--uninstall: a domain that is done does not mind" ./install.sh --uninstall
is "theirs stays" "$(footprint)" $hook
rm $hook

# Ours was in qemu.d, and the other one is gone by now: not two of ours.
mkdir -p $hook.d
cp build/busflip-hook $hook_d
ok "install.sh after somebody else's hook has gone" ./install.sh
is "there is one hook" "$(find $hook $hook.d -type f)" $hook

# --- failures

make_uninstall
rm -f /etc/busflip.conf
mv /etc/libvirt/hooks "$LAB/hooks"
: > /etc/libvirt/hooks
fails "install.sh fails when the hook can't be put there" 1 ./install.sh
like "and says so" "$output" "make install-hook failed"
is "and has taken everything back" "$(footprint)" ""
rm /etc/libvirt/hooks
mv "$LAB/hooks" /etc/libvirt/hooks

fails "an unknown option is wrong usage" 2 ./install.sh --frobnicate

# --- another prefix

# The real systemctl says where units are looked for; there is no systemd to talk to.
mkdir -p /run/systemd/system
cat > /usr/local/bin/systemctl <<'END'
#!/bin/bash
case " $* " in
*" enable "* | *" disable "*)
	for word; do
		shift
		[ "$word" = --now ] || set -- "$@" "$word"
	done
	exec /usr/bin/systemctl --root=/ "$@" ;;
*" is-active "*)
	exit 1 ;;
esac
END
chmod +x /usr/local/bin/systemctl
hash -r
elsewhere=/usr/local/elsewhere
mkdir -p build/deb
touch build/deb/busflip.deb
ok "install.sh --prefix, with systemd" ./install.sh --prefix=$elsewhere/
ok "a package that was built stays" rm build/deb/busflip.deb
is "the units are where systemd looks" "$(footprint | grep systemd)" \
"/etc/systemd/system/busflip-stage.path
/etc/systemd/system/busflip-stage.service
/etc/systemd/system/multi-user.target.wants/busflip-stage.service
/etc/systemd/system/paths.target.wants/busflip-stage.path"
like "and run what was installed" "$(cat /etc/systemd/system/busflip-stage.service)" \
	"[[:space:]]$elsewhere/sbin/busflip stage --all"
sed -i 's/^#evidence = .*/evidence = shutdown/' /etc/busflip.conf
define_domain far
quietly $elsewhere/sbin/busflip stage far
before=$(footprint)
mkdir "$LAB/no-make"
ln -s /usr/bin/* "$LAB/no-make/" && rm "$LAB/no-make/make"
fails "--uninstall without make" 1 env PATH="$LAB/no-make" ./install.sh --uninstall --prefix $elsewhere
like "says so" "$output" '--uninstall needs make'
fails "--uninstall without that prefix" 1 ./install.sh --uninstall
like "says with which" "$output" "hook .* below $elsewhere; .*--uninstall --prefix $elsewhere\""
is "and takes nothing away" "$(footprint)" "$before"
fails "--uninstall with it refuses while a domain is staged" 1 \
	./install.sh --uninstall --prefix $elsewhere
like "and names it" "$output" "far \(staged\)"
virsh -q undefine far
ok "--uninstall with it" ./install.sh --uninstall --prefix $elsewhere
is "only the changed configuration is left" "$(footprint)" /etc/busflip.conf
rm -r /etc/busflip.conf /usr/local/bin/systemctl /run/systemd
hash -r
fails "--uninstall where there is nothing" 1 ./install.sh --uninstall
like "says that there may be another prefix" "$output" "not installed below /usr/local; .*--prefix"
ok "with --force" ./install.sh --uninstall --force

# --- DESTDIR

ok "--destdir with another prefix" ./install.sh --destdir "$LAB/other" --prefix $elsewhere
is "has units in there" "$(cd "$LAB/other" && find . -name '*.path') $(footprint)" \
	"./etc/systemd/system/busflip-stage.path "
quietly make uninstall DESTDIR="$LAB/other" PREFIX=$elsewhere
is "make uninstall finds them there" "$(find "$LAB/other" ! -type d)" ''
ok "--destdir is of the directory that install.sh was called in" \
	env -C "$LAB" src/install.sh --destdir dest --prefix /usr
is "goes there and nowhere else" "$(cd "$LAB/dest" && find . -type f -o -type l | sort) $(footprint)" \
"./etc/busflip.conf
./etc/libvirt/hooks/qemu
./usr/lib/systemd/system/busflip-stage.path
./usr/lib/systemd/system/busflip-stage.service
./usr/libexec/busflip/busflip-helper
./usr/sbin/busflip
./usr/share/bash-completion/completions/busflip
./usr/share/busflip/before_vm_start
./usr/share/busflip/kubevirt.yaml
./usr/share/busflip/onDefineDomain
./usr/share/fish/vendor_completions.d/busflip.fish
./usr/share/man/man5/busflip.conf.5
./usr/share/man/man7/busflip-engines.7
./usr/share/man/man7/busflip-recipes.7
./usr/share/man/man8/busflip-helper.8
./usr/share/man/man8/busflip-hook.8
./usr/share/man/man8/busflip.8
./usr/share/zsh/site-functions/_busflip "
