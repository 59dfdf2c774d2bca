/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * report.h - the facts about a Windows, for people and as JSON
 *
 * Text is short and safe for a terminal. JSON has every value with its source ({"value": ...,
 * "from": "SYSTEM\\..."}), null if it does not exist, so that two states of a guest can be
 * compared.
 */
#ifndef BUSFLIP_REPORT_H
#define BUSFLIP_REPORT_H

#include "helper/windows/windows.h"

#include <stdio.h>

/* @health may be NULL. The caller checks @out for errors. */
void report_text(const struct windows *win, const struct volume_health *health,
		 FILE *out);
void report_json(const struct windows *win, const struct volume_health *health,
		 FILE *out);

/* report_health_json() - only the volume: also for one without Windows. */
void report_health_json(const struct volume_health *health, FILE *out);

/* report_time() - a FILETIME as "2020-04-19 09:08:51 UTC", or "never". */
#define REPORT_TIME 64
void report_time(uint64_t filetime, char text[REPORT_TIME]);

#endif
