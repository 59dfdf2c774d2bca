// SPDX-License-Identifier: GPL-2.0-or-later
/* job.c - the request to busflip-helper, and its reply */

#include "helper/shared/job.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "helper/shared/file.h"

/* Offsets in the request. */
enum {
	REQ_MAGIC = 0, REQ_VERSION = 8, REQ_ACTION = 12, REQ_BUS = 16,
	REQ_DRIVERS = 20, REQ_FLAGS = 24, REQ_PARTITION = 28, REQ_UUID = 32,
	REQ_FROM = 48, REQ_TO = 56, REQ_MARK = 64, REQ_DEVICE = 80,
	REQ_BOOT_ID = 84, REQ_LAST_USE = 88, REQ_SHUTDOWN = 96, REQ_PATH = 104,
	REQ_DRIVERS_PATH = REQ_PATH + 512, REQ_END = REQ_DRIVERS_PATH + 256,
};

/* Offsets in the header of the reply. */
enum {
	REP_MAGIC = 0, REP_VERSION = 8, REP_CODE = 12, REP_FLAGS = 16,
	REP_PARTITION = 20, REP_MARK = 24, REP_PATH = 40, REP_MSG = 552,
	REP_SECTIONS = REP_MSG + 768, REP_KEPT = REP_SECTIONS +
						JOB_SECTION_COUNT * 16,
	REP_END = REP_KEPT + 8,
};

static_assert(REQ_END <= JOB_SIZE, "the request fits its message");
static_assert(REP_END <= JOB_REPLY_HEADER, "the header fits its page");
static_assert(sizeof(((struct error *)0)->msg) == REP_SECTIONS - REP_MSG,
	      "a whole message fits the header");

/* Name of each section, and its size limit. */
static const struct {
	const char *name;
	uint64_t limit;
} sections[] = {
	[JOB_SECTION_TEXT] = { "text", JOB_REPORT_LIMIT },
	[JOB_SECTION_JSON] = { "JSON", JOB_REPORT_LIMIT },
	[JOB_SECTION_REG] = { ".reg", JOB_REPORT_LIMIT },
	[JOB_SECTION_EVIDENCE] = { "evidence", JOB_EVIDENCE_LIMIT },
	[JOB_SECTION_LOG1] = { "SYSTEM.LOG1", JOB_LOG_LIMIT },
	[JOB_SECTION_LOG2] = { "SYSTEM.LOG2", JOB_LOG_LIMIT },
	[JOB_SECTION_RUNS] = { "list of pages", JOB_RUN_LIMIT * JOB_RUN_SIZE },
	[JOB_SECTION_PAGES] = { "pages", IMAGE_DIRTY_LIMIT },
};

static_assert(ARRAY_SIZE(sections) == JOB_SECTION_COUNT, "each section has its limit");
static_assert(JOB_REPLY_HEADER + 3 * JOB_REPORT_LIMIT + JOB_EVIDENCE_LIMIT +
	      2 * JOB_LOG_LIMIT + JOB_RUN_LIMIT * JOB_RUN_SIZE + IMAGE_DIRTY_LIMIT <=
	      JOB_REPLY_LIMIT, "all sections fit one reply");
static_assert(JOB_HIVE_LIMIT <= JOB_FILE_LIMIT, "a hive fits its file");

static const char request_magic[8] = "BFLPJOB";
static const char reply_magic[8] = "BFLPANS";

enum {
	FLAG_DRY_RUN = 1, FLAG_FORCE = 2, FLAG_LIVE = 4, FLAG_REQUIRE = 8,
	FLAG_UUID = 16, FLAG_BEFORE = 32, FLAG_OPTIONAL = 64,
	/* One bit of each byte is always zero, so that damage is detected. */
	FLAGS_ALL = 127,
};

static const struct {
	const char *name, *json, *text;
} verdicts[] = {
	[VERDICT_UNKNOWN] = { "unknown", "null", "not known" },
	[VERDICT_NO] = { "no", "false", "not ok" },
	[VERDICT_YES] = { "yes", "true", "ok" },
};

const char *verdict_name(enum verdict verdict)
{
	return verdicts[verdict].name;
}

enum verdict verdict_parse(const char *name)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(verdicts); i++)
		if (strcmp(verdicts[i].name, name) == 0)
			return (enum verdict)i;
	return VERDICT_UNKNOWN;
}

