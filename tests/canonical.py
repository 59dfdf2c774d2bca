#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""canonical.py FILE [disks] - domain XML in a canonical form, for comparison

Drops busflip's state element and the white space between elements, sorts attributes,
prints one tag on each line. A <metadata> that contained only the state is dropped too.
With "disks", the disks come first, sorted by name.
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
