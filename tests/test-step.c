// SPDX-License-Identifier: GPL-2.0-or-later
/* test-step.c - steps on a document: phase, attempts, time, reason, disk */

#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "tests/steptest.h"

/* Whatever was done, was done long ago. */
static void backdate(char **xml)
{
	AUTO_DOMAIN struct domain domain = { 0 };
	struct error err;
	char *out = NULL;
	size_t len;

	if (domain_parse(*xml, strlen(*xml), &domain, &err) < 0)
		return;
	str_fits(domain.state.since, sizeof(domain.state.since), "2000-01-01T00:00:00Z");
	str_fits(domain.state.at, sizeof(domain.state.at), "2000-01-01T00:00:00Z");
	domain_put_state(&domain);
	if (domain_format(&domain, &out, &len, &err) < 0)
		return;
	free(*xml);
	*xml = out;
}

static void test_success(void)
{
	AUTO_FREE char *x = domain_xml(&(struct parts){ 0 }), *xml = strdup(x);
	char since[32];
	time_t begin = time(NULL);
	struct tm tm = { 0 };

	is_str(step(&xml, HAPPENED_SEEN, &config), "staged", "a tagged domain is seen");
	is_at(xml, "staged", "0", "sata", "its definition says so");
	is_str(xpath(xml, STATE("reason")), "tagged: first boot on SATA", "and why");
	snprintf(since, sizeof(since), "%s", xpath(xml, STATE("since")));
	ok(strptime(since, "%Y-%m-%dT%H:%M:%SZ", &tm) && timegm(&tm) >= begin &&
	   timegm(&tm) <= time(NULL), "and since when, in UTC: %s", since);
	is_str(step(&xml, HAPPENED_SEEN, &config), "staged", "seen again");
	is_str(step(&xml, HAPPENED_SATA_UNCLEAN, &config), "staged", "not clean");
	is_str(xpath(xml, STATE("since")), since, "nothing is written then");
	is_str(xpath(xml, STATE("at")), since, "and it was said then, too");
	backdate(&xml);
	is_str(step(&xml, HAPPENED_SATA_NOT_READY, &config), "staged", "not ready");
	is_str(xpath(xml, STATE("since")), "2000-01-01T00:00:00Z", "as long as it was");
	ok(strcmp(xpath(xml, STATE("at")), since) >= 0, "but that is new");
	is_str(step(&xml, HAPPENED_SATA_CLEAN, &config), "trial", "clean on SATA");
	is_at(xml, "trial", "0", "virtio", "on VirtIO");
	same_xml(xml, x, "as the user defined it");
	is_str(step(&xml, HAPPENED_SATA_CLEAN, &config), "trial", "the same event again");
	is_str(step(&xml, HAPPENED_VIRTIO_CLEAN, &config), "done", "clean on VirtIO");
	is_at(xml, "done", "0", "virtio", "done");
	same_xml(xml, x, "as the user defined it");
	is_str(xpath(xml, "count(//s:saved)"), "0", "nothing is kept any more");
	is_str(step(&xml, HAPPENED_VIRTIO_UNCLEAN, &config), "done", "a crash later");
	has_str(step(&xml, HAPPENED_HOLD, &config), "it is done: there is nothing to hold",
		"hold makes no sense");
	is_str(step(&xml, HAPPENED_ROLLBACK, &config), "staged", "rollback does");
	is_at(xml, "staged", "0", "sata", "back on SATA");
	is_str(step(&xml, HAPPENED_DISABLE, &config), "none", "disabled");
	same_xml(xml, x, "as the user defined it");
	is_str(xpath(xml, "count(//s:state)"), "0", "no state");
}

