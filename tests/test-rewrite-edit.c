// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-rewrite-edit.c - what people and programs change in a domain between two steps must
 * be kept, and must not break the next step
 */

#include "hook/domain/slots.h"

#include "hook/domain/domain.h"
#include "tests/xmltest.h"

#define PC "pc-i440fx-7.2"
#define SOURCE "<source file=\"/vm/win.img\"/>"
#define BAIT_ADDRESS "<serial>busflip-bait</serial>" \
	"<address type=\"pci\" domain=\"0x0000\" bus=\"0x00\" slot=\"0x07\" function=\"0x0\"/>"
#define NEW_DISK(target, address) \
	"<disk type='file' device='disk'><source file='/vm/new.img'/><target " target "/>" \
	address "</disk>"
#define SCSI_CONTROLLER(model) \
	"<controller type='scsi' index='0' model='" model "'>" PCI("0x05") "</controller>"
/* A system disk that boots whatever other disks there are. */
#define FIRST_DISK .os = "", .disk = DISK("dev='vda' bus='virtio'", "<boot order='1'/>" PCI("0x07"))
#define AT(xml, disk, what) xpath(xml, "string(" disk "/" what ")")

/* All of a domain's state at one point, for edits. */
static char *staged(const struct parts *parts)
{
	AUTO_FREE char *x = domain_xml(parts);
	struct error err;
	char *out = rewrite(OP_STAGE, x, &err);

	if (!out)
		diag("stage: %s", err.msg);
	return out;
}

static char *after(enum op op, const char *xml)
{
	struct error err;
	char *out = rewrite(op, xml, &err);

	if (!out)
		diag("%s: %s", op_names[op], err.msg);
	return out;
}

/* with() - @xml with another device at the end of its devices */
static char *with(const char *xml, const char *device)
{
	AUTO_FREE char *to = NULL;

	if (asprintf(&to, "%s</devices>", device) < 0)
		return NULL;
	return replaced(xml, "</devices>", to);
}

/* without_bait() - as "virsh detach-disk --config" would leave it */
static char *without_bait(const char *xml)
{
	struct error err;
	AUTO_DOMAIN struct domain domain = { 0 };
	char *out = NULL;
	size_t len;

	if (!xml || domain_parse(xml, strlen(xml), &domain, &err) < 0)
		return NULL;
	xml_delete(domain_bait(&domain));
	return domain_format(&domain, &out, &len, &err) < 0 ? NULL : out;
}

/* No two disks of a bus with one name or in one place: libvirt would refuse. */
static void no_collision(const char *xml, const char *name)
{
	AUTO_DOMAIN struct domain domain = { 0 };
	struct error err;
	const char *bad = NULL;
	char a_name[TARGET_SIZE], b_name[TARGET_SIZE];

	if (!ok(xml && domain_parse(xml, strlen(xml), &domain, &err) == 0, "%s: works", name))
		return;
	for (xmlNode *a = xml_child(domain.devices, "disk"); a; a = xml_next(a, "disk")) {
		const xmlNode *address = xml_child(a, "address");

		if (address && pci_address_taken(&domain, address, a))
			bad = "PCI address";
		for (xmlNode *b = xml_next(a, "disk"); b; b = xml_next(b, "disk")) {
			struct slot at_a, at_b;

			if (disk_target(a, a_name, sizeof(a_name)) &&
			    disk_target(b, b_name, sizeof(b_name)) &&
			    !strcmp(a_name, b_name))
				bad = "name";
			if (disk_bus(a) != disk_bus(b) || disk_bus(a) == BUS_VIRTIO ||
			    !slots_disk_place(a, &at_a) || !slots_disk_place(b, &at_b))
				continue;
			if (at_a.controller == at_b.controller && at_a.unit == at_b.unit)
				bad = "place on a controller";
		}
	}
	if (!ok(!bad, "%s: every disk has a name and a place of its own", name))
		diag("two disks have the same %s\n%s", bad, xml);
}

/* ---- the disk itself -------------------------------------------------------- */

static void test_source(void)
{
	static const char new_source[] = "<source file='/vm/snapshot1.qcow2' index='3'/>";
	const struct parts parts = { 0 };
	AUTO_FREE char *x = domain_xml(&parts), *s = staged(&parts), *want = NULL;
	AUTO_FREE char *edited = replaced(s, SOURCE, new_source);
	AUTO_FREE char *promoted = after(OP_PROMOTE, edited);
	AUTO_FREE char *restored = after(OP_RESTORE, edited);
	AUTO_FREE char *on_trial = NULL, *back = NULL, *again = NULL;

	want = replaced(x, "<source file='/vm/win.img'/>", new_source);
	same_xml(promoted, want, "a source that was replaced while staged stays replaced");
	same_xml(restored, want, "after restore as well");
	free(steal(&promoted));
	promoted = after(OP_PROMOTE, s);
	on_trial = replaced(promoted, SOURCE, new_source);
	back = after(OP_ROLLBACK, on_trial);
	again = after(OP_PROMOTE, back);
	same_xml(again, want, "one that was replaced on trial stays through rollback and promote");
}

