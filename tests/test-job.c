// SPDX-License-Identifier: GPL-2.0-or-later
/* test-job.c - request and reply: written and parsed back, and what must not parse */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "helper/image/image.h"
#include "helper/shared/job.h"
#include "tests/tap.h"

static uint8_t *reply;
static size_t reply_len;
static struct error err;

static void test_request(void)
{
	struct job job = {
		.action = JOB_UNDO, .bus = TARGET_SCSI,
		.drivers = JOB_DRIVERS_ISO, .dry_run = true, .force = true,
		.partition = 7, .has_uuid = true,
		.run_from = 0x1122334455667788, .run_to = 99,
		.patched = { 15466496, 0xdeadbeef, 4318 },
	}, back;
	uint8_t message[JOB_SIZE];

	memset(job.uuid, 0xAB, 16);
	strcpy(job.hive_path, "Windows/System32/config/SYSTEM");
	strcpy(job.drivers_path, "/srv/virtio-win.iso");
	job_pack(&job, message);
	ok(job_unpack(message, sizeof(message), &back, &err) == 0,
	   "a request unpacks");
	ok(back.action == JOB_UNDO && back.bus == TARGET_SCSI &&
	   back.drivers == JOB_DRIVERS_ISO && back.dry_run && back.force &&
	   !back.live && !back.sandbox_require &&
	   back.partition == 7 && back.has_uuid &&
	   back.run_from == job.run_from && back.run_to == 99 &&
	   back.patched.size == 15466496 &&
	   back.patched.crc == 0xdeadbeef && back.patched.sequence == 4318 &&
	   !memcmp(back.uuid, job.uuid, 16) &&
	   !strcmp(back.hive_path, job.hive_path) &&
	   !strcmp(back.drivers_path, job.drivers_path), "to the same");
	ok(job_unpack(message, sizeof(message) - 1, &back, &err) < 0,
	   "a short request");
	for (size_t at = 0; at < 28; at++) {
		message[at] ^= 0x80;
		if (!ok(job_unpack(message, sizeof(message), &back, &err) <
			0, "byte %zu damaged", at))
			break;
		message[at] ^= 0x80;
	}
}

static void build(const struct job_reply *r, const uint64_t runs[][2], size_t n)
{
	int fd = memfd_create("reply", MFD_CLOEXEC);
	struct job_writer w;
	uint8_t *page = calloc(1, 1u << 20);
	struct stat st;

	job_writer_start(&w, fd);
	job_writer_add(&w, JOB_SECTION_TEXT, "hello", 5, NULL);
	for (size_t i = 0; i < n; i++)
		job_writer_add(&w, JOB_SECTION_PAGES, page, runs[i][1], NULL);
	for (size_t i = 0; i < n; i++) {
		uint8_t run[JOB_RUN_SIZE] = { 0 };

		put_le64(run, runs[i][0]);
		put_le32(run + 8, (uint32_t)runs[i][1]);
		job_writer_add(&w, JOB_SECTION_RUNS, run, sizeof(run), NULL);
	}
	job_writer_finish(&w, r, NULL);
	fstat(fd, &st);
	free(reply);
	reply_len = (size_t)st.st_size;
	reply = malloc(reply_len);
	if (pread(fd, reply, reply_len, 0) != (ssize_t)reply_len)
		ok(false, "reading the reply back");
	close(fd);
	free(page);
}

static int parse(struct job_reply *out)
{
	memset(&err, 0, sizeof(err));
	return job_reply_parse(reply, reply_len, out, &err);
}

