// SPDX-License-Identifier: GPL-2.0-or-later
/* test-sha256.c - SHA-256 against known digests */

#include "hook/recovery/sha256.h"

#include <string.h>

#include "tests/tap.h"

/* Of FIPS 180-4's examples, and coreutils' sha256sum where the padding changes. */
static void test_sha256(void)
{
	static const struct { size_t len; const char *text, *sum; } of[] = {
		{ 0, "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
		{ 3, "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
		{ 56, "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
		{ 55, NULL, "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318" },
		{ 64, NULL, "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb" },
		{ 200, NULL, "c2a908d98f5df987ade41b5fce213067efbcc21ef2240212a41e54b5e7c28ae5" },
	};
	char many[200], sum[SHA256_TEXT];

	memset(many, 'a', sizeof(many));
	for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
		sha256_text(of[i].text ? of[i].text : many, of[i].len, sum);
		is_str(sum, of[i].sum, "%zu bytes", of[i].len);
	}
}

int main(void)
{
	test_sha256();
	return done_testing();
}
