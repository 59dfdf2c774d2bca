// SPDX-License-Identifier: GPL-2.0-or-later
/* config.c - read /etc/busflip.conf into struct config; the only inih user */

#include "conf/config.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "helper/shared/file.h"

#define SECTION "busflip"
/* inih silently splits longer lines (INI_MAX_LINE is 200). */
#define LINE_LIMIT 190

struct key {
	const char *name;
	bool (*parse)(const struct key *key, const char *value, void *field);
	size_t offset, size;
	const char *fallback;		/* the default, as in the file */
	const char *expected;		/* for the message */
	long min, max;
	const char *const *words;	/* value n is words[n] */
};

static bool parse_text(const struct key *key, const char *value, void *field)
{
	return *value && str_fits(field, key->size, value);
}

static bool parse_path(const struct key *key, const char *value, void *field)
{
	return *value == '/' && str_fits(field, key->size, value);
}

static bool parse_optional(const struct key *key, const char *value, void *field)
{
	if (!strcmp(value, "none"))
		value = "";
	return (!*value || *value == '/') && str_fits(field, key->size, value);
}

static bool parse_number(const struct key *key, const char *value, void *field)
{
	int *out = field;
	char *end;
	long n;

	errno = 0;
	n = strtol(value, &end, 10);
	if (errno || end == value || *end || n < key->min || n > key->max)
		return false;
	*out = (int)n;
	return true;
}

static bool parse_word(const struct key *key, const char *value, void *field)
{
	int *out = field;

	for (int i = 0; key->words[i]; i++)
		if (strcmp(key->words[i], value) == 0) {
			*out = i;
			return true;
		}
	return false;
}

static const char *const bus_words[] = { "virtio", "scsi", NULL };
static const char *const owner_words[] = { "keep", "libvirt", NULL };
static const char *const evidence_words[] = { "require", "shutdown", NULL };
static const char *const switch_words[] = { "no", "yes", NULL };
static const char *const sandbox_words[] = { "auto", "require", NULL };
static const char *const late_words[] = { "bounce", "refuse", NULL };

#define FIELD(f) offsetof(struct config, f), sizeof(((struct config *)NULL)->f)

static const struct key keys[] = {
	{ "uri", parse_text, FIELD(uri), "qemu:///system",
	  "a libvirt connection URI", 0, 0, NULL },
	{ "bus", parse_word, FIELD(bus), "virtio", "virtio or scsi", 0, 0, bus_words },
	{ "max_attempts", parse_number, FIELD(max_attempts), "2",
	  "a number from 1 to 100", 1, 100, NULL },
	{ "late_start", parse_word, FIELD(late_start), "bounce",
	  "bounce or refuse", 0, 0, late_words },
	{ "bait", parse_path, FIELD(bait), BUSFLIP_STATEDIR "/bait.img",
	  "an absolute path", 0, 0, NULL },
	{ "bait_owner", parse_word, FIELD(bait_owner), "keep",
	  "keep or libvirt", 0, 0, owner_words },
	{ "virtio_win", parse_optional, FIELD(virtio_win), "none",
	  "an absolute path or none", 0, 0, NULL },
	{ "sandbox", parse_word, FIELD(sandbox), "auto", "auto or require", 0, 0,
	  sandbox_words },
	{ "keep", parse_number, FIELD(keep), "3", "a number from 1 to 1000", 1, 1000,
	  NULL },
	{ "evidence", parse_word, FIELD(evidence), "require", "require or shutdown", 0, 0,
	  evidence_words },
	{ "patch_timeout", parse_number, FIELD(patch_timeout), "10",
	  "a number of seconds from 1 to 50", 1, 50, NULL },
	{ "trial_timeout", parse_number, FIELD(trial_timeout), "300",
	  "a number of seconds from 5 to 86400", 5, 86400, NULL },
	{ "auto_recover", parse_word, FIELD(auto_recover), "yes", "yes or no", 0, 0,
	  switch_words },
	{ "publish_timeout", parse_number, FIELD(publish_timeout), "300",
	  "a number of seconds from 1 to 86400", 1, 86400, NULL },
};

struct load {
	struct config *config;
	const char *path;
	void (*report)(void *context, const char *text);
	void *context;
	int complaints;
	int line;
	int given[ARRAY_SIZE(keys)];	/* line number, 0: not set */
};

static void __attribute__((format(printf, 2, 3)))
complain(struct load *load, const char *fmt, ...)
{
	char text[1200];
	size_t used;
	va_list ap;

	if (load->line)
		snprintf(text, sizeof(text), "%s:%d: ", load->path, load->line);
	else
		snprintf(text, sizeof(text), "%s: ", load->path);
	used = strlen(text);
	va_start(ap, fmt);
	vsnprintf(text + used, sizeof(text) - used, fmt, ap);
	va_end(ap);
	load->complaints++;
	load->report(load->context, text);
}

static void *field_of(struct config *config, const struct key *key)
{
	return (char *)config + key->offset;
}

/* For values written as "value" or value # why: inih includes both. */
static bool is_bare(const char *value)
{
	return *value != '"' && *value != '\'' && !strstr(value, " #") && !strstr(value, "\t#");
}

static void unknown_section(struct load *load, const char *section)
{
	if (section[0])
		complain(load, "unknown section [%s]; all keys belong in [" SECTION "]",
			 section);
	else
		complain(load, "missing section: put [" SECTION "] above this line");
}