const char *verdict_json(enum verdict verdict)
{
	return verdicts[verdict].json;
}

const char *verdict_text(enum verdict verdict)
{
	return verdicts[verdict].text;
}

static void put_mark(uint8_t *p, const struct job_hive_mark *mark)
{
	put_le64(p, mark->size);
	put_le32(p + 8, mark->crc);
	put_le32(p + 12, mark->sequence);
}

static struct job_hive_mark get_mark(const uint8_t *p)
{
	return (struct job_hive_mark){ .size = get_le64(p),
				       .crc = get_le32(p + 8),
				       .sequence = get_le32(p + 12) };
}

void job_pack(const struct job *job, uint8_t out[JOB_SIZE])
{
	uint32_t flags = (job->dry_run ? FLAG_DRY_RUN : 0u) |
			 (job->force ? FLAG_FORCE : 0u) |
			 (job->live ? FLAG_LIVE : 0u) |
			 (job->sandbox_require ? FLAG_REQUIRE : 0u) |
			 (job->driver_optional ? FLAG_OPTIONAL : 0u) |
			 (job->has_uuid ? FLAG_UUID : 0u) |
			 (job->has_before ? FLAG_BEFORE : 0u);

	memset(out, 0, JOB_SIZE);
	memcpy(out + REQ_MAGIC, request_magic, 8);
	put_le32(out + REQ_VERSION, JOB_VERSION);
	put_le32(out + REQ_ACTION, job->action);
	put_le32(out + REQ_BUS, job->bus + 1u);
	put_le32(out + REQ_DRIVERS, job->drivers);
	put_le32(out + REQ_FLAGS, flags);
	put_le32(out + REQ_PARTITION, job->partition);
	memcpy(out + REQ_UUID, job->uuid, 16);
	put_le64(out + REQ_FROM, job->run_from);
	put_le64(out + REQ_TO, job->run_to);
	put_mark(out + REQ_MARK, &job->patched);
	put_le16(out + REQ_DEVICE, job->device_id);
	put_le32(out + REQ_BOOT_ID, job->before_boot_id);
	put_le64(out + REQ_LAST_USE, job->before_last_use);
	put_le64(out + REQ_SHUTDOWN, job->before_shutdown);
	memcpy(out + REQ_PATH, job->hive_path,
	       strnlen(job->hive_path, sizeof(job->hive_path) - 1));
	memcpy(out + REQ_DRIVERS_PATH, job->drivers_path,
	       strnlen(job->drivers_path, sizeof(job->drivers_path) - 1));
}

/* A value of 1..last, or of 0..last if @zero_too. */
static bool in_enum(uint32_t value, uint32_t last, bool zero_too)
{
	return value <= last && (value || zero_too);
}

int job_unpack(const uint8_t *data, size_t len, struct job *job,
	       struct error *err)
{
	uint32_t action, bus, drivers, flags;

	memset(job, 0, sizeof(*job));
	if (len != JOB_SIZE || memcmp(data, request_magic, 8) != 0 ||
	    get_le32(data + REQ_VERSION) != JOB_VERSION)
		return fail(err, EPROTO, "the request is not one of version %u",
			    JOB_VERSION);
	action = get_le32(data + REQ_ACTION);
	bus = get_le32(data + REQ_BUS);
	drivers = get_le32(data + REQ_DRIVERS);
	flags = get_le32(data + REQ_FLAGS);
	if (!in_enum(action, JOB_ACTION_LAST, false) ||
	    !in_enum(bus, TARGET_BUSES, false) ||
	    !in_enum(drivers, JOB_DRIVERS_LAST, true) ||
	    flags & ~(uint32_t)FLAGS_ALL || data[REQ_PATH + 511] ||
	    data[REQ_DRIVERS_PATH + 255])
		return fail(err, EPROTO, "the request has an unknown value");
	job->action = (enum job_action)action;
	job->bus = (enum target_bus)(bus - 1);
	job->drivers = (enum job_drivers)drivers;
	job->dry_run = flags & FLAG_DRY_RUN;
	job->force = flags & FLAG_FORCE;
	job->live = flags & FLAG_LIVE;
	job->sandbox_require = flags & FLAG_REQUIRE;
	job->driver_optional = flags & FLAG_OPTIONAL;
	job->has_uuid = flags & FLAG_UUID;
	job->has_before = flags & FLAG_BEFORE;
	job->device_id = get_le16(data + REQ_DEVICE);
	job->before_boot_id = get_le32(data + REQ_BOOT_ID);
	job->before_last_use = get_le64(data + REQ_LAST_USE);
	job->before_shutdown = get_le64(data + REQ_SHUTDOWN);
	job->partition = get_le32(data + REQ_PARTITION);
	memcpy(job->uuid, data + REQ_UUID, 16);
	job->run_from = get_le64(data + REQ_FROM);
	job->run_to = get_le64(data + REQ_TO);
	job->patched = get_mark(data + REQ_MARK);
	memcpy(job->hive_path, data + REQ_PATH, sizeof(job->hive_path));
	memcpy(job->drivers_path, data + REQ_DRIVERS_PATH, sizeof(job->drivers_path));
	return 0;
}

