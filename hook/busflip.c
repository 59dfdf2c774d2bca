// SPDX-License-Identifier: GPL-2.0-or-later
/* busflip.c - main of busflip: options, one table of subcommands, dispatch */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "helper/shared/log.h"
#include "helper/shared/text.h"
#include "hook/command/command.h"

enum option_bit {
	OPTION_CONNECT = 1 << 0,
	OPTION_BUS = 1 << 1,
	OPTION_DISK = 1 << 2,
	OPTION_ALL = 1 << 3,
	OPTION_JSON = 1 << 4,
	OPTION_KEEP_SATA = 1 << 5,
	OPTION_FORCE = 1 << 6,
	OPTION_CONFIG = 1 << 7,
	OPTION_HELP = 1 << 8,
	OPTION_VERSION = 1 << 9,
	OPTION_FORMAT = 1 << 10,
	OPTION_PARTITION = 1 << 11,
	OPTION_DRY_RUN = 1 << 12,
	OPTION_LIVE = 1 << 13,
	OPTION_VIRTIO_WIN = 1 << 14,
	OPTION_HELPER = 1 << 15,
	OPTION_WATCH = 1 << 16,
	OPTION_PROMETHEUS = 1 << 17,
	OPTION_TAG = 1 << 18,
	OPTION_SETTINGS = 1 << 19,
};

static const struct option_row {
	struct option_name {
		const char *name;
		int has_arg;
	} name;
	enum option_bit option;
	const char *help;
} options[] = {
	{ { "connect", required_argument }, OPTION_CONNECT,
	  "URI      or -c URI: libvirt connection (default: uri in busflip.conf)" },
	{ { "config", required_argument }, OPTION_CONFIG,
	  "FILE      read this file instead of " CONFIG_FILE },
	{ { "bus", required_argument }, OPTION_BUS,
	  "BUS          enable, filter, patch: target bus, virtio or scsi" },
	{ { "disk", required_argument }, OPTION_DISK,
	  "TARGET      enable, filter, inspect, patch, undo: the system disk, such as vda" },
	{ { "all", no_argument }, OPTION_ALL,
	  "             stage: every tagged domain; also finish pending steps" },
	{ { "json", no_argument }, OPTION_JSON,
	  "            status, check, inspect, patch: print JSON" },
	{ { "watch", no_argument }, OPTION_WATCH,
	  "           status: repeat until interrupted" },
	{ { "prometheus", no_argument }, OPTION_PROMETHEUS,
	  "      status: metrics for a textfile collector" },
	{ { "tag", no_argument }, OPTION_TAG,
	  "             filter: also accept a domain without a tag" },
	{ { "keep-sata", no_argument }, OPTION_KEEP_SATA,
	  "       disable: leave the disk on SATA" },
	{ { "force", no_argument }, OPTION_FORCE,
	  "           disable: even if the disk can't be put back;\n"
	  "                     undo: even if Windows has written since, or boots from VirtIO;\n"
	  "                     patch: finish an interrupted patch on a copy of its image" },
	{ { "settings", no_argument }, OPTION_SETTINGS,
	  "        undo: only settings that were changed for the conversion" },
	{ { "format", required_argument }, OPTION_FORMAT,
	  "FORMAT    format of an image given by path: raw, qcow2, ..." },
	{ { "partition", required_argument }, OPTION_PARTITION,
	  "N      partition of Windows, if there are several" },
	{ { "dry-run", no_argument }, OPTION_DRY_RUN,
	  "         patch: print the edits as a .reg file (or JSON), write nothing;\n"
	  "                     clean: list only, remove nothing" },
	{ { "live", no_argument }, OPTION_LIVE,
	  "            inspect: read a disk that a running guest may be changing" },
	{ { "virtio-win", required_argument }, OPTION_VIRTIO_WIN,
	  "PATH  patch, check: VirtIO drivers, a directory or an ISO image" },
	{ { "helper", required_argument }, OPTION_HELPER,
	  "FILE      run this busflip-helper" },
	{ { "help", no_argument }, OPTION_HELP, "            or -h: print this help" },
	{ { "version", no_argument }, OPTION_VERSION, "         print the version" },
};

#define SUBJECT_OPTIONS (OPTION_FORMAT | OPTION_PARTITION | OPTION_DISK | OPTION_HELPER)

