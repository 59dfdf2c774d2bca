#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""filter-corpus.py SOURCE WORK - busflip filter on libvirt's own test domains

SOURCE is libvirt's source tree. For each domain in its tests and each tag that the domain
gets, "busflip filter" stages, promotes, rolls back and restores it. The results are
compared with each other, and checked against libvirt's schema and against what the daemon
makes of them. Run it in a lab.

Results go to files in WORK: "numbers" with a line "NAME N" for each count, "refused" and
"unusable" with reasons and how often each was given, and "bad-CHECK" with a line for each
domain that failed that check.

Domains are changed as little as possible beforehand: the tag is inserted as text, so that
the filter gets the original white space, comments and prefixes to preserve. KVM becomes
plain QEMU, because a lab has no KVM, and a machine type that this QEMU no longer has
becomes the one that it is derived from.
"""

import collections
import concurrent.futures
import glob
import json
import os
import re
import shlex
import subprocess
import sys
import threading
import xml.etree.ElementTree as ET

TAG = "urn:busflip:domain:1"
STATE = "{urn:busflip:state:1}"
SCHEMA = "/usr/share/libvirt/schemas/domain.rng"
DIRECTORIES = ("qemuxml2argvdata", "qemuxml2xmloutdata", "qemuxmlconfdata")
WORKERS = 2

numbers = collections.Counter()
reasons = {"refused": collections.Counter(), "unusable": collections.Counter()}
bad = collections.defaultdict(list)
counting = threading.Lock()


def count(name, n=1, counter=numbers):
	with counting:
		counter[name] += n


class Case:
	"""One domain with one tag, and what became of it"""

	def __init__(self, name, xml):
		self.name = name
		self.text = {"in": xml}		# form -> XML
		self.argv = {}			# form -> words, if libvirtd took it
		self.why = {}			# form -> its error, if it did not

	def path(self, form):
		return os.path.join(work, "xml", f"{self.name}.{form}.xml")

	def write(self, form):
		with open(self.path(form), "wb") as file:
			file.write(self.text[form])


def parse(xml):
	builder = ET.TreeBuilder(insert_comments=True)
	return ET.fromstring(xml, parser=ET.XMLParser(target=builder))


def controllers_last(device):
	if device.tag != "controller":
		return ()
	return "controller", device.get("type", ""), device.get("index", "")


def canonical(xml, state):
	"""@state: "drop" the state element, or "keep" its elements, which are what
	a rollback must bring back, without its attributes, which tell the time. A
	rollback may put an added controller elsewhere among the others."""
	root = parse(xml)
	for metadata in root.findall("metadata"):
		for node in metadata.findall(STATE + "state"):
			if state == "drop":
				metadata.remove(node)
			else:
				node.attrib.clear()
	if state == "keep":
		for devices in root.findall("devices"):
			devices[:] = sorted(devices, key=controllers_last)
	return ET.canonicalize(ET.tostring(root, encoding="unicode"),
			       with_comments=True, strip_text=True)


# ---- the corpus --------------------------------------------------------------

def tagged(xml, attributes):
	"""xml as text with the tag in it, or None when it has no place for one"""
	tag = f"<busflip:domain xmlns:busflip='{TAG}'{attributes}/>"
	for pattern, new in ((r"<metadata\s*/>", f"<metadata>{tag}</metadata>"),
			     (r"<metadata>", f"<metadata>{tag}"),
			     (r"</name>", f"</name>\n  <metadata>{tag}</metadata>")):
		xml, n = re.subn(pattern, lambda _: new, xml, count=1)
		if n:
			return xml
	return None


def adapted(xml, machines):
	xml = re.sub(r"(<domain\b[^>]*\btype=['\"])kvm\b", r"\1qemu", xml, count=1)
	machine = re.search(r"\bmachine=['\"]([^'\"]*)", xml)
	if machine and machine[1] not in machines:
		old, new = machine[1], None
		if re.match(r"pc-q35-", old):
			new = "q35"
		elif re.match(r"(pc-(i440fx-)?\d|rhel\d)", old):
			new = "pc"
		if new:
			xml = xml.replace(machine[0], machine[0].replace(old, new), 1)
	return xml


def hard_disks(root):
	return [disk for disk in root.findall("devices/disk")
		if disk.get("device", "disk") in ("disk", "lun") and
		disk.find("target") is not None]


def contradictory(path, root):
	"""two disks of one name or, as libvirt calls these tests, in conflict for
	one place, or with the address of another bus: no daemon accepts that. Nobody
	can tell which disk is which; and the filter removes such an address, which
	test-engines.sh is about"""
	names = [target.get("dev") for target in root.findall("devices/disk/target")]
	return len(set(names)) < len(names) or \
	       re.search("conflict|incompatible-address", os.path.basename(path))


def tags_for(number, root):
	"""which tags a domain is tried with: all with the plain one; with others
	those that have several disks, and some of the rest"""
	yield "plain", ""
	disks = hard_disks(root)
	if len(disks) > 1:
		yield "last", f" disk='{disks[-1].find('target').get('dev')}'"
	if len(disks) > 1 or number % 8 == 0:
		yield "scsi", " bus='scsi'"
	if disks and disks[0].find("target").get("bus") == "scsi" or number % 8 == 4:
		yield "virtio", " bus='virtio'"


def read_corpus(source):
	output = subprocess.run(["qemu-system-x86_64", "-machine", "help"],
				capture_output=True, text=True, check=True).stdout
	machines = {line.split()[0] for line in output.splitlines()[1:] if line}
	seen = set()
	for directory in DIRECTORIES:
		for path in sorted(glob.glob(f"{source}/tests/{directory}/*.xml")):
			with open(path, encoding="utf-8", errors="surrogateescape") as file:
				xml = file.read()
			count("files")
			# Many of the expected results are links to what they come from.
			if xml in seen:
				continue
			seen.add(xml)
			try:
				root = parse(xml.encode("utf-8", "surrogateescape"))
			except ET.ParseError:
				continue
			if root.tag != "domain" or contradictory(path, root):
				continue
			count("domains")
			name = f"{directory[8:]}-{os.path.basename(path)[:-4]}"
			xml = adapted(xml, machines)
			if numbers["domains"] % 4 == 0:
				untouched(name, xml.encode("utf-8", "surrogateescape"))
			for kind, attributes in tags_for(numbers["domains"], root):
				new = tagged(xml, attributes)
				if new:
					new = new.encode("utf-8", "surrogateescape")
					yield Case(f"{name}.{kind}", new)


# ---- the filter ---------------------------------------------------------------

def busflip(operation, xml):
	return subprocess.run(["busflip", "filter", operation], input=xml,
			      capture_output=True, check=False)


def untouched(name, xml):
	"""a domain without the tag comes out as it went in"""
	count("untagged")
	result = busflip("stage", xml)
	if result.returncode or result.stdout != xml or result.stderr:
		bad["untagged"].append(f"{name}: {result.stderr}")


def plain(reason):
	"""two boot disks called vda and vdb are not two reasons"""
	return re.sub(r"'.*?'|\b[hsv]d[a-z]+\b|\b\d+\b", "...", reason.strip())


def check_refusal(case, result):
	text = result.stderr.decode()
	reason = re.sub(r"^(<\d>)?busflip: filter stage: (domain .*?: )?", "", text)
	count(plain(reason), 1, reasons["refused"])
	count("refused")
	if result.returncode != 1 or result.stdout or len(text) < 20 or \
	   text.count("\n") != 1:
		bad["refusal"].append(f"{case.name}: {result.returncode} {text!r}")


def step(case, operation, start, end):
	"""filter @operation on form @start, to be form @end; always possible"""
	result = busflip(operation, case.text[start])
	if result.returncode or result.stderr:
		bad["steps"].append(f"{case.name}: {operation} of {start}: "
				    f"{result.returncode} {result.stderr.decode()}")
		return False
	case.text[end] = result.stdout
	return True


def same(case, check, one, other, state="drop"):
	count(check)
	if canonical(case.text[one], state) != canonical(case.text[other], state):
		bad[check].append(f"{case.name}: {one} and {other} differ")


def without_panic(case):
	"""the promoted domain without the panic device of its trial"""
	root = parse(case.text["promoted"])
	devices = root.find("devices")
	if parse(case.text["in"]).find("devices/panic") is None:
		for panic in devices.findall("panic"):
			devices.remove(panic)
			count(f"panic device {panic.get('model')}")
	return ET.tostring(root, encoding="unicode")


def rewrite(case):
	"""all of the filter's operations on one case. True: it can be staged"""
	result = busflip("stage", case.text["in"])
	case.write("in")
	if result.returncode:
		check_refusal(case, result)
		return False
	count("staged")
	case.text["staged"] = result.stdout
	case.write("staged")
	disk = parse(result.stdout).find(f"metadata/{STATE}state/{STATE}disk")
	if disk is None or disk.get("form") != "staged":
		bad["steps"].append(f"{case.name}: staged, but no state says so")
		return False
	count(f"staged from {disk.get('origin')} for {disk.get('bus')}")

	if step(case, "stage", "staged", "twice"):
		count("twice")
		if case.text["twice"] != case.text["staged"]:
			bad["twice"].append(case.name)
	if step(case, "restore", "staged", "restored"):
		same(case, "restored", "in", "restored")
	if not step(case, "promote", "staged", "promoted"):
		return True
	case.write("promoted")
	if disk.get("origin") == disk.get("bus"):
		case.text["promoted, plain"] = without_panic(case)
		same(case, "promoted", "in", "promoted, plain")
	if step(case, "restore", "promoted", "restored later"):
		same(case, "restored later", "in", "restored later")
	if step(case, "rollback", "promoted", "rolled back"):
		same(case, "rolled back", "staged", "rolled back", "keep")
		if step(case, "promote", "rolled back", "promoted again"):
			same(case, "promoted again", "promoted", "promoted again")
	return True


