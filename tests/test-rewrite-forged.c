// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-rewrite-forged.c - states that busflip never wrote
 *
 * A user who may define a domain may write anything into its state element. No step may
 * crash on it, and none may do more with it than move disks between buses: see invariant.h.
 * The test first uses some constructed states, then many random ones with a fixed seed.
 */

#include "hook/phase/step.h"

#include "hook/phase/decide.h"
#include "tests/invariant.h"
#include "tests/xmltest.h"

#define ROUNDS 500
#define SCSI_CONTROLLER(model) "<controller type='scsi' index='0' model='" model "'/>\n"

static const struct config config = { .max_attempts = 2, .bait = BAIT_IMAGE };

/* take_step() - the outcome, or NULL when it is refused or nothing changed */
static char *take_step(const char *xml, enum happening happened, size_t *len)
{
	AUTO_DOMAIN struct domain domain = { 0 };
	struct error err = { 0 };
	struct step step;
	char *out = NULL;

	if (domain_parse(xml, strlen(xml), &domain, &err) < 0 ||
	    step_apply(&domain, happened, &config, &step, &err) < 0 || !step.changed ||
	    domain_format(&domain, &out, len, &err) < 0)
		return NULL;
	return out;
}

static char *disable(const char *xml, bool keep_sata, size_t *len)
{
	AUTO_DOMAIN struct domain domain = { 0 };
	struct error err = { 0 };
	struct step step;
	char *out = NULL;

	if (domain_parse(xml, strlen(xml), &domain, &err) < 0 ||
	    step_disable(&domain, keep_sata, true, &step, &err) < 0 ||
	    domain_format(&domain, &out, len, &err) < 0)
		return NULL;
	return out;
}

#define STEPS (HAPPENING_COUNT + 2)

/* one_step() - number @i of all that can happen to @xml, whose essence is
 * @before. Return: what is broken, or NULL */
static const char *one_step(const char *xml, const struct essence *before, int i, int *changes)
{
	size_t len = 0;
	AUTO_FREE char *out = i < HAPPENING_COUNT ?
		take_step(xml, (enum happening)i, &len) :
		disable(xml, i > HAPPENING_COUNT, &len);
	const char *why = out ? broken(before, out, len, BAIT_IMAGE) : NULL;

	*changes += out != NULL;
	if (why)
		diag("step %d: %s\nbefore:\n%s\nafter:\n%s", i, why, xml, out);
	return why;
}

static const char *every_step(const char *xml, int *changes)
{
	struct essence before = essence_of(xml, strlen(xml), BAIT_IMAGE);
	const char *why = NULL;

	for (int i = 0; !why && i < STEPS; i++)
		why = one_step(xml, &before, i, changes);
	free(before.text);
	return why;
}

/* ---- thought up -------------------------------------------------------------- */

#define STATE(phase, inside) \
	"<s:state xmlns:s='urn:busflip:state:1' phase='" phase "' attempts='0'>" inside \
	"</s:state>"
#define ON_SATA "<s:disk target='sda' form='staged' bus='virtio' origin='virtio'/>"
#define SAVED(inside) "<s:saved>" ATTR("target", "dev", "vda") inside "</s:saved>"
#define ATTR(on, name, value) "<s:attr on='" on "' name='" name "' value='" value "'/>"