static const struct command {
	const char *name, *args;
	int min, max;
	unsigned options;
	int (*run)(const struct command_line *line);
	const char *help;	/* NULL: internal, not listed */
} commands[] = {
	{ "enable", "DOMAIN [--bus BUS] [--disk TARGET] [--partition N]", 1, 1,
	  OPTION_BUS | OPTION_DISK | OPTION_PARTITION, command_enable,
	  "tag a domain and stage it for its first boot on SATA" },
	{ "disable", "DOMAIN [--keep-sata] [--force]", 1, 1,
	  OPTION_KEEP_SATA | OPTION_FORCE, command_disable,
	  "restore its original disk; remove tag and state" },
	{ "status", "[DOMAIN] [--json | --watch] | --prometheus", 0, 1,
	  OPTION_JSON | OPTION_WATCH | OPTION_PROMETHEUS, command_status,
	  "list the tagged domains, or the history of one" },
	{ "stage", "DOMAIN | --all", 0, 1, OPTION_ALL, command_stage,
	  "move a tagged domain's system disk to SATA" },
	{ "promote", "DOMAIN", 1, 1, 0, command_promote,
	  "move a staged domain to VirtIO now, without evidence" },
	{ "rollback", "DOMAIN", 1, 1, 0, command_rollback, "move its system disk back to SATA" },
	{ "retry", "DOMAIN", 1, 1, 0, command_retry, "start the conversion of a held domain "
	  "again" },
	{ "hold", "DOMAIN", 1, 1, 0, command_hold,
	  "stop the conversion until busflip retry (from trial: back to SATA)" },
	{ "filter", "stage|promote|rollback|restore [--tag [--bus BUS] [--disk TARGET]]", 1, 1,
	  OPTION_TAG | OPTION_BUS | OPTION_DISK, command_filter,
	  "rewrite domain XML from stdin to stdout" },
	{ "check", "DOMAIN [--virtio-win PATH] [--json]", 1, 1,
	  OPTION_JSON | OPTION_VIRTIO_WIN | OPTION_HELPER, command_check,
	  "report what would keep a domain from starting" },
	{ "inspect", "IMAGE|DOMAIN [--format FORMAT] [--json] [--live]", 1, 1,
	  SUBJECT_OPTIONS | OPTION_JSON | OPTION_LIVE, command_inspect,
	  "report the state of a domain and its reason, and which Windows is on a disk" },
	{ "patch", "IMAGE|DOMAIN [--format FORMAT] [--bus BUS] [--dry-run] [--force]", 1, 1,
	  SUBJECT_OPTIONS | OPTION_JSON | OPTION_BUS | OPTION_DRY_RUN | OPTION_VIRTIO_WIN |
	  OPTION_FORCE, command_patch, "prepare the Windows on a disk for SATA and VirtIO" },
	{ "undo", "IMAGE|DOMAIN [--format FORMAT] [--force | --settings]", 1, 1,
	  SUBJECT_OPTIONS | OPTION_FORCE | OPTION_SETTINGS, command_undo,
	  "restore the registry from before the last patch" },
	{ "clean", "[--dry-run]", 0, 0, OPTION_DRY_RUN, command_clean,
	  "remove data of domains and disks that no longer exist" },
	{ "check-config", "[FILE]", 0, 1, 0, command_check_config,
	  "report errors in busflip.conf" },
	{ "event", "NAME OP SUBOP EXTRA", 4, 4, 0, command_event, NULL },
	{ "bait", "", 0, 0, 0, command_bait, NULL },
	{ "settle", "UUID", 1, 1, 0, command_settle, NULL },
	{ "watch", "UUID ID", 2, 2, 0, command_watch, NULL },
};

static int help(void)
{
	printf("Usage: busflip [OPTION...] COMMAND [ARGUMENT...]\n\nMoves imported Windows guests "
	       "to VirtIO: one boot from SATA, then VirtIO, at\nordinary starts of the guest.\n\n"
	       "Commands:\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (commands[i].help)
			printf("  %s %s\n      %s\n", commands[i].name, commands[i].args,
			       commands[i].help);
	printf("\nOptions:\n");
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		printf("  --%s %s\n", options[i].name.name, options[i].help);
	printf("\nAn argument with a slash, or with --format, is an IMAGE; otherwise a DOMAIN.\n");
	printf("\nExit status: 0 success, 1 failure, 2 usage error, 10 or more: the reason why "
	       "the\ndisk was refused. See busflip(8).\n");
	return finish_stdout(EXIT_DONE);
}

static int usage(const char *text, const char *what)
{
	complain("%s%s; see busflip --help", text, what);
	return EXIT_USAGE;
}

/* Report the first one. */
static int wrong_option(unsigned given, const char *command)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		if (!(given & options[i].option))
			continue;
		complain("--%s is not an option of %s; see busflip --help",
			 options[i].name.name, command);
		return EXIT_USAGE;
	}
	return EXIT_USAGE;
}

struct parsed {
	struct command_line line;
	unsigned given;		/* options */
	const char *uri;
};

static void take_option(struct parsed *parsed, enum option_bit option, const char *value)
{
	parsed->given |= option;
	switch (option) {
	case OPTION_CONNECT:
		parsed->uri = value;
		break;
	case OPTION_CONFIG:
		parsed->line.config_file = value;
		break;
	case OPTION_BUS:
		parsed->line.bus = value;
		break;
	case OPTION_DISK:
		parsed->line.disk = value;
		break;
	case OPTION_ALL:
		parsed->line.all = true;
		break;
	case OPTION_JSON:
		parsed->line.json = true;
		break;
	case OPTION_WATCH:
		parsed->line.watch = true;
		break;
	case OPTION_PROMETHEUS:
		parsed->line.prometheus = true;
		break;
	case OPTION_TAG:
		parsed->line.tag = true;
		break;
	case OPTION_KEEP_SATA:
		parsed->line.keep_sata = true;
		break;
	case OPTION_FORCE:
		parsed->line.force = true;
		break;
	case OPTION_SETTINGS:
		parsed->line.settings = true;
		break;
	case OPTION_FORMAT:
		parsed->line.format = value;
		break;
	case OPTION_PARTITION:
		parsed->line.partition = value;
		break;
	case OPTION_DRY_RUN:
		parsed->line.dry_run = true;
		break;
	case OPTION_LIVE:
		parsed->line.live = true;
		break;
	case OPTION_VIRTIO_WIN:
		parsed->line.virtio_win = value;
		break;
	case OPTION_HELPER:
		parsed->line.helper = value;
		break;
	case OPTION_HELP:
	case OPTION_VERSION:
		break;
	}
}

