// SPDX-License-Identifier: GPL-2.0-or-later
/* reporttext.c - the report for people: what decides a boot, one line each */

#include "helper/shared/json.h"
#include "helper/shared/text.h"
#include "helper/verdict/report.h"

#include <string.h>

static void line(FILE *out, const char *label, const char *text)
{
	fprintf(out, "%-22s ", label);
	text_safe(out, text);
	fputc('\n', out);
}

static void text_version(FILE *out, const struct windows *win)
{
	char text[FACT_TEXT * 3];

	snprintf(text, sizeof(text), "Windows %s%s, build %s%s%s, %s",
		 windows_generation_name(win->generation),
		 win->server ? " (server)" : "",
		 win->build_text.known ? win->build_text.value : "unknown",
		 win->edition.known ? ", " : "",
		 win->edition.known ? win->edition.value : "",
		 windows_arch_name(win->arch));
	line(out, "System", text);
	if (win->product.known)
		line(out, "Calls itself", win->product.value);
	snprintf(text, sizeof(text), "%s (current %llu, default %llu, failed "
		 "%llu)", *win->control_set ? win->control_set : "none",
		 (unsigned long long)win->current.value,
		 (unsigned long long)win->default_set.value,
		 (unsigned long long)win->failed.value);
	line(out, "Control set", text);
}

static void text_session(FILE *out, const struct windows *win)
{
	char text[FACT_TEXT * 2 + 8], time[REPORT_TIME];

	if (win->hardware_config.known) {
		snprintf(text, sizeof(text), "%s %s", win->manufacturer.value,
			 win->model.value);
		line(out, "Last ran on", text);
	}
	report_time(win->last_use.value, time);
	if (win->last_use.known)
		line(out, "Last start", time);
	report_time(win->shutdown_time.value, time);
	snprintf(text, sizeof(text), "%s%s", time,
		 win->last_use.known && win->shutdown_time.known &&
		 win->shutdown_time.value < win->last_use.value
		 ? " (before the last start: it was not shut down, or its clock was set "
		 "back)" : "");
	line(out, "Last shutdown", text);
}

static void text_hive(FILE *out, const char *label,
		      const struct hive_status *h)
{
	const struct hivelog *log = &h->log;
	char text[FACT_TEXT];

	if (!h->there)
		snprintf(text, sizeof(text), "not there");
	else if (!log->dirty)
		snprintf(text, sizeof(text), "clean, %llu bytes",
			 (unsigned long long)h->size);
	else
		snprintf(text, sizeof(text), "dirty, repaired in memory from "
			 "its logs: %u and %u entries, %zu pages, sequence %u "
			 "to %u%s", log->entries[0], log->entries[1],
			 log->pages, log->first_seq, log->last_seq,
			 log->gap ? " (entries before them are missing)" : "");
	line(out, label, text);
}

static void text_virtio(FILE *out, const struct windows *win,
			enum target_bus kind)
{
	const struct virtio *v = &win->virtio[kind];
	const struct service *s = &v->service;
	char text[FACT_TEXT + FACT_FROM + 64];

	snprintf(text, sizeof(text), "%s%s%s", virtio_state_name(v->state),
		 *v->reason ? ": " : "", v->reason);
	line(out, virtio_service_name(kind), text);
	if (v->state == VIRTIO_BOUND)
		line(out, "  instance", win->devices[v->bound_device].from);
	if (s->has_start) {
		snprintf(text, sizeof(text), "%u%s", s->start, s->overridden
			 ? ", with a StartOverride" : "");
		line(out, "  start", text);
	}
}

/* Existing storage services; the other boot drivers are in the JSON. */
static void text_services(FILE *out, const struct windows *win)
{
	size_t boot = 0, overridden = 0;
	char text[FACT_TEXT];

	for (size_t i = 0; i < win->service_count; i++) {
		const struct service *s = &win->services[i];

		boot += s->has_start && s->start == 0;
		overridden += s->overridden;
		if (!windows_is_storage(s->name) || !s->has_start)
			continue;
		snprintf(text, sizeof(text), "start %u%s", s->start,
			 s->effective != s->start ? ", but overridden" : "");
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s",
			 s->file_there == PRESENCE_NO ? ", file missing" : "");
		fprintf(out, "  ");
		line(out, s->name, text);
	}
	snprintf(text, sizeof(text), "%zu, %zu of them with a StartOverride",
		 boot, overridden);
	line(out, "Boot drivers", text);
}

static void text_health(FILE *out, const struct volume_health *h)
{
	struct error why = { 0 };

	line(out, "Volume", h->label[0] ? h->label : "without a name");
	if (volume_check_writable(h, &why) < 0)
		line(out, "  not writable", why.msg);
}

void report_text(const struct windows *win, const struct volume_health *health,
		 FILE *out)
{
	struct error why = { 0 };

	text_version(out, win);
	text_session(out, win);
	text_hive(out, "SYSTEM hive", &win->system_status);
	text_hive(out, "SOFTWARE hive", &win->software_status);
	line(out, "SATA boot", win->ahci_ready ? "ready" : win->ahci_reason);
	for (unsigned int k = 0; k < TARGET_BUSES; k++)
		text_virtio(out, win, (enum target_bus)k);
	text_services(out, win);
	if (win->hiberboot.known)
		line(out, "Fast startup", win->hiberboot.value ? "on" : "off");
	if (win->restrictions.known)
		line(out, "Warning", "a policy restricts device installation");
	if (win->renames.known)
		line(out, "Warning", "a pending rename touches the VirtIO driver");
	if (health)
		text_health(out, health);
	if (windows_check(win, &why) < 0)
		line(out, "Would be refused", why.msg);
}