static void test_thought_up(void)
{
	static const char *const states[] = {
		STATE("staged", ""),
		STATE("trial", ""),
		STATE("staged", ON_SATA),
		STATE("trial", ON_SATA),
		STATE("held", ON_SATA),
		STATE("done", ON_SATA),
		STATE("trial", "<s:disk target='sda' form='final' bus='virtio' origin='sata'/>"),
		STATE("trial", "<s:disk target='sda' form='final' bus='scsi' origin='ide'/>"),
		STATE("trial", "<s:disk target='sda' form='final' bus='usb' origin='usb'/>"),
		STATE("staged", "<s:disk target='sdb' form='staged' bus='virtio' origin='virtio'/>"
		      "<s:saved>" ATTR("target", "dev", "vda") ATTR("target", "bus", "virtio")
		      "</s:saved>"),
		STATE("staged", "<s:disk target='nope' form='staged' bus='virtio' origin='sata'/>"),
		STATE("staged", "<s:disk target='cd' form='staged' bus='virtio' origin='sata'/>"),
		STATE("staged", "<s:disk target='' form='staged' bus='virtio' origin='sata'/>"),
		STATE("staged", ON_SATA "<s:saved>" ATTR("target", "dev", "") "</s:saved>"),
		STATE("staged", ON_SATA "<s:saved>" ATTR("target", "dev", "sdb") "</s:saved>"),
		STATE("staged", ON_SATA "<s:saved>" ATTR("target", "dev", "\xc3\xbc\xc3\xbc")
		      "</s:saved>"),
		STATE("staged", ON_SATA "<s:saved>" ATTR("target", "dev", "\xe2\x82\xac")
		      "</s:saved>"),
		STATE("staged", ON_SATA "<s:saved>" ATTR("target", "bus", "floppy") "</s:saved>"),
		STATE("staged", ON_SATA "<s:saved>" ATTR("source", "file", "/etc/shadow")
		      "<s:element on='disk' at='0'><source file='/etc/shadow'/></s:element>"
		      "<s:element on='disk' at='4294967296'><address type='pci'/></s:element>"
		      "</s:saved>"),
		STATE("staged", ON_SATA "<s:saved><s:element on='disk' at='0'><address type='pci' "
		      "bus='0' slot='2'><source file='/etc/shadow'/></address></s:element>"
		      "</s:saved>"),
		/* more than the domain's author might have asked for */
		STATE("staged", ON_SATA SAVED(ATTR("disk", "device", "lun"))),
		STATE("staged", ON_SATA SAVED(ATTR("disk", "rawio", "yes"))),
		STATE("staged", ON_SATA SAVED(ATTR("disk", "sgio", "unfiltered"))),
		STATE("staged", ON_SATA SAVED("<s:element on='source' at='0'><reservations "
		      "managed='no'><source type='unix' path='/x' mode='client'/></reservations>"
		      "</s:element>")),
		STATE("trial", "<s:disk target='sda' form='final' bus='virtio' origin='scsi'/>"
		      SAVED(ATTR("disk", "device", "lun") ATTR("disk", "rawio", "yes"))),
		STATE("staged", ON_SATA "<s:saved/><s:saved/>"),
		STATE("staged", ON_SATA "<s:added type='sata' index='0'/>"
		      "<s:added type='scsi' index='0'/><s:added type='pci' index='0'/>"
		      "<s:added type='usb' index='0'/><s:added index='2147483647'/>"),
		STATE("staged", "<s:disk target='sda' form='staged' bus='scsi' origin='sata' "
		      "controller='2147483647'/>"),
		STATE("staged", "<s:disk target='sda' form='staged' bus='scsi' origin='sata' "
		      "controller='-1'/>"),
		STATE("staged", ON_SATA ON_SATA),
		STATE("staged", "<s:state phase='done' attempts='0'/>"),
		/* the bait as the disk that shall be moved */
		STATE("staged", "<s:disk target='vdq' form='staged' bus='virtio' origin='sata'/>"),
		STATE("trial", "<s:disk target='vdq' form='final' bus='virtio' origin='virtio'/>"),
		STATE("staged", "<s:disk target='vdq' form='staged' bus='scsi' origin='virtio'/>"
		      "<s:saved>" ATTR("target", "dev", "vda") "</s:saved>"),
		"<s:state xmlns:s='urn:busflip:state:1' phase='trial' attempts='2147483647' "
		"reason='&#x9b;31m' since='&#10;'>" ON_SATA "</s:state>",
	};
	static const char devices[] = "<disk type='file' device='disk'><source file='/vm/b.img'/>"
		"<target dev='sdb' bus='sata'/></disk><disk device='cdrom'><target dev='cd' "
		"bus='sata'/></disk><controller type='usb' index='0'/><disk type='file' "
		"device='disk'><driver type='raw'/><source file='" BAIT_IMAGE "'/><target "
		"dev='vdq' bus='virtio'/><readonly/><serial>busflip-bait</serial></disk>"
		SCSI_CONTROLLER("virtio-scsi") "<controller type='sata' index='0'/>";

	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		AUTO_FREE char *xml = domain_xml(&(struct parts){
			.disk = SATA_DISK, .metadata = states[i], .devices = devices });
		int changes = 0;

		ok(!every_step(xml, &changes), "forged: %s", states[i]);
	}
}