/* A - for _, or capitals. */
static bool is_nearly(const char *key, const char *name)
{
	for (; *key && *name; key++, name++)
		if (tolower((unsigned char)*name) != *key && !(*key == '_' && *name == '-'))
			return false;
	return !*key && !*name;
}

static void unknown_key(struct load *load, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (is_nearly(keys[i].name, name)) {
			complain(load, "unknown key %s; did you mean %s?", name, keys[i].name);
			return;
		}
	complain(load, "unknown key %s", name);
}

static void set_key(struct load *load, const char *section, const char *name,
		    const char *value)
{
	if (strcmp(section, SECTION)) {
		unknown_section(load, section);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (strcmp(keys[i].name, name))
			continue;
		if (load->given[i])
			complain(load, "%s is given more than once; the last value counts", name);
		load->given[i] = load->line;
		if (keys[i].parse(&keys[i], value, field_of(load->config, &keys[i]))) {
			if (!is_bare(value))
				complain(load, "%s = %s: quotes, and a # with the text after it, "
					 "are part of the value", name, value);
			return;
		}
		keys[i].parse(&keys[i], keys[i].fallback, field_of(load->config, &keys[i]));
		complain(load, "%s = %s: expected %s; using %s", name, value,
			 keys[i].expected, keys[i].fallback);
		return;
	}
	unknown_key(load, name);
}

/* inih passes the line number to its handler only if the library was built so, which
 * distributions don't do. Parsing line by line provides the number, and one bad line does not
 * invalidate the rest. */
static int handler(void *user, const char *section, const char *name,
		   const char *value)
{
	set_key(user, section, name, value);
	return 1;
}

static void load_lines(struct load *load, char *text)
{
	char section[64] = "[]", unit[LINE_LIMIT + 80];
	char *save = NULL;

	if (strncmp(text, "\xef\xbb\xbf", 3) == 0)
		text += 3;
	for (char *line = text; line; line = save) {
		save = strchr(line, '\n');
		if (save)
			*save++ = '\0';
		load->line++;
		line += strspn(line, " \t\r");
		if (*line == '#' || *line == ';')
			continue;
		if (*line == '[' && strchr(line, ']')) {
			*(strchr(line, ']') + 1) = '\0';
			if (!str_fits(section, sizeof(section), line))
				complain(load, "section name too long");
			continue;
		}
		if (strlen(line) > LINE_LIMIT ||
		    !str_printf(unit, sizeof(unit), "%s\n%s\n", section, line))
			complain(load, "longer than %d bytes", LINE_LIMIT);
		else if (ini_parse_string(unit, handler, load) != 0)
			complain(load, "not of the form key = value");
	}
}

static int load_file(struct load *load)
{
	AUTO_FREE char *text = NULL;
	struct error err = { 0 };
	FILE *file;
	size_t len;
	bool whole;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		keys[i].parse(&keys[i], keys[i].fallback, field_of(load->config, &keys[i]));
	file = fopen(load->path, "re");
	if (!file && errno == ENOENT)
		return 0;
	if (!file) {
		complain(load, "cannot open: %s", strerror(errno));
		return -1;
	}
	if (read_all(fileno(file), 1u << 20, &text, &len, &err) < 0) {
		complain(load, "%s", err.msg);
		fclose(file);
		return -1;
	}
	fclose(file);
	whole = strlen(text) == len;
	load_lines(load, text);
	if (!whole)
		complain(load, "a NUL byte; what follows it is not read");
	return load->complaints;
}

int config_load(struct config *config, const char *path,
		void (*report)(void *context, const char *text), void *context)
{
	struct load load = { .config = config, .path = path, .report = report,
			     .context = context };

	return load_file(&load);
}

/* ---- do its paths lead anywhere? --------------------------------------------- */

/* complain() then names that line. False: the key is not in the file. */
static bool go_to(struct load *load, const void *field)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (field_of(load->config, &keys[i]) == field)
			load->line = load->given[i];
	return load->line;
}

static bool leads_nowhere(const char *path, int mode)
{
	return access(path, mode) != 0 && (errno != EACCES || geteuid() == 0);
}

static void look_at_paths(struct load *load)
{
	struct config *config = load->config;
	char folder[sizeof(config->bait) + 2], *slash;

	if (go_to(load, config->virtio_win) && config->virtio_win[0] &&
	    leads_nowhere(config->virtio_win, R_OK))
		complain(load, "virtio_win = %s: %s", config->virtio_win, strerror(errno));
	if (!go_to(load, config->bait) || !str_fits(folder, sizeof(folder), config->bait))
		return;
	slash = strrchr(folder, '/');
	memcpy(slash, "/.", 3);
	/* The default folder is created when it is needed. */
	if (strcmp(folder, BUSFLIP_STATEDIR "/.") != 0 && leads_nowhere(folder, F_OK))
		complain(load, "bait = %s: its folder: %s", config->bait, strerror(errno));
}

int config_check(const char *path, void (*report)(void *context, const char *text),
		 void *context)
{
	struct config config;
	struct load load = { .config = &config, .path = path, .report = report,
			     .context = context };

	if (load_file(&load) < 0)
		return -1;
	look_at_paths(&load);
	return load.complaints;
}

const char *config_key(size_t i)
{
	return i < ARRAY_SIZE(keys) ? keys[i].name : NULL;
}
