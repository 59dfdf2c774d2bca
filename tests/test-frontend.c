// SPDX-License-Identifier: GPL-2.0-or-later
/* test-frontend.c - what belongs to a bus is removed from a disk and restored */

#include "hook/phase/frontend.h"

#include "tests/xmltest.h"

/* A disk with all that some bus accepts; only what @attr adds is looked at. */
static const char everything[] =
	"<disk type='block' device='disk' model='virtio-transitional' snapshot='no'>\n"
	"  <driver name='qemu' type='raw' cache='none' io='native' iothread='1' queues='4'"
	" queue_size='256' event_idx='on' ioeventfd='off' packed='on' page_per_vq='on'"
	" iommu='on' ats='on' discard='unmap' error_policy='stop'>\n"
	"    <iothreads><iothread id='1'><queue id='0'/></iothread></iothreads>\n"
	"    <metadata_cache><max_size unit='bytes'>1</max_size></metadata_cache>\n"
	"  </driver>\n"
	"  <source dev='/dev/x'/>\n"
	"  <target dev='vda' bus='virtio' rotation_rate='1' removable='on' dpofua='on'/>\n"
	"  <blockio logical_block_size='512' discard_granularity='4096'/>\n"
	"  <geometry cyls='1' heads='1' secs='1' trans='lba'/>\n"
	"  <iotune><total_bytes_sec>1</total_bytes_sec></iotune>\n"
	"  <serial>s1</serial>\n"
	"  <wwn>0123456789abcdef</wwn>\n"
	"  <vendor>v</vendor>\n"
	"  <product>p</product>\n"
	"  <boot order='1'/>\n"
	"  <acpi index='3'/>\n"
	"  <alias name='ua-d'/>\n"
	"  <!-- a comment -->\n"
	"  " PCI("0x07") "\n"
	"</disk>";

/* What SATA may have, from libvirt's own checks (hook/phase/frontend.c says where). */
static const struct {
	const char *what;	/* XPath */
	const char *left;	/* the buses that keep it: v s a (SATA) i */
} table[] = {
	{ "/disk/@model", "v" },
	{ "/disk/driver/@iothread", "v" },
	{ "/disk/driver/iothreads", "v" },
	{ "/disk/driver/@queues", "v" },
	{ "/disk/driver/@queue_size", "v" },
	{ "/disk/driver/@event_idx", "v" },
	{ "/disk/driver/@ioeventfd", "v" },
	{ "/disk/driver/@packed", "v" },
	{ "/disk/driver/@page_per_vq", "v" },
	{ "/disk/driver/@iommu", "v" },
	{ "/disk/driver/@ats", "v" },
	{ "/disk/target/@rotation_rate", "sai" },
	{ "/disk/geometry/@trans", "i" },
	{ "/disk/blockio/@discard_granularity", "vs" },
	{ "/disk/wwn", "si" },
	{ "/disk/vendor", "s" },
	{ "/disk/product", "" },
	{ "/disk/target/@removable", "s" },
	{ "/disk/target/@dpofua", "s" },
	{ "/disk/acpi", "v" },
	/* engines find the disk by it */
	{ "/disk/alias", "vsai" },
	{ "/disk/address", "" },
	/* the backend, and what every bus has */
	{ "/disk/@type", "vsai" },
	{ "/disk/@device", "vsai" },
	{ "/disk/@snapshot", "vsai" },
	{ "/disk/driver/@name", "vsai" },
	{ "/disk/driver/@cache", "vsai" },
	{ "/disk/driver/@io", "vsai" },
	{ "/disk/driver/@discard", "vsai" },
	{ "/disk/driver/@error_policy", "vsai" },
	{ "/disk/driver/metadata_cache", "vsai" },
	{ "/disk/source/@dev", "vsai" },
	{ "/disk/target/@dev", "vsai" },
	{ "/disk/target/@bus", "vsai" },
	{ "/disk/blockio/@logical_block_size", "vsai" },
	{ "/disk/geometry/@cyls", "vsi" },
	{ "/disk/iotune", "vsai" },
	{ "/disk/serial", "vsai" },
	{ "/disk/boot", "vsai" },
	{ "/disk/comment()", "vsai" },
};

/* A disk, and a place for what is taken off it, in one document. */
struct bench {
	xmlDoc *doc;
	xmlNode *disk, *saved;
};

static struct bench bench(const char *disk, const char *saved)
{
	struct bench b = { 0 };
	AUTO_FREE char *text = NULL;
	xmlNode *root;