static void test_failure(void)
{
	for (int max = 1; max <= 5; max++) {
		struct config c = config;
		AUTO_FREE char *x = domain_xml(&(struct parts){ 0 }), *xml = strdup(x);
		char attempts[24];
		int trials = 0;

		c.max_attempts = max;
		step(&xml, HAPPENED_SEEN, &c);
		while (trials < 9 && !strcmp(step(&xml, HAPPENED_SATA_CLEAN, &c), "trial")) {
			trials++;
			step(&xml, HAPPENED_VIRTIO_UNCLEAN, &c);
		}
		is_int(trials, max, "max_attempts %d: so many trials", max);
		snprintf(attempts, sizeof(attempts), "%d", max);
		is_at(xml, "held", attempts, "sata", "then held on SATA");
		is_str(xpath(xml, "count(" BAIT ")"), "1", "with the bait, ready for retry");
		has_str(step(&xml, HAPPENED_PROMOTE, &c), "busflip retry", "promote is refused");
		is_str(step(&xml, HAPPENED_RETRY, &c), "staged", "retry");
		is_at(xml, "staged", "0", "sata", "begins again");
		is_str(xpath(xml, "count(" BAIT ")"), "1", "there is still one bait");
		is_str(step(&xml, HAPPENED_SATA_CLEAN, &c), "trial", "and goes on");
		same_xml(xml, x, "as the user defined it");
	}
}

/* max_attempts made smaller in the config while a domain is on trial */
static void test_fewer_attempts(void)
{
	struct config c = config;
	AUTO_FREE char *xml = domain_xml(&(struct parts){ 0 });

	c.max_attempts = 5;
	step(&xml, HAPPENED_SEEN, &c);
	for (int i = 0; i < 3; i++) {
		step(&xml, HAPPENED_SATA_CLEAN, &c);
		step(&xml, HAPPENED_VIRTIO_UNCLEAN, &c);
	}
	is_at(xml, "staged", "3", "sata", "three of five used");
	c.max_attempts = 2;
	is_str(step(&xml, HAPPENED_SATA_CLEAN, &c), "trial", "two are allowed now");
	is_str(step(&xml, HAPPENED_VIRTIO_UNCLEAN, &c), "held", "the next one is the last");
}

#define PANIC "string(/domain/devices/panic/@model)"

/* On trial with auto_recover there is a panic device, and nowhere else. */
static void test_panic_device(void)
{
	struct config c = config;
	AUTO_FREE char *x = domain_xml(&(struct parts){ .machine = "pc-i440fx-7.2" });
	AUTO_FREE char *xml = strdup(x);
	AUTO_FREE char *own = NULL, *before = NULL;
	char *at;

	c.auto_recover = CONFIG_YES;
	step(&xml, HAPPENED_SEEN, &c);
	is_str(xpath(xml, PANIC), "", "staged: no panic device");
	step(&xml, HAPPENED_SATA_CLEAN, &c);
	is_str(xpath(xml, PANIC), "hyperv", "on trial: one for Windows on KVM");
	step(&xml, HAPPENED_VIRTIO_UNCLEAN, &c);
	is_str(xpath(xml, "count(//panic)"), "0", "rolled back: gone");
	step(&xml, HAPPENED_SATA_CLEAN, &c);
	step(&xml, HAPPENED_VIRTIO_CLEAN, &c);
	same_xml(xml, x, "done: as the user defined it");
	free(xml);
	xml = strdup(x);
	step(&xml, HAPPENED_SEEN, &c);
	step(&xml, HAPPENED_SATA_CLEAN, &c);
	is_str(step(&xml, HAPPENED_VIRTIO_STUCK, &c), "held", "held on VirtIO");
	is_str(xpath(xml, "count(//panic)"), "0", "without the device, too");
	at = strstr(x, "'kvm'");
	if (!ok(at, "a domain of KVM") ||
	    asprintf(&own, "%.*s'qemu'%s", (int)(at - x), x, at + 5) < 0)
		return;
	before = strdup(own);
	step(&own, HAPPENED_SEEN, &c);
	step(&own, HAPPENED_SATA_CLEAN, &c);
	is_str(xpath(own, PANIC), "isa", "without KVM the other one");
	step(&own, HAPPENED_DISABLE, &c);
	same_xml(own, before, "disabled: as the user defined it");
}

