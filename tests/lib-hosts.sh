# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lib-hosts.sh - a second host: another libvirtd with its own mounts, network and name.
# Source it after lib.sh, in a lab. Both hosts share /run/lab, where the disks are, the
# programs and the kernel; so each host sees the other one's locks on files.

# Becomes the first process of the other host. bait and on_b come from second_host.
# shellcheck disable=SC2154
other_host()
{
	local dir

	for dir in /etc/libvirt /var/lib/libvirt /var/log/libvirt /var/cache/libvirt \
		/run/libvirt; do
		mkdir -p "$dir" "$LAB/b$dir"
		cp -a "$dir/." "$LAB/b$dir/" 2> /dev/null
		mount --bind "$LAB/b$dir" "$dir"
	done
	# No sockets, guests or notes of the first one.
	find /run/libvirt /etc/libvirt/qemu -mindepth 1 -delete 2> /dev/null
	mkdir -p "$LAB/b/busflip"
	cp "$bait" "$LAB/b/busflip/"
	mount --bind "$LAB/b/busflip" /var/lib/busflip
	mkdir -p /run/busflip "$LAB/b/run"
	mount --bind "$LAB/b/run" /run/busflip
	echo 'host_uuid = "bbbbbbbb-1111-4222-8333-444444444444"' >> /etc/libvirt/libvirtd.conf
	sed -i 's|libvirtd.log|libvirtd-b.log|' /etc/libvirt/libvirtd.conf
	echo 'stdio_handler = "file"' >> /etc/libvirt/qemu.conf
	ip link set lo up
	hostname host-b
	eval "$on_b"
	echo $$ > "$LAB/b/pid"
	until [ -e "$LAB/b/net" ]; do sleep 0.02; done
	exec libvirtd -p "$LAB/b/libvirtd.pid"
}

# second_host COMMAND - start it, with the configuration of the first one, and connect
# both; COMMAND runs there before libvirtd does. b_pid is a process of it, b_uri where its
# libvirtd is.
second_host()
{
	mkdir -p "$LAB/b"
	export -f other_host
	# shellcheck disable=SC2154	# lib-domain.sh sets it
	unshare --mount --net --uts bash -c "LAB=$LAB bait=$bait on_b='$1'; other_host" \
		> "$LAB/b/out" 2>&1 &
	wait_for "[ -s $LAB/b/pid ]" 20 || bail_out "no second host: $(cat "$LAB/b/out")"
	b_pid=$(cat "$LAB/b/pid")
	cleanup_fn kill "$b_pid"
	ip link add a-b type veth peer name b-a netns "$b_pid"
	ip addr add 10.99.0.1/30 dev a-b
	ip link set a-b up
	nsenter -t "$b_pid" -n ip addr add 10.99.0.2/30 dev b-a
	nsenter -t "$b_pid" -n ip link set b-a up
	: > "$LAB/b/net"
	b_uri="qemu+unix:///system?socket=/proc/$b_pid/root/run/libvirt/libvirt-sock"
	wait_for 'on b virsh -q version > /dev/null 2>&1' 20 || bail_out "$(cat "$LAB/b/out")"
}

# on HOST COMMAND... - the functions of lib.sh look at that host
on()
{
	local uri=qemu:///system

	[ "$1" = a ] || uri=$b_uri
	shift
	LIBVIRT_DEFAULT_URI=$uri "$@"
}
