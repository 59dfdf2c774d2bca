// SPDX-License-Identifier: GPL-2.0-or-later
/* evidenceout.c - the conditions as JSON */

#include "helper/shared/json.h"
#include "helper/verdict/evidence.h"

void evidence_write_json(const struct evidence *e, FILE *out)
{
	fprintf(out, "{ \"flip\": \"%s\", \"booted\": \"%s\", \"stop\": ",
		verdict_name(e->flip), verdict_name(e->booted));
	if (e->stop == CONDITION_COUNT)
		fputs("null", out);
	else
		json_string(out, condition_name(e->stop));
	fputs(", \"conditions\": [", out);
	for (unsigned int i = 0; i < CONDITION_COUNT; i++) {
		fprintf(out, "%s{ \"name\": \"%s\", \"gates\": %s, "
			"\"verdict\": \"%s\", \"found\": ", i ? ",\n  " : "\n  ",
			condition_name(e->list[i].id), condition_gates(e->list[i].id) ? "true"
								: "false",
			verdict_name(e->list[i].verdict));
		json_string(out, e->list[i].found);
		fputs(", \"from\": ", out);
		json_string(out, e->list[i].from);
		fputs(" }", out);
	}
	fputs("\n] }\n", out);
}