static int parse(int argc, char *argv[], struct parsed *parsed)
{
	struct option longs[ARRAY_SIZE(options) + 1] = { { 0 } };
	int c;

	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		longs[i].name = options[i].name.name;
		longs[i].has_arg = options[i].name.has_arg;
		longs[i].val = (int)i + 256;
	}
	opterr = 0;
	while ((c = getopt_long(argc, argv, ":c:h", longs, NULL)) != -1) {
		if (c == 'c')
			take_option(parsed, OPTION_CONNECT, optarg);
		else if (c == 'h')
			take_option(parsed, OPTION_HELP, NULL);
		else if (c >= 256)
			take_option(parsed, options[c - 256].option, optarg);
		else
			return usage(c == ':' ? "missing value for " : "unknown option ",
				     optopt && optopt < 256 ?
				     (char[]){ '-', (char)optopt, '\0' } : argv[optind - 1]);
	}
	return -1;
}

static void warn_config(void *context, const char *text)
{
	(void)context;
	log_msg(LOG_LEVEL_WARNING, "%s", text);
}

static void print_config(void *context, const char *text)
{
	(void)context;
	complain("%s", text);
}

int command_check_config(const struct command_line *line)
{
	const char *path = line->nargs ? line->args[0] : line->config_file;

	if ((line->nargs || strcmp(path, CONFIG_FILE)) && access(path, F_OK) != 0) {
		complain("%s: %s", path, strerror(errno));
		return EXIT_FAILED;
	}
	if (config_check(path, print_config, NULL) != 0)
		return EXIT_FAILED;
	printf("%s: %s\n", path,
	       access(path, F_OK) == 0 ? "no errors" : "does not exist; defaults are used");
	return finish_stdout(EXIT_DONE);
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

/* If one of them were closed, the next file or socket to be opened would take its number. Open
 * each in the direction opposite to its use, so that using it is an error. */
static void open_standard_descriptors(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
			_exit(EXIT_FAILED);
}

int main(int argc, char *argv[])
{
	const unsigned everywhere = OPTION_CONNECT | OPTION_CONFIG;
	struct parsed parsed = { .line.config_file = CONFIG_FILE };
	struct command_line *line = &parsed.line;
	const struct command *command;
	int rc;

	open_standard_descriptors();
	/* Whoever reads from us may go at any moment: qemu-nbd, the daemon (its connection is
	 * written to once more when it is restarted, and then made again). That is an error of
	 * that one call, and not the end of a hook. finish_stdout() ends a command whose output
	 * nobody reads. */
	signal(SIGPIPE, SIG_IGN);
	rc = parse(argc, argv, &parsed);
	if (rc >= 0)
		return rc;
	if (parsed.given & OPTION_HELP)
		return help();
	if (parsed.given & OPTION_VERSION) {
		printf("busflip %s\n", BUSFLIP_VERSION);
		return finish_stdout(EXIT_DONE);
	}
	if (optind >= argc)
		return usage("no command given", "");
	command = find_command(argv[optind]);
	if (!command)
		return usage("unknown command ", argv[optind]);
	line->args = argv + optind + 1;
	line->nargs = argc - optind - 1;
	if (line->nargs < command->min || line->nargs > command->max) {
		complain("usage: busflip %s %s", command->name, command->args);
		return EXIT_USAGE;
	}
	if (parsed.given & ~(everywhere | command->options))
		return wrong_option(parsed.given & ~(everywhere | command->options),
				    command->name);
	/* Commands that work on a disk show warnings on stderr in addition to the log. */
	log_open("busflip", command->options & OPTION_FORMAT);
	if ((parsed.given & OPTION_CONFIG) && command->run != command_check_config &&
	    access(line->config_file, R_OK) != 0) {
		complain("cannot read --config %s: %s", line->config_file, strerror(errno));
		return EXIT_USAGE;
	}
	rc = config_load(&line->config, line->config_file, warn_config, NULL);
	if (rc < 0 && (parsed.given & OPTION_CONFIG) && command->run != command_check_config) {
		complain("cannot read --config %s; busflip check-config %s says why",
			 line->config_file, line->config_file);
		return EXIT_FAILED;
	}
	if (parsed.uri && !str_fits(line->config.uri, sizeof(line->config.uri), parsed.uri))
		return usage("--connect: URI too long", "");
	return command->run(line);
}
