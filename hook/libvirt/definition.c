// SPDX-License-Identifier: GPL-2.0-or-later
/* definition.c - read, decide, store; repeat if the definition changed meanwhile */

#include "hook/libvirt/definition.h"

#include <errno.h>
#include <string.h>

#define TRIES 8

static int read_text(const struct virt_domain *dom, char **xml, struct domain *domain,
		     struct error *err)
{
	return virt_need_persistent(dom, err) < 0 || virt_xml(dom, xml, err) < 0 ? -1 :
	       domain_parse(*xml, strlen(*xml), domain, err);
}

int definition_read(const struct virt_domain *dom, struct domain *domain, struct error *err)
{
	AUTO_FREE char *xml = NULL;

	return read_text(dom, &xml, domain, err);
}

static int try_once(struct virt *virt, const struct virt_domain *dom,
		    int (*change)(void *context, struct domain *domain, struct error *err),
		    void *context, struct error *err)
{
	AUTO_DOMAIN struct domain domain = { 0 };
	AUTO_FREE char *was = NULL, *xml = NULL;
	size_t len;
	int r;

	if (read_text(dom, &was, &domain, err) < 0)
		return -1;
	r = change(context, &domain, err);
	if (r <= 0)
		return r;
	return domain_format(&domain, &xml, &len, err) < 0 ? -1 :
	       virt_redefine(virt, dom, was, xml, err);
}

int definition_change(struct virt *virt, const struct virt_domain *dom,
		      int (*change)(void *context, struct domain *domain, struct error *err),
		      void *context, struct error *err)
{
	int r = -1;

	for (int i = 0; i < TRIES; i++) {
		r = try_once(virt, dom, change, context, err);
		if (r == 0 || err->code != EAGAIN)
			break;
	}
	return r;
}
