#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# bench-hook.sh [RUNS] - what the hook costs every guest on a host
#
# Measures the time of the whole process, from its start until its parent has waited for
# it. The domain XML arrives on standard input through a pipe, as from libvirt. In each
# round all candidates run once, in a shuffled order, for RUNS rounds (500): background
# load and warm caches then affect all candidates alike. The medians are compared. All
# files are on one file system in memory.

# shellcheck source=tests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
busflip_required "$@"
trap - EXIT
set -e
runs=${1:-500}
cd "$LAB/tmp"

# timing COUNT INPUT ARGUMENTS PROGRAM... - median, lower and upper quartile of
# each program's time in microseconds, one line each, in order
cat > timing.c <<'END'
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char input[65536];
static ssize_t input_len;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

/* The pipe is filled before the clock starts: it holds the whole XML, so the
 * writer never has to wait for the reader. */
static double run_once(char *argv[])
{
	char *env[] = { "LC_ALL=C", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL };
	posix_spawn_file_actions_t actions;
	int in[2], status;
	double begin;
	pid_t pid;

	if (pipe2(in, O_CLOEXEC) < 0)
		err(1, "pipe");
	if (write(in[1], input, input_len) != input_len)
		err(1, "write");
	close(in[1]);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in[0], 0);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	begin = now();
	if (posix_spawn(&pid, argv[0], &actions, NULL, argv, env))
		err(1, "%s", argv[0]);
	if (waitpid(pid, &status, 0) != pid)
		err(1, "waitpid");
	begin = now() - begin;
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		errx(1, "%s: wait status %d", argv[0], status);
	posix_spawn_file_actions_destroy(&actions);
	close(in[0]);
	return begin;
}

static int order(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

int main(int argc, char *argv[])
{
	int count = atoi(argv[1]), programs = argc - 4;
	double *times = calloc((size_t)programs * count, sizeof(*times));
	char *args[8] = { NULL };
	int turn[16];
	int fd = open(argv[2], O_RDONLY), n = 1;

	input_len = read(fd, input, sizeof(input));
	if (fd < 0 || input_len < 0 || input_len == sizeof(input))
		errx(1, "%s: can't be read or is too large", argv[2]);
	for (char *word = strtok(argv[3], " "); word && n < 7; word = strtok(NULL, " "))
		args[n++] = word;
	/* The first twenty rounds only fill the caches. */
	for (int p = 0; p < programs; p++)
		turn[p] = p;
	for (int i = -20; i < count; i++)
		for (int left = programs; left; left--) {
			int pick = rand() % left, p = turn[pick];
			double t;

			turn[pick] = turn[left - 1];
			turn[left - 1] = p;
			args[0] = argv[4 + p];
			t = run_once(args);
			if (i >= 0)
				times[p * count + i] = t;
		}
	for (int p = 0; p < programs; p++) {
		qsort(times + p * count, count, sizeof(*times), order);
		printf("%.0f %.0f %.0f\n", times[p * count + count / 2],
		       times[p * count + count / 4], times[p * count + count * 3 / 4]);
	}
	return 0;
}
END
cc -O2 -o timing timing.c

echo 'int main(void) { return 0; }' > null.c
cc -O2 -static -o null.bin null.c 2>/dev/null || cc -O2 -o null.bin null.c
cp "$BUSFLIP_BUILD/busflip-hook" hook.bin
cat > hook.sh <<'END'
#!/bin/sh
grep -q urn:busflip:domain:1 || exit 0
END
# The interpreter that a distribution's own hooks would use.
python=$(PATH=/usr/bin:/bin command -v python3)
cat > hook.py <<END
#!$python
import sys
import xml.etree.ElementTree as tree
root = tree.parse(sys.stdin).getroot()
if root.find("metadata/{urn:busflip:domain:1}domain") is None:
    sys.exit(0)
END
chmod +x hook.sh hook.py

# As much XML as a guest of some years has.
devices=$(printf "<channel type='unix'><target type='virtio' name='port.%d'/></channel>" {1..12})
make_domain plain tag=no devices="$devices" > plain.def
virsh -q define plain.def
virsh dumpxml plain > plain.xml
staged_domain tagged devices="$devices" > /dev/null
virsh dumpxml tagged > tagged.xml

printf 'untagged guest, %d bytes of XML, %d runs each, times in microseconds\n' \
	"$(wc -c < plain.xml)" "$runs"
printf '%-40s %8s %16s %8s\n' '' median 'half lies in' ratio
./timing "$runs" plain.xml 'plain prepare begin -' ./null.bin ./hook.bin ./hook.sh ./hook.py > medians
{ read -r base _; } < medians
paste -d' ' <(printf '%s\n' 'static program that only returns 0' busflip-hook \
	'#!/bin/sh that greps' 'python3 that parses') medians |
	sed -E 's/ ([0-9]+) ([0-9]+) ([0-9]+)$/|\1|\2|\3/' |
	awk -F'|' -v base="$base" '{ printf "%-40s %8d %16s %8.2f\n", $1, $2, $3 "-" $4, $2 / base }'

slow=$((runs / 5 > 60 ? runs / 5 : 60))
printf '\nstaged guest with nothing to do, %d bytes of XML, %d runs\n' \
	"$(wc -c < tagged.xml)" "$slow"
./timing "$slow" tagged.xml 'tagged prepare begin -' ./hook.bin |
	awk '{ printf "%-40s %8.2f ms\n", "busflip-hook prepare, with busflip", $1 / 1000 }'
