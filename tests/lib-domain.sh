# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lib-domain.sh - the part of lib.sh for domains: defining, inspecting and running them.
# Sourced by lib.sh.

tag_uri=urn:busflip:domain:1
state_uri=urn:busflip:state:1
# shellcheck disable=SC2034	# for the tests
bait=/var/lib/busflip/bait.img
pending=/var/lib/busflip/pending

# make_domain NAME [KEY=VALUE...] - print a domain's XML and make its disk,
# $LAB/NAME.img. Keys, with what they are when not given:
#	guest=off		off, stay, reset, crash, write: see guest/boot.S
#	machine=q35		q35, pc
#	bus=virtio		virtio, sata, ide, scsi (a virtio-scsi controller)
#	format=raw		raw, qcow2
#	tag=yes			yes, no, or attributes such as 'bus="scsi"'
#	metadata=		more elements for <metadata>
#	driver=			more attributes of the disk's <driver>
#	disk=			more elements of the disk
#	devices=		more elements of <devices>
#	boot='<boot dev="hd"/>'	elements of <os>
#	head=			more elements of <domain>
#	uuid=			libvirt's choice
#	image=			of another domain: no disk is made
make_domain()
{
	local name=$1 pair target controller='' tags=''
	local guest=off machine=q35 bus=virtio format=raw tag=yes metadata='' \
		driver='' disk='' devices='' uuid='' image='' head='' \
		boot="<boot dev='hd'/>" panic="<panic model='isa'/>"

	shift
	for pair; do
		case $pair in
		guest=*|machine=*|bus=*|format=*|tag=*|metadata=*|driver=*|disk=*|\
		devices=*|uuid=*|image=*|boot=*|head=*|panic=*)
			printf -v "${pair%%=*}" %s "${pair#*=}" ;;
		*)
			bail_out "make_domain: what is $pair?" ;;
		esac
	done
	case $bus in
	virtio) target=vda ;;
	ide) target=hda ;;
	*) target=sda ;;
	esac
	[ "$bus" != scsi ] ||
		controller="<controller type='scsi' index='0' model='virtio-scsi'/>"
	case $tag in
	no) ;;
	yes) tags="<busflip:domain xmlns:busflip='$tag_uri'/>" ;;
	*) tags="<busflip:domain xmlns:busflip='$tag_uri' $tag/>" ;;
	esac
	if [ "$tags$metadata" ]; then
		metadata="<metadata>$tags$metadata</metadata>"
	fi
	if [ ! "$image" ]; then
		image=$LAB/$name.img
		make_image "$image" "$guest" "$format"
	fi
	cat <<-END
	<domain type='qemu'>
	  <name>$name</name>
	  ${uuid:+<uuid>$uuid</uuid>}
	  $metadata
	  <memory unit='MiB'>32</memory>
	  <vcpu>1</vcpu>
	  <os>
	    <type arch='x86_64' machine='$machine'>hvm</type>
	    $boot
	  </os>
	  $head
	  <features><acpi/></features>
	  <on_crash>destroy</on_crash>
	  <devices>
	    <disk type='file' device='disk'>
	      <driver name='qemu' type='$format' $driver/>
	      <source file='$image'/>
	      <target dev='$target' bus='$bus'/>
	      $disk
	    </disk>
	    $controller
	    <serial type='file'>
	      <source path='$LAB/$name.serial' append='on'/>
	    </serial>
	    <memballoon model='none'/>
	    $panic
	    $devices
	  </devices>
	</domain>
	END
}

# make_image FILE GUEST FORMAT
make_image()
{
	if [ "$3" = raw ]; then
		cp "$BUSFLIP_BUILD/guest/$2.img" "$1"
	else
		qemu-img convert -q -O "$3" "$BUSFLIP_BUILD/guest/$2.img" "$1"
	fi
}

# data_disk NAME TARGET BUS [ELEMENTS] - print one more disk for devices=, empty,
# and make its image, $LAB/NAME.img
data_disk()
{
	truncate -s 1M "$LAB/$1.img"
	cat <<-END
	<disk type='file' device='disk'>
	  <driver name='qemu' type='raw'/>
	  <source file='$LAB/$1.img'/>
	  <target dev='$2' bus='$3'/>
	  ${4:-}
	</disk>
	END
}

