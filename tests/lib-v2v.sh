# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lib-v2v.sh - virt-v2v without KVM and without Windows programs; source it after lib.sh

# v2v_required PROGRAM - it, and a kernel for its appliance
v2v_required()
{
	# Emulated, because a /dev/kvm may be there that does not work: slow but sure.
	export LIBGUESTFS_BACKEND=direct LIBGUESTFS_BACKEND_SETTINGS=force_tcg
	# The appliance is big, and the same until packages change. In /var/tmp, where it
	# would be, nobody removes it; and build/ is copied by a test.
	export LIBGUESTFS_CACHEDIR=${BUSFLIP_BUILD%/}-guestfs
	mkdir -p "$LIBGUESTFS_CACHEDIR"
	requires "$1" --version
	requires eval 'ls /boot/vmlinuz-* || ls /lib/modules/*/vmlinuz'
}

# v2v_tools DIR - what it gives a Windows to run at its first start, made up: the
# programs are not in Debian, and nothing here would run them
v2v_tools()
{
	# shellcheck disable=SC2154	# lib.sh sets it
	python3 "$tests/mkdriver.py" "$1/made" tool amd64 1.0.0.0 4608
	cp "$1/made/tool.sys" "$1/rhsrvany.exe"
	cp "$1/made/tool.sys" "$1/pnp_wait.exe"
	export VIRT_TOOLS_DATA_DIR=$1
}