# ---- the schema ---------------------------------------------------------------

def valid(paths):
	"""those that libvirt's schema allows"""
	result = set()
	for i in range(0, len(paths), 1000):
		output = subprocess.run(["xmllint", "--noout", "--relaxng", SCHEMA,
					 *paths[i:i + 1000]], check=False,
					stderr=subprocess.PIPE).stderr.decode()
		result.update(re.findall(r"^(.*) validates$", output, re.M))
	return result


def check_schema(cases):
	good = valid([case.path("in") for case in cases])
	cases = [case for case in cases if case.path("in") in good]
	count("schema before", len(cases))
	for form in "staged", "promoted":
		these = [case for case in cases if form in case.text]
		good = valid([case.path(form) for case in these])
		count(f"schema {form}", len(good))
		bad["schema"] += [case.path(form) for case in these
				  if case.path(form) not in good]


# ---- the daemon ---------------------------------------------------------------

def essence(xml):
	"""what the daemon makes of a domain does not depend on metadata"""
	root = parse(xml)
	for metadata in root.findall("metadata"):
		root.remove(metadata)
	return ET.canonicalize(ET.tostring(root, encoding="unicode"), strip_text=True)


def virsh(paths):
	"""what the daemon would start for each of the files, all through one virsh,
	whose output is not held back so that errors stand where they belong.
	Yields the command line and the error, one of them None; fewer than there
	are files when the daemon died on the one after the last."""
	commands = "".join(f"echo @@{i}@@\ndomxml-to-native qemu-argv --xml "
			   f"'{path}'\n" for i, path in enumerate(paths))
	output = subprocess.run(["stdbuf", "-o0", "virsh", "-q"],
				input=commands.encode(), stdout=subprocess.PIPE,
				stderr=subprocess.STDOUT, check=False).stdout
	parts = re.split(r"^@@\d+@@", output.decode(errors="replace"), flags=re.M)
	for part in parts[1:]:
		if "End of file while reading data" in part:
			return
		found = re.search(r"^\w+=.* -name .*", part, re.M)
		errors = re.findall(r"^error: (.*)", part, re.M)
		yield (found[0], None) if found else (None, " ".join(errors))


