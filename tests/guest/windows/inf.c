/* SPDX-License-Identifier: GPL-2.0-or-later */
/* inf.c - the few lines of a driver's INF file that the model needs */

#include "nt.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The word at @s, without quotes, up to a separator; "%12%\x.sys" is one. */
static void word(const char *s, char *out, size_t size)
{
	size_t n = 0;

	while (*s == ' ' || *s == '\t' || *s == '"')
		s++;
	while (*s && !strchr(" \t\",;=", *s) && n + 1 < size)
		out[n++] = *s++;
	out[n] = 0;
}

static const char *value_of(const char *line, const char *key)
{
	const char *equals = strchr(line, '=');

	while (isspace((unsigned char)*line))
		line++;
	return equals && starts(line, key) ? equals + 1 : NULL;
}

static void binary(struct inf *inf, const char *value)
{
	char path[NAME_SIZE];
	const char *slash;

	word(value, path, sizeof(path));
	inf->dirid = starts(path, "%13%") ? 13 : 12;
	slash = strrchr(path, '\\');
	snprintf(inf->binary, sizeof(inf->binary), "%s", slash ? slash + 1 : path);
}

static void one_line(struct inf *inf, const char *line)
{
	const char *v, *id = contains(line, "PCI\\VEN_");
	char name[PCI_ID_SIZE];

	if (id && inf->n < COUNT(inf->ids)) {
		word(id, name, sizeof(name));
		for (char *p = name; *p; p++)
			*p = (char)toupper((unsigned char)*p);
		for (size_t i = 0; i < inf->n; i++)
			if (!strcmp(inf->ids[i], name))
				return;
		memcpy(inf->ids[inf->n++], name, sizeof(name));
	} else if ((v = value_of(line, "ClassGuid"))) {
		word(v, inf->class_guid, sizeof(inf->class_guid));
		for (char *p = inf->class_guid; *p; p++)
			*p = (char)tolower((unsigned char)*p);
	} else if ((v = value_of(line, "CatalogFile"))) {
		word(v, inf->catalog, sizeof(inf->catalog));
	} else if ((v = value_of(line, "AddService")) && !*inf->service) {
		word(v, inf->service, sizeof(inf->service));
	} else if ((v = value_of(line, "ServiceBinary")) && !*inf->binary) {
		binary(inf, v);
	}
}

bool inf_parse(const struct bytes *text, struct inf *inf)
{
	char *s, *save = NULL;

	*inf = (struct inf){ .dirid = 12 };
	if (text->len >= 2 && text->data[0] == 0xff && text->data[1] == 0xfe) {
		s = utf16_get(text->data + 2, text->len - 2);
	} else {
		s = xcalloc(text->len + 1, 1);
		memcpy(s, text->data, text->len);
	}
	for (char *line = strtok_r(s, "\r\n", &save); line;
	     line = strtok_r(NULL, "\r\n", &save))
		if (*line != ';')
			one_line(inf, line);
	free(s);
	return *inf->service && *inf->binary && *inf->class_guid && inf->n;
}
