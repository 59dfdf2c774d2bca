#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""canonical.py FILE [disks] - domain XML in one form, for comparing

Without busflip's state element and the space between elements, attributes
sorted, one tag to a line. An empty <metadata> that only held the state goes.
With "disks", those come first, by their names.
"""

import sys
import xml.etree.ElementTree as ET

STATE = "{urn:busflip:state:1}state"

root = ET.parse(sys.argv[1]).getroot()
for metadata in root.findall("metadata"):
	for state in metadata.findall(STATE):
		metadata.remove(state)
	if len(metadata) == 0:
		root.remove(metadata)
if sys.argv[2:] == ["disks"]:
	devices = root.find("devices")
	disks = devices.findall("disk")
	disks.sort(key=lambda disk: (disk.get("device"), disk.find("target").get("dev")))
	for disk in disks:
		devices.remove(disk)
	devices[:0] = disks
text = ET.canonicalize(ET.tostring(root, encoding="unicode"), strip_text=True)
print(text.replace("><", ">\n<"))
