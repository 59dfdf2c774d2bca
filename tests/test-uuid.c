// SPDX-License-Identifier: GPL-2.0-or-later
/* test-uuid.c - UUIDs as text and as bytes */

#include "helper/shared/uuid.h"

#include <string.h>

#include "helper/shared/base.h"
#include "tests/tap.h"

#define UUID "12345678-9abc-def0-1234-56789abcdef0"

static void test_ok(void)
{
	static const char *const bad[] = {
		"", "1", "12345678", "12345678-9abc-def0-1234-56789abcdef",
		"12345678-9abc-def0-1234-56789abcdef00",
		"12345678-9abc-def0-1234-56789abcdef0/",
		"12345678 9abc-def0-1234-56789abcdef0",
		"12345678-9abc-def0-1234-56789abcdeg0",
		"../45678-9abc-def0-1234-56789abcdef0",
		"123456789abcdef0123456789abcdef0----",
		"12345678-9abc-def0-1234-56789abcdef\xe9",
		"12345678-9abc-def0-1234-56789abcdef0\n",
	};

	ok(uuid_ok(UUID), "a UUID");
	ok(uuid_ok("12345678-9ABC-DEF0-1234-56789ABCDEF0"), "in capitals");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ok(!uuid_ok(bad[i]), "\"%s\" is none", bad[i]);
}

static void test_bytes(void)
{
	static const char *const good[] = {
		UUID, "{" UUID "}", "12345678-9ABC-DEF0-1234-56789ABCDEF0",
		"123456789abcdef0123456789abcdef0",
	};
	static const char *const bad[] = {
		"", "{}", "12345678-9abc-def0-1234-56789abcdef",
		"12345678-9abc-def0-1234-56789abcdef00", "12345678-9abc-def0-1234-56789abcdeg0",
		UUID "\n", "\x11" "2345678-9abc-def0-1234-56789abcdef0",
	};
	static const uint8_t want[16] = { 0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde, 0xf0,
					  0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde, 0xf0 };
	uint8_t bytes[16];

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		ok(uuid_bytes(good[i], bytes) && memcmp(bytes, want, 16) == 0, "bytes of %s",
		   good[i]);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ok(!uuid_bytes(bad[i], bytes), "\"%s\" has none", bad[i]);
}

int main(void)
{
	test_ok();
	test_bytes();
	return done_testing();
}