def restart_daemon():
	lab = os.path.join(os.path.dirname(os.path.abspath(__file__)), "lab.sh")
	subprocess.run(["bash", "-c", '. "$0" functions && lab_daemon_start', lab],
		       check=True)


asked = {}	# essence of a domain -> command line, error


def native(cases, form):
	"""set argv or why of each case"""
	keys = {}
	for case in cases:
		keys.setdefault(essence(case.text[form]), case.path(form))
	todo = [key for key in keys if key not in asked]
	while todo:
		answers = list(virsh([keys[key] for key in todo]))
		asked.update(zip(todo, answers))
		todo = todo[len(answers):]
		if todo:
			# Some domains kill some daemons; not our business here.
			asked[todo.pop(0)] = (None, "the daemon died")
			count("daemon deaths")
			restart_daemon()
	for case in cases:
		line, why = asked[essence(case.text[form])]
		if line:
			case.argv[form] = shlex.split(line)
		else:
			case.why[form] = why


def options(argv, name):
	return [argv[i + 1] for i, word in enumerate(argv[:-1]) if word == name]


def boot_order(argv):
	"""what the firmware will try, in order: a disk is told by its storage, as
	bus and name may have changed; anything else by its device line"""
	nodes = {}
	for text in options(argv, "-blockdev"):
		node = json.loads(text)
		nodes[node.pop("node-name")] = node
	order = []
	for text in options(argv, "-device"):
		if not text.startswith("{"):
			continue
		device = json.loads(text)
		if "bootindex" not in device:
			continue
		what = nodes.get(device.get("drive"))
		while what and isinstance(what.get("file"), str):
			what = nodes[what["file"]]
		if what:
			what = json.dumps(what, sort_keys=True)
		else:
			what = f"{device['driver']} {device.get('id')}"
		# Disks are numbered, and so are the secrets that they use.
		what = re.sub(r"libvirt-\d+-", "libvirt-N-", what)
		order.append((device["bootindex"], what))
	return sorted(order)


