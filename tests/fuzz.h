/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz.h - what every fuzzer needs besides its entry point
 *
 * With -fsanitize=fuzzer and -DFUZZING, libFuzzer supplies main(). Otherwise main() is here
 * and replays inputs:
 *
 *	fuzz-x FILE...			each file once
 *	fuzz-x --write-seeds DIRECTORY	write the seeds as files, for libFuzzer
 *	fuzz-x [ROUNDS]			the seeds, and ROUNDS mutations of each, which
 *					are always the same
 */
#ifndef BUSFLIP_TESTS_FUZZ_H
#define BUSFLIP_TESTS_FUZZ_H

#include "helper/shared/base.h"
#include "helper/shared/file.h"
#include "tests/tap.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Seed number @index, NULL when there are no more; the caller frees it. */
static uint8_t *fuzz_seed(size_t index, size_t *len);

#ifndef FUZZING
static uint32_t fuzz_state = 12345;

static uint32_t fuzz_random(void)
{
	fuzz_state = fuzz_state * 1664525 + 1013904223;
	return fuzz_state >> 8;
}

/* A few bytes, words or small numbers, mostly where structures are. */
static void fuzz_mutate(uint8_t *data, size_t len)
{
	static const uint32_t words[] = {
		0, 1, 0xffffffff, 0x7fffffff, 0x80000000, 0xfffffff8, 8, 32,
		0x1000, 0xffff,
	};
	uint32_t n = 1 + fuzz_random() % 4;

	for (uint32_t i = 0; i < n; i++) {
		size_t at = fuzz_random() % (len - 4);

		switch (fuzz_random() % 4) {
		case 0:
			data[at] = (uint8_t)fuzz_random();
			break;
		case 1:
			data[at] ^= (uint8_t)(1u << fuzz_random() % 8);
			break;
		case 2:
			put_le32(data + at / 4 * 4,
				 words[fuzz_random() % ARRAY_SIZE(words)]);
			break;
		default:
			put_le32(data + at / 4 * 4,
				 fuzz_random() % (uint32_t)len / 8 * 8);
		}
	}
}

static int fuzz_file(const char *path)
{
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	AUTO_FREE char *data = NULL;
	struct error err;
	size_t len;

	if (fd < 0 || read_all(fd, 64u << 20, &data, &len, &err) < 0) {
		perror(path);
		return 1;
	}
	LLVMFuzzerTestOneInput((const uint8_t *)data, len);
	printf("%s: done\n", path);
	return 0;
}

static int fuzz_write_seeds(const char *folder)
{
	uint8_t *data;
	size_t len;

	for (size_t i = 0; (data = fuzz_seed(i, &len)); i++) {
		struct error err = { 0 };
		char path[4096];

		snprintf(path, sizeof(path), "%s/seed-%02zu", folder, i);
		if (file_replace(path, data, len, 0644, &err) < 0) {
			fprintf(stderr, "%s\n", err.msg);
			free(data);
			return 1;
		}
		free(data);
	}
	return 0;
}

static int fuzz_rounds(unsigned long rounds)
{
	uint8_t *data, *copy;
	size_t len;

	for (size_t i = 0; (data = fuzz_seed(i, &len)); i++) {
		copy = malloc(len);
		LLVMFuzzerTestOneInput(data, len);
		for (unsigned long r = 0; copy && r < rounds; r++) {
			memcpy(copy, data, len);
			fuzz_mutate(copy, len);
			LLVMFuzzerTestOneInput(copy, len);
		}
		free(copy);
		free(data);
		ok(true, "seed %zu and %lu mutations", i, rounds);
	}
	return done_testing();
}

int main(int argc, char **argv)
{
	char *end = NULL;
	unsigned long rounds = argc == 2 ? strtoul(argv[1], &end, 10) : 300;

	if (argc == 3 && str_eq(argv[1], "--write-seeds"))
		return fuzz_write_seeds(argv[2]);
	if (argc < 2 || (argc == 2 && !*end))
		return fuzz_rounds(rounds);
	for (int i = 1; i < argc; i++)
		if (fuzz_file(argv[i]))
			return 1;
	return 0;
}
#endif

#endif