void job_writer_start(struct job_writer *w, int fd)
{
	memset(w, 0, sizeof(*w));
	w->fd = fd;
	w->end = JOB_REPLY_HEADER;
}

static int write_at(int fd, const void *data, size_t len, uint64_t off,
		    struct error *err)
{
	if (lseek(fd, (off_t)off, SEEK_SET) < 0)
		return fail_errno(err, "cannot write the reply");
	return write_all(fd, data, len, err);
}

int job_writer_add(struct job_writer *w, enum job_section section,
		   const void *data, size_t len, struct error *err)
{
	if (!w->off[section])
		w->off[section] = w->end;
	if (w->off[section] + w->len[section] != w->end)
		return fail(err, EPROTO, "a section of the reply is incomplete");
	if (!range_ok(w->len[section], len, sections[section].limit) ||
	    !range_ok(w->end, len, JOB_REPLY_LIMIT))
		return fail(err, EPROTO, "the reply is too large (%s: more than %llu bytes)",
			    sections[section].name,
			    (unsigned long long)sections[section].limit);
	if (write_at(w->fd, data, len, w->end, err) < 0)
		return -1;
	w->end += len;
	w->len[section] += len;
	return 0;
}

int job_writer_finish(struct job_writer *w, const struct job_reply *reply,
		      struct error *err)
{
	uint8_t h[JOB_REPLY_HEADER] = { 0 };

	put_le32(h + REP_VERSION, JOB_VERSION);
	put_le32(h + REP_CODE, (uint32_t)reply->result.code);
	put_le32(h + REP_FLAGS, reply->changed);
	put_le32(h + REP_PARTITION, reply->partition);
	put_mark(h + REP_MARK, &reply->patched);
	put_le64(h + REP_KEPT, reply->kept);
	memcpy(h + REP_PATH, reply->hive_path,
	       strnlen(reply->hive_path, sizeof(reply->hive_path) - 1));
	memcpy(h + REP_MSG, reply->result.msg,
	       strnlen(reply->result.msg, sizeof(reply->result.msg) - 1));
	for (size_t i = 0; i < JOB_SECTION_COUNT; i++) {
		put_le64(h + REP_SECTIONS + i * 16, w->off[i]);
		put_le64(h + REP_SECTIONS + i * 16 + 8, w->len[i]);
	}
	memcpy(h + REP_MAGIC, reply_magic, 8);
	if (ftruncate(w->fd, (off_t)w->end) < 0)
		return fail_errno(err, "cannot write the reply");
	return write_at(w->fd, h, sizeof(h), 0, err);
}

size_t job_reply_runs(const struct job_reply *reply)
{
	return reply->section[JOB_SECTION_RUNS].len / JOB_RUN_SIZE;
}

struct job_run job_reply_run(const struct job_reply *reply, size_t index,
			     uint64_t *data_off)
{
	const uint8_t *p = reply->section[JOB_SECTION_RUNS].data +
			   index * JOB_RUN_SIZE;
	struct job_run run = { .off = get_le64(p), .len = get_le32(p + 8) };

	run.data = reply->section[JOB_SECTION_PAGES].data + *data_off;
	*data_off += run.len;
	return run;
}

