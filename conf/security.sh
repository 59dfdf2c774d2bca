# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# security.sh - settings of AppArmor and SELinux for busflip; sourced by setup.sh
#
# shellcheck disable=SC2154	# the sourcing script sets prefix and conf

# ---- AppArmor -------------------------------------------------------------

# libvirtd's profile lets it run programs in /usr/sbin, /usr/bin and so on, but
# nothing below /usr/local: the hook could not run busflip. The bait needs no
# rule: virt-aa-helper adds each disk to a guest's profile itself and may read
# every *.img.
apparmor_mark='busflip, added by its install.sh'

apparmor_profiles()
{
	local profile

	for profile in usr.sbin.libvirtd usr.sbin.virtqemud libvirtd virtqemud; do
		grep -qs "local/$profile>" "/etc/apparmor.d/$profile" && echo "$profile"
	done
	return 0
}

apparmor_load()
{
	[ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)" = Y ] || return 0
	command -v apparmor_parser >/dev/null || return 0
	apparmor_parser -r "/etc/apparmor.d/$1" ||
		warn "AppArmor did not load /etc/apparmor.d/$1; see above"
}

apparmor_drop()
{
	local profile file

	for profile in $(apparmor_profiles); do
		file=/etc/apparmor.d/local/$profile
		grep -qs "$apparmor_mark" "$file" || continue
		sed -i "/# $apparmor_mark/d" "$file"
		apparmor_load "$profile"
	done
}

apparmor_add()
{
	local profile file rule

	case $prefix in
	/usr) return ;;
	esac
	rule="$prefix/sbin/busflip PUx,	# $apparmor_mark"
	for profile in $(apparmor_profiles); do
		file=/etc/apparmor.d/local/$profile
		grep -qsxF "$rule" "$file" && continue
		[ ! -e "$file" ] || sed -i "/# $apparmor_mark/d" "$file"
		say "AppArmor: $profile may run $prefix/sbin/busflip ($file)"
		mkdir -p /etc/apparmor.d/local
		echo "$rule" >> "$file"
		apparmor_load "$profile"
	done
}

# ---- SELinux --------------------------------------------------------------

with_selinux()
{
	[ -e /sys/fs/selinux/enforce ]
}

# selinux_allows SOURCE TARGET CLASS PERMISSION - what the kernel's policy says.
# An unknown context counts as allowed: then the rule is not what stands in the
# way. So does a domain that is permissive.
selinux_allows()
{
	local fs=/sys/fs/selinux fd index bit allowed flags

	index=$(cat "$fs/class/$3/index") bit=$(cat "$fs/class/$3/perms/$4") || return 0
	exec {fd}<>"$fs/access"
	{ printf '%s %s %d' "$1" "$2" "$index" >&"$fd"; } 2>/dev/null || return 0
	read -r allowed _ _ _ _ flags <&"$fd" || return 0
	exec {fd}>&-
	(((0x$allowed >> (bit - 1)) & 1 || 0x${flags:-0} & 1))
}

selinux_prepare()
{
	with_selinux || return 0
	say "SELinux"
	if command -v semanage >/dev/null; then
		semanage fcontext -a -t virt_content_t '/var/lib/busflip/bait\.img' 2>/dev/null ||
			semanage fcontext -m -t virt_content_t '/var/lib/busflip/bait\.img'
	else
		warn "semanage is not installed (package policycoreutils-python-utils); run later:" \
			"semanage fcontext -a -t virt_content_t '/var/lib/busflip/bait\.img'; restorecon -R /var/lib/busflip"
	fi
	restorecon -R /var/lib/busflip "$prefix/sbin/busflip" 2>/dev/null || :
	if [ -e /usr/sbin/virtqemud ] || [ -e /usr/bin/virtqemud ]; then
		semodule -i "$conf/busflip-hook.cil" ||
			warn "cannot load the module $conf/busflip-hook.cil"
	fi
}

# A hook that the daemon can't execute keeps every guest of the host from
# starting. Better no hook.
selinux_check()
{
	local daemon pid source

	with_selinux || return 0
	[ "$(cat /sys/fs/selinux/enforce)" = 1 ] || return 0
	for daemon in virtqemud libvirtd; do
		source=system_u:system_r:virtd_t:s0
		[ $daemon = libvirtd ] || source=system_u:system_r:virtqemud_t:s0
		if pid=$(daemon_pid "$daemon"); then
			source=$(tr -d '\0' < "/proc/$pid/attr/current")
		elif ! with_systemd || ! systemctl -q is-active "$daemon.socket"; then
			continue
		fi
		selinux_allows "$source" system_u:object_r:virt_hook_t:s0 file execute ||
			die "SELinux would not let $daemon ($source) run a hook, and then no guest could start." \
				"The hook was not installed. See $conf/busflip-hook.cil"
	done
}

selinux_drop()
{
	with_selinux || return 0
	semodule -r busflip-hook 2>/dev/null || :
	semanage fcontext -d '/var/lib/busflip/bait\.img' 2>/dev/null || :
}