	if (asprintf(&text, "<domain>%s<b:state xmlns:b='" STATE_URI "'><b:saved>%s</b:saved>"
		     "</b:state></domain>", disk, saved) < 0)
		exit(1);
	b.doc = xml_parse(text, strlen(text), NULL);
	root = xmlDocGetRootElement(b.doc);
	b.disk = xml_child(root, "disk");
	b.saved = xml_child_ns(xml_child_ns(root, "state", STATE_URI), "saved", STATE_URI);
	return b;
}

static void bench_free(struct bench *b)
{
	xmlFreeDoc(b->doc);
}
#define AUTO_BENCH __attribute__((cleanup(bench_free))) struct bench

/* The disk alone. */
static char *text_of(const struct bench *b)
{
	xmlBuffer *buffer = xmlBufferCreate();
	char *text;

	xmlNodeDump(buffer, b->doc, b->disk, 0, 0);
	text = strdup((const char *)xmlBufferContent(buffer));
	xmlBufferFree(buffer);
	return text;
}

static void test_table(void)
{
	static const struct {
		enum bus bus;
		char letter;
	} buses[] = {
		{ BUS_VIRTIO, 'v' }, { BUS_SCSI, 's' }, { BUS_SATA, 'a' }, { BUS_IDE, 'i' },
	};

	for (size_t i = 0; i < ARRAY_SIZE(buses); i++) {
		AUTO_BENCH b = bench(everything, "");
		AUTO_FREE char *bare = NULL, *back = NULL;
		const char *name = bus_name(buses[i].bus);

		frontend_take(b.disk, buses[i].bus, b.saved);
		ok(frontend_saved_valid(b.saved), "what %s does not have can be put back", name);
		bare = text_of(&b);
		for (size_t j = 0; j < ARRAY_SIZE(table); j++) {
			bool want = strchr(table[j].left, buses[i].letter);
			char expression[128];

			snprintf(expression, sizeof(expression), "count(%s)", table[j].what);
			is_str(xpath(bare, expression), want ? "1" : "0", "%s %s %s", name,
			       want ? "keeps" : "loses", table[j].what);
		}
		frontend_wear(b.disk, b.saved);
		back = text_of(&b);
		same_xml(back, everything, "and all of it comes back from %s", name);
	}
}

static void test_saved(void)
{
	AUTO_BENCH b = bench(everything, "");
	AUTO_BENCH none = bench(everything, "");
	AUTO_BENCH thin = bench("<disk><target dev='vda'/></disk>", "");
	AUTO_FREE char *first = NULL, *second = NULL, *plain = NULL;
	char buf[32];

	frontend_take(b.disk, BUS_SATA, b.saved);
	first = text_of(&b);
	frontend_take(b.disk, BUS_SATA, NULL);
	second = text_of(&b);
	is_str(first, second, "there is nothing to take a second time");
	frontend_take(none.disk, BUS_SATA, NULL);
	ok(xml_child(none.disk, "geometry"), "but a geometry is not taken when nobody keeps it");
	xml_delete(xml_child(none.disk, "geometry"));
	free(steal(&second));
	second = text_of(&none);
	is_str(first, second, "the same is taken when nobody keeps it");
	ok(frontend_saved_attr(b.saved, "driver", "queues", buf, sizeof(buf)) &&
	   !strcmp(buf, "4"), "what was saved can be asked for");
	ok(frontend_saved_attr(b.saved, "target", "dev", buf, sizeof(buf)) &&
	   !strcmp(buf, "vda"), "the name too");
	ok(!frontend_saved_attr(b.saved, "disk", "queues", buf, sizeof(buf)) && !buf[0],
	   "on its own element only");
	ok(!frontend_saved_attr(NULL, "driver", "queues", buf, sizeof(buf)) && !buf[0],
	   "nothing is saved in nothing");
	ok(xml_attr_is(frontend_saved(b.saved, "address"), "slot", "0x07"),
	   "elements as well");
	ok(!frontend_saved(b.saved, "serial") && !frontend_saved(NULL, "address"),
	   "if they are there");

	frontend_take(thin.disk, BUS_SATA, thin.saved);
	frontend_plain(thin.disk, "sdq", BUS_SATA);
	plain = text_of(&thin);
	is_str(xpath(plain, "concat(//target/@dev, ' ', //target/@bus)"), "sdq sata",
	       "a plain frontend");
	frontend_wear(thin.disk, thin.saved);
	free(steal(&plain));
	plain = text_of(&thin);
	same_xml(plain, "<disk><target dev='vda'/></disk>", "a target without a bus comes back so");
}

/* @saved forged; @disk must be @want then. */
static void wears(const char *name, const char *saved, const char *disk, const char *want)
{
	AUTO_BENCH b = bench(disk, saved);
	AUTO_FREE char *text = NULL;

	frontend_wear(b.disk, b.saved);
	text = text_of(&b);
	same_xml(text, want, "%s", name);
}