static int check_runs(const struct job_reply *reply, struct error *err)
{
	uint64_t end = 0, sum = 0, pages = reply->section[JOB_SECTION_PAGES].len;
	size_t n = job_reply_runs(reply);

	if (reply->section[JOB_SECTION_RUNS].len % JOB_RUN_SIZE ||
	    n > JOB_RUN_LIMIT || pages > IMAGE_DIRTY_LIMIT)
		return fail(err, EPROTO, "reply: bad list of changed pages");
	for (size_t i = 0; i < n; i++) {
		const uint8_t *p = reply->section[JOB_SECTION_RUNS].data +
				   i * JOB_RUN_SIZE;
		uint64_t off = get_le64(p), len = get_le32(p + 8);

		if (!len || off % IMAGE_PAGE || get_le32(p + 12) ||
		    off < end || !range_ok(off, len, INT64_MAX) ||
		    !range_ok(sum, len, pages))
			return fail(err, EPROTO,
				    "reply: run %zu of the changed pages is "
				    "not valid", i);
		/* Only the last page of a disk may be short. */
		if (len % IMAGE_PAGE && i + 1 != n)
			return fail(err, EPROTO,
				    "reply: run %zu of the changed pages ends "
				    "within a page", i);
		end = off + len;
		sum += len;
	}
	if (sum != pages || (reply->changed != (n > 0)))
		return fail(err, EPROTO, "reply: pages and list differ");
	return 0;
}

/* A section that is not present has no bytes. */
static bool share_bytes(const struct job_bytes *a, const struct job_bytes *b)
{
	return a->len && b->len && a->data < b->data + b->len && b->data < a->data + a->len;
}

static int check_apart(const struct job_reply *reply, struct error *err)
{
	for (size_t i = 0; i < JOB_SECTION_COUNT; i++)
		for (size_t j = 0; j < i; j++)
			if (share_bytes(&reply->section[i], &reply->section[j]))
				return fail(err, EPROTO, "reply: %s and %s overlap",
					    sections[j].name, sections[i].name);
	return 0;
}

static int parse_sections(const uint8_t *data, size_t len,
			  struct job_reply *out, struct error *err)
{
	for (size_t i = 0; i < JOB_SECTION_COUNT; i++) {
		uint64_t off = get_le64(data + REP_SECTIONS + i * 16);
		uint64_t n = get_le64(data + REP_SECTIONS + i * 16 + 8);

		if (!off && !n)
			continue;
		if (off < JOB_REPLY_HEADER || !range_ok(off, n, len))
			return fail(err, EPROTO,
				    "reply: section %zu is not in it", i);
		if (n > sections[i].limit)
			return fail(err, EPROTO, "reply: %s: %llu bytes, which is more than "
				    "%llu", sections[i].name, (unsigned long long)n,
				    (unsigned long long)sections[i].limit);
		out->section[i].data = data + off;
		out->section[i].len = (size_t)n;
	}
	return check_apart(out, err);
}

/* It becomes a line of "key=value" in a file (patch.info). */
static bool is_one_line(const char *text)
{
	for (const unsigned char *p = (const unsigned char *)text; *p; p++)
		if (*p < 0x20 || *p == 0x7f)
			return false;
	return true;
}

int job_reply_parse(const uint8_t *data, size_t len, struct job_reply *out,
		    struct error *err)
{
	uint32_t code;

	memset(out, 0, sizeof(*out));
	if (len < JOB_REPLY_HEADER || len > JOB_REPLY_LIMIT ||
	    memcmp(data, reply_magic, 8) != 0 ||
	    get_le32(data + REP_VERSION) != JOB_VERSION)
		return fail(err, EPROTO, "the helper gave no reply");
	code = get_le32(data + REP_CODE);
	if (code > INT32_MAX || get_le32(data + REP_FLAGS) > 1 ||
	    data[REP_PATH + 511] || data[REP_SECTIONS - 1])
		return fail(err, EPROTO, "reply: bad header");
	out->result.code = (int)code;
	memcpy(out->result.msg, data + REP_MSG, sizeof(out->result.msg));
	out->changed = get_le32(data + REP_FLAGS) == 1;
	out->partition = get_le32(data + REP_PARTITION);
	out->patched = get_mark(data + REP_MARK);
	out->kept = get_le64(data + REP_KEPT);
	memcpy(out->hive_path, data + REP_PATH, sizeof(out->hive_path));
	if (!is_one_line(out->hive_path))
		return fail(err, EPROTO, "reply: control characters in the path of the hive");
	if (out->kept > JOB_HIVE_LIMIT)
		return fail(err, EPROTO, "reply: a hive of %llu bytes",
			    (unsigned long long)out->kept);
	if (parse_sections(data, len, out, err) < 0)
		return -1;
	if (code && out->changed)
		return fail(err, EPROTO, "reply: a failure that has pages");
	return check_runs(out, err);
}
