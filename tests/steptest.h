/* SPDX-License-Identifier: GPL-2.0-or-later */
/* steptest.h - steps on a document, for tests */
#ifndef BUSFLIP_TESTS_STEPTEST_H
#define BUSFLIP_TESTS_STEPTEST_H

#include "hook/phase/decide.h"
#include "hook/phase/step.h"
#include "tests/xmltest.h"

static const struct config config = {
	.bus = TARGET_VIRTIO, .max_attempts = 2, .bait = BAIT_IMAGE,
	.bait_owner = BAIT_OWNER_KEEP,
};

/* step() - *xml is replaced by the document after @happened, unless it fails.
 * Return: "staged", ... the phase after it, or the error. */
static inline const char *step(char **xml, enum happening happened, const struct config *c)
{
	static struct error err;
	AUTO_DOMAIN struct domain domain = { 0 };
	struct step s;
	char *out;
	size_t len;

	memset(&err, 0, sizeof(err));
	if (!*xml || domain_parse(*xml, strlen(*xml), &domain, &err) < 0 ||
	    step_apply(&domain, happened, c, &s, &err) < 0)
		return err.msg;
	if (s.changed) {
		if (domain_format(&domain, &out, &len, &err) < 0)
			return err.msg;
		free(*xml);
		*xml = out;
	} else if (s.before != s.after) {
		return "another phase without a change";
	}
	if (!s.reason[0])
		return "no reason";
	return phase_name(s.after);
}

#define STATE(what) "string(//s:state/@" what ")"
#define BUS "string(" SYSTEM "/target/@bus)"

static inline void is_at(const char *xml, const char *phase, const char *attempts, const char *bus,
		  const char *name)
{
	char want[64], seen[64];

	snprintf(seen, sizeof(seen), "%s", xpath(xml, "concat(//s:state/@phase, ' ', "
		 "//s:state/@attempts, ' ', " SYSTEM "/target/@bus)"));
	snprintf(want, sizeof(want), "%s %s %s", phase, attempts, bus);
	is_str(seen, want, "%s", name);
}

#endif
