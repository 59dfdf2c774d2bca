// SPDX-License-Identifier: GPL-2.0-or-later
/* test-config.c - busflip.conf: values that are read, complaints, and their lines */

#include "conf/config.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/tap.h"

static char path[] = "/tmp/busflip-config.XXXXXX";

struct complaints {
	int n;
	char all[8192];
};

static void note(void *context, const char *text)
{
	struct complaints *c = context;
	size_t used = strlen(c->all);

	c->n++;
	snprintf(c->all + used, sizeof(c->all) - used, "%s\n", text);
}

static struct config config;
static struct complaints complaints;

/* Into config and complaints. Return: what config_load() says. */
static int load_bytes(const char *bytes, size_t len)
{
	AUTO_FD int fd = open(path, O_WRONLY | O_TRUNC);

	if (fd < 0 || write(fd, bytes, len) != (ssize_t)len)
		return -99;
	memset(&config, 0x5a, sizeof(config));
	memset(&complaints, 0, sizeof(complaints));
	return config_load(&config, path, note, &complaints);
}

static int load(const char *text)
{
	return load_bytes(text, strlen(text));
}

static bool is_default(void)
{
	return !strcmp(config.uri, "qemu:///system") && config.bus == TARGET_VIRTIO &&
	       config.max_attempts == 2 && config.late_start == LATE_START_BOUNCE &&
	       !strcmp(config.bait, BUSFLIP_STATEDIR "/bait.img") &&
	       config.bait_owner == BAIT_OWNER_KEEP && config.publish_timeout == 300 &&
	       !*config.virtio_win && config.sandbox == CONFIG_SANDBOX_AUTO &&
	       config.keep == 3 && config.evidence == CONFIG_EVIDENCE_REQUIRE &&
	       config.patch_timeout == 10 && config.trial_timeout == 300 &&
	       config.auto_recover == CONFIG_YES;
}

/* One complaint, on line @line, with @text in it, and all as by default. */
static void complains(const char *name, const char *file, int line, const char *text)
{
	char where[sizeof(path) + 24];
	int rc = load(file);

	snprintf(where, sizeof(where), "%s:%d: ", path, line);
	if (!ok(rc == 1 && complaints.n == 1 && is_default() &&
		strncmp(complaints.all, where, strlen(where)) == 0 &&
		strstr(complaints.all, text), "%s", name))
		diag("returned %d, %d complaints, defaults %s\n%s", rc, complaints.n,
		     is_default() ? "kept" : "changed", complaints.all);
}

static void accepts(const char *name, const char *file)
{
	int rc = load(file);

	if (!ok(rc == 0 && complaints.n == 0, "%s", name))
		diag("returned %d\n%s", rc, complaints.all);
}

