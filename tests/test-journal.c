// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-journal.c - the redo journal, on a real disk behind a real qemu-nbd
 *
 * What a killed busflip leaves behind is made step by step: some runs written,
 * half of a page, none, all. Afterwards the disk must hold the whole change, or,
 * when somebody else has written to it, must not be touched.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "helper/shared/file.h"
#include "helper/shared/refusal.h"
#include "hook/disk/nbdserver.h"
#include "hook/recovery/journal.h"
#include "tests/tap.h"

#ifndef BUSFLIP_QEMU_NBD
#define BUSFLIP_QEMU_NBD "/usr/bin/qemu-nbd"
#endif

#define SIZE (1u << 20)
#define CHANGED 20480u		/* bytes in all runs */

static char work[] = "/tmp/busflip-journal.XXXXXX";
static char path[64], journals[64], name[4096];
static struct journal_image image;
static struct error err;
static struct nbdserver server;
static struct nbd_client *disk;

static const struct {
	uint64_t off;
	uint32_t len;
} runs[] = { { 0, 4096 }, { 65536, 12288 }, { SIZE - 4096, 4096 } };

static uint8_t old_byte(uint64_t at)
{
	return (uint8_t)(at / 512);
}

static uint8_t new_byte(uint64_t at)
{
	return (uint8_t)(at / 512 + 100);
}

static bool in_runs(uint64_t at)
{
	for (size_t i = 0; i < ARRAY_SIZE(runs); i++)
		if (at >= runs[i].off && at - runs[i].off < runs[i].len)
			return true;
	return false;
}

/* The image with the first @count changed bytes already new. */
static void make_image(size_t count)
{
	uint8_t *data = malloc(SIZE);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	for (uint64_t at = 0; at < SIZE; at++)
		data[at] = in_runs(at) && count && count-- ? new_byte(at)
							   : old_byte(at);
	if (write_all(fd, data, SIZE, &err) < 0)
		ok(false, "cannot make the image");
	close(fd);
	free(data);
}

/* How many bytes are not as the old or the new image has them. */
static int compare_image(bool new)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), bad = 0;
	char *data;
	size_t len;

	if (read_all(fd, SIZE, &data, &len, &err) < 0)
		return -1;
	close(fd);
	for (uint64_t at = 0; at < SIZE; at++)
		bad += (uint8_t)data[at] != (new && in_runs(at) ? new_byte(at)
							: old_byte(at));
	free(data);
	return bad;
}

static void start(void)
{
	static struct backing none;
	const struct nbdserver_image what = { .path = path, .format = "raw",
					      .backing = &none,
					      .writable = true };

	if (nbdserver_start(BUSFLIP_QEMU_NBD, &what, false, &server, &err) < 0 ||
	    nbd_client_open(steal_fd(&server.client), monotonic_ms() + 10000, &disk,
		      &err) < 0)
		ok(false, "cannot start qemu-nbd: %s", err.msg);
}

static void stop(void)
{
	struct error why;

	nbd_client_close(disk);
	if (nbdserver_stop(&server, 10000, &why) < 0)
		ok(false, "qemu-nbd: %s", why.msg);
	nbdserver_free(&server);
}

static struct journal *make_journal(void)
{
	struct journal *j = NULL;
	struct stat st;
	uint8_t data[12288];

	stat(path, &st);
	memset(&image, 0, sizeof(image));
	strcpy(image.path, path);
	image.dev = st.st_dev;
	image.ino = st.st_ino;
	image.size = SIZE;
	journal_new(&image, &j, &err);
	for (size_t i = 0; i < ARRAY_SIZE(runs); i++) {
		for (uint32_t at = 0; at < runs[i].len; at++)
			data[at] = new_byte(runs[i].off + at);
		if (journal_add(j, runs[i].off, data, runs[i].len, &err) < 0)
			ok(false, "journal_add: %s", err.msg);
	}
	return j;
}

static void store_journal(void)
{
	struct journal *j;

	make_image(0);
	start();
	j = make_journal();
	ok(journal_read_old(j, disk, &err) == 1, "the disk differs");
	ok(journal_store(j, journals, &err) == 0, "stored");
	journal_free(j);
	stop();
}

/* Finish whatever is found. Return of journal_redo(), -2: no good journal. */
static int redo(void)
{
	struct journal *j = NULL;
	int r;

	memset(&err, 0, sizeof(err));
	if (journal_find(journals, &image, name, sizeof(name), &err) != 1 ||
	    journal_load(name, &j, &err) < 0)
		return -2;
	start();
	r = journal_redo(j, disk, &err);
	stop();
	journal_free(j);
	return r;
}

static void test_redo(void)
{
	/* In bytes of the change: nothing; half of a page; a page and a half;
	 * all but one sector; everything. */
	static const size_t states[] = { 0, 512, 2048, 6144, CHANGED - 512,
					 CHANGED };

	store_journal();
	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		make_image(states[i]);
		ok(redo() == (int)((CHANGED - states[i]) / 512),
		   "%zu bytes had been written: the rest is", states[i]);
		ok(compare_image(true) == 0, "and all is new then");
	}
	ok(redo() == 0 && compare_image(true) == 0, "once more: no harm");
}