static void test_reply(void)
{
	const uint64_t runs[][2] = { { 4096, 8192 }, { 65536, 4096 } };
	struct job_reply r = { .changed = true, .partition = 3 }, out;
	uint64_t at = 0;

	strcpy(r.hive_path, "Windows/x");
	build(&r, runs, 2);
	ok(parse(&out) == 0, "a reply parses");
	ok(out.changed && out.partition == 3 && !out.result.code &&
	   !strcmp(out.hive_path, "Windows/x") &&
	   out.section[JOB_SECTION_TEXT].len == 5 &&
	   !memcmp(out.section[JOB_SECTION_TEXT].data, "hello", 5) &&
	   !out.section[JOB_SECTION_JSON].data, "to what was put in");
	ok(job_reply_runs(&out) == 2 &&
	   job_reply_run(&out, 0, &at).off == 4096 &&
	   job_reply_run(&out, 1, &at).off == 65536 && at == 12288, "runs");
	r.changed = false;
	r.result.code = EIO;
	strcpy(r.result.msg, "broken");
	build(&r, runs, 0);
	ok(parse(&out) == 0 && out.result.code == EIO &&
	   !strcmp(out.result.msg, "broken"), "a failure with its words");
}

static void test_bad_runs(void)
{
	static const struct {
		const char *name;
		uint64_t runs[2][2];
		size_t n;
	} cases[] = {
		{ "not on a page", { { 4095, 4096 } }, 1 },
		{ "empty", { { 4096, 0 } }, 1 },
		{ "descending", { { 8192, 4096 }, { 4096, 4096 } }, 2 },
		{ "overlapping", { { 4096, 8192 }, { 8192, 4096 } }, 2 },
		{ "the same twice", { { 4096, 4096 }, { 4096, 4096 } }, 2 },
		{ "beyond 2^63", { { UINT64_MAX - 4095, 4096 } }, 1 },
		{ "short before the last", { { 4096, 512 }, { 8192, 4096 } },
		  2 },
	};
	struct job_reply r = { .changed = true }, out;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		build(&r, cases[i].runs, cases[i].n);
		ok(parse(&out) < 0 && err.code == EPROTO,
		   "refused: %s", cases[i].name);
	}
	build(&r, NULL, 0);
	ok(parse(&out) < 0, "refused: changed, but no pages");
	r.changed = false;
	build(&r, cases[3].runs, 1);
	ok(parse(&out) < 0, "refused: pages, but not changed");
	r.changed = true;
	r.result.code = 5;
	build(&r, cases[3].runs, 1);
	ok(parse(&out) < 0, "refused: a failure that has pages");
}

/* Where the table of sections is in the header, and a whole reply for them, of zeros. */
#define TABLE 1320
static uint8_t *vast;

static void place(enum job_section section, uint64_t off, uint64_t len)
{
	put_le64(vast + TABLE + section * 16, off);
	put_le64(vast + TABLE + section * 16 + 8, len);
}

static int parse_vast(void)
{
	struct job_reply out;

	memset(&err, 0, sizeof(err));
	return job_reply_parse(vast, JOB_REPLY_LIMIT, &out, &err);
}

/* Their numbers, not their names: whoever changes one changes it here, too. */
static void test_limits(void)
{
	static const uint64_t limits[] = {
		[JOB_SECTION_TEXT] = 4u << 20, [JOB_SECTION_JSON] = 4u << 20,
		[JOB_SECTION_REG] = 4u << 20, [JOB_SECTION_EVIDENCE] = 65536,
		[JOB_SECTION_LOG1] = 32u << 20,
		[JOB_SECTION_LOG2] = 32u << 20,
	};
	const struct job_reply none = { .changed = false };
	struct job_writer w = { .fd = -1, .end = JOB_REPLY_HEADER };

	build(&none, NULL, 0);
	memcpy(vast, reply, JOB_REPLY_HEADER);
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		enum job_section section = (enum job_section)i;

		place(JOB_SECTION_TEXT, 0, 0);
		place(section, JOB_REPLY_HEADER, limits[i]);
		ok(parse_vast() == 0, "section %zu: %llu bytes", i, (unsigned long long)limits[i]);
		place(section, JOB_REPLY_HEADER, limits[i] + 1);
		ok(parse_vast() < 0 && strstr(err.msg, "more than"), "and not one more: %s",
		   err.msg);
		place(section, 0, 0);
		w.len[i] = limits[i];
		w.off[i] = w.end - limits[i];
		ok(job_writer_add(&w, section, "x", 1, &err) < 0 && strstr(err.msg, "too large"),
		   "nor is it written: %s", err.msg);
	}
	put_le64(vast + TABLE + JOB_SECTION_COUNT * 16, 128u << 20);
	ok(parse_vast() == 0, "128 MiB of SYSTEM");
	put_le64(vast + TABLE + JOB_SECTION_COUNT * 16, (128u << 20) + 1);
	ok(parse_vast() < 0 && err.code == EPROTO, "and not one more: %s", err.msg);
}

