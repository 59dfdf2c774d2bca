// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * mkhive.c - write the hives of a generated Windows into a directory
 *
 *	mkhive GENERATION DIRECTORY [VARIANT...]
 *
 * GENERATION: 7, 7-x86, 2008r2, 8, 8.1, 2012r2, 10, 11, 2016, 2019, 2022, 2025.
 * VARIANT: see the table. "dirty" leaves SYSTEM dirty, with logs that complete it (DIRT
 * before 8.1, HvLE in both logs since then); "dirty-lost" leaves it dirty without logs.
 */

#include "tests/hivelogs.h"
#include "tests/hives.h"

#include <fcntl.h>

static const struct {
	const char *name;
	unsigned int how;
} variants[] = {
	{ "override", MADE_OVERRIDE }, { "staged", MADE_STAGED },
	{ "bootable", MADE_BOOTABLE }, { "bound", MADE_BOUND },
	{ "overridden", MADE_OVERRIDDEN }, { "failed", MADE_FAILED },
	{ "default", MADE_DEFAULT }, { "running", MADE_RUNNING },
	{ "rename", MADE_RENAME }, { "filter", MADE_FILTER },
	{ "no-sets", MADE_NO_SETS }, { "large", MADE_LARGE },
};

static void write_file(const char *folder, const char *name,
		       const uint8_t *data, size_t len)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "wb");
	made_must(f && fwrite(data, 1, len, f) == len && fclose(f) == 0, path);
}

/* The state on disk is the guest before some last changes, which are only in
 * the logs. */
static void write_dirty(const char *folder, const struct made_windows *w,
			const uint8_t *after, size_t len, bool logs)
{
	struct log_buffer log[2] = { { NULL, 0 }, { NULL, 0 } };
	size_t before_len, half = len / 8192 * 4096;
	uint8_t *before = made_system(w, MADE_NO_SETS, &before_len);

	log_make_dirty(before, 6);
	if (w->build < 9600) {
		log_dirt(&log[0], 7, before, before_len, after, len);
		put_le64(log[0].data + 12, get_le64(before + 12));
		raw_checksum(log[0].data);
	} else {
		log_start(&log[0], before, 7);
		log_entry(&log[0], 7, before, before_len, after, 4096, half);
		log_start(&log[1], before, 8);
		log_entry(&log[1], 8, before, before_len, after, half, len);
	}
	write_file(folder, "SYSTEM", before, before_len);
	for (int i = 0; logs && i < 2; i++)
		write_file(folder, i ? "SYSTEM.LOG2" : "SYSTEM.LOG1",
			   log[i].data, log[i].len);
	free(log[0].data);
	free(log[1].data);
	free(before);
}

int main(int argc, char **argv)
{
	const struct made_windows *w = argc > 2 ? made_find(argv[1]) : NULL;
	bool dirty = false, lost = false;
	unsigned int how = 0;
	uint8_t *data;
	size_t len;

	if (!w) {
		fprintf(stderr, "usage: mkhive GENERATION DIRECTORY "
			"[VARIANT...]\n");
		return 2;
	}
	for (int i = 3; i < argc; i++) {
		unsigned int was = how;

		dirty |= str_eq(argv[i], "dirty");
		lost |= str_eq(argv[i], "dirty-lost");
		for (size_t v = 0; v < ARRAY_SIZE(variants); v++)
			if (str_eq(argv[i], variants[v].name))
				how |= variants[v].how;
		if (how == was && !dirty && !lost) {
			fprintf(stderr, "mkhive: no variant %s\n", argv[i]);
			return 2;
		}
	}
	data = made_system(w, how, &len);
	if (dirty || lost)
		write_dirty(argv[2], w, data, len, !lost);
	else
		write_file(argv[2], "SYSTEM", data, len);
	free(data);
	data = made_software(w, &len);
	write_file(argv[2], "SOFTWARE", data, len);
	free(data);
	return 0;
}
