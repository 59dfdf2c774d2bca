// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * virt.c - busflip's calls of libvirt; the only user of the library
 *
 * The library is loaded on first use. It brings more than fifty others with it, which costs 9
 * ms of a process's start, and half of busflip's processes are hook events, for which libvirt
 * waits and which never call it.
 */

#include "hook/libvirt/virt.h"

#include <dlfcn.h>
#include <errno.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FUNCTIONS(F) \
	F(virConnectClose) \
	F(virConnectDomainXMLToNative) \
	F(virConnectGetCapabilities) \
	F(virConnectListAllDomains) \
	F(virConnectOpen) \
	F(virDomainBlockStats) \
	F(virDomainCreateWithFlags) \
	F(virDomainDefineXML) \
	F(virDomainDestroy) \
	F(virDomainFree) \
	F(virDomainGetConnect) \
	F(virDomainGetID) \
	F(virDomainGetMetadata) \
	F(virDomainGetName) \
	F(virDomainGetState) \
	F(virDomainGetUUIDString) \
	F(virDomainGetXMLDesc) \
	F(virDomainHasManagedSaveImage) \
	F(virDomainIsPersistent) \
	F(virDomainLookupByName) \
	F(virDomainLookupByUUIDString) \
	F(virDomainManagedSaveGetXMLDesc) \
	F(virDomainResume) \
	F(virDomainSuspend) \
	F(virGetLastError) \
	F(virNetworkFree) \
	F(virNetworkIsActive) \
	F(virNetworkLookupByName) \
	F(virSetErrorFunc)

/* The prototypes are libvirt's own, so calls are type-checked. */
#define POINTER(name) __typeof__(name) *name;
static struct {
	FUNCTIONS(POINTER)
} lib;

