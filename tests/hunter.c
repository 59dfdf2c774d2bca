// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hunter.c - find the processes of busflip in this PID namespace, and kill one
 *
 *	hunter list
 *	hunter calm
 *	hunter measure
 *	hunter kill VICTIM ANCHOR NUMBER MICROSECONDS
 *
 * VICTIM is a kind from the table below, or "all": all processes of busflip at once. ANCHOR
 * is a kind, or "start". kill waits for the NUMBERth process of that kind and kills the
 * victim MICROSECONDS later. If ANCHOR is the victim's own kind, it kills that process; if
 * that process has ended by then, it takes the next one after half the time, and so on.
 * ANCHOR may also be "journal": the victim is killed while a journal is carried out, which
 * takes a millisecond or two in which a disk is neither old nor new. One line of output says
 * what was killed. SIGTERM ends the hunt.
 *
 * calm waits until no process of busflip runs except those that watch a guest, and reports
 * whether there is a guest. It gives up after a minute.
 *
 * measure prints, when SIGTERM ends it, when each process was first seen and for how long.
 *
 * A process between fork() and execve() looks like its parent and is not counted. Outside a
 * lab (lab.sh) nothing is killed.
 */

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum kind { HOOK, EVENT, ACTOR, WATCH, HELPER, NBD, KEEPER, DAEMON, GUEST, KINDS };

static const char *const names[KINDS] = {
	[HOOK] = "hook", [EVENT] = "event", [ACTOR] = "actor", [WATCH] = "watch",
	[HELPER] = "helper", [NBD] = "nbd", [KEEPER] = "keeper", [DAEMON] = "daemon",
	[GUEST] = "guest",
};

#define MANY 512
#define WORDS 6

struct process {
	int pid, parent;
	enum kind kind;
	unsigned long long begun;	/* as the kernel counts */
	char what[32];			/* which hook, which subcommand */
	long first, last;		/* seen, in microseconds */
	bool alive;
	int number;			/* of its kind */
};

static struct process seen[MANY];
static size_t n_seen;
static int numbers[KINDS];
static volatile sig_atomic_t over;
static struct timespec zero;

static void end(int signal)
{
	(void)signal;
	over = 1;
}

static long now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (t.tv_sec - zero.tv_sec) * 1000000 + (t.tv_nsec - zero.tv_nsec) / 1000;
}

static size_t read_proc(int pid, const char *name, char *buf, size_t size)
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : read(fd, buf, size - 1);
	if (fd >= 0)
		close(fd);
	buf[n > 0 ? n : 0] = '\0';
	return n > 0 ? (size_t)n : 0;
}

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && strcmp(text + n - m, end) == 0;
}

/* Which kind of busflip's words these are. */
static bool of_busflip(char *const words[WORDS], struct process *p)
{
	static const struct {
		const char *word;
		enum kind kind;
	} commands[] = {
		{ "event", EVENT }, { "settle", ACTOR }, { "stage", ACTOR },
		{ "watch", WATCH },
	};

	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (strcmp(words[1], commands[i].word) == 0) {
			p->kind = commands[i].kind;
			snprintf(p->what, sizeof(p->what), "%.31s",
				 words[p->kind == EVENT ? 4 : 1]);
			return true;
		}
	return false;
}

static bool classify(const char *comm, char *const words[WORDS], struct process *p)
{
	snprintf(p->what, sizeof(p->what), "-");
	if (strcmp(comm, "busflip-keeper") == 0)
		p->kind = KEEPER;
	else if (ends_with(words[0], "busflip-helper"))
		p->kind = HELPER;
	else if (ends_with(words[0], "/qemu-nbd"))
		p->kind = NBD;
	else if (ends_with(words[0], "libvirtd"))
		p->kind = DAEMON;
	else if (ends_with(words[0], "/qemu-system-x86_64"))
		p->kind = GUEST;
	else if (ends_with(words[0], "/hooks/qemu"))
		p->kind = HOOK;
	else
		return ends_with(words[0], "busflip") && of_busflip(words, p);
	if (p->kind == NBD)
		snprintf(p->what, sizeof(p->what), "%s",
			 strcmp(words[3], "-r") == 0 ? "reads" : "writes");
	if (p->kind == HOOK)
		snprintf(p->what, sizeof(p->what), "%.31s", words[2]);
	/* The others are gone at once. */
	return p->kind != HOOK || strcmp(p->what, "prepare") == 0 ||
	       strcmp(p->what, "started") == 0 || strcmp(p->what, "release") == 0;
}