#define PLAIN "<disk><driver/><source/><target dev='sda' bus='sata'/></disk>"

/* Not put back, and known as something that busflip did not write. */
static void never_worn(const char *saved)
{
	AUTO_BENCH b = bench(PLAIN, saved);
	bool any = xmlChildElementCount(b.saved) > 0;

	ok(frontend_saved_valid(b.saved) != any, "%s: is seen", saved);
	wears(saved, saved, PLAIN, PLAIN);
}

static void test_forged(void)
{
	static const char *const ignored[] = {
		"<b:attr on='source' name='file' value='/etc/shadow'/>",
		"<b:attr on='source' name='dev' value='/dev/sda'/>",
		"<b:attr on='disk' name='type' value='block'/>",
		"<b:attr on='disk' name='device' value='lun'/>",
		"<b:attr on='disk' name='rawio' value='yes'/>",
		"<b:attr on='disk' name='sgio' value='unfiltered'/>",
		"<b:element on='source' at='0'><reservations managed='yes'/></b:element>",
		"<b:attr on='driver' name='queues' value='many'/>",
		"<b:attr on='driver' name='iommu' value='onoff'/>",
		"<b:attr on='disk' name='model' value='&lt;a b=&quot;&#10;c'/>",
		"<attr on='disk' name='model' value='virtio'/>",
		"<b:attr on='disk' name='iothread' value='1'/>",
		"<b:attr on='driver' name='type' value='raw'/>",
		"<b:attr on='driver' name='cache' value='unsafe'/>",
		"<b:attr on='target' name='tray' value='open'/>",
		"<b:attr on='nothing' name='model' value='x'/>",
		"<b:attr on='disk' name='address' value='x'/>",
		"<b:attr name='model' value='x'/>",
		"<b:attr on='disk' value='x'/>",
		"<b:attr on='disk' name='model'/>",
		"<b:attr on='disk' name='model-and-a-long-tail' value='x'/>",
		"<b:element on='disk' at='0'><source file='/etc/shadow'/></b:element>",
		"<b:element on='disk' at='0'><readonly/></b:element>",
		"<b:element on='disk' at='0'><backingStore/></b:element>",
		"<b:element on='source' at='0'><address/></b:element>",
		"<b:element on='disk' at='-1'><alias name='x'/></b:element>",
		"<b:element on='disk'><alias name='x'/></b:element>",
		"<b:element at='0'><alias name='x'/></b:element>",
		"<b:element on='disk' at='0' space='&lt;evil/&gt;'><alias/></b:element>",
		"<b:element on='disk' at='0' space='x'><alias/></b:element>",
		"<b:element on='disk' at='0'/>",
		"<b:element on='disk' at='0'>alias</b:element>",
		"<b:element on='disk' at='0'><b:alias/></b:element>",
		"<b:element on='disk' at='9'><alias name='one'/><source/></b:element>",
		"<b:element on='disk' at='0'><address type='pci'><b:x/></address></b:element>",
		"<b:element on='disk' at='0'><address type='pci' b:slot='1'/></b:element>",
		"<b:element on='disk' at='0'><address type='pci' slot='%'/></b:element>",
		"<b:element on='disk' at='0'><address type='isa'/></b:element>",
		"<b:element on='driver' at='0'><alias name='one'/></b:element>",
		"<b:element on='disk' at='0'><wwn>1</wwn></b:element>",
		"<b:element on='geometry' at='0'><trans/></b:element>",
		"<b:other on='disk' name='model' value='x'/>",
		"text",
		"<!-- <b:attr on='disk' name='model' value='x'/> -->",
	};

	for (size_t i = 0; i < ARRAY_SIZE(ignored); i++)
		never_worn(ignored[i]);
	wears("an element that is there already stays",
	      "<b:element on='disk' at='0'><alias name='saved'/></b:element>",
	      "<disk><target/><alias name='users'/></disk>",
	      "<disk><target/><alias name='users'/></disk>");
	wears("the first one of two is worn last and wins not",
	      "<b:element on='disk' at='9'><alias name='one'/></b:element>"
	      "<b:element on='disk' at='9'><alias name='two'/></b:element>",
	      "<disk><target/></disk>", "<disk><target/><alias name='two'/></disk>");
	wears("a disk without the element that it goes on",
	      "<b:attr on='driver' name='queues' value='2'/>"
	      "<b:element on='source' at='0'><reservations/></b:element>",
	      "<disk><target/></disk>", "<disk><target/></disk>");
}

int main(void)
{
	test_table();
	test_saved();
	test_forged();
	xmlCleanupParser();
	return done_testing();
}