# define_domain NAME [KEY=VALUE...] - as make_domain, and define it; keeps what
# libvirt made of it in $LAB/NAME.original
define_domain()
{
	make_domain "$@" > "$LAB/$1.xml"
	virsh -q define "$LAB/$1.xml" || bail_out "cannot define $1"
	virsh dumpxml --inactive "$1" > "$LAB/$1.original"
}

# staged_domain NAME [KEY=VALUE...] - define and stage it
staged_domain()
{
	define_domain "$@"
	quietly busflip stage "$1" || bail_out "cannot stage $1"
}

uuid_of()
{
	virsh -q domuuid "$1" | head -n 1
}

state_of()
{
	virsh -q domstate "$1" 2>&1
}

is_off()
{
	[ "$(state_of "$1")" = "shut off" ]
}

is_running()
{
	[ "$(state_of "$1")" = running ]
}

# xpath NAME EXPRESSION [--live] - of the persistent definition by default
xpath()
{
	local which=--inactive

	[ "${3:-}" = --live ] && which=''
	# shellcheck disable=SC2086	# empty: no argument
	virsh dumpxml $which "$1" | xmllint --huge --xpath "$2" - 2>/dev/null
}

# The system disk is the one that has our image, whatever it is called now.
system_disk='//devices/disk[not(serial="busflip-bait")][1]'
bait_disk='//devices/disk[serial="busflip-bait"]'

# bus_of_disk NAME [--live]
bus_of_disk()
{
	xpath "$1" "string($system_disk/target/@bus)" "${2:-}"
}

# baits_of NAME [--live] - how many bait disks there are
baits_of()
{
	xpath "$1" "count($bait_disk)" "${2:-}"
}

# state_attr NAME ATTRIBUTE [--live] - of the state element
state_attr()
{
	xpath "$1" "string(/domain/metadata/*[local-name()='state' and
		namespace-uri()='$state_uri']/@$2)" "${3:-}"
}

# phase_of NAME [--live] - "none" without a state element
phase_of()
{
	local phase

	phase=$(state_attr "$1" phase "${2:-}")
	echo "${phase:-none}"
}

attempts_of()
{
	state_attr "$1" attempts
}

# where NAME - phase and bus in one word, such as staged/sata: what most
# assertions are about
where()
{
	echo "$(phase_of "$1")/$(bus_of_disk "$1")"
}

# settled NAME - off, and no work left that a hook has promised. The daemon
# says "shut off" only when the release hook is back, so the record of that
# work is there by then. Looked for before, too: a guest that is bounced is off while
# its record is there, and both may be over once libvirt has answered.
settled()
{
	local record

	record=$pending/$(uuid_of "$1")
	[ ! -e "$record" ] && is_off "$1" && [ ! -e "$record" ]
}

# wait_off NAME [SECONDS] - the guest is off and busflip has done its work
wait_off()
{
	wait_for "settled '$1'" "${2:-60}"
}

# guest_line NAME - the last line that a guest has printed; guest_boots NAME -
# how many there are; wait_boot NAME N - until there are N
guest_line()
{
	# A boot that was cut short may have left half a line before it.
	tail -n 1 "$LAB/$1.serial" 2>/dev/null | tr -d '\r' | sed 's/.*guest /guest /'
}

guest_boots()
{
	grep -cs $'^guest.*\r$' "$LAB/$1.serial" || [ -e "$LAB/$1.serial" ] || echo 0
}

wait_boot()
{
	wait_for "[ \"\$(guest_boots '$1')\" -ge $2 ]" 60
}

