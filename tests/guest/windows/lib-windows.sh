# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lib-windows.sh - guests that behave as Windows does, in a lab. Source it after
# tests/lib.sh:
#
#	windows_required "$@"
#	windows_disk g windows=10 origin=lsi driver=bootable	# $LAB/g.img
#	windows_domain g machine=q35 bus=sata tag=yes
#	windows_session g		# start, up, power button, off
#	windows_domain g machine=q35 bus=virtio	# keeps its UUID and its disk
#	windows_starts g		# start, and wait until it is up
#	said g 'by=enum service=viostor'	# a line on its serial port
#	windows_off g			# power button, off
#	windows_peek g get 'CS\Services\viostor' Start	# read its disk, when off
#
# README.md lists the kinds of disks, the options of a guest (words=), and what a guest
# prints. A guest that does not boot prints "nt: stop code=0x7B ..." and then behaves as its
# options say: windows_starts g '^nt: stop'.

windows_here=$(cd "${BASH_SOURCE[0]%/*}" && pwd -P)
windows_bin=$BUSFLIP_BUILD/windows
# A boot takes 4 s of processor time; how long that is, the machine's load says.
windows_patience=180

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
	cp "$windows_bin"/{vmlinux,vmlinuz,initrd,initrd-signed} "$LAB/"
}

# What makes a distribution's kernel quick under emulation. The functions that it is
# told to leave out are of no use here, and take a tenth of its time.
windows_cmdline="console=ttyS0 quiet mitigations=off nokaslr audit=0 tsc=reliable"
windows_cmdline+=" random.trust_cpu=on no_timer_check cryptomgr.notests panic=-1"
windows_cmdline+=" rodata=off initcall_blacklist=init_kprobe_trace,slab_sysfs_init"
windows_cmdline+=",i8042_init,init_ima,cubictcp_register,perf_event_sysfs_init"
windows_cmdline+=",load_system_certificate_list,clockevents_init_sysfs"

# windows_disk NAME [KEY=VALUE...] - make $LAB/NAME.img with mkdisk
windows_disk()
{
	local name=$1

	shift
	"$windows_bin/mkdisk" "$LAB/$name.img" "$@" || bail_out "mkdisk $*"
}

# windows_boot [WORD...] - elements of <os>: the model as a kernel that SeaBIOS starts,
# with options of the guest such as bugcheck=hang
windows_boot()
{
	printf '<kernel>%s</kernel><initrd>%s</initrd><cmdline>%s</cmdline>' \
		"$LAB/vmlinux" "$LAB/initrd" "$windows_cmdline${*/#/ nt.}"
}

# windows_domain NAME [KEY=VALUE...] - define a domain on $LAB/NAME.img, or change
# it; its UUID stays. Keys as those of make_domain, without a tag unless tag= says
# otherwise, and
#	words=			options of the guest, such as 'bugcheck=hang'
#	bus=			also pvscsi
#	firmware=bios		bios; or uefi, secure: see lib-uefi.sh
windows_domain()
{
	local name=$1 pair words='' uuid keys=(tag=no) model=virtio-scsi firmware=bios smm='' \
		memory=256 first=''

	shift
	for pair; do
		case $pair in
		words=*) words=${pair#*=} ;;
		firmware=*) firmware=${pair#*=} ;;
		bus=pvscsi) model=vmpvscsi keys+=(bus=scsi) ;;
		*) keys+=("$pair") ;;
		esac
	done
	uuid=$(virsh -q domuuid "$name" 2>/dev/null)
	[ ! "$uuid" ] || keys=("uuid=$uuid" "${keys[@]}")
	# shellcheck disable=SC2086	# words
	if [ "$firmware" = bios ]; then
		keys=("boot=$(windows_boot $words)" "${keys[@]}")
	else
		windows_esp "$name" "$firmware" $words
		[ -e "$LAB/$name.vars" ] || windows_variables "$name" "$firmware" short
		[[ ${keys[*]} == *'<boot order='* ]] || first="<boot dev='hd'/>"
		keys=("boot=$(windows_pflash "$name" "$firmware")$first" "${keys[@]}")
		[ "$firmware" != secure ] || smm="<smm state='on'/>"
		# The kernel decompresses itself while firmware has its share.
		memory=512
	fi
	make_domain "$name" "image=$LAB/$name.img" "${keys[@]}" |
		sed -e "s|<memory unit='MiB'>32<|<memory unit='MiB'>$memory<|" \
			-e "s|<features><acpi/>|&$smm|" \
			-e "s|model='virtio-scsi'|model='$model'|" > "$LAB/$name.xml"
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
	virsh -q start "$1" && wait_for "said '$1' '${2:-^nt: user-mode done}'" "$windows_patience"
}

# windows_off NAME - press the power button, and wait until it is off
windows_off()
{
	virsh -q shutdown "$1" && wait_for "is_off '$1'" "$windows_patience"
}

# windows_session NAME - a whole session: up, button, off
windows_session()
{
	windows_starts "$1" && windows_off "$1"
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

# shellcheck source=tests/guest/windows/lib-uefi.sh
. "$windows_here/lib-uefi.sh"
