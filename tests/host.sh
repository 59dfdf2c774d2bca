#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# host.sh - boot a private host with systemd as its first process
#
#	tests/host.sh make DIRECTORY
#	tests/host.sh boot DIRECTORY COMMAND [ARG...]
#
# "make" mounts the files of a host on DIRECTORY/root: the files of this machine below an
# overlay in memory, which hides everything that was installed, defined or enabled here.
# libvirt's daemon, or with LAB_DAEMON=modular the modular ones, is enabled as
# distributions do it. The sources and the build are in /srv/busflip.
#
# "boot" starts systemd there in new namespaces, like a container manager, and COMMAND
# beside it. COMMAND may have to wait until systemd is up. When COMMAND ends, the host
# loses power: nothing is stopped or written. boot returns COMMAND's exit status.
#
# Call both in a mount namespace that ends with the caller.

set -u

host=${BASH_SOURCE[0]%/*}
# shellcheck source=tests/lab.sh
. "$host/lab.sh" functions
# On the host; a lab is in /run, which would not be there at its second boot.
lab=/srv/lab

# clean_files ROOT - none of what belongs to the machine that this is
clean_files()
{
	local root=$1 path

	for path in etc/systemd/system etc/libvirt/hooks etc/libvirt/qemu var/lib/libvirt \
		var/log/libvirt var/log/journal var/cache/libvirt var/lib/busflip etc/busflip.conf \
		usr/local/sbin/busflip usr/sbin/busflip usr/share/busflip; do
		rm -rf "${root:?}/$path"
	done
	mkdir -p "$root/srv"
	mount -t tmpfs -o mode=755 host "$root/srv" || die "cannot mount a tmpfs on $root/srv"
	mkdir -p "$root"/etc/libvirt/{hooks,qemu} "$root"/etc/systemd/system \
		"$root"/var/{lib,log,cache}/libvirt "$root$lab"/{tmp,home} "$root/srv/busflip/build"
	: > "$root/etc/fstab"
	echo 0123456789abcdef0123456789abcdef > "$root/etc/machine-id"
}

host_make()
{
	local top=$1 root=$1/root dir layer modular units=()

	mount -t tmpfs -o mode=755 host "$top" || die "cannot mount a tmpfs on $top"
	mkdir "$root" "$top/cgroup"
	mount -t cgroup2 cgroup "$top/cgroup" || die "cannot mount cgroups"
	for dir in / /usr /etc /var; do
		[ $dir = / ] || mountpoint -q $dir || continue
		layer=$top/layers$dir
		mkdir -p "$layer/upper" "$layer/work"
		mount -t overlay -o "lowerdir=$dir,upperdir=$layer/upper,workdir=$layer/work" \
			host "$root$dir" || die "cannot put an overlay on $dir"
	done
	clean_files "$root"
	if [ "$LAB_DAEMON" = modular ]; then
		rm -f "$root"/usr/sbin/libvirtd "$root"/usr/lib/systemd/system/libvirtd*
		modular=$("$host/modular.sh" folder) || exit 1
		cp -a "$modular/usr" "$root/"
	fi
	for dir in "$lab_daemon" "${lab_others[@]}"; do
		units+=("$dir.service" "$dir.socket")
	done
	systemctl -q --root="$root" enable "${units[@]}" || die "cannot enable ${units[*]}"
	# Nothing of it is left to be compiled.
	cp -a "$host/../"{Makefile,install.sh,hook,conf,helper,tests} "$root/srv/busflip/"
	cp -a "$BUSFLIP_BUILD/"{hook,conf,helper,guest,*.a,busflip*} "$root/srv/busflip/build/"
}

# What a container manager makes, and no more: without /dev/kvm, and /sys as it is.
host_mounts()
{
	local node

	cd "$1" || exit 1
	mount -t proc proc proc
	mount -t sysfs -o ro sysfs sys
	mount -t cgroup2 cgroup sys/fs/cgroup || die "cannot mount cgroups"
	mount -t tmpfs -o mode=755 run run
	mount -t tmpfs -o mode=755 dev dev
	for node in null zero full random urandom tty; do
		: > dev/$node
		mount --bind /dev/$node dev/$node
	done
	mkdir dev/pts dev/shm old
	mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts dev/pts
	mount -t tmpfs -o mode=1777 shm dev/shm
	ln -s pts/ptmx dev/ptmx
	ln -s /proc/self/fd dev/fd
	: > dev/console
	pivot_root . old || die "cannot enter $1"
	cd /
	umount -l /old
	rmdir /old
	ip link set lo up
}

# systemd takes the group that it is started in for the root, makes groups in there and
# ends what it finds in them: it gets one of its own, in that of the caller.
host_boot()
{
	local pid group status='' end=$1/end

	group=$1/cgroup$(sed -n 's,^0::/*,/,p' /proc/self/cgroup)/busflip-host.$$
	mkdir "$group" || die "cannot make a group of processes"
	rm -f "$end"
	mkfifo "$end"
	{
		echo "$BASHPID" > "$group/cgroup.procs" &&
			exec unshare --mount --pid --fork --kill-child --ipc --uts --net --cgroup \
				"$host/host.sh" first "$@"
	} 3> "$end" &
	pid=$!
	read -r status < "$end"
	kill -9 $pid
	wait $pid 2>/dev/null
	for _ in {1..100}; do
		find "$group" -depth -type d -exec rmdir {} + 2>/dev/null && break
		sleep 0.1
	done
	return "${status:-1}"
}

# The first process of the host: COMMAND is its child, also when it is systemd.
host_first()
{
	host_mounts "$1/root"
	shift
	export LAB=$lab TMPDIR=$lab/tmp HOME=$lab/home BUSFLIP_BUILD=/srv/busflip/build
	export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
	export LIBVIRT_DEFAULT_URI=qemu:///system
	unset XDG_RUNTIME_DIR XDG_CONFIG_HOME XDG_CACHE_HOME NOTIFY_SOCKET
	lab_config
	{ "$@" 3>&-; echo $? >&3; } &
	exec env -i container=busflip PATH="$PATH" /usr/lib/systemd/systemd \
		--unit=multi-user.target > $lab/console 2>&1 3>&-
}

case ${1:-} in
make | boot | first)
	action=$1
	shift
	"host_$action" "$@" ;;
*)
	die "usage: host.sh make DIRECTORY | boot DIRECTORY COMMAND [ARG...]" ;;
esac