/* The user's own stays, whatever its model. */
/* A bugcheck that restarts the guest, or leaves it there, would tell nobody. */
static void test_no_panic_device(void)
{
	static const char *const on_crash[] = { "restart", "preserve", "destroy" };

	for (size_t i = 0; i < ARRAY_SIZE(on_crash); i++) {
		struct config c = config;
		AUTO_FREE char *root = NULL, *xml = NULL;

		c.auto_recover = CONFIG_YES;
		if (asprintf(&root, "<on_crash>%s</on_crash>", on_crash[i]) < 0)
			return;
		xml = domain_xml(&(struct parts){ .root = root });
		step(&xml, HAPPENED_SEEN, &c);
		step(&xml, HAPPENED_SATA_CLEAN, &c);
		is_str(xpath(xml, "count(//panic)"), i == 2 ? "1" : "0", "on_crash %s",
		       on_crash[i]);
	}
}

static void test_own_panic_device(void)
{
	struct config c = config;
	AUTO_FREE char *xml = domain_xml(&(struct parts){ .devices = "<panic model='isa'/>" });

	c.auto_recover = CONFIG_YES;
	step(&xml, HAPPENED_SEEN, &c);
	step(&xml, HAPPENED_SATA_CLEAN, &c);
	is_str(xpath(xml, "concat(count(//panic), " PANIC ")"), "1isa", "its own is enough");
	step(&xml, HAPPENED_VIRTIO_CLEAN, &c);
	is_str(xpath(xml, "concat(count(//panic), " PANIC ")"), "1isa", "and stays");
}

static void test_commands(void)
{
	AUTO_FREE char *x = domain_xml(&(struct parts){ .disk = SATA_DISK }), *xml = strdup(x);

	has_str(step(&xml, HAPPENED_PROMOTE, &config), "it is not staged; run busflip stage win "
		"first", "promote: stage first");
	has_str(step(&xml, HAPPENED_ROLLBACK, &config), "it is not staged: there is nothing to "
		"roll back", "so rollback");
	is_str(step(&xml, HAPPENED_HOLD, &config), "held", "hold one that is only tagged");
	same_xml(xml, x, "its disk stays where it is");
	is_str(step(&xml, HAPPENED_SEEN, &config), "held", "and it is left alone");
	is_str(step(&xml, HAPPENED_RETRY, &config), "staged", "until retry");
	is_str(step(&xml, HAPPENED_PROMOTE, &config), "trial", "promote");
	is_at(xml, "trial", "0", "virtio", "on VirtIO by command");
	is_str(xpath(xml, STATE("override")), "yes", "which is noted");
	is_str(step(&xml, HAPPENED_SATA_UNCLEAN, &config), "trial",
	       "so an unclean end on SATA changes nothing");
	is_str(step(&xml, HAPPENED_VIRTIO_UNCLEAN, &config), "staged", "one on VirtIO does");
	is_str(xpath(xml, "count(//s:state/@override)"), "0", "the note is gone");
	is_str(step(&xml, HAPPENED_SATA_CLEAN, &config), "trial", "next trial, by evidence");
	is_str(step(&xml, HAPPENED_SATA_UNCLEAN, &config), "staged",
	       "an unclean end on SATA takes that back");
	is_at(xml, "staged", "1", "sata", "and counts as no attempt");
	is_str(step(&xml, HAPPENED_HOLD, &config), "held", "hold");
	is_at(xml, "held", "1", "sata", "on SATA");
	is_str(step(&xml, HAPPENED_DISABLE, &config), "none", "disable");
	same_xml(xml, x, "as the user defined it");
}