static void test_overlaps(void)
{
	const struct job_reply none = { .changed = false };

	build(&none, NULL, 0);
	memcpy(vast, reply, JOB_REPLY_HEADER);
	for (unsigned int i = 1; i < JOB_SECTION_RUNS; i++) {
		enum job_section section = (enum job_section)i;

		place(JOB_SECTION_TEXT, 8192, 100);
		place(section, 8292, 50);
		ok(parse_vast() == 0, "section %u behind another", i);
		place(section, 8291, 50);
		ok(parse_vast() < 0, "on its last byte: %s", err.msg);
		place(section, 8143, 50);
		ok(parse_vast() < 0, "on its first byte: %s", err.msg);
		place(section, 8200, 5);
		ok(parse_vast() < 0, "within: %s", err.msg);
		place(section, 8150, 0);
		ok(parse_vast() == 0, "an empty one");
		place(section, 0, 0);
	}
}

static void test_hive_path(void)
{
	struct job_reply r = { .changed = false }, out;

	strcpy(r.hive_path, "Windows/\xc3\xa4/SYSTEM");
	build(&r, NULL, 0);
	ok(parse(&out) == 0, "a path that is not ASCII");
	for (int c = 1; c < 0x80; c = c == 0x1f ? 0x7f : c + 1) {
		r.hive_path[7] = (char)c;
		build(&r, NULL, 0);
		if (!ok(parse(&out) < 0 && err.code == EPROTO, "a path with byte %d", c))
			break;
	}
}

/* Every bit of the header, and many lengths: it parses or it doesn't, but it
 * never points out of the reply. */
static void test_damage(void)
{
	const uint64_t runs[][2] = { { 4096, 8192 }, { 65536, 4096 } };
	struct job_reply r = { .changed = true }, out;
	bool inside = true;

	build(&r, runs, 2);
	for (size_t at = 0; at < JOB_REPLY_HEADER; at++) {
		uint8_t was = reply[at];

		for (unsigned int bit = 0; bit < 8; bit++) {
			reply[at] = (uint8_t)(was ^ 1u << bit);
			if (parse(&out) < 0)
				continue;
			for (size_t s = 0; s < JOB_SECTION_COUNT; s++)
				inside &= !out.section[s].data ||
					  range_ok((uint64_t)(out.section[s].data
						   - reply),
						   out.section[s].len,
						   reply_len);
		}
		reply[at] = was;
	}
	ok(inside, "sections stay within a damaged reply");
	for (size_t len = 0; len < reply_len; len += 509)
		if (job_reply_parse(reply, len, &out, NULL) == 0)
			inside = false;
	ok(inside, "a cut reply never parses");
	memset(reply, 0, JOB_REPLY_HEADER);
	ok(parse(&out) < 0, "a reply without its header, from a helper that "
	   "died, never parses");
}

static void test_verdicts(void)
{
	for (unsigned int i = 0; i <= VERDICT_YES; i++)
		is_int(verdict_parse(verdict_name((enum verdict)i)), i, "a verdict and back");
	ok(verdict_parse("") == VERDICT_UNKNOWN && verdict_parse("Yes") == VERDICT_UNKNOWN &&
	   verdict_parse("true") == VERDICT_UNKNOWN, "anything else is not known");
	is_str(verdict_json(VERDICT_UNKNOWN), "null", "as JSON");
}

int main(void)
{
	test_request();
	test_reply();
	test_verdicts();
	test_bad_runs();
	vast = mmap(NULL, JOB_REPLY_LIMIT, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (vast == MAP_FAILED)
		abort();
	test_limits();
	test_overlaps();
	test_hive_path();
	munmap(vast, JOB_REPLY_LIMIT);
	test_damage();
	free(reply);
	return done_testing();
}
