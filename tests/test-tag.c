// SPDX-License-Identifier: GPL-2.0-or-later
/* test-tag.c - the tag of a domain: read, written, and what is nearly one */

#include "tests/domaintest.h"

static void test_tag(void)
{
	static const struct {
		const char *tag;
		bool present, valid;
		enum bus bus;
		const char *disk;
	} cases[] = {
		{ "<busflip:domain " NS "bus='virtio'/>", true, true, BUS_VIRTIO, "" },
		{ "<busflip:domain " NS "bus='scsi' disk='sdb'/>", true, true, BUS_SCSI,
		  "sdb" },
		{ "<busflip:domain " NS "disk='vda'> </busflip:domain>", true, true, BUS_NONE,
		  "vda" },
		{ "<x:domain xmlns:x='urn:busflip:domain:1'/>", true, true, BUS_NONE, "" },
		{ "<domain xmlns='urn:busflip:domain:1'/>", true, true, BUS_NONE, "" },
		{ "<busflip:domain " NS "xmlns:x='urn:x' x:colour='blue'/>", true, true,
		  BUS_NONE, "" },
		{ "<busflip:domain " NS "colour='blue'/>", true, false, BUS_NONE, "" },
		{ "<busflip:domain " NS "Bus='scsi'/>", true, false, BUS_NONE, "" },
		{ "<busflip:domain " NS "busflip:bus='scsi'/>", true, false, BUS_NONE, "" },
		{ "<busflip:domain " NS "bus='sata'/>", true, false, BUS_SATA, "" },
		{ "<busflip:domain " NS "bus='VirtIO'/>", true, false, BUS_OTHER, "" },
		{ "<busflip:domain " NS "bus=''/>", true, false, BUS_OTHER, "" },
		{ "<busflip:domain " NS "bus='a name that is much too long'/>", true, false,
		  BUS_OTHER, "" },
		{ "<busflip:domain " NS "disk=''/>", true, false, BUS_NONE, "" },
		{ "<busflip:domain " NS "disk='a-name-of-more-than-thirty-one-bytes'/>", true,
		  false, BUS_NONE, "" },
		{ TAG TAG, true, false, BUS_NONE, "" },
		{ "<busflip:domain xmlns:busflip='urn:busflip:domain:2'/>", false, false,
		  BUS_NONE, "" },
		{ "<busflip:domain xmlns:busflip='URN:busflip:domain:1'/>", false, false,
		  BUS_NONE, "" },
		{ "<busflip:tag " NS "/>", false, false, BUS_NONE, "" },
		{ "<domain/>", false, false, BUS_NONE, "" },
		{ "<x><busflip:domain " NS "/></x>", false, false, BUS_NONE, "" },
		{ "<!-- " TAG " -->", false, false, BUS_NONE, "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_FREE char *xml = domain_xml(&(struct parts){ .tag = cases[i].tag });
		AUTO_DOMAIN struct domain domain;

		ok(parse(xml, &domain) == 0 && domain.tag.present == cases[i].present &&
		   domain.tag.valid == cases[i].valid && domain.tag.bus == cases[i].bus &&
		   !strcmp(domain.tag.disk, cases[i].disk), "%s tag: %s",
		   !cases[i].present ? "no" : cases[i].valid ? "good" : "bad", cases[i].tag);
	}
}

static void test_tag_partition(void)
{
	static const char *const texts[] = { "128", "", "0", "-1", "+1", " 3", "3 ", "0x3", "sda3",
					     "4294967297" };

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		char tag[128];
		AUTO_FREE char *xml = NULL;
		AUTO_DOMAIN struct domain domain;

		snprintf(tag, sizeof(tag), "<busflip:domain " NS "partition='%s'/>", texts[i]);
		xml = domain_xml(&(struct parts){ .tag = tag });
		ok(parse(xml, &domain) == 0 && domain.tag.valid == !i &&
		   domain.tag.partition == (i ? 0 : 128), "a tag with partition='%s'", texts[i]);
	}
}