/* As it is, they are not meant for that disk. */
static void test_options_of_names(void)
{
	static const struct {
		const char *name, *target, *alias, *why;
	} cases[] = {
		{ "of what it is called on SATA", "dev='vda' bus='virtio'", "sata0-0-0",
		  "a <qemu:override> would refer to its system disk when that is on sata" },
		{ "of the bait's name", "dev='sdb' bus='sata'", "virtio-disk25",
		  "a <qemu:override> would refer to the bait" },
		{ "of none of its names", "dev='vda' bus='virtio'", "sata0-0-1", "staged" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char disk[512], root[512];
		AUTO_FREE char *xml = NULL;

		snprintf(disk, sizeof(disk), "<disk type='file' device='disk'><source "
			 "file='/vm/win.img'/><target %s/></disk>", cases[i].target);
		snprintf(root, sizeof(root), "<qemu:override xmlns:qemu="
			 "'http://libvirt.org/schemas/domain/qemu/1.0'><qemu:device alias='%s'>"
			 "<qemu:frontend/></qemu:device></qemu:override>", cases[i].alias);
		xml = domain_xml(&(struct parts){ .disk = disk, .root = root });
		is_str(step(&xml, HAPPENED_SEEN, &config), cases[i].why,
		       "QEMU options %s", cases[i].name);
	}
}

static void test_bus_of_config(void)
{
	struct config c = config;
	AUTO_FREE char *xml = domain_xml(&(struct parts){ .disk = SATA_DISK });
	AUTO_FREE char *asked = domain_xml(&(struct parts){ .disk = SATA_DISK,
							    .tag = TAG_VIRTIO });

	c.bus = TARGET_SCSI;
	c.bait_owner = BAIT_OWNER_LIBVIRT;
	step(&xml, HAPPENED_SEEN, &c);
	is_str(xpath(xml, "string(//s:disk/@bus)"), "scsi", "the config's bus");
	is_str(step(&xml, HAPPENED_SATA_CLEAN, &config), "trial", "changed in the middle");
	is_str(xpath(xml, BUS), "scsi", "it stays what it was for this domain");
	step(&asked, HAPPENED_SEEN, &c);
	is_str(xpath(asked, "string(//s:disk/@bus)"), "virtio", "the tag goes first");
	is_str(xpath(asked, "count(" BAIT "/source/seclabel)"), "0", "bait_owner libvirt");
	step(&asked, HAPPENED_DISABLE, &config);
	step(&asked, HAPPENED_SEEN, &config);
	is_str(xpath(asked, "string(" BAIT "/source/seclabel/@relabel)"), "no", "and keep");
}

/* A state that makes no sense: every step is refused, and says how to get out. */
static void test_damaged(void)
{
	AUTO_FREE char *xml = domain_xml(&(struct parts){ .metadata =
		"<s:state xmlns:s='urn:busflip:state:1' phase='nonsense' attempts='0'/>" });
	AUTO_FREE char *untagged = domain_xml(&(struct parts){ .tag = "" });

	for (int i = 0; i < HAPPENING_COUNT; i++) {
		has_str(step(&xml, (enum happening)i, &config), "busflip disable --force win ",
			"a damaged state, happening %d", i);
		has_str(step(&untagged, (enum happening)i, &config), "busflip enable win adds one",
			"no tag, happening %d", i);
	}
}

/* A trial that has failed must not be forgotten because the disk can't be
 * moved: libvirt would start it on VirtIO for ever. */
static void test_stuck(void)
{
	AUTO_FREE char *xml = domain_xml(&(struct parts){ 0 }), *before = NULL, *renamed = NULL;
	AUTO_FREE char *crowded = NULL;

	step(&xml, HAPPENED_SEEN, &config);
	renamed = replaced(xml, "<source file=\"/vm/win.img\"/>\n      <target dev=\"sda\"",
			   "<source file=\"/vm/new.img\"/>\n      <target dev=\"sdx\"");
	before = strdup(renamed);
	has_str(step(&renamed, HAPPENED_SATA_CLEAN, &config), "sda is no longer in the domain",
		"a disk that can't be found is not promoted");
	is_str(renamed, before, "and the document stays as it is");
	step(&xml, HAPPENED_SATA_CLEAN, &config);
	crowded = replaced(xml, "</devices>", "<disk type='file' device='disk'><source "
			   "file='/vm/b.img'/><target dev='sda' bus='sata'/></disk></devices>");
	before = (free(before), strdup(crowded));
	has_str(step(&crowded, HAPPENED_VIRTIO_UNCLEAN, &config), "<boot order='1'/>",
		"a failed trial is not rolled back when another disk would boot then");
	is_str(crowded, before, "and the document stays as it is");
	is_str(step(&crowded, HAPPENED_VIRTIO_STUCK, &config), "held",
	       "but it counts: such a domain is held");
	has_str(crowded, "attempts=\"1\"", "with the attempt counted");
}

static int disable(char **xml, bool keep_sata, bool force, struct step *s, struct error *err)
{
	AUTO_DOMAIN struct domain domain = { 0 };
	char *out;
	size_t len;

	memset(err, 0, sizeof(*err));
	if (domain_parse(*xml, strlen(*xml), &domain, err) < 0 ||
	    step_disable(&domain, keep_sata, force, s, err) < 0 ||
	    domain_format(&domain, &out, &len, err) < 0)
		return -1;
	free(*xml);
	*xml = out;
	return 0;
}

/* What was found on a disk, or in an image's header, may be any bytes. */
static void test_detail(void)
{
	AUTO_FREE char *xml = domain_xml(&(struct parts){ 0 }), *out = NULL;
	AUTO_DOMAIN struct domain domain = { 0 };
	struct error err = { 0 };
	struct step s;
	size_t len;

	step(&xml, HAPPENED_SEEN, &config);
	domain_parse(xml, strlen(xml), &domain, &err);
	is_int(step_apply_because(&domain, HAPPENED_SATA_NOT_READY,
				  "caf\xe9.img \xe2\x80\xaetxt \xc2\x9b \xef\xbf\xbf", &config, &s,
				  &err), 0, "a step because of something that is no text");
	ok(domain_format(&domain, &out, &len, &err) == 0, "comes out as XML (%s)", err.msg);
	has_str(out ? out : "", ": caf?.img ???txt ?? ???\"", "with what of it can be shown");
}

static void test_disable(void)
{
	static const enum happening way[] = {
		HAPPENED_SEEN, HAPPENED_SATA_CLEAN, HAPPENED_VIRTIO_UNCLEAN, HAPPENED_HOLD,
	};
	AUTO_FREE char *x = domain_xml(&(struct parts){ 0 });
	AUTO_FREE char *plain = domain_xml(&(struct parts){ .tag = "" });
	AUTO_FREE char *bare = replaced(plain, "  <metadata>\n    \n  </metadata>\n", "");
	AUTO_FREE char *xml = NULL, *bad = NULL;
	struct error err;
	struct step s;
	int rc;

	for (size_t n = 0; n <= ARRAY_SIZE(way); n++) {
		free(steal(&xml));
		xml = strdup(x);
		for (size_t i = 0; i < n; i++)
			step(&xml, way[i], &config);
		rc = disable(&xml, false, false, &s, &err);
		is_int(rc, 0, "disable in phase %s", phase_name(s.before));
		same_xml(xml, bare, "the disk is as the user had it, the rest is gone");
		ok(s.changed, "a change");
	}
	is_int(disable(&xml, false, false, &s, &err), 0, "without tag and state");
	ok(!s.changed, "there is nothing to do");

	free(steal(&xml));
	xml = strdup(x);
	step(&xml, HAPPENED_SEEN, &config);
	is_int(disable(&xml, true, false, &s, &err), 0, "disable --keep-sata");
	is_str(xpath(xml, "concat(" SYSTEM "/target/@bus, count(" BAIT "), count(//b:domain), "
		     "count(//s:state))"), "sata000", "on SATA for good");
	free(steal(&xml));
	xml = strdup(x);
	is_int(disable(&xml, true, false, &s, &err), -1, "--keep-sata needs a disk on SATA");

	free(steal(&xml));
	xml = strdup(x);
	step(&xml, HAPPENED_SEEN, &config);
	bad = replaced(xml, "phase=\"staged\"", "phase=\"bogus\"");
	is_int(disable(&bad, false, false, &s, &err), -1, "a damaged state is refused");
	has_str(err.msg, "busflip disable --force win ", "with a way out");
	is_int(disable(&bad, false, true, &s, &err), 0, "which works");
	is_str(xpath(bad, "concat(" SYSTEM "/target/@bus, count(//b:domain), count(//s:state), "
		     "count(" BAIT "))"), "sata000", "leaves the disk where it is, and no bait");
}

int main(void)
{
	test_success();
	test_failure();
	test_fewer_attempts();
	test_panic_device();
	test_no_panic_device();
	test_own_panic_device();
	test_commands();
	test_options_of_names();
	test_bus_of_config();
	test_damaged();
	test_stuck();
	test_detail();
	test_disable();
	xmlCleanupParser();
	return done_testing();
}