static bool look_at(int pid, struct process *p)
{
	static char none[] = "";
	char stat[1024], line[4096], *words[WORDS], *comm, *after, state;
	size_t len, n = 0;

	if (!read_proc(pid, "stat", stat, sizeof(stat)) ||
	    !(comm = strchr(stat, '(')) || !(after = strrchr(stat, ')')))
		return false;
	*after = '\0';
	if (sscanf(after + 2, "%c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d "
		   "%*d %*d %*d %*d %llu", &state, &p->parent, &p->begun) != 3 ||
	    state == 'Z' || state == 'X')
		return false;
	len = read_proc(pid, "cmdline", line, sizeof(line));
	for (size_t i = 0; i < WORDS; i++)
		words[i] = none;
	for (char *w = line; n < WORDS && w < line + len; w += strlen(w) + 1)
		words[n++] = w;
	p->pid = pid;
	return classify(comm + 1, words, p);
}

/* All that there are now. */
static size_t look(struct process *found, size_t size)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	size_t n = 0, kept = 0;

	while (proc && (entry = readdir(proc)) && n < size)
		if (atoi(entry->d_name) > 1 && look_at(atoi(entry->d_name), &found[n]))
			n++;
	if (proc)
		closedir(proc);
	for (size_t i = 0; i < n; i++) {
		bool copy = false;

		for (size_t j = 0; j < n; j++)
			copy |= found[i].parent == found[j].pid &&
				found[i].kind == found[j].kind;
		if (!copy)
			found[kept++] = found[i];
	}
	return kept;
}

static struct process *known(const struct process *p)
{
	for (size_t i = 0; i < n_seen; i++)
		if (seen[i].pid == p->pid && seen[i].begun == p->begun &&
		    seen[i].kind == p->kind)
			return &seen[i];
	return NULL;
}

/* Brings what was seen up to date. */
static void update(void)
{
	struct process found[MANY];
	size_t n = look(found, MANY);
	long now = now_us();

	for (size_t i = 0; i < n_seen; i++)
		seen[i].alive = false;
	for (size_t i = 0; i < n; i++) {
		struct process *p = known(&found[i]);

		if (!p && n_seen < MANY) {
			p = &seen[n_seen++];
			*p = found[i];
			p->first = now;
			p->number = ++numbers[p->kind];
		}
		if (p) {
			p->last = now;
			p->alive = true;
		}
	}
}

static void nap(void)
{
	const struct timespec t = { 0, 200000 };

	nanosleep(&t, NULL);
}

static enum kind parse(const char *name)
{
	for (int i = 0; i < KINDS; i++)
		if (strcmp(names[i], name) == 0)
			return (enum kind)i;
	return KINDS;
}

/* Twice, for those that were just being started. */
static size_t kill_all(enum kind kind, int pid)
{
	struct process found[MANY];
	int hit[MANY];
	size_t hits = 0;

	for (int pass = 0; pass < 2; pass++) {
		size_t n = look(found, MANY);

		for (size_t i = 0; i < n; i++) {
			bool pass_over = kind == KINDS ? found[i].kind >= DAEMON :
				found[i].kind != kind || (pid && found[i].pid != pid);

			for (size_t j = 0; j < hits; j++)
				pass_over |= hit[j] == found[i].pid;
			if (pass_over || hits == MANY || kill(found[i].pid, SIGKILL) < 0)
				continue;
			printf("%s%s(%s)", hits ? " " : "hit ", names[found[i].kind],
			       found[i].what);
			hit[hits++] = found[i].pid;
		}
	}
	if (hits)
		printf(" at %ld ms\n", now_us() / 1000);
	fflush(stdout);
	return hits;
}

/* Without looking once more, which takes longer than a journal is there. */
static size_t kill_known(enum kind kind)
{
	size_t hits = 0;

	for (size_t i = 0; i < n_seen; i++) {
		const struct process *p = &seen[i];

		if (!p->alive || p->kind == GUEST || p->kind == WATCH ||
		    (kind == KINDS ? p->kind == DAEMON : p->kind != kind) ||
		    kill(p->pid, SIGKILL) < 0)
			continue;
		printf("%s%s(%s)", hits++ ? " " : "hit ", names[p->kind], p->what);
	}
	if (hits)
		printf(" with a journal at %ld ms\n", now_us() / 1000);
	fflush(stdout);
	return hits;
}

