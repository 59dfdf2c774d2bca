/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virt.h - busflip's calls of libvirt; virt.c is the only user of the library
 *
 * Errors carry libvirt's own messages. The error code ECONNREFUSED means that the daemon could
 * not be reached or went away: try again later. ENOENT means that there is no such domain,
 * EAGAIN that it changed: read it again.
 */
#ifndef BUSFLIP_VIRT_H
#define BUSFLIP_VIRT_H

#include "helper/shared/base.h"

struct virt;		/* a connection */
struct virt_domain;	/* a domain on it; free it before the connection */

/* virt_is_this_host() - true if the connection is to this host. virt_is_this_system() - true
 * if it is to this host's system libvirt, not to a user's session. */
bool virt_is_this_host(const char *uri);
bool virt_is_this_system(const char *uri);

int virt_open(const char *uri, struct virt **virt, struct error *err);
void virt_close(struct virt **virt);
#define AUTO_VIRT __attribute__((cleanup(virt_close)))

/* virt_find() - by UUID or, if none has it, by name. */
int virt_find(struct virt *virt, const char *name_or_uuid,
	      struct virt_domain **domain, struct error *err);
void virt_domain_free(struct virt_domain **domain);
#define AUTO_VIRT_DOMAIN __attribute__((cleanup(virt_domain_free)))

const char *virt_name(const struct virt_domain *domain);
const char *virt_uuid(const struct virt_domain *domain);
/* virt_need_persistent() - -1 if there is no definition to change. */
int virt_need_persistent(const struct virt_domain *domain, struct error *err);

/* virt_is_running() - true if a QEMU process existed when @domain was looked up. */
bool virt_is_running(const struct virt_domain *domain);

/* virt_is_saved() - true if it has a managed save, which its next start resumes. */
bool virt_is_saved(const struct virt_domain *domain);

/* virt_each() - call @each for every persistent domain of the connection; @each returns
 * non-zero to stop. Return: 0, what @each returned, or -1. */
int virt_each(struct virt *virt,
	      int (*each)(void *context, struct virt_domain *domain),
	      void *context, struct error *err);

/*
 * virt_each_at_once() - the same from a few threads at once, in no order: reading ten thousand
 * domains is mostly waiting for the daemon. @each must be thread-safe, and returns nothing.
 */
int virt_each_at_once(struct virt *virt,
		      void (*each)(void *context, struct virt_domain *domain),
		      void *context, struct error *err);

/* virt_metadata() - the metadata element of namespace @uri in the persistent definition; NULL
 * if there is none. The caller frees it. */
char *virt_metadata(const struct virt_domain *domain, const char *uri);

/* virt_xml() - the persistent definition with its secrets. The caller frees it. */
int virt_xml(const struct virt_domain *domain, char **xml, struct error *err);

/* virt_session_xml() - the XML of the running session, or of the managed save; NULL: there is
 * none, or it can't be read. The caller frees it. */
char *virt_session_xml(const struct virt_domain *domain);

/* virt_capabilities() - of the host, as XML; NULL and @err. The caller frees it. */
char *virt_capabilities(struct virt *virt, struct error *err);

/* virt_network_is_active() - 1, or 0; -1: ENOENT, no network @name is defined, or another
 * error of libvirt's. */
int virt_network_is_active(struct virt *virt, const char *name, struct error *err);

/*
 * virt_try_command() - let libvirt generate QEMU's command line from the definition @xml, as at
 * a start, without executing anything (VIR_QEMU_PROCESS_START_PRETEND in
 * src/qemu/qemu_process.c; no file or network is checked)
 *
 * -1: EINVAL, libvirt would not start it, with its message; EOPNOTSUPP, a driver without that
 * call; otherwise the call failed.
 */
int virt_try_command(struct virt *virt, const char *xml, struct error *err);

/*
 * virt_redefine() - make @xml the persistent definition, which was @was, as returned by
 * virt_xml()
 *
 * Fails with EAGAIN if the definition has changed meanwhile, and with ENOENT if the domain is
 * gone: another change must not be lost, nor an undefined domain defined again. libvirt has no
 * call that compares and defines at once; "virsh edit" works in the same way. What remains is
 * the time between two calls.
 */
int virt_redefine(struct virt *virt, const struct virt_domain *domain, const char *was,
		  const char *xml, struct error *err);

struct virt_state {
	bool active;		/* a QEMU process exists */
	int id;			/* libvirt's number of this run, -1: not active */
	bool paused;		/* for any reason, such as an I/O error */
	bool paused_by_user;	/* paused, as by "virsh start --paused" */
	char reason[24];	/* shutoff reason if not active, otherwise "" */
};

/* virt_state() - waits while libvirt has the domain locked, and so until a hook that runs for
 * it has returned. */
int virt_state(const struct virt_domain *domain, struct virt_state *state,
	       struct error *err);

/* virt_writes() - how often a running guest has written to the disk @target; -1: unknown. */
long long virt_writes(const struct virt_domain *domain, const char *target);

int virt_suspend(const struct virt_domain *domain, struct error *err);
int virt_resume(const struct virt_domain *domain, struct error *err);
int virt_destroy(const struct virt_domain *domain, struct error *err);
int virt_start(const struct virt_domain *domain, bool paused, struct error *err);

#endif