static void test_odd_tag(void)
{
	static const struct {
		const char *tag, *found;
	} cases[] = {
		{ TAG "<x:domains xmlns:x='urn:busflip:domain:1'/>", "" },
		{ "<x:domain xmlns:x='urn:x'/>", "" },
		{ "<domain/>", "" },
		{ "<busflip:state " SNS "phase='staged' attempts='0'/>", "" },
		{ "<x:domain xmlns:x='URN:BusFlip:domain:1'/>",
		  "<domain> of URN:BusFlip:domain:1, but" },
		{ "<x:y xmlns:x='urn:x'/><busflip:domain xmlns:busflip='urn:y'/>",
		  "<domain> of urn:y, but the tag is <domain> of urn:busflip:domain:1" },
		{ "<x:domains xmlns:x='urn:busflip:domain:1'/>",
		  "<domains> of urn:busflip:domain:1, but" },
	};
	char odd[ODD_TAG];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_FREE char *xml = domain_xml(&(struct parts){ .tag = cases[i].tag });
		AUTO_DOMAIN struct domain domain;

		if (parse(xml, &domain) < 0)
			continue;
		domain_odd_tag(&domain, odd);
		if (cases[i].found[0])
			has_str(odd, cases[i].found, "nearly the tag: %s", cases[i].tag);
		else
			is_str(odd, "", "not nearly: %s", cases[i].tag);
		domain_set_tag(&domain, BUS_NONE, "", 0);
		ok(domain.tag.valid && !*domain_odd_tag(&domain, odd), "with the tag it is");
	}
}

static void test_set_tag(void)
{
	AUTO_FREE char *xml = domain_xml(&(struct parts){ .tag = "<x:y xmlns:x='urn:x'/>" });
	AUTO_FREE char *tagged = NULL, *plain = NULL;
	AUTO_DOMAIN struct domain domain;
	struct error err;
	size_t len;

	if (parse(xml, &domain) < 0)
		return;
	domain_set_tag(&domain, BUS_SCSI, "s\"<", 0);
	ok(domain.tag.present && domain.tag.valid && domain.tag.bus == BUS_SCSI &&
	   !strcmp(domain.tag.disk, "s\"<") && !domain.tag.partition, "a new tag");
	domain_set_tag(&domain, BUS_VIRTIO, "vda", 3);
	domain_format(&domain, &tagged, &len, &err);
	is_str(xpath(tagged, "count(/domain/metadata/b:domain[@bus='virtio'][@disk='vda']"
		     "[@partition='3'])"),
	       "1", "set again, it is still one");
	domain_set_tag(&domain, BUS_NONE, "", 0);
	ok(domain.tag.valid && domain.tag.bus == BUS_NONE && !domain.tag.disk[0] &&
	   !domain.tag.partition, "attributes go again");
	domain_drop_tag(&domain);
	ok(!domain.tag.present && !domain.tag_node, "dropped");
	domain_drop_tag(&domain);
	domain_format(&domain, &plain, &len, &err);
	same_xml(plain, xml, "without a trace");
	{
		AUTO_DOMAIN struct domain bare;
		AUTO_FREE char *out = NULL;
		const char *text = "<domain><name>x</name></domain>";

		parse(text, &bare);
		domain_set_tag(&bare, BUS_NONE, "", 0);
		domain_format(&bare, &out, &len, &err);
		is_str(xpath(out, "count(/domain/metadata/b:domain)"), "1",
		       "a tag where there was no metadata");
		domain_drop_tag(&bare);
		free(steal(&out));
		domain_format(&bare, &out, &len, &err);
		same_xml(out, text, "goes with the metadata it needed");
	}
}

int main(void)
{
	test_tag();
	test_tag_partition();
	test_odd_tag();
	test_set_tag();
	xmlCleanupParser();
	return done_testing();
}