static bool journal_is_there(void)
{
	DIR *folder = opendir("/var/lib/busflip/journal");
	struct dirent *entry;
	bool there = false;

	while (folder && !there && (entry = readdir(folder)))
		there = ends_with(entry->d_name, ".journal");
	if (folder)
		closedir(folder);
	return there;
}

static int hunt_journal(enum kind kind, int number, long delay)
{
	bool before = false;
	long looked = 0;

	while (!over) {
		bool there = journal_is_there();

		if (there && !before && --number <= 0) {
			for (long begin = now_us(); now_us() - begin < delay;)
				;
			if (kill_known(kind))
				return 0;
		}
		before = there;
		if (!there && now_us() - looked > 2000) {
			update();
			looked = now_us();
		}
	}
	return 1;
}

/* Return true when the anchor's time has come; @own: which process that is. */
static bool is_time(enum kind anchor, int number, long delay, const struct process **own)
{
	*own = NULL;
	if (anchor == KINDS)
		return now_us() >= delay;
	for (size_t i = 0; i < n_seen; i++)
		if (seen[i].kind == anchor && seen[i].number == number)
			*own = &seen[i];
	return *own && now_us() >= (*own)->first + delay;
}

static int hunt(const char *victim, const char *from, int number, long delay)
{
	enum kind kind = parse(victim), anchor = parse(from);
	const struct process *own;

	if (strcmp(from, "journal") == 0)
		return hunt_journal(kind, number, delay);
	while (!over) {
		update();
		if (!is_time(anchor, number, delay, &own)) {
			/* Not later than its end. */
			if (own && !own->alive && kind != DAEMON) {
				number++;
				delay /= 2;
			}
			nap();
			continue;
		}
		if (kill_all(kind, own && kind == anchor && kind != DAEMON ? own->pid : 0))
			return 0;
		number++;
		delay /= 2;
		if (!own)
			delay = now_us() + 20000;
	}
	return 1;
}

/* One look is not enough: who forks and ends meanwhile is in none of both places, and
 * within execve() a process has no words. */
#define QUIET_LOOKS 8

static int calm(void)
{
	struct process found[MANY];
	int quiet = 0;

	while (!over && now_us() < 60000000) {
		size_t n = look(found, MANY), busy = 0, guests = 0;

		for (size_t i = 0; i < n; i++) {
			guests += found[i].kind == GUEST;
			busy += found[i].kind < DAEMON && found[i].kind != WATCH;
		}
		quiet = busy ? 0 : quiet + 1;
		if (quiet == QUIET_LOOKS) {
			printf("%s\n", guests ? "guest" : "nobody");
			return 0;
		}
		nap();
	}
	return 1;
}

static void print(void)
{
	for (size_t i = 0; i < n_seen; i++)
		printf("%s %d %ld %ld %s\n", names[seen[i].kind], seen[i].number,
		       seen[i].first, seen[i].last - seen[i].first, seen[i].what);
}

/* Else this would be the host's PID namespace. */
static bool in_a_lab(void)
{
	char comm[64];

	return read_proc(1, "comm", comm, sizeof(comm)) && strcmp(comm, "lab.sh\n") == 0;
}

int main(int argc, char **argv)
{
	signal(SIGTERM, end);
	clock_gettime(CLOCK_MONOTONIC, &zero);
	if (argc == 2 && strcmp(argv[1], "list") == 0) {
		update();
		print();
		return 0;
	}
	if (argc == 2 && strcmp(argv[1], "calm") == 0)
		return calm();
	if (argc == 2 && strcmp(argv[1], "measure") == 0) {
		while (!over) {
			update();
			nap();
		}
		print();
		return 0;
	}
	if (argc == 6 && strcmp(argv[1], "kill") == 0 && in_a_lab())
		return hunt(argv[2], argv[3], atoi(argv[4]), atol(argv[5]));
	fprintf(stderr, "usage: see hunter.c\n");
	return 2;
}