def check_boot_order(case, form):
	before, after = boot_order(case.argv["in"]), boot_order(case.argv[form])
	count(f"boot order {form}", bool(before))
	if before != after:
		bad["boot order"].append(f"{case.name}: {form}: {before} -> {after}")


PCI_FULL = "but index must be larger than bus"


def check_daemon(cases):
	"""What it takes before, it takes after. Not asked are those with network
	cards of the host: where the host has no such card, libvirt 9.0 may crash."""
	cases = [case for case in cases
		 if not re.search(rb"<interface type=['\"]hostdev", case.text["in"])]
	native(cases, "in")
	for case in cases:
		if "in" in case.why:
			count(plain(case.why["in"]), 1, reasons["unusable"])
	cases = [case for case in cases if "in" in case.argv]
	count("accepted before", len(cases))
	for form in "staged", "promoted":
		these = [case for case in cases if form in case.text]
		native(these, form)
		for case in these:
			if form in case.argv:
				count(f"accepted {form}")
				check_boot_order(case, form)
			elif "pci-many" in case.name and PCI_FULL in case.why.get(form, ""):
				# All slots of its i440fx are taken: none is left for a
				# SATA controller. libvirt says so, and it starts as it is.
				count("no PCI slot left")
			else:
				bad["daemon"].append(f"{case.name}: {form}: "
						     f"{case.why.get(form)}")


def main(source):
	os.makedirs(os.path.join(work, "xml"))
	cases = list(read_corpus(source))
	count("cases", len(cases))
	with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
		staged = [case for case, good in zip(cases, pool.map(rewrite, cases))
			  if good]
	check_schema(staged)
	check_daemon(staged)
	write_results()


def write_results():
	with open(os.path.join(work, "numbers"), "w") as file:
		for name, n in numbers.items():
			print(name.replace(" ", "-"), n, file=file)
	for name, counter in reasons.items():
		with open(os.path.join(work, name), "w") as file:
			for reason, n in counter.most_common():
				print(f"{n:5} {reason}", file=file)
	for check, lines in bad.items():
		if lines:
			with open(os.path.join(work, "bad-" + check.replace(" ", "-")), "w") as file:
				print(*lines, sep="\n", file=file)


work = sys.argv[2]
main(sys.argv[1])
