# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lib-package.sh - for test-packages*.sh; source it after busflip_required

# shellcheck disable=SC2034	# for the tests
hook=/etc/libvirt/hooks/qemu

# package_host - a host without busflip but with a hook of somebody else, and a
# copy of the tree to build packages from, where the test is then
package_host()
{
	mkdir "$LAB/src"
	cp -a "$tests/../"{Makefile,install.sh,hook,conf,helper,README.md,LICENSE} "$LAB/src/"
	mkdir "$LAB/src/tests"
	cd "$LAB/src" || exit 1
	rm -rf /usr/local/sbin/busflip /usr/local/libexec/busflip /var/lib/busflip \
		/etc/busflip.conf $hook $hook.d
	cat > $hook <<-END
	#!/bin/sh
	# not busflip-hook's
	cat > /dev/null
	echo "\$1 \$2" >> $LAB/foreign.calls
	END
	chmod +x $hook
	cp $hook "$LAB/foreign"
	ln -s "$LAB/libvirtd.pid" /run/libvirtd.pid
	footprint > "$LAB/before"
	lab_daemon_restart
	daemon=$(cat "$LAB/libvirtd.pid")
}

# footprint - all that a package of busflip may have put somewhere
footprint()
{
	find /etc /usr/sbin /usr/libexec /usr/lib/systemd /usr/lib/busflip /usr/local /usr/share \
		/var/lib/busflip \( -path /etc/libvirt/qemu -o -path /usr/share/locale \
		-o -path /usr/share/doc -o -path /usr/share/perl \) -prune -o \
		\( -iname '*busflip*' -o -path '/etc/libvirt/hooks/*' \
		-o -path '/var/lib/busflip/*' \) -print 2>/dev/null | sort
}

# new - what of that was not there before
new()
{
	footprint | comm -23 - "$LAB/before"
}