static void test_attributes(void)
{
	const struct parts parts = { .os = "", .disk = "<disk type='file' device='disk'>"
		"<driver name='qemu' type='qcow2' queues='4' cache='none'/>"
		"<source file='/vm/win.img'/><target dev='vda' bus='virtio'/>" PCI("0x07")
		"</disk>" };
	AUTO_FREE char *s = staged(&parts), *edited = NULL, *promoted = NULL, *bare = NULL;

	edited = replaced(s, "cache=\"none\"/>",
			  "cache='writeback' discard='unmap'/><!-- mine --><boot order='1'/>"
			  "<serial>S1</serial>");
	promoted = after(OP_PROMOTE, edited);
	is_str(AT(promoted, SYSTEM, "driver/@cache"), "writeback", "a changed attribute stays");
	is_str(AT(promoted, SYSTEM, "driver/@discard"), "unmap", "so does a new one");
	is_str(AT(promoted, SYSTEM, "driver/@queues"), "4", "and what was kept comes back");
	is_str(AT(promoted, SYSTEM, "boot/@order"), "1", "new elements stay");
	is_str(AT(promoted, SYSTEM, "comment()"), " mine ", "and comments");
	is_str(AT(promoted, SYSTEM, "address/@slot"), "0x07", "the address comes back");
	bare = replaced(s, "<driver name=\"qemu\" type=\"qcow2\" cache=\"none\"/>", "");
	free(steal(&promoted));
	promoted = after(OP_PROMOTE, bare);
	is_str(xpath(promoted, "count(" SYSTEM "/driver)"), "0",
	       "what was kept of an element that is gone is gone");
	is_str(AT(promoted, SYSTEM, "target/@bus"), "virtio", "the rest comes back");
}

static void test_alias(void)
{
	const struct parts parts = { 0 };
	AUTO_FREE char *s = staged(&parts), *promoted = NULL;
	AUTO_FREE char *edited = replaced(s, SOURCE, SOURCE "<alias name='ua-mine'/>");

	promoted = after(OP_PROMOTE, edited);
	is_str(AT(promoted, SYSTEM, "alias/@name"), "ua-mine",
	       "an alias that the user gave while staged stays");
}

static void test_renamed(void)
{
	const struct parts parts = { 0 };
	AUTO_FREE char *s = staged(&parts), *out = NULL;
	AUTO_FREE char *edited = replaced(s, "<target dev=\"sda\"", "<target dev=\"sdk\"");
	AUTO_FREE char *cdrom = replaced(s, "<disk type=\"file\" device=\"disk\">",
					 "<disk type='file' device='cdrom'>");
	AUTO_FREE char *other = replaced(edited, "<source file=\"/vm/win.img\"",
					 "<source file='/vm/other.img'");
	AUTO_FREE char *two = replaced(edited, "</devices>", "<disk type='file' device='disk'>"
				       "<source file='/vm/other.img'/>"
				       "<target dev='sda' bus='sata'/>"
				       DRIVE("0", "3") "</disk></devices>");
	struct error err;

	for (int op = OP_PROMOTE; op <= OP_RESTORE; op++) {
		if (op == OP_ROLLBACK)
			continue;
		out = after((enum op)op, edited);
		is_str(AT(out, SYSTEM, "target/@dev"), "vda",
		       "a disk with another name is known by its source: %s", op_names[op]);
		free(steal(&out));
		out = after((enum op)op, two);
		is_str(AT(out, SYSTEM, "target/@bus"), "virtio",
		       "also if another one has its name: %s", op_names[op]);
		free(steal(&out));
		ok(!rewrite((enum op)op, other, &err), "with another name and source: %s is "
		   "refused", op_names[op]);
		has_str(err.msg, "system disk sda is no longer in the domain: add it "
			"again, or remove tag and state with busflip disable --force win",
			"with a sentence");
	}
	ok(!rewrite(OP_PROMOTE, cdrom, &err), "neither is a CD-ROM promoted");
	free(steal(&s));
	s = staged(&parts);
	free(steal(&edited));
	edited = replaced(s, "<name>win</name>", "<name>other &amp; new</name>");
	out = after(OP_PROMOTE, edited);
	is_str(AT(out, SYSTEM, "target/@dev"), "vda", "a domain may have another name");
}