# boot_kind NAME - ahci, virtio-blk, virtio-scsi or ide: what the guest says
# it booted from. SeaBIOS gives no address for AHCI, so that is the rest.
boot_kind()
{
	local parts boot part kind

	IFS=, read -ra parts <<< "$(guest_line "$1")"
	boot=${parts[1]:-} boot=${boot# boot }
	for part in "${parts[@]:2}"; do
		kind=${part##* }
		case $boot,$part in
		unnamed,*ahci | "$boot, $boot "*)
			echo "$kind"
			return ;;
		esac
	done
	echo "unknown"
}

# places_of NAME KIND - the PCI addresses of that kind of function that the guest
# saw when it booted last
places_of()
{
	guest_line "$1" | grep -oE "[0-9a-f:.]{7} [0-9a-f:]{9} 0[0-9a-f]{3} $2" |
		cut -d ' ' -f 1 | paste -sd ' '
}

# no_work NAME - no work is left that a hook has promised, whatever the guest does
no_work()
{
	[ ! -e "$pending/$(uuid_of "$1")" ]
}

# bounced NAME [STATE] - it runs, or is in that state, on SATA, and nothing is
# left to do
bounced()
{
	[ "$(state_of "$1")" = "${2:-running}" ] && no_work "$1" &&
		[ "$(bus_of_disk "$1" --live)" = sata ]
}

# hold_settle NAME - the process that hooks leave behind for it has to wait, until
# let_settle
hold_settle()
{
	mkdir -p /run/busflip
	exec {held}> "/run/busflip/$(uuid_of "$1").lock"
	flock "$held"
}

let_settle()
{
	exec {held}>&-
}

# kill_settle NAME - end that process while it is held; its work is left over
kill_settle()
{
	local pids

	wait_for "pgrep -fx 'busflip settle $(uuid_of "$1")' > '$LAB/tmp/settle'" 30 &&
		read -rd '' -a pids < "$LAB/tmp/settle"
	kill -9 "${pids[@]}"
	let_settle
}

# cut_off NAME - start it, and destroy it when it has booted
cut_off()
{
	local before

	before=$(guest_boots "$1")
	virsh -q start "$1" && wait_boot "$1" $((before + 1)) &&
		virsh -q destroy "$1" && wait_off "$1"
}

# on_trial NAME - define a guest that stays, and start it on trial; it is watched then
on_trial()
{
	staged_domain "$1" guest=stay
	quietly busflip promote "$1" && virsh -q start "$1" && wait_boot "$1" 1 &&
		wait_for "watcher_of '$1' > /dev/null" 30
}

# watcher_of NAME - the process that watches its trial
watcher_of()
{
	pgrep -f "^busflip watch $(uuid_of "$1") "
}

# press NAME - start a guest that stays, and press its power button when it has
# booted
press()
{
	local before

	before=$(guest_boots "$1")
	virsh -q start "$1" && wait_boot "$1" $((before + 1)) &&
		virsh -q shutdown "$1" && wait_off "$1"
}

# press_late NAME - the same for one that has a tag and is not staged: busflip takes it
# down and starts it again, on SATA. One that powers off by itself might be faster.
press_late()
{
	virsh -q start "$1" && wait_for "[ \"\$(boot_kind '$1')\" = ahci ]" 60 &&
		virsh -q shutdown "$1" && wait_off "$1"
}

# run_once NAME - start it and wait until it has switched itself off and
# busflip has done its work
run_once()
{
	virsh -q start "$1" && wait_off "$1"
}

# canonical FILE - domain XML without busflip's state element, attributes in
# order, no space between elements: for comparing what libvirt prints
canonical()
{
	# shellcheck disable=SC2154	# lib.sh sets it
	python3 "$tests/canonical.py" "$1"
}

# same_as_original NAME - assertion: but for the state element, the persistent
# definition is what it was when define_domain made it
same_as_original()
{
	virsh dumpxml --inactive "$1" > "$LAB/$1.now"
	if ! canonical "$LAB/$1.original" > "$LAB/$1.want" ||
	   ! canonical "$LAB/$1.now" > "$LAB/$1.seen"; then
		fail "$2" "not well-formed"
	elif cmp -s "$LAB/$1.want" "$LAB/$1.seen"; then
		pass "$2"
	else
		fail "$2" "$(diff -U2 "$LAB/$1.want" "$LAB/$1.seen")"
	fi
}

# logged REGEX - has busflip logged such a line? What receives them may be a moment
# behind whoever has logged it.
logged()
{
	local i

	for i in {1..10}; do
		! grep -qE -- "$1" "$LAB/log" || return 0
		sleep 0.1
	done
	return 1
}
