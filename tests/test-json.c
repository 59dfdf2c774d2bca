// SPDX-License-Identifier: GPL-2.0-or-later
/* test-json.c - JSON from a process that may have been taken over */

#include "helper/shared/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/tap.h"

static const char *const taken[] = { "domain", "next", NULL };

static const char *const good[] = {
	"{}", " {\n} \n", "{ \"a\": 1 }\n", "{\"a\":{\"domain\":1,\"x\":{\"next\":[]}}}",
	"{\"a\":[1,-2,0.5,1e9,2E-3,-0,true,false,null,\"\",[],{}]}",
	"{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e4 \xc3\xa4 \xf0\x9f\x98\x80\"}",
	"{\"a\":1,\"b\":{\"a\":1,\"a\":2},\"Domain\":3,\"domain \":4,\"doma\":5,\"\":6}",
	"{\"a\":[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]}",
};

static const struct {
	const char *text, *why;
} bad[] = {
	{ "", "not an object" },
	{ "[]", "not an object" },
	{ "1", "not an object" },
	{ "{", "not an object" },
	{ "{\"a\"}", "not an object" },
	{ "{\"a\":}", "not an object" },
	{ "{\"a\":1,}", "not an object" },
	{ "{,}", "not an object" },
	{ "{a:1}", "not an object" },
	{ "{\"a\":1 \"b\":2}", "not an object" },
	{ "{\"a\":[1,]}", "not an object" },
	{ "{\"a\":[1}", "not an object" },
	{ "{\"a\":01}", "not an object" },
	{ "{\"a\":+1}", "not an object" },
	{ "{\"a\":1.}", "not an object" },
	{ "{\"a\":.5}", "not an object" },
	{ "{\"a\":1e}", "not an object" },
	{ "{\"a\":-}", "not an object" },
	{ "{\"a\":nul}", "not an object" },
	{ "{\"a\":NaN}", "not an object" },
	{ "{\"a\":True}", "not an object" },
	{ "{\"a\":truefalse}", "not an object" },
	{ "{\"a\":\"}", "not an object" },
	{ "{\"a\":\"\n\"}", "not an object" },
	{ "{\"a\":\"\\x\"}", "not an object" },
	{ "{\"a\":\"\\u12g4\"}", "not an object" },
	{ "{\"a\":\"\\u123\"}", "not an object" },
	{ "{\"a\":\"\xff\"}", "not an object" },
	{ "{\"a\":\"\xc3\"}", "not an object" },
	{ "{\"a\":\"\xed\xa0\x80\"}", "not an object" },
	{ "{\"a\":[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]}", "not an object" },
	{ "{\"a\":1} {\"a\":2}", "data after its object" },
	{ "{\"a\":1}}", "data after its object" },
	{ "{\"a\":1},", "data after its object" },
	{ "{\"a\":1}\n{\"domain\":{}}", "data after its object" },
	{ "{\"domain\":1}", "member \"domain\"" },
	{ "{\"a\":1, \"next\" : \"boot\"}", "member \"next\"" },
	{ "{\"\\u0064omain\":1}", "has an escape" },
	{ "{\"a\":1,\"b\":2,\"a\":3}", "the same name" },
};

static int check(const char *text, struct error *err)
{
	/* No byte more than there are, so that a tool sees who reads on. */
	char *exact = strdup(text);
	int r;

	memset(err, 0, sizeof(*err));
	if (!exact)
		abort();
	r = json_check(exact, taken, err);
	free(exact);
	return r;
}

/* @n: members, each of a name of its own. */
static int many(unsigned int n, struct error *err)
{
	char text[4096] = "{";
	size_t used = 1;

	for (unsigned int i = 0; i < n; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s\"%u\":%u",
					 i ? "," : "", i, i);
	snprintf(text + used, sizeof(text) - used, "}");
	return check(text, err);
}

int main(void)
{
	struct error err;
	char cut[256];

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		ok(check(good[i], &err) == 0, "%s: %s", good[i], err.msg);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ok(check(bad[i].text, &err) < 0 && err.code == EPROTO &&
		   strstr(err.msg, bad[i].why), "%s: %s", bad[i].text, err.msg);
	for (size_t len = 0; len < strlen(good[4]); len++) {
		snprintf(cut, sizeof(cut), "%.*s", (int)len, good[4]);
		if (!ok(check(cut, &err) < 0, "cut off at byte %zu", len))
			break;
	}
	ok(many(64, &err) == 0, "64 members");
	ok(many(65, &err) < 0, "and not one more: %s", err.msg);
	return done_testing();
}