/* ---- the bait ------------------------------------------------------------------ */

static void test_bait(void)
{
	const struct parts parts = { FIRST_DISK };
	AUTO_FREE char *x = domain_xml(&parts), *s = staged(&parts);
	AUTO_FREE char *gone = without_bait(s), *moved = NULL, *own = NULL, *two = NULL;
	AUTO_FREE char *out = after(OP_PROMOTE, gone);

	is_str(xpath(gone, "count(" BAIT ")"), "0", "the bait was detached");
	same_xml(out, x, "promote works without the bait");
	free(steal(&out));
	out = after(OP_RESTORE, gone);
	same_xml(out, x, "so does restore");

	moved = replaced(s, BAIT_ADDRESS, "<serial>busflip-bait</serial>" PCI("0x0a"));
	free(steal(&out));
	out = after(OP_PROMOTE, moved);
	is_str(AT(out, SYSTEM, "address/@slot"), "0x0a",
	       "the disk goes where the bait was: Windows has its device there");
	free(steal(&out));
	out = after(OP_RESTORE, moved);
	same_xml(out, x, "restore puts it where the user had it");

	own = replaced(s, "<serial>busflip-bait<", "<serial>something else<");
	free(steal(&out));
	out = after(OP_PROMOTE, own);
	no_collision(out, "a bait that was made a disk of the user's, promote");
	is_str(xpath(out, "string(//disk[serial='something else']/target/@dev)"), "vdz",
	       "it stays, with its name");
	is_str(AT(out, SYSTEM, "target/@dev"), "vda", "the disk is what it was");
	is_str(xpath(out, "count(" SYSTEM "/address)"), "0",
	       "and its address: libvirt finds another one for the system disk");
	free(steal(&out));
	out = after(OP_RESTORE, own);
	no_collision(out, "a bait that was made a disk of the user's, restore");

	two = with(s, "<disk type='file' device='disk'><source file='" BAIT_IMAGE "'/><target "
		   "dev='vdb' bus='virtio'/><readonly/><serial>busflip-bait</serial></disk>");
	free(steal(&out));
	out = after(OP_PROMOTE, two);
	no_collision(out, "two baits, promote");
}

static void test_bait_address(void)
{
	const struct parts from_sata = { .disk = SATA_DISK };
	AUTO_FREE char *x = domain_xml(&from_sata), *s = staged(&from_sata), *assigned = NULL;
	AUTO_FREE char *promoted = NULL, *back = NULL;

	assigned = replaced(s, "<serial>busflip-bait</serial>",
			    "<serial>busflip-bait</serial><alias name='virtio-disk0'/>"
			    PCI("0x0b"));
	promoted = after(OP_PROMOTE, assigned);
	is_str(AT(promoted, SYSTEM, "address/@slot"), "0x0b",
	       "from SATA: the disk takes the address that libvirt gave the bait");
	is_str(xpath(promoted, "count(" SYSTEM "/address)"), "1", "and has one only");
	back = after(OP_ROLLBACK, promoted);
	is_str(AT(back, BAIT, "address/@slot"), "0x0b", "rollback: the bait has it again");
	is_str(AT(back, SYSTEM, "address/@type"), "drive", "and the disk its own");
	free(steal(&back));
	back = after(OP_RESTORE, promoted);
	same_xml(back, x, "restore on trial gives the original");
}

/* ---- others that come and take places ------------------------------------------- */

struct collision {
	const char *name;
	struct parts parts;
	bool from_trial;	/* the new disk comes on trial; roll back then */
	const char *bait_away;	/* not NULL: the bait is detached first */
	const char *device;
};

