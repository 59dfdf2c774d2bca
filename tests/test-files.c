// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-files.c - does a guest boot or continue with its memory? Decided by the files that
 * libvirt has stored when it calls the started hook (observed with 9.0, 11.3 and 12.8)
 */

#include "hook/libvirt/files.h"

#include <stdio.h>
#include <string.h>

#include "tests/tap.h"

static const struct {
	const char *what, *state, *reason, *job;
	enum start_kind kind;
} starts[] = {
	{ "start", "running", "booted", "<job type='none' async='start'/>", START_BOOTS },
	{ "reverted to a snapshot without memory", "running", "booted",
	  "<job type='none' async='snapshot'/>", START_BOOTS },
	{ "start --paused, start --console", "paused", "user",
	  "<job type='none' async='start' phase='0'/>", START_BOOTS_PAUSED },
	{ "reverted to an internal snapshot", "paused", "user",
	  "<job type='none' async='snapshot'/>", START_CONTINUES },
	{ "restored, migrated, an external snapshot", "paused", "migration",
	  "<job type='none' async='start'/>", START_CONTINUES },
	{ "a pause in a job of no kind", "paused", "user", "", START_CONTINUES },
	{ "paused in a job that nobody knows yet", "paused", "user",
	  "<job type='none' async='teleport'/>", START_CONTINUES },
	{ "running for another reason", "running", "restored",
	  "<job type='none' async='start'/>", START_CONTINUES },
	{ "a state that nobody knows yet", "dreaming", "booted",
	  "<job type='none' async='start'/>", START_CONTINUES },
};

static const char *const bad[] = {
	"", "<domstatus", "<domain id='3'/>",
	"<domstatus state='running' reason='booted' pid='7'/>",
	"<domstatus state='running' reason='booted' pid='7'><domain/></domstatus>",
	"<domstatus state='running' reason='booted'><domain id='3'/></domstatus>",
	"<domstatus state='running' reason='booted' pid='-1'><domain id='3'/></domstatus>",
	"<other state='running' reason='booted' pid='7'><domain id='3'/></other>",
	"<!DOCTYPE x><domstatus state='running' reason='booted' pid='7'><domain id='3'/>"
	"</domstatus>",
};

int main(void)
{
	struct start start;
	struct error err;
	int pid;

	for (size_t i = 0; i < ARRAY_SIZE(starts); i++) {
		char xml[512];

		snprintf(xml, sizeof(xml), "<!-- libvirt's -->\n<domstatus state='%s' reason='%s' "
			 "pid='4711'>\n  %s\n  <domain type='kvm' id='12'><name>w</name></domain>"
			 "\n</domstatus>\n", starts[i].state, starts[i].reason, starts[i].job);
		is_int(libvirt_start_of_status(xml, strlen(xml), &start, &pid, &err), 0, "%s",
		       starts[i].what);
		is_int(start.kind, starts[i].kind, "is of that kind");
		ok(start.id == 12 && pid == 4711, "which run, and which process");
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		start.kind = START_BOOTS;
		is_int(libvirt_start_of_status(bad[i], strlen(bad[i]), &start, &pid, &err), -1,
		       "no status: %s", bad[i]);
		is_int(start.kind, START_CONTINUES, "is no boot");
	}
	return done_testing();
}
