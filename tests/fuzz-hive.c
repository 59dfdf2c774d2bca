// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz-hive.c - arbitrary bytes as SYSTEM and SOFTWARE: read, evaluated, planned, printed,
 * and edited if they are a valid hive
 */

#include "helper/edits/edits.h"
#include "helper/verdict/evidence.h"
#include "helper/verdict/report.h"
#include "tests/fuzz.h"
#include "tests/hives.h"

/* Base block mended, so that what is behind it is reached. */
static uint8_t *mended(const uint8_t *data, size_t size)
{
	uint8_t *copy = calloc(1, size);

	if (!copy)
		return NULL;
	memcpy(copy, data, size);
	memcpy(copy, "regf", 4);
	put_le32(copy + 20, 1);
	put_le32(copy + 24, 5);
	put_le32(copy + 28, 0);
	put_le32(copy + 32, 1);
	put_le32(copy + 40, (uint32_t)((size - 4096) / 4096 * 4096));
	hive_base_seal(copy, get_le32(copy + 4));
	return copy;
}

static void show(const struct windows *win)
{
	struct evidence_asked asked = { .bus = TARGET_VIRTIO, .has_uuid = true };
	struct volume_health health = { .logfile = LOGFILE_CLEAN };
	struct evidence evidence;
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	evidence_judge(win, &health, &asked, &evidence);
	evidence_write_json(&evidence, out);
	report_json(win, &health, out);
	report_text(win, NULL, out);
	fclose(out);
	free(text);
}

/* hivex gets only what passes as whole. Its result must pass our proof, or be
 * refused; never crash, never differ in anything else. */
static void edit(const struct edits *plan, const uint8_t *data, size_t size)
{
	struct hive_memory before, after;
	struct error err = { 0 };

	if (hive_memory_new(&before, data, size, &err) < 0)
		return;
	edits_apply(plan, &before, -1, 0, &after, &err);
	hive_memory_free(&after);
	hive_memory_free(&before);
}

static void write_plan(const struct edits *plan)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	edits_write_reg(plan, out);
	edits_write_json(plan, out);
	edits_write_text(plan, out);
	fclose(out);
	free(text);
}

static void look(struct windows *win, const uint8_t *data, size_t size)
{
	struct edits_request request = { .bus = TARGET_VIRTIO };
	bool whole = hive_check(&win->system, NULL, NULL) == 0;
	struct edits *plan = NULL;
	struct error err = { 0 };

	if (windows_from_hives(win, NULL, &err) < 0)
		return;
	windows_check(win, &err);
	show(win);
	/* No version is in a SYSTEM hive: try both kinds. */
	win->generation = data[6] & 1 ? WINDOWS_7 : WINDOWS_10;
	if (*win->control_set && edits_plan(win, &request, &plan, &err) == 0) {
		write_plan(plan);
		if (whole)
			edit(plan, data, size);
		edits_free(plan);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct windows *win;
	struct error err = { 0 };
	uint8_t *copy;

	if (size < 8192 || size > 1u << 20)
		return 0;
	win = calloc(1, sizeof(*win));
	copy = mended(data, size);
	if (win && copy) {
		win->system_status.there = win->software_status.there = true;
		str_fits(win->root, sizeof(win->root), "Windows");
		if (hive_open_bytes(&win->system, copy, size, &err) == 0 &&
		    hive_open_bytes(&win->software, copy, size, &err) == 0)
			look(win, copy, size);
		free(win->services);
	}
	free(win);
	free(copy);
	return 0;
}

static uint8_t *fuzz_seed(size_t index, size_t *len)
{
	static const struct {
		const char *windows;
		unsigned int how;
	} seeds[] = {
		{ "7", MADE_OVERRIDE }, { "7", MADE_BOUND | MADE_RENAME },
		{ "10", MADE_OVERRIDE }, { "11", MADE_BOUND | MADE_OVERRIDDEN },
		{ "2022", MADE_BOOTABLE | MADE_FILTER }, { "8", MADE_STAGED },
	};

	return index < ARRAY_SIZE(seeds)
		? made_system(made_find(seeds[index].windows),
			      seeds[index].how, len) : NULL;
}