static void test_collisions(void)
{
	static const struct collision cases[] = {
		{ "a disk on the freed address", { 0 }, false, "",
		  NEW_DISK("dev='vdb' bus='virtio'", PCI("0x07")) },
		{ "a network card on the freed address", { 0 }, false, "",
		  "<interface type='user'>" PCI("0x07") "</interface>" },
		{ "a disk with the old name", { FIRST_DISK }, false, "",
		  NEW_DISK("dev='vda' bus='virtio'", "") },
		{ "a disk with the old name and address", { FIRST_DISK }, false, "",
		  NEW_DISK("dev='vda' bus='virtio'", PCI("0x07")) },
		{ "a disk with the old name on another bus", { 0 }, false, "",
		  NEW_DISK("dev='vda' bus='scsi'", DRIVE("0", "0")) },
		{ "a disk next to ours on SATA", { 0 }, false, NULL,
		  NEW_DISK("dev='sdb' bus='sata'", DRIVE("0", "1")) },
		{ "a disk in our place on virtio-scsi",
		  { .disk = DISK("dev='sda' bus='scsi'", DRIVE("0", "0")),
		    .devices = SCSI_CONTROLLER("virtio-scsi") }, false, NULL,
		  NEW_DISK("dev='sdb' bus='scsi'", DRIVE("0", "0")) },
		{ "a disk with no address where its name puts it on virtio-scsi",
		  { .os = "", .disk = DISK("dev='sdb' bus='scsi'", "<boot order='1'/>"
		    DRIVE("0", "0")), .devices = SCSI_CONTROLLER("virtio-scsi") }, false, NULL,
		  NEW_DISK("dev='sda' bus='scsi'", "") },
		{ "a disk in our place on LSI, restore",
		  { .disk = DISK("dev='sda' bus='scsi'", DRIVE("0", "0")),
		    .devices = SCSI_CONTROLLER("lsilogic") }, false, NULL,
		  NEW_DISK("dev='sdb' bus='scsi'", DRIVE("0", "0")) },
		{ "a CD-ROM on our IDE port", { .os = "", .disk = DISK("dev='hda' bus='ide'",
		  "<boot order='1'/>" DRIVE("0", "0")), .machine = PC }, true, NULL,
		  "<disk type='file' device='cdrom'><target dev='hda' bus='ide'/>"
		  DRIVE("0", "0") "</disk>" },
		{ "a disk on our SATA port", { .os = "",
		  .disk = DISK("dev='sda' bus='sata'", "<boot order='1'/>" DRIVE("0", "0")) },
		  true, NULL,
		  NEW_DISK("dev='sda' bus='sata'", DRIVE("0", "0")) },
		{ "a disk on our SATA port, without an address", { .os = "",
		  .disk = DISK("dev='sda' bus='sata'", "<boot order='1'/>" DRIVE("0", "0")) },
		  true, NULL,
		  NEW_DISK("dev='sda' bus='sata'", "") },
		{ "a disk on our SATA port, when we had no address",
		  { .disk = DISK("dev='sda' bus='sata'", "") }, true, NULL,
		  NEW_DISK("dev='sdb' bus='sata'", DRIVE("0", "0")) },
		{ "a disk where ours was on SATA", { .os = "",
		  .disk = DISK("dev='vda' bus='virtio'", "<boot order='1'/>" PCI("0x07")) },
		  true, NULL, NEW_DISK("dev='sda' bus='sata'", DRIVE("0", "0")) },
		{ "a disk with the bait's name", { .disk = SATA_DISK }, true, NULL,
		  NEW_DISK("dev='vdb' bus='virtio'", PCI("0x0c")) },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct collision *c = &cases[i];
		AUTO_FREE char *s = staged(&c->parts);
		AUTO_FREE char *before = c->from_trial ? after(OP_PROMOTE, s) :
					 c->bait_away ? without_bait(s) : strdup(s);
		AUTO_FREE char *edited = with(before, c->device);
		AUTO_FREE char *next = NULL, *restored = NULL;
		char name[200];

		next = after(c->from_trial ? OP_ROLLBACK : OP_PROMOTE, edited);
		snprintf(name, sizeof(name), "%s, %s", c->name,
			 c->from_trial ? "rollback" : "promote");
		no_collision(next, name);
		ok(next && strstr(next, c->from_trial ? BAIT_SERIAL : "</devices>"),
		   "%s: in that form", name);
		restored = after(OP_RESTORE, edited);
		snprintf(name, sizeof(name), "%s, restore", c->name);
		no_collision(restored, name);
	}
}

/* ---- controllers that staging has added --------------------------------------------- */

