#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Somebody changes a definition between the time busflip reads it and the time busflip
# writes it: the change is kept, and busflip's step is done nevertheless. A guest that
# shuts down just before busflip would destroy it stays off. A proxy between busflip and
# the daemon makes these changes at exactly that moment.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
busflip_required "$@"
plan 22

daemon=/run/libvirt/libvirt-sock

# between WHEN TIMES COMMAND... - what busflip's next commands run through
between()
{
	[ ! "${changer:-}" ] || kill "$changer"
	rm -f "$LAB/between" "$LAB/count"
	"$tests/changer.py" "$LAB/between" $daemon "$@" &
	changer=$!
	printf '[busflip]\nevidence = shutdown\nuri = qemu+unix:///system?socket=%s\n' \
		"$LAB/between" > "$LAB/between.conf"
	wait_for "[ -S '$LAB/between' ]" 10
}

# A program that edits for ever: another number each time.
cat > "$LAB/tmp/edit" <<END
#!/bin/sh
echo >> "$LAB/count"
exec virsh -q desc "\$1" --config "edit \$(wc -l < "$LAB/count")"
END
chmod +x "$LAB/tmp/edit"

through()
{
	busflip --config "$LAB/between.conf" "$@"
}
description()
{
	virsh -q desc "$1" --config
}

# --- once: read anew

define_domain once
between xml 1 "$LAB/tmp/edit" once
ok "edited once: it is staged" through stage once
is "edited once: it is" "$(where once)" staged/sata
is "edited once: the edit is there" "$(description once)" "edit 1"

define_domain enabled tag=no
between xml 1 "$LAB/tmp/edit" enabled
ok "edited once: it is enabled" through enable enabled
is "edited once: so it is" "$(where enabled)/$(description enabled)" "staged/sata/edit 1"
between xml 1 "$LAB/tmp/edit" enabled
ok "edited once: it is disabled" through disable enabled
is "edited once: nothing is left of busflip" \
	"$(where enabled)/$(description enabled)/$(virsh dumpxml --inactive enabled | grep -c urn:busflip)" \
	"none/virtio/edit 1/0"

data_disk second vdb virtio > "$LAB/second.xml"
define_domain attached
between xml 1 virsh -q attach-device attached "$LAB/second.xml" --config
ok "a disk is attached: it is staged" through stage attached
is "a disk is attached: both are there" "$(where attached)/$(xpath attached \
	'string(//disk[target/@dev="vdb"]/source/@file)')" "staged/sata/$LAB/second.img"

# --- for ever: given up, and said

define_domain often
between xml 1000 "$LAB/tmp/edit" often
fails "edited for ever: it is not staged" 1 through stage often
like "edited for ever: and says why" "$output" \
	"busflip: domain often: its definition was changed by somebody else .*try again"
is "edited for ever: the edits are there" "$(where often)/$(description often)" \
	"none/virtio/edit $(wc -l < "$LAB/count")"
fails "edited for ever: nor enabled" 1 through enable often
like "edited for ever: which says so too" "$output" "busflip: domain often: .*try again"

# --- undefined: it does not come back

define_domain gone
between xml 1 virsh -q undefine gone
fails "undefined: it is not staged" 1 through stage gone
like "undefined: and says why" "$output" "busflip: domain gone: .*[Dd]omain not found"
fails "undefined: it does not come back" 1 virsh -q dominfo gone
is "undefined: nothing is left of it" "$(find /etc/libvirt/qemu -name '*gone*')" ""

# --- off by itself just before it would be suspended, to be started again on SATA

cat > "$LAB/tmp/off" <<-END
	#!/bin/sh
	echo >> "$LAB/count"
	exec virsh -q destroy off
END
chmod +x "$LAB/tmp/off"
make_domain off guest=stay > "$LAB/off.xml"
between suspend 1 "$LAB/tmp/off"
cp "$LAB/between.conf" /etc/busflip.conf
virsh -q "define $LAB/off.xml; start off"
wait_off off
is "off by then: it was in just that moment" "$(wc -l < "$LAB/count")" 1
is "off by then: its next start is on SATA" "$(where off)" staged/sata
sleep 2
ok "off by then: it stays off" is_off off
fails "off by then: that is no error" 1 logged '<27>.*domain.off'
