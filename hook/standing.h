/* SPDX-License-Identifier: GPL-2.0-or-later */
/* standing.h - where a domain stands, as status and inspect show it */
#ifndef BUSFLIP_STANDING_H
#define BUSFLIP_STANDING_H

#include <stdio.h>

#include "conf/config.h"
#include "hook/domain.h"
#include "hook/virt.h"

struct standing {
	const char *name, *uuid;
	const struct domain *domain;	/* its persistent definition */
	enum bus bus, target_bus;	/* of the system disk; BUS_OTHER: none */
	char disk[TARGET_SIZE];		/* its target name now, or "" */
	bool running, pending;
};

/* standing_of() - @dom and @domain must live as long as the result. */
struct standing standing_of(const struct virt_domain *dom, const struct domain *domain,
			    const struct config *config);

/* standing_reason() - the last decision, or what stands in its place; "" none. */
const char *standing_reason(const struct standing *standing);

/* standing_json() - the members of one JSON object, without its braces. */
void standing_json(const struct standing *standing, FILE *out);

/* standing_disk() - the disk that Windows is on: the one that was staged, else
 * the one that would be. NULL and @err when there is none or no telling. */
const xmlNode *standing_disk(const struct domain *domain, struct error *err);

/* standing_target_bus() - where @disk (may be NULL) will end: known once it is
 * staged, else as staging would choose. */
enum bus standing_target_bus(const struct domain *domain, const xmlNode *disk,
			     const struct config *config);

#endif