static void test_controllers(void)
{
	const struct parts on_pc = { .machine = PC }, to_scsi = { .tag = TAG_SCSI };
	AUTO_FREE char *x = domain_xml(&on_pc), *s = staged(&on_pc);
	AUTO_FREE char *used = with(s, NEW_DISK("dev='sdb' bus='sata'", DRIVE("0", "1")));
	AUTO_FREE char *promoted = after(OP_PROMOTE, used), *want = NULL, *scsi = NULL;
	AUTO_FREE char *addressed = NULL;

	is_str(xpath(s, "count(//controller[@type='sata'])"), "1", "pc gets a SATA controller");
	is_str(xpath(promoted, "count(//controller[@type='sata'])"), "1",
	       "which stays as long as a disk of the user's needs it");
	addressed = replaced(s, "<controller type=\"sata\" index=\"0\"/>",
			     "<controller type='sata' index='0'>\n      " PCI("0x09")
			     "\n    </controller>");
	free(steal(&promoted));
	promoted = after(OP_PROMOTE, addressed);
	same_xml(promoted, x, "and goes when not, though libvirt gave it an address");

	free(steal(&s));
	s = staged(&to_scsi);
	scsi = with(s, NEW_DISK("dev='sdb' bus='scsi'", DRIVE("0", "4")));
	want = after(OP_RESTORE, scsi);
	is_str(xpath(want, "count(//controller[@type='scsi'])"), "1",
	       "so does a SCSI controller that was the bait");
	no_collision(want, "a SCSI controller that was the bait, restore");
	is_str(xpath(want, "count(" SYSTEM "/address)"), "0",
	       "it keeps the address: libvirt finds another one for the system disk");
	free(steal(&s));
	s = staged(&to_scsi);
	free(steal(&promoted));
	promoted = after(OP_PROMOTE, s);
	is_str(AT(promoted, "//controller[@type='scsi']", "address/@slot"), "0x07",
	       "virtio-scsi is where the disk was");
	free(steal(&want));
	want = replaced(promoted, "<controller type=\"scsi\"", "<controller type='x'");
	free(steal(&promoted));
	promoted = after(OP_ROLLBACK, want);
	free(steal(&want));
	want = after(OP_PROMOTE, promoted);
	is_str(xpath(want, "count(//controller[@type='scsi'])"), "1",
	       "a SCSI controller that was taken away is made again");
}

/* ---- after done ------------------------------------------------------------------------ */

static void test_finish(void)
{
	const struct parts parts = { .disk = SATA_DISK };
	AUTO_FREE char *s = staged(&parts), *promoted = after(OP_PROMOTE, s), *done = NULL;
	AUTO_FREE char *back = NULL, *again = NULL, *restored = NULL;
	AUTO_DOMAIN struct domain domain = { 0 };
	struct error err;
	size_t len;

	if (!promoted || domain_parse(promoted, strlen(promoted), &domain, &err) < 0)
		return;
	rewrite_finish(&domain);
	domain.state.phase = PHASE_DONE;
	domain_put_state(&domain);
	domain_format(&domain, &done, &len, &err);
	same_xml(done, promoted, "done changes nothing but the state");
	is_str(xpath(done, "count(//s:saved)"), "0", "nothing is kept for the way back");
	restored = after(OP_RESTORE, done);
	same_xml(restored, done, "restore leaves a disk that is done where it is");
	back = after(OP_ROLLBACK, done);
	is_str(AT(back, SYSTEM, "target/@bus"), "sata", "rollback goes to SATA all the same");
	is_str(xpath(back, "count(" BAIT ")"), "1", "with a bait");
	again = after(OP_PROMOTE, back);
	same_xml(again, promoted, "and from there back");
	free(steal(&restored));
	restored = after(OP_RESTORE, back);
	same_xml(restored, promoted, "where restore goes too: that is the user's form now");
}

static void test_settle(void)
{
	const struct parts parts = { .machine = PC };
	AUTO_FREE char *s = staged(&parts), *out = NULL;
	AUTO_DOMAIN struct domain domain = { 0 }, plain = { 0 };
	AUTO_FREE char *x = domain_xml(&parts);
	struct error err;
	size_t len;

	if (!s || domain_parse(s, strlen(s), &domain, &err) < 0)
		return;
	is_int(rewrite_settle_on_sata(&domain, &err), 0, "settle on SATA");
	domain_drop_state(&domain);
	domain_format(&domain, &out, &len, &err);
	is_str(AT(out, SYSTEM, "target/@bus"), "sata", "the disk stays there");
	is_str(xpath(out, "count(" BAIT ")"), "0", "the bait goes");
	is_str(xpath(out, "count(//controller[@type='sata'])"), "1", "its controller stays");
	domain_parse(x, strlen(x), &plain, &err);
	is_int(rewrite_settle_on_sata(&plain, &err), -1, "one that is not staged can't settle");
	has_str(err.msg, "not on SATA", "with a sentence");
}

int main(void)
{
	test_source();
	test_attributes();
	test_alias();
	test_renamed();
	test_bait();
	test_bait_address();
	test_collisions();
	test_controllers();
	test_finish();
	test_settle();
	xmlCleanupParser();
	return done_testing();
}