static void saved_is_taken(const char *note, bool taken)
{
	static const enum happening happened[] = { HAPPENED_PROMOTE, HAPPENED_DISABLE };
	AUTO_FREE char *state = NULL, *xml = NULL;
	size_t len;

	if (asprintf(&state, STATE("staged", ON_SATA SAVED("%s")), note) < 0)
		exit(1);
	xml = domain_xml(&(struct parts){ .disk = SATA_DISK, .metadata = state });
	for (size_t i = 0; i < ARRAY_SIZE(happened); i++) {
		AUTO_FREE char *out = take_step(xml, happened[i], &len);

		ok(!out == !taken, "%s: %s, step %zu", taken ? "taken" : "refused", note, i);
	}
}

/* The same with what invariant.h can't tell from what staging took off: refused. */
static void test_not_ours(void)
{
#define ELEMENT(inside) "<s:element on='disk' at='0'>" inside "</s:element>"
	static const char *const notes[] = {
		ATTR("driver", "queues", "many"), ATTR("driver", "iommu", "yes"),
		ATTR("driver", "iothread", "-1"), ATTR("disk", "model", "virtio on"),
		ATTR("disk", "model", ""), ATTR("target", "dev", "../x"),
		ATTR("target", "bus", "usb"), ATTR("driver", "queue_size", "4294967296"),
		ATTR("disk", "rawio", "no"), ATTR("source", "file", "/etc/shadow"),
		ELEMENT("<address type='pci' slot='0x02'><x:y xmlns:x='urn:x'/></address>"),
		ELEMENT("<address type='pci' x:slot='0x02' xmlns:x='urn:x'/>"),
		ELEMENT("<address type='pci' xmlns:x='urn:x'/>"),
		ELEMENT("<address type='pci' slot='%'/>"), ELEMENT("<address type='usb' bus='1'/>"),
		ELEMENT("<address slot='2'/>"), ELEMENT("<alias name='ua-x'>text</alias>"),
		ELEMENT("<alias name='ua-&quot;'/>"), ELEMENT("<alias/><alias/>"),
		ELEMENT("<wwn>1</wwn>"), ELEMENT("<wwn><alias/></wwn>"),
		ELEMENT("<vendor>\xc3\xbc</vendor>"), ELEMENT("<acpi index='x'/>"),
		ELEMENT("<geometry cyls='1' heads='1' secs='1' other='1'/>"), ELEMENT("<driver/>"),
		ELEMENT(""), "<s:other/>", "<attr on='target' name='dev' value='vda'/>",
	};
	/* the control: taken */
	static const char *const ours[] = {
		ATTR("driver", "queues", "4"),
		ELEMENT("<address type='pci' slot='0x02'><!-- x --> <zpci uid='0x1'/></address>"),
		ELEMENT("<geometry cyls='1' heads='255' secs='63' trans='lba'/>"), "<!-- x -->",
	};

	for (size_t i = 0; i < ARRAY_SIZE(notes); i++)
		saved_is_taken(notes[i], false);
	for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
		saved_is_taken(ours[i], true);
}

