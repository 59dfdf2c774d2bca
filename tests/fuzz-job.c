// SPDX-License-Identifier: GPL-2.0-or-later
/* fuzz-job.c - requests, replies, their JSON, and journals from arbitrary bytes */

#include "tests/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "helper/shared/crc32.h"
#include "helper/shared/job.h"
#include "helper/shared/json.h"
#include "hook/recovery/journal.h"

static void touch(const uint8_t *p, size_t len)
{
	volatile uint8_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum = (uint8_t)(sum + p[i]);
}

static void try_reply(const uint8_t *data, size_t size)
{
	static struct job_reply reply;
	uint64_t at = 0;

	if (job_reply_parse(data, size, &reply, NULL) < 0)
		return;
	for (size_t i = 0; i < JOB_SECTION_COUNT; i++)
		touch(reply.section[i].data, reply.section[i].len);
	for (size_t i = 0; i < job_reply_runs(&reply); i++) {
		struct job_run run = job_reply_run(&reply, i, &at);

		touch(run.data, run.len);
	}
}

static void try_journal(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size + 1);
	struct journal *journal = NULL;

	memcpy(copy, data, size);
	if (size >= 64) {
		put_le64(copy + 16, size);
		put_le32(copy + 12, 0);
		put_le32(copy + 12, crc32_update(0, copy, size));
	}
	if (journal_parse(copy, size, &journal, NULL) == 0)
		journal_free(journal);
	free(copy);
}

static void try_json(const uint8_t *data, size_t size)
{
	static const char *const taken[] = { "a", NULL };
	char *text = malloc(size + 1);

	memcpy(text, data, size);
	text[size] = '\0';
	json_check(text, taken, NULL);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct job job;

	if (!size)
		return 0;
	switch (data[0] % 4) {
	case 0:
		job_unpack(data + 1, size - 1, &job, NULL);
		break;
	case 1:
		try_reply(data + 1, size - 1);
		break;
	case 2:
		try_json(data + 1, size - 1);
		break;
	default:
		try_journal(data + 1, size - 1);
	}
	return 0;
}

/* JSON; and a reply: one section of pages, one of runs. */
__attribute__((unused))
static uint8_t *fuzz_seed(size_t index, size_t *len)
{
	static const char json[] = "\2{\"b\":[1,-0.5e3,\"\\u00e4\\n\"],\"c\":{\"d\":true}}";
	uint8_t *d, *h, *run;

	if (index > 1)
		return NULL;
	if (index) {
		d = malloc(*len = sizeof(json) - 1);
		memcpy(d, json, *len);
		return d;
	}
	d = calloc(1, *len = 1 + JOB_REPLY_HEADER + 4096 + 16);
	h = d + 1;
	run = h + JOB_REPLY_HEADER + 4096;
	d[0] = 1;
	memcpy(h, "BFLPANS", 8);
	put_le32(h + 8, JOB_VERSION);
	put_le32(h + 16, 1);
	put_le64(h + 1320 + JOB_SECTION_PAGES * 16, JOB_REPLY_HEADER);
	put_le64(h + 1328 + JOB_SECTION_PAGES * 16, 4096);
	put_le64(h + 1320 + JOB_SECTION_RUNS * 16, JOB_REPLY_HEADER + 4096);
	put_le64(h + 1328 + JOB_SECTION_RUNS * 16, 16);
	put_le64(run, 8192);
	put_le32(run + 8, 4096);
	return d;
}