static void test_good(void)
{
	accepts("an empty file", "");
	ok(is_default(), "means the defaults");
	accepts("comments and space", "# one\n\n  ; two\n \t \r\n");
	accepts("a section without keys", "[busflip]\n");
	ok(is_default(), "means the defaults");

	accepts("every key",
		"[busflip]\nuri = qemu+ssh://root@host/system\nbus = scsi\n"
		"max_attempts = 7\nlate_start = refuse\nbait = /srv/bait.raw\n"
		"bait_owner = libvirt\npublish_timeout = 86400\n"
		"virtio_win = /srv/virtio-win.iso\nsandbox = require\nkeep = 9\n"
		"evidence = shutdown\npatch_timeout = 7\n"
		"trial_timeout = 5\nauto_recover = no\n");
	is_str(config.uri, "qemu+ssh://root@host/system", "uri");
	is_int(config.bus, TARGET_SCSI, "bus");
	is_int(config.max_attempts, 7, "max_attempts");
	is_int(config.late_start, LATE_START_REFUSE, "late_start");
	is_str(config.bait, "/srv/bait.raw", "bait");
	is_int(config.bait_owner, BAIT_OWNER_LIBVIRT, "bait_owner");
	is_int(config.publish_timeout, 86400, "publish_timeout");
	is_str(config.virtio_win, "/srv/virtio-win.iso", "virtio_win");
	is_int(config.sandbox, CONFIG_SANDBOX_REQUIRE, "sandbox");
	is_int(config.keep, 9, "keep");
	is_int(config.evidence, CONFIG_EVIDENCE_SHUTDOWN, "evidence");
	is_int(config.patch_timeout, 7, "patch_timeout");
	is_int(config.trial_timeout, 5, "trial_timeout");
	is_int(config.auto_recover, CONFIG_NO, "auto_recover");
	accepts("no drivers", "[busflip]\nvirtio_win = none\n");
	is_str(config.virtio_win, "", "virtio_win = none");

	accepts("no newline at the end", "[busflip]\nmax_attempts = 1");
	is_int(config.max_attempts, 1, "the last line counts");
	accepts("DOS line ends", "[busflip]\r\nmax_attempts = 100\r\nbus = scsi\r\n");
	is_int(config.max_attempts * 10 + config.bus, 1001, "are no part of values");
	accepts("a byte order mark", "\xef\xbb\xbf[busflip]\nmax_attempts = 9\n");
	is_int(config.max_attempts, 9, "is skipped");
	accepts("space around everything", "  [busflip]  \n \t max_attempts\t=  5  \n");
	is_int(config.max_attempts, 5, "is no part of it");
	accepts("no space at all", "[busflip]\nmax_attempts=4\nbait=/a b\n");
	is_str(config.bait, "/a b", "space within a value is");
	accepts("a comment behind a value", "[busflip]\nmax_attempts = 6 ; six\n");
	is_int(config.max_attempts, 6, "is none of the value");
	accepts("the section twice", "[busflip]\nbus = scsi\n[busflip]\nmax_attempts = 3\n");
	is_int(config.max_attempts * 10 + config.bus, 31, "both count");
}

static void test_bad(void)
{
	static const char *const numbers[] = {
		"", "0", "-1", "101", "two", "2x", "0x2", "2.5", "1e1",
		"99999999999999999999", "2 2",
	};
	static const struct {
		const char *line, *word;
	} others[] = {
		{ "bus = sata", "expected virtio or scsi" },
		{ "bus = VirtIO", "expected virtio or scsi" },
		{ "bus =", "expected virtio or scsi" },
		{ "late_start = later", "expected bounce or refuse" },
		{ "bait = bait.img", "expected an absolute path" },
		{ "bait =", "expected an absolute path" },
		{ "bait_owner = root", "expected keep or libvirt" },
		{ "uri =", "expected a libvirt connection URI" },
		{ "publish_timeout = 86401", "86400" },
		{ "publish_timeout = 0", "86400" },
		{ "virtio_win = a/b", "absolute" },
		{ "sandbox = yes", "require" },
		{ "keep = 0", "1000" },
		{ "trial_timeout = 4", "5 to 86400" },
		{ "auto_recover = 1", "yes or no" },
		{ "evidence = none", "require or shutdown" },
		{ "patch_timeout = 51", "1 to 50" },
		{ "max_attempt = 3", "unknown key max_attempt" },
		{ "Bus = scsi", "unknown key Bus" },
		{ "busflip", "key = value" },
		{ "= 3", "unknown key" },
		{ "[busflip", "key = value" },
	};
	char file[4096];

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		snprintf(file, sizeof(file), "[busflip]\n\nmax_attempts = %s\n", numbers[i]);
		complains(file + 11, file, 3, "expected a number from 1 to 100; using 2");
	}
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		snprintf(file, sizeof(file), "# x\n[busflip]\n%s\n", others[i].line);
		complains(others[i].line, file, 3, others[i].word);
	}
	complains("a key outside of any section", "bus = scsi\n", 1, "section");
	complains("another section", "[busflop]\nbus = scsi\n", 2, "unknown section [busflop]");
	complains("an indented line is a line of its own",
		  "[busflip]\nuri = qemu:///system\n  late_start later\n", 3, "key = value");
}