/* What looks like a bait may have anything for its address, which the disk is to get. */
static void test_bait(void)
{
	static const char *const addresses[] = {
		"<address type='usb'><source file='/etc/shadow'/></address>",
		"<address type='pci' bus='0' slot='2'><source file='/etc/shadow'/></address>",
		"<address type='pci' slot='%'/>",
	};

	for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
		AUTO_FREE char *bait = NULL, *xml = NULL, *out = NULL;
		size_t len;

		if (asprintf(&bait, "<disk type='file' device='disk'><source file='" BAIT_IMAGE
			     "' startupPolicy='optional'/><target dev='vdq' bus='virtio'/>"
			     "<readonly/><serial>busflip-bait</serial>%s</disk>", addresses[i]) < 0)
			exit(1);
		xml = domain_xml(&(struct parts){ .disk = SATA_DISK, .devices = bait,
			.metadata = STATE("staged", ON_SATA SAVED("")) });
		out = take_step(xml, HAPPENED_PROMOTE, &len);
		is_str(xpath(out, "concat(count(//disk), count(//disk/address))"), "10",
		       "not the address of the disk: %s", addresses[i]);
	}
}

/* ---- rolled -------------------------------------------------------------------- */

static uint64_t dice = 0x9e3779b97f4a7c15;

static unsigned roll(unsigned sides)
{
	dice ^= dice << 13;
	dice ^= dice >> 7;
	dice ^= dice << 17;
	return (unsigned)(dice >> 33) % sides;
}

static const char *const words[] = {
	"", "0", "1", "-1", "7", "2147483647", "2147483648", "99999999999999999999", "x", "vda",
	"vdb", "sda", "sdb", "hda", "virtio", "scsi", "sata", "ide", "usb", "none", "?", "staged",
	"trial", "done", "held", "final", "yes", "disk", "driver", "source", "target", "geometry",
	"dev", "bus", "model", "device", "lun", "cdrom", "address", "alias", "file", "type",
	"reservations", "iothreads", "/etc/shadow", "\n", " ", "\"'<>&", "\xc3\xbc", "\xe2\x82\xac",
	"drive", "pci", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
};
static const char *const element_names[] = {
	"state", "disk", "saved", "attr", "element", "added", "source", "address", "alias",
	"driver", "target", "serial", "readonly", "controller",
};
static const char *const attr_names[] = {
	"phase", "attempts", "since", "reason", "override", "target", "form", "bus", "origin",
	"controller", "type", "index", "on", "name", "value", "at", "space", "slot", "unit",
};

#define ANY(list) (list)[roll(ARRAY_SIZE(list))]

/* Any element at or below @root, each about as often. */
static xmlNode *any_node(xmlNode *root)
{
	xmlNode *node = root;

	while (roll(3)) {
		unsigned n = (unsigned)xmlChildElementCount(node);
		xmlNode *child = xmlFirstElementChild(node);

		if (!n)
			break;
		for (unsigned i = roll(n); i; i--)
			child = xmlNextElementSibling(child);
		node = child;
	}
	return node;
}

static void change_attr(xmlNode *node)
{
	xmlAttr *attr = node->properties;
	unsigned n = 0;

	for (xmlAttr *a = attr; a; a = a->next)
		n++;
	if (!n || !roll(4)) {
		xmlSetProp(node, XS(ANY(attr_names)), XS(ANY(words)));
		return;
	}
	for (unsigned i = roll(n); i; i--)
		attr = attr->next;
	if (roll(4))
		xmlSetProp(node, attr->name, XS(ANY(words)));
	else
		xmlRemoveProp(attr);
}

static void mutate(xmlNode *state, xmlNode *devices)
{
	xmlNode *root = roll(8) ? state : devices, *node = any_node(root), *other;

	switch (roll(8)) {
	case 0:
		if (node != root)
			remove_node(node);
		break;
	case 1:
		other = xmlDocCopyNode(any_node(roll(2) ? state : devices), state->doc, 1);
		if (other->name && strcmp((const char *)other->name, "devices") != 0 &&
		    xmlChildElementCount(node) < 30)
			xmlAddChild(node, other);
		else
			xmlFreeNode(other);
		break;
	case 2:
		if (node != root && node != state)
			xmlNodeSetName(node, XS(ANY(element_names)));
		break;
	case 3:
		xmlSetNs(node, roll(2) ? state->ns : NULL);
		break;
	default:
		change_attr(node);
		break;
	}
}

