/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virt.h - the few things that busflip asks of libvirt; virt.c is the only
 * libvirt user
 *
 * Errors carry libvirt's own words. ECONNREFUSED as error code means that the
 * daemon could not be reached or went away: worth another try later. ENOENT
 * means that there is no such domain, EAGAIN that it changed: read it anew.
 */
#ifndef BUSFLIP_VIRT_H
#define BUSFLIP_VIRT_H

#include "helper/shared/base.h"

struct virt;		/* a connection */
struct virt_domain;	/* a domain on it; free before the connection */

int virt_open(const char *uri, struct virt **virt, struct error *err);
void virt_close(struct virt **virt);
#define AUTO_VIRT __attribute__((cleanup(virt_close)))

/* virt_find() - by UUID or, when that finds none, by name. */
int virt_find(struct virt *virt, const char *name_or_uuid,
	      struct virt_domain **domain, struct error *err);
void virt_domain_free(struct virt_domain **domain);
#define AUTO_VIRT_DOMAIN __attribute__((cleanup(virt_domain_free)))

const char *virt_name(const struct virt_domain *domain);
const char *virt_uuid(const struct virt_domain *domain);
/* virt_need_persistent() - -1 when there is no definition to change. */
int virt_need_persistent(const struct virt_domain *domain, struct error *err);

/* virt_is_running() - did a QEMU process exist when @domain was looked up? */
bool virt_is_running(const struct virt_domain *domain);

/* virt_is_saved() - has it a managed save, from which its next start goes on? */
bool virt_is_saved(const struct virt_domain *domain);

/* virt_each() - every persistent domain of the connection; @each returns
 * non-zero to stop. Return: 0, what @each returned, or -1. */
int virt_each(struct virt *virt,
	      int (*each)(void *context, struct virt_domain *domain),
	      void *context, struct error *err);

/*
 * virt_each_at_once() - the same from a few threads at once, in no order: most of
 * what a look at ten thousand domains takes is waiting for the daemon. @each must be
 * safe to be called so, and returns nothing.
 */
int virt_each_at_once(struct virt *virt,
		      void (*each)(void *context, struct virt_domain *domain),
		      void *context, struct error *err);

/* virt_metadata() - the metadata element of namespace @uri in the persistent
 * definition; NULL when there is none. The caller frees it. */
char *virt_metadata(const struct virt_domain *domain, const char *uri);

/* virt_xml() - the persistent definition with its secrets. Caller frees. */
int virt_xml(const struct virt_domain *domain, char **xml, struct error *err);

/* virt_session_xml() - of the session that runs, or is in a managed save; NULL: there is
 * none, or no telling. Caller frees. */
char *virt_session_xml(const struct virt_domain *domain);

/* virt_capabilities() - of the host, as XML; NULL and @err. The caller frees it. */
char *virt_capabilities(struct virt *virt, struct error *err);

/* virt_network_is_active() - 1, or 0; -1: ENOENT, no network @name is defined, or what
 * libvirt says. */
int virt_network_is_active(struct virt *virt, const char *name, struct error *err);

/*
 * virt_try_command() - let libvirt make QEMU's command line of the definition @xml, as
 * it does at a start, but nothing of it is done (VIR_QEMU_PROCESS_START_PRETEND in
 * src/qemu/qemu_process.c; no file or network is looked at)
 *
 * -1: EINVAL, libvirt would not start it, in its own words; EOPNOTSUPP, a driver without
 * that call; else it could not be asked.
 */
int virt_try_command(struct virt *virt, const char *xml, struct error *err);

/*
 * virt_redefine() - make @xml the persistent definition, which was @was, as
 * virt_xml() gave it
 *
 * Fails with EAGAIN when it is another one by now, and ENOENT when the domain is gone:
 * a definition that somebody has changed since must not be lost, nor one come back that
 * was undefined. libvirt has no call that compares and defines at once, so "virsh edit"
 * does it in the same way; what is left is the time between two calls.
 */
int virt_redefine(struct virt *virt, const struct virt_domain *domain, const char *was,
		  const char *xml, struct error *err);

struct virt_state {
	bool active;		/* a QEMU process exists */
	int id;			/* libvirt's number for this run, -1: not active */
	bool paused;		/* for whatever reason, such as an I/O error */
	bool paused_by_user;	/* paused, as "virsh start --paused" leaves it */
	char reason[24];	/* shutoff reason when not active, else "" */
};

/* virt_state() - waits while libvirt has the domain locked, so also until a
 * hook that runs for it has returned. */
int virt_state(const struct virt_domain *domain, struct virt_state *state,
	       struct error *err);

/* virt_writes() - how often a running guest has written to the disk @target;
 * -1: no telling. */
long long virt_writes(const struct virt_domain *domain, const char *target);

int virt_suspend(const struct virt_domain *domain, struct error *err);
int virt_resume(const struct virt_domain *domain, struct error *err);
int virt_destroy(const struct virt_domain *domain, struct error *err);
int virt_start(const struct virt_domain *domain, bool paused, struct error *err);

#endif