static void test_limits(void)
{
	static const char with_nul[] = "[busflip]\nbus = scsi\n\0\nmax_attempts = x\n";
	char file[4096], value[400];

	memset(value, 'v', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	snprintf(file, sizeof(file), "[busflip]\nbait = /%.*s\n", 180, value);
	accepts("a line of 188 bytes", file);
	is_int((int)strlen(config.bait), 181, "is read whole");
	snprintf(file, sizeof(file), "[busflip]\nbait = /%s\nbus = scsi\n", value);
	is_int(load(file), 1, "a longer line is a complaint");
	has_str(complaints.all, ":2: longer than", "which says where");
	is_int(config.bus, TARGET_SCSI, "the lines behind it count");
	is_str(config.bait, BUSFLIP_STATEDIR "/bait.img", "it does not");
	snprintf(file, sizeof(file), "# %s\n[busflip]\nbus = scsi\n", value);
	accepts("a comment may be long", file);
	snprintf(file, sizeof(file), "[%s]\nbus = scsi\n", value);
	ok(load(file) >= 1 && is_default(), "a section with a long name is not ours");
	is_int(load("[busflip]\nmax_attempts = 6\nmax_attempts = 3\n"), 1, "a key twice");
	has_str(complaints.all, ":3: max_attempts is given more than once; the last value counts",
		"which says where");
	is_int(config.max_attempts, 3, "and it does");
	is_int(load("[busflip]\nuri = \"qemu:///system\"\nbait = /x #y\nvirtio_win = /w\t#\n"
		    "max_attempts = 4\n"), 3, "quotes, and a # behind a value");
	has_str(complaints.all, ":3: bait = /x #y: quotes, and a #", "are told");
	is_str(config.bait, "/x #y", "a folder may have such a name");
	is_int(load("[busflip]\nbus = scsi\nmax_attempts = 3\nmax_attempts = x\n"), 2,
	       "a bad value behind a good one is a complaint");
	if (!ok(!strstr(complaints.all, "using 2") == (config.max_attempts == 3),
		"which tells the value that is used"))
		diag("max_attempts is %d; %s", config.max_attempts, complaints.all);
	is_int(load("[busflip]\nbogus = 1\nbus = usb\nnonsense\nmax_attempts = 4\n"), 3,
	       "each mistake is counted");
	is_int(config.max_attempts, 4, "and none hides the good lines");
	ok(load_bytes(with_nul, sizeof(with_nul) - 1) != 0,
	   "a NUL byte does not hide the rest without a word");
}

static void test_files(void)
{
	struct stat st;

	memset(&complaints, 0, sizeof(complaints));
	is_int(config_load(&config, "/nonexistent/busflip.conf", note, &complaints), 0,
	       "no file is fine");
	ok(complaints.n == 0 && is_default(), "and means the defaults");
	is_int(config_load(&config, "/tmp", note, &complaints), -1, "a folder is not");
	ok(complaints.n == 1 && is_default() && strncmp(complaints.all, "/tmp: ", 6) == 0,
	   "one complaint with its name; defaults");
	if (truncate(path, (1 << 20) + 1) == 0) {
		memset(&complaints, 0, sizeof(complaints));
		is_int(config_load(&config, path, note, &complaints), -1,
		       "more than 1 MiB is not read");
		ok(complaints.n == 1 && is_default(), "one complaint; defaults");
	}
	if (stat("conf/busflip.conf", &st) == 0) {
		memset(&complaints, 0, sizeof(complaints));
		is_int(config_load(&config, "conf/busflip.conf", note, &complaints), 0,
		       "the file that is shipped has no mistake");
		ok(is_default(), "and is all defaults");
	}
}

static void test_keys(void)
{
	size_t n = 0;

	while (config_key(n))
		n++;
	is_int((long long)n, 14, "there are so many keys as struct config has fields");
	ok(!config_key(1000), "and none far behind");
}

int main(void)
{
	int fd = mkstemp(path);

	if (fd < 0)
		skip_all("no file in /tmp can be made");
	close(fd);
	test_good();
	test_bad();
	test_limits();
	test_files();
	test_keys();
	unlink(path);
	return done_testing();
}