static const char *some_steps(const char *xml, int *changes)
{
	struct essence before = essence_of(xml, strlen(xml), BAIT_IMAGE);
	const char *why = NULL;

	for (int i = 0; !why && i < 4; i++)
		why = one_step(xml, &before, (int)roll(STEPS), changes);
	free(before.text);
	return why;
}

static char *mutated(const char *xml)
{
	AUTO_DOMAIN struct domain domain = { 0 };
	struct error err;
	char *out = NULL;
	size_t len;

	if (domain_parse(xml, strlen(xml), &domain, &err) < 0 || !domain.state_node ||
	    !domain.devices)
		return NULL;
	for (unsigned i = 1 + roll(4); i; i--)
		mutate(domain.state_node, domain.devices);
	return domain_format(&domain, &out, &len, &err) < 0 ? NULL : out;
}

static void test_rolled(void)
{
	static const struct {
		const char *name;
		struct parts parts;
	} templates[] = {
		{ "virtio", { .disk = "<disk type='block' device='disk' model='virtio'>"
		  "<driver name='qemu' queues='4' iothread='1'/><source dev='/dev/x'/>"
		  "<target dev='vda' bus='virtio'/><alias name='ua-x'/>" PCI("0x07") "</disk>" } },
		{ "virtio on pc", { .machine = "pc-i440fx-7.2" } },
		{ "virtio to scsi", { .tag = TAG_SCSI } },
		{ "virtio-scsi", { .disk = DISK("dev='sda' bus='scsi'", DRIVE("0", "0")),
		  .devices = SCSI_CONTROLLER("virtio-scsi") } },
		{ "LSI", { .disk = DISK("dev='sda' bus='scsi'",
		  "<wwn>0x5000c50015ea71aa</wwn>" DRIVE("0", "0")),
		  .devices = SCSI_CONTROLLER("lsilogic") } },
		{ "sata", { .disk = SATA_DISK } },
		{ "ide to scsi", { .machine = "pc-i440fx-7.2", .tag = TAG_SCSI,
		  .disk = DISK("dev='hda' bus='ide'", DRIVE("0", "0")) } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(templates); i++) {
		AUTO_FREE char *x = domain_xml(&templates[i].parts);
		struct error err;
		AUTO_FREE char *staged = rewrite(OP_STAGE, x, &err);
		AUTO_FREE char *trial = rewrite(OP_PROMOTE, staged, &err);
		const char *why = staged && trial ? NULL : "no template";
		int round, changes = 0;

		for (round = 0; !why && round < ROUNDS; round++) {
			AUTO_FREE char *xml = mutated(round % 2 ? staged : trial);

			why = xml ? some_steps(xml, &changes) : NULL;
		}
		ok(!why, "%d forged states from %s (%d steps taken)", round, templates[i].name,
		   changes);
		ok(changes > ROUNDS / 2, "enough of which were believed");
	}
}

/* Bytes changed anywhere: mostly refused as malformed. */
static void test_bytes(void)
{
	AUTO_FREE char *x = domain_xml(&(struct parts){ 0 });
	struct error err;
	AUTO_FREE char *staged = rewrite(OP_STAGE, x, &err);
	size_t len = staged ? strlen(staged) : 0;
	const char *why = staged ? NULL : "no template";
	int changes = 0;

	for (int round = 0; !why && round < ROUNDS; round++) {
		AUTO_FREE char *xml = strdup(staged);

		for (unsigned n = 1 + roll(3); n; n--)
			xml[roll((unsigned)len)] = (char)(1 + roll(255));
		why = some_steps(xml, &changes);
	}
	ok(!why, "%d domains with wrong bytes (%d steps taken)", ROUNDS, changes);
}

int main(void)
{
	test_thought_up();
	test_not_ours();
	test_bait();
	test_rolled();
	test_bytes();
	xmlCleanupParser();
	return done_testing();
}