static void test_foreign(void)
{
	int fd;

	make_image(4096);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (pwrite(fd, "x", 1, 66000) != 1)
		ok(false, "pwrite");
	ok(redo() == -1 && err.code == REFUSE_JOURNAL,
	   "a sector that is neither: refused");
	/* It stayed as it is: one page new, one byte strange. */
	ok(compare_image(false) == 4096 + 1, "and nothing was written");
	make_image(0);
	if (ftruncate(fd, SIZE * 2) < 0)
		ok(false, "ftruncate");
	ok(redo() == -1 && err.code == REFUSE_JOURNAL,
	   "a disk of another size: refused");
	close(fd);
}

static void test_identity(void)
{
	struct journal_image other = image;

	strcpy(other.path, "/somewhere/else");
	ok(journal_find(journals, &other, name, sizeof(name), &err) == 1,
	   "found by device and inode after a rename");
	other = image;
	other.dev++;
	other.ino = 1;
	ok(journal_find(journals, &other, name, sizeof(name), &err) == 1,
	   "found by its path after device numbers changed");
	strcpy(other.path, "/somewhere/else");
	ok(journal_find(journals, &other, name, sizeof(name), &err) == 0,
	   "another image has none");
	other = image;
	strcpy(other.path, "/somewhere/else");
	other.boot++;
	ok(journal_find(journals, &other, name, sizeof(name), &err) == 0,
	   "the number of a device, after another boot: not by that");
	ok(journal_find("/nonexistent", &image, name, sizeof(name), &err) ==
	   0, "no folder: none");
}

static char *read_journal(size_t *len)
{
	char *data = NULL;
	int fd;

	if (journal_find(journals, &image, name, sizeof(name), &err) != 1)
		ok(false, "no journal");
	fd = open(name, O_RDONLY | O_CLOEXEC);
	if (read_all(fd, 1u << 20, &data, len, &err) < 0)
		ok(false, "cannot read the journal");
	close(fd);
	return data;
}

static void test_damage(void)
{
	struct journal *j = NULL;
	size_t len = 0, parsed = 0;
	char *data = read_journal(&len);

	ok(journal_parse((uint8_t *)data, len, &j, &err) == 0, "parses");
	journal_free(j);
	for (size_t at = 0; at < len; at += at < 200 ? 1 : 97) {
		data[at] ^= 4;
		j = NULL;
		parsed += journal_parse((uint8_t *)data, len, &j, NULL) == 0;
		journal_free(j);
		data[at] ^= 4;
	}
	ok(parsed == 0, "never with a damaged byte");
	for (size_t cut = 0; cut < len; cut += 331) {
		j = NULL;
		parsed += journal_parse((uint8_t *)data, cut, &j, NULL) == 0;
		journal_free(j);
	}
	ok(parsed == 0, "never when cut");
	data[len / 2] ^= 1;
	if (file_replace(name, data, len, 0600, &err) < 0)
		ok(false, "file_replace");
	ok(redo() == -2 && err.code == REFUSE_JOURNAL,
	   "a damaged one with our name is not passed over");
	free(data);
}

static void test_remove(void)
{
	char half[4200];
	int fd;

	snprintf(half, sizeof(half), "%s.abcdef", name);
	fd = open(half, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	close(fd);
	ok(journal_remove(name, &err) == 0 &&
	   journal_find(journals, &image, name, sizeof(name), &err) == 0,
	   "removed; a half written one doesn't count");
	journal_sweep(journals, &image);
	ok(access(half, F_OK) < 0, "and is swept away");
}

static void test_limits(void)
{
	struct journal *j = NULL;
	uint8_t page[4096] = { 0 };

	journal_new(&image, &j, &err);
	ok(journal_add(j, SIZE, page, 4096, &err) < 0, "behind the end");
	ok(journal_add(j, UINT64_MAX - 100, page, 4096, &err) < 0,
	   "at 2^64");
	ok(journal_add(j, 4096, page, 0, &err) < 0, "empty");
	ok(journal_add(j, 4096, page, 4096, &err) == 0 &&
	   journal_add(j, 4096, page, 4096, &err) < 0, "twice");
	ok(journal_add(j, 0, page, 4096, &err) < 0, "backwards");
	ok(journal_store(j, "/proc/nonexistent", &err) < 0,
	   "nowhere to store it");
	journal_free(j);
}

int main(void)
{
	if (access(BUSFLIP_QEMU_NBD, X_OK) < 0)
		skip_all("qemu-nbd is not installed");
	if (!mkdtemp(work))
		return 1;
	snprintf(path, sizeof(path), "%s/disk.raw", work);
	snprintf(journals, sizeof(journals), "%s/journal", work);
	test_redo();
	test_foreign();
	test_identity();
	test_damage();
	test_remove();
	test_limits();
	unlink(path);
	rmdir(journals);
	rmdir(work);
	return done_testing();
}
