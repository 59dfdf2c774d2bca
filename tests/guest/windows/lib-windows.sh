# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lib-windows.sh - guests that behave as Windows does, in a lab. To be sourced
# after tests/lib.sh.

windows_here=$(cd "${BASH_SOURCE[0]%/*}" && pwd -P)
windows_bin=$BUSFLIP_BUILD/windows

# windows_required [ARG...] - go on inside a lab, with the model built
windows_required()
{
	if ! [ "${LAB:-}" ]; then
		requires mkntfs --version
		[ -x "$windows_bin/init" ] || skip_all "the Windows model is not built"
		output=$("$windows_here/build.sh" "$windows_bin" 2>&1) ||
			skip_all "${output##*$'\n'}"
	fi
	lab_required "$@"
	# libvirt makes files that guests use the guests' own.
	cp "$windows_bin/vmlinux" "$windows_bin/vmlinuz" "$windows_bin/initrd" "$LAB/"
}

# What makes Debian's kernel quick under emulation
windows_cmdline="console=ttyS0 quiet mitigations=off nokaslr audit=0 tsc=reliable"
windows_cmdline+=" random.trust_cpu=on no_timer_check cryptomgr.notests panic=-1"

# windows_disk NAME [KEY=VALUE...] - make $LAB/NAME.img with mkdisk
windows_disk()
{
	local name=$1

	shift
	"$windows_bin/mkdisk" "$LAB/$name.img" "$@" || bail_out "mkdisk $*"
}

# windows_boot [WORD...] - elements of <os>: the model as a kernel, with options of
# the guest such as bugcheck=hang
windows_boot()
{
	local word words=''

	for word; do
		words+=" nt.$word"
	done
	printf '<kernel>%s</kernel><initrd>%s</initrd><cmdline>%s</cmdline>' \
		"$LAB/vmlinux" "$LAB/initrd" "$windows_cmdline$words"
}

# windows_domain NAME [KEY=VALUE...] - define a domain on $LAB/NAME.img, or change
# it; its UUID stays. Keys as those of make_domain, and words='OPTION...'. Without
# a tag unless tag= says otherwise.
windows_domain()
{
	local name=$1 pair words='' uuid keys=(tag=no)

	shift
	for pair; do
		case $pair in
		words=*) words=${pair#*=} ;;
		*) keys+=("$pair") ;;
		esac
	done
	uuid=$(virsh -q domuuid "$name" 2>/dev/null)
	[ ! "$uuid" ] || keys=("uuid=$uuid" "${keys[@]}")
	# shellcheck disable=SC2086	# words
	make_domain "$name" "image=$LAB/$name.img" "boot=$(windows_boot $words)" \
		"${keys[@]}" |
		sed "s|<memory unit='MiB'>32<|<memory unit='MiB'>256<|" > "$LAB/$name.xml"
	virsh -q define "$LAB/$name.xml" || bail_out "cannot define $name"
	virsh dumpxml --inactive "$name" > "$LAB/$name.original"
}

# windows_bait SLOT - elements of <devices>: an empty VirtIO disk there
windows_bait()
{
	data_disk "bait-$1" vdz virtio \
		"<address type='pci' domain='0' bus='0' slot='$1' function='0'/>"
}

# said NAME REGEX - has it printed such a line since it was started last?
said()
{
	tac "$LAB/$1.serial" 2>/dev/null | sed '/nt: model /q' | grep -qE -- "$2"
}

# windows_starts NAME [LINE] - start it, and wait for a line: that it is up, and
# has looked for drivers, when none is given
windows_starts()
{
	: > "$LAB/$1.serial"
	virsh -q start "$1" && wait_for "said '$1' '${2:-^nt: user-mode done}'" 60
}

# windows_session NAME - a whole session: up, button, off
windows_session()
{
	windows_starts "$1" && virsh -q shutdown "$1" && wait_for "is_off '$1'" 60
}

# windows_peek NAME ARG... - ntpeek on its disk
windows_peek()
{
	local name=$1

	shift
	"$windows_bin/ntpeek" "$LAB/$name.img" "$@"
}

# writes_of NAME DISK - write requests so far, as the daemon counts them
writes_of()
{
	virsh -q domblkstat "$1" "$2" | sed -n 's/.* wr_req //p'
}