static int load_library(struct error *err)
{
	void *handle = dlopen("libvirt.so.0", RTLD_LAZY | RTLD_GLOBAL), *symbol;

	if (!handle)
		return fail(err, ELIBACC, "cannot load libvirt (is it installed?): %s", dlerror());
#define RESOLVE(name) \
	symbol = dlsym(handle, #name); \
	if (!symbol) \
		return fail(err, ELIBACC, "libvirt is too old: no " #name); \
	memcpy(&lib.name, &symbol, sizeof(symbol));
	FUNCTIONS(RESOLVE)
	return 0;
}

struct virt {
	virConnectPtr conn;
};

struct virt_domain {
	virDomainPtr dom;
	char uuid[VIR_UUID_STRING_BUFLEN];
};

/* Access to the local daemon is up to root and the daemon. */
static bool is_for_root(const char *uri)
{
	return geteuid() != 0 && strstr(uri, ":///system");
}

/* By default libvirt prints every error to stderr. */
static void quiet(void *context, virErrorPtr error)
{
	(void)context;
	(void)error;
}

static bool is_connection_error(const virError *error)
{
	if (!error)
		return false;
	switch (error->code) {
	case VIR_ERR_NO_CONNECT:
	case VIR_ERR_INVALID_CONN:
		return true;
	case VIR_ERR_SYSTEM_ERROR:
	case VIR_ERR_INTERNAL_ERROR:
	case VIR_ERR_RPC:
		return error->domain == VIR_FROM_RPC || error->domain == VIR_FROM_REMOTE;
	default:
		return false;
	}
}

static int virt_fail(struct error *err, const char *what)
{
	const virError *error = lib.virGetLastError();
	int code = EREMOTEIO;

	if (is_connection_error(error))
		code = ECONNREFUSED;
	else if (error && (error->code == VIR_ERR_NO_DOMAIN ||
			   error->code == VIR_ERR_NO_NETWORK))
		code = ENOENT;
	/* Another job has held the domain for 30 s: libvirt 11.0 to 11.4 reports that for
	 * reading, too (qemuDomainGetXMLDesc() in src/qemu/qemu_driver.c). */
	else if (error && error->code == VIR_ERR_OPERATION_TIMEOUT)
		code = EAGAIN;
	return fail(err, code, "%s: %s", what,
		    error && error->message ? error->message : "unknown libvirt error");
}

int virt_open(const char *uri, struct virt **virt, struct error *err)
{
	struct virt *v;

	if (!lib.virConnectOpen && load_library(err) < 0)
		return -1;
	v = calloc(1, sizeof(*v));
	if (!v)
		return fail(err, ENOMEM, "out of memory");
	lib.virSetErrorFunc(NULL, quiet);
	v->conn = lib.virConnectOpen(uri);
	if (!v->conn) {
		char what[320];

		free(v);
		str_printf(what, sizeof(what), "cannot connect to libvirt at %s (is libvirtd or "
			   "virtqemud running?%s)", uri,
			   is_for_root(uri) ? " Or run busflip as root" : "");
		virt_fail(err, what);
		if (err)
			err->code = ECONNREFUSED;
		return -1;
	}
	*virt = v;
	return 0;
}

void virt_close(struct virt **virt)
{
	if (*virt) {
		lib.virConnectClose((*virt)->conn);
		free(*virt);
	}
	*virt = NULL;
}

static struct virt_domain *wrap(virDomainPtr dom)
{
	struct virt_domain *domain = calloc(1, sizeof(*domain));

	if (!domain || lib.virDomainGetUUIDString(dom, domain->uuid) < 0) {
		free(domain);
		lib.virDomainFree(dom);
		return NULL;
	}
	domain->dom = dom;
	return domain;
}

static bool last_error_is(virErrorNumber code)
{
	const virError *error = lib.virGetLastError();

	return error && error->code == (int)code;
}

/*
 * Try a UUID first, as virsh does: a domain may be named like another one's UUID. If the lookup
 * of a UUID failed for another reason than that no domain has it, the domain may exist.
 */
int virt_find(struct virt *virt, const char *name_or_uuid,
	      struct virt_domain **domain, struct error *err)
{
	virDomainPtr dom = lib.virDomainLookupByUUIDString(virt->conn, name_or_uuid);

	if (!dom && (last_error_is(VIR_ERR_NO_DOMAIN) || last_error_is(VIR_ERR_INVALID_ARG)))
		dom = lib.virDomainLookupByName(virt->conn, name_or_uuid);
	if (!dom && !last_error_is(VIR_ERR_NO_DOMAIN))
		return virt_fail(err, "cannot look up the domain");
	if (!dom)
		return fail(err, ENOENT, "there is no domain %s (see virsh list "
			    "--all)", name_or_uuid);
	*domain = wrap(dom);
	return *domain ? 0 : fail(err, ENOMEM, "out of memory");
}

void virt_domain_free(struct virt_domain **domain)
{
	if (*domain) {
		lib.virDomainFree((*domain)->dom);
		free(*domain);
	}
	*domain = NULL;
}

const char *virt_name(const struct virt_domain *domain)
{
	return lib.virDomainGetName(domain->dom);
}

const char *virt_uuid(const struct virt_domain *domain)
{
	return domain->uuid;
}

int virt_need_persistent(const struct virt_domain *domain, struct error *err)
{
	return lib.virDomainIsPersistent(domain->dom) == 1 ? 0 :
	       fail(err, ENOTSUP, "it is transient: there is no definition that busflip could "
		    "change for its next start; virsh define makes one");
}

/* An inactive domain has the number -1. */
bool virt_is_running(const struct virt_domain *domain)
{
	return lib.virDomainGetID(domain->dom) != (unsigned)-1;
}

bool virt_is_saved(const struct virt_domain *domain)
{
	return lib.virDomainHasManagedSaveImage(domain->dom, 0) == 1;
}

long long virt_writes(const struct virt_domain *domain, const char *target)
{
	struct _virDomainBlockStats stats;

	if (lib.virDomainBlockStats(domain->dom, target, &stats, sizeof(stats)) < 0)
		return -1;
	return stats.wr_req;
}

int virt_each(struct virt *virt,
	      int (*each)(void *context, struct virt_domain *domain),
	      void *context, struct error *err)
{
	virDomainPtr *all = NULL;
	int rc = 0, n;

	n = lib.virConnectListAllDomains(virt->conn, &all,
				     VIR_CONNECT_LIST_DOMAINS_PERSISTENT);
	if (n < 0)
		return virt_fail(err, "cannot list the domains");
	for (int i = 0; i < n; i++) {
		struct virt_domain *domain;

		if (rc) {
			lib.virDomainFree(all[i]);
			continue;
		}
		domain = wrap(all[i]);
		if (!domain)
			continue;
		rc = each(context, domain);
		virt_domain_free(&domain);
	}
	free(all);
	return rc;
}

/* By default a daemon handles five requests of one client at a time (max_client_requests in
 * libvirtd.conf). */
#define THREADS 4

struct crowd {
	virDomainPtr *all;
	int count;
	atomic_int next;
	void (*each)(void *context, struct virt_domain *domain);
	void *context;
};

static void *work(void *argument)
{
	struct crowd *crowd = argument;
	int i;

	while ((i = atomic_fetch_add(&crowd->next, 1)) < crowd->count) {
		AUTO_VIRT_DOMAIN struct virt_domain *domain = wrap(crowd->all[i]);

		if (domain)
			crowd->each(crowd->context, domain);
	}
	return NULL;
}

int virt_each_at_once(struct virt *virt,
		      void (*each)(void *context, struct virt_domain *domain),
		      void *context, struct error *err)
{
	struct crowd crowd = { .each = each, .context = context };
	pthread_t threads[THREADS - 1];
	int started = 0;

	crowd.count = lib.virConnectListAllDomains(virt->conn, &crowd.all,
						   VIR_CONNECT_LIST_DOMAINS_PERSISTENT);
	if (crowd.count < 0)
		return virt_fail(err, "cannot list the domains");
	/* This thread works as well, so one fewer is started. */
	while (started < THREADS - 1 && crowd.count > THREADS &&
	       pthread_create(&threads[started], NULL, work, &crowd) == 0)
		started++;
	work(&crowd);
	while (started > 0)
		pthread_join(threads[--started], NULL);
	free(crowd.all);
	return 0;
}

char *virt_metadata(const struct virt_domain *domain, const char *uri)
{
	return lib.virDomainGetMetadata(domain->dom, VIR_DOMAIN_METADATA_ELEMENT, uri,
				    VIR_DOMAIN_AFFECT_CONFIG);
}

int virt_xml(const struct virt_domain *domain, char **xml, struct error *err)
{
	/* Without SECURE a redefinition would lose VNC and SPICE passwords. */
	*xml = lib.virDomainGetXMLDesc(domain->dom,
				   VIR_DOMAIN_XML_INACTIVE | VIR_DOMAIN_XML_SECURE);
	return *xml ? 0 : virt_fail(err, "cannot get the domain's XML");
}

char *virt_session_xml(const struct virt_domain *domain)
{
	return virt_is_running(domain) ? lib.virDomainGetXMLDesc(domain->dom, 0) :
	       virt_is_saved(domain) ?
	       lib.virDomainManagedSaveGetXMLDesc(domain->dom, 0) : NULL;
}

int virt_redefine(struct virt *virt, const struct virt_domain *domain, const char *was,
		  const char *xml, struct error *err)
{
	AUTO_FREE char *now = NULL;
	virDomainPtr dom;

	if (virt_xml(domain, &now, err) < 0)
		return -1;
	if (strcmp(now, was) != 0)
		return fail(err, EAGAIN, "its definition was changed by somebody else at the same "
			    "time, repeatedly; try again");
	dom = lib.virDomainDefineXML(virt->conn, xml);
	if (!dom)
		return virt_fail(err, "libvirt rejects the new definition");
	lib.virDomainFree(dom);
	return 0;
}

/* As virDomainShutoffReasonTypeToString() in src/conf/domain_conf.c. */
static const char *shutoff_name(int reason)
{
	switch ((virDomainShutoffReason)reason) {
	case VIR_DOMAIN_SHUTOFF_SHUTDOWN:
		return "shutdown";
	case VIR_DOMAIN_SHUTOFF_DESTROYED:
		return "destroyed";
	case VIR_DOMAIN_SHUTOFF_CRASHED:
		return "crashed";
	case VIR_DOMAIN_SHUTOFF_MIGRATED:
		return "migrated";
	case VIR_DOMAIN_SHUTOFF_SAVED:
		return "saved";
	case VIR_DOMAIN_SHUTOFF_FAILED:
		return "failed";
	case VIR_DOMAIN_SHUTOFF_FROM_SNAPSHOT:
		return "from snapshot";
	case VIR_DOMAIN_SHUTOFF_DAEMON:
		return "daemon";
	case VIR_DOMAIN_SHUTOFF_UNKNOWN:
	default:
		return "unknown";
	}
}

int virt_state(const struct virt_domain *domain, struct virt_state *state,
	       struct error *err)
{
	int now, reason;

	memset(state, 0, sizeof(*state));
	if (lib.virDomainGetState(domain->dom, &now, &reason, 0) < 0)
		return virt_fail(err, "cannot get the domain's state");
	state->active = now != VIR_DOMAIN_SHUTOFF;
	state->id = -1;
	if (state->active) {
		/* The handle keeps the id from the time of its lookup. */
		virDomainPtr fresh = lib.virDomainLookupByUUIDString(
			lib.virDomainGetConnect(domain->dom), domain->uuid);

		if (fresh) {
			state->id = (int)lib.virDomainGetID(fresh);
			lib.virDomainFree(fresh);
		}
	}
	state->paused = now == VIR_DOMAIN_PAUSED;
	state->paused_by_user = now == VIR_DOMAIN_PAUSED &&
				reason == VIR_DOMAIN_PAUSED_USER;
	if (!state->active)
		str_fits(state->reason, sizeof(state->reason), shutoff_name(reason));
	return 0;
}

int virt_suspend(const struct virt_domain *domain, struct error *err)
{
	return lib.virDomainSuspend(domain->dom) < 0 ?
		virt_fail(err, "cannot suspend the guest") : 0;
}

int virt_resume(const struct virt_domain *domain, struct error *err)
{
	return lib.virDomainResume(domain->dom) < 0 ?
		virt_fail(err, "cannot resume the guest") : 0;
}

int virt_destroy(const struct virt_domain *domain, struct error *err)
{
	return lib.virDomainDestroy(domain->dom) < 0 ?
		virt_fail(err, "cannot destroy the guest") : 0;
}

int virt_start(const struct virt_domain *domain, bool paused, struct error *err)
{
	return lib.virDomainCreateWithFlags(domain->dom,
					paused ? VIR_DOMAIN_START_PAUSED : 0) < 0 ?
		virt_fail(err, "cannot start the guest") : 0;
}

char *virt_capabilities(struct virt *virt, struct error *err)
{
	char *xml = lib.virConnectGetCapabilities(virt->conn);

	if (!xml)
		virt_fail(err, "cannot read the host's capabilities");
	return xml;
}

int virt_network_is_active(struct virt *virt, const char *name, struct error *err)
{
	virNetworkPtr network = lib.virNetworkLookupByName(virt->conn, name);
	int active;

	if (!network)
		return virt_fail(err, "cannot find a network");
	active = lib.virNetworkIsActive(network);
	if (active < 0)
		virt_fail(err, "cannot read the state of a network");
	lib.virNetworkFree(network);
	return active;
}

int virt_try_command(struct virt *virt, const char *xml, struct error *err)
{
	char *command = lib.virConnectDomainXMLToNative(virt->conn, "qemu-argv", xml, 0);
	const virError *error;

	if (command) {
		free(command);
		return 0;
	}
	error = lib.virGetLastError();
	if (error && error->code == VIR_ERR_NO_SUPPORT)
		return fail(err, EOPNOTSUPP, "libvirt does not support this check");
	return fail(err, error && error->code != VIR_ERR_OPERATION_DENIED &&
		    !is_connection_error(error) ? EINVAL : EREMOTEIO, "%s",
		    error && error->message ? error->message : "unknown libvirt error");
}

/* A URI without a host; it may be followed by the name of a socket. */
bool virt_is_this_host(const char *uri)
{
	const char *path = strstr(uri, "://");

	return path && path[3] == '/';
}

bool virt_is_this_system(const char *uri)
{
	return virt_is_this_host(uri) && !strncmp(strstr(uri, "://") + 3, "/system", 7);
}
