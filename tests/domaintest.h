/* SPDX-License-Identifier: GPL-2.0-or-later */
/* domaintest.h - domain XML for the tests of tag and state */
#ifndef BUSFLIP_TESTS_DOMAINTEST_H
#define BUSFLIP_TESTS_DOMAINTEST_H

#include "hook/domain/domain.h"
#include "tests/xmltest.h"

/* Declarations of busflip's namespaces for tag and state. */
#define NS "xmlns:busflip='urn:busflip:domain:1' "
#define SNS "xmlns:busflip='urn:busflip:state:1' "

/* parse() - domain_parse() that prints its error. */
static inline int parse(const char *xml, struct domain *domain)
{
	struct error err = { 0 };
	int rc = domain_parse(xml, strlen(xml), domain, &err);

	if (rc < 0)
		diag("%s", err.msg);
	return rc;
}

#endif
