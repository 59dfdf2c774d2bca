/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz-disk.h - a fuzzer of its own when built with -fsanitize=fuzzer, else a
 * main() that replays files
 *
 * Without arguments the replay mutates what fuzz_seed() gives, the same way
 * each time, so that "make check" runs the code over some thousand bad inputs.
 */
#ifndef BUSFLIP_FUZZ_DISK_H
#define BUSFLIP_FUZZ_DISK_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#ifndef FUZZING
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "helper/base.h"
#include "tests/tap.h"

/* A valid input, for the replay to mutate; the caller frees it. */
static uint8_t *fuzz_seed(size_t *size);

static void replay_mutations(unsigned int rounds)
{
	size_t size;
	uint8_t *seed = fuzz_seed(&size), *copy = malloc(size);
	uint32_t random = 1;

	for (unsigned int i = 0; i < rounds; i++) {
		memcpy(copy, seed, size);
		for (unsigned int n = i % 8; n; n--) {
			random = random * 1664525u + 1013904223u;
			copy[(random >> 8) % size] ^= (uint8_t)(1u << (random >> 5) % 8);
		}
		LLVMFuzzerTestOneInput(copy, i % 16 == 15 ? size * (i % 97) / 97
							  : size);
	}
	free(copy);
	free(seed);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		AUTO_FREE char *data = NULL;
		AUTO_FD int fd = open(argv[i], O_RDONLY | O_CLOEXEC);
		size_t size;

		if (fd < 0 || read_all(fd, 1u << 26, &data, &size, NULL) < 0)
			return 1;
		LLVMFuzzerTestOneInput((uint8_t *)data, size);
	}
	if (argc == 1)
		replay_mutations(3000);
	check(true, "no crash");
	return tap_done();
}
#endif

#endif
