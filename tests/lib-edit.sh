# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lib-edit.sh - definitions that are changed with virsh edit. After lib.sh, in a lab.

# shellcheck disable=SC2154	# lib.sh sets them
cat > "$LAB/tmp/editor" <<END
#!/usr/bin/python3
import os, sys, xml.etree.ElementTree as E
E.register_namespace("busflip", "$tag_uri")
E.register_namespace("flipstate", "$state_uri")
domain = E.parse(sys.argv[1]).getroot()
devices = domain.find("devices")
disk = lambda name: devices.find("disk/target[@dev='%s']/.." % name)
exec(os.environ["EDIT"])
E.ElementTree(domain).write(sys.argv[1])
END
chmod +x "$LAB/tmp/editor"

# edit NAME PYTHON - with virsh edit; PYTHON changes the element tree "domain"
# and may use disk(), the disk with that target name
edit()
{
	EDIT=$2 VISUAL=$LAB/tmp/editor EDITOR=$LAB/tmp/editor quietly virsh edit "$1"
}

# arrives NAME - two sessions lead to the end
arrives()
{
	run_once "$1" && [ "$(boot_kind "$1")/$(where "$1")" = ahci/trial/virtio ] &&
		run_once "$1" && [ "$(boot_kind "$1")/$(where "$1")" = "virtio-blk/done/virtio" ]
}
