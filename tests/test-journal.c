// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-journal.c - the redo journal, on a real disk behind a real qemu-nbd
 *
 * Constructs each state that a killed busflip can leave behind: some runs written, half of a
 * page, none, all. Afterwards the disk must contain the whole change, or must not be touched
 * if somebody else has written to it.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "helper/shared/crc32.h"
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
static struct image_identity image;
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
					      .writable = true, .grace_ms = 10000 };

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
	uint8_t data[12288];

	if (identity_find(path, &image, &err) < 0)
		ok(false, "identity_find: %s", err.msg);
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

/* Is it half patched, as what is compared with a journal of another image? */
static int is_half_done(void)
{
	struct journal *j = NULL;
	int r;

	if (journal_find(journals, &image, name, sizeof(name), &err) != 1 ||
	    journal_load(name, &j, &err) < 0)
		return -2;
	start();
	r = journal_is_half_done(j, disk, &err);
	stop();
	journal_free(j);
	return r;
}

static void test_half_done(void)
{
	int fd;

	make_image(0);
	ok(is_half_done() == 0, "all is old: not half done");
	make_image(512);
	ok(is_half_done() == 1 && compare_image(false) == 512, "one sector is new: half done");
	make_image(CHANGED - 512);
	ok(is_half_done() == 1, "all but one are new: half done");
	make_image(CHANGED);
	ok(is_half_done() == 0, "all are new: not half done");
	make_image(4096);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (pwrite(fd, "x", 1, 66000) != 1)
		ok(false, "pwrite");
	close(fd);
	ok(is_half_done() == 0, "a sector that is neither: another disk");
	make_image(0);
}

/* Of the image that is noted as @image. */
static enum identity_match match(struct image_identity now)
{
	return identity_match(&image, &now);
}

static void test_identity(void)
{
	struct image_identity now = image, noted = image;

	ok(image.born, "the file system tells when a file was born");
	ok(match(now) == IDENTITY_SAME, "the same");
	strcpy(now.path, "/somewhere/else");
	ok(match(now) == IDENTITY_SAME, "renamed: by device, inode and birth");
	ok(journal_find(journals, &now, name, sizeof(name), &err) == 1, "its journal is found");
	now.born++;
	ok(match(now) == IDENTITY_OTHER, "an inode that is used again: another");
	ok(journal_find(journals, &now, name, sizeof(name), &err) == 0, "it has no journal");
	now = image;
	now.dev++;
	now.boot++;
	ok(match(now) == IDENTITY_SAME, "another number of the file system: by path");
	strcpy(now.path, "/somewhere/else");
	ok(match(now) == IDENTITY_OTHER, "and another path: perhaps of a clone, another");
	now = image;
	now.born++;
	ok(match(now) == IDENTITY_SAME_PATH, "another file of that path, though of that inode");
	ok(journal_find(journals, &now, name, sizeof(name), &err) == 0, "has no journal");
	now = image;
	now.ino++;
	ok(match(now) == IDENTITY_SAME_PATH, "another inode, the same birth");

	now = image;
	now.born = image.born = 0;
	ok(match(now) == IDENTITY_SAME, "birth not known: by path, device and inode");
	now.dev++;
	ok(match(now) == IDENTITY_SAME_PATH, "not with another device");
	now.boot++;
	ok(match(now) == IDENTITY_SAME, "but after another boot");
	now.ino++;
	ok(match(now) == IDENTITY_SAME_PATH, "never with another inode");
	now = image;
	strcpy(now.path, "/somewhere/else");
	ok(match(now) == IDENTITY_OTHER, "nor by device and inode alone");
	image = noted;
	ok(journal_find("/nonexistent", &image, name, sizeof(name), &err) ==
	   0, "no folder: none");
}

static void test_devices(void)
{
	const struct image_identity saved = image;
	struct image_identity now;

	image = (struct image_identity){ .path = "/dev/vg/win", .dev = 64771, .boot = 1,
					 .sequence = 7, .bytes = SIZE, .id = "LVM-abc" };
	now = image;
	now.dev++;
	now.boot++;
	now.sequence++;
	strcpy(now.path, "/dev/mapper/vg-win");
	ok(match(now) == IDENTITY_SAME, "a volume by its UUID, whatever else has changed");
	now = image;
	strcpy(now.id, "LVM-def");
	ok(match(now) == IDENTITY_SAME_PATH, "dm-N and the path are used again: another");
	strcpy(now.path, "/dev/vg/other");
	ok(match(now) == IDENTITY_OTHER, "dm-N is used again: another");

	strcpy(image.id, "t10.QEMU");
	now = image;
	ok(match(now) == IDENTITY_SAME, "an identifier that is not unique: with the path");
	strcpy(now.path, "/dev/sdb");
	ok(match(now) == IDENTITY_OTHER, "not without");

	image.id[0] = '\0';
	now = image;
	strcpy(now.path, "/dev/disk/win");
	ok(match(now) == IDENTITY_SAME, "no identifier: by its number in this boot");
	now = image;
	now.sequence++;
	ok(match(now) == IDENTITY_SAME_PATH, "the same path and size, another disk");
	now.boot++;
	ok(match(now) == IDENTITY_SAME, "after another boot: by path and size");
	now.dev++;
	ok(match(now) == IDENTITY_SAME, "whatever its number");
	now.bytes++;
	ok(match(now) == IDENTITY_SAME_PATH, "not with another size");
	now = image;
	now.ino = 1;
	ok(match(now) == IDENTITY_SAME_PATH, "nor when it is a file now");
	image = saved;
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
	   "one whose content is damaged is not passed over");
	data[len / 2] ^= 1;
	data[32] ^= 1;
	if (file_replace(name, data, len, 0600, &err) < 0)
		ok(false, "file_replace");
	ok(redo() == -2 && err.code == REFUSE_JOURNAL,
	   "nor one with our name whose header is");
	free(data);
}

/* As version 1 has it: no birth, no identifier, no CRC of the header. */
static void make_old(void)
{
	size_t len = 0, path_len = strlen(path);
	char *data = read_journal(&len), old[4096];

	data[8] = 1;
	memmove(data + 64, data + 96, len - 96);
	len -= 32;
	put_le64(data + 16, len);
	memset(data + 12, 0, 4);
	put_le32(data + 12, crc32_update(0, data, len));
	ok(!memcmp(data + 64, path, path_len), "of version 1");
	snprintf(old, sizeof(old), "%s/0123456789abcdef.journal", journals);
	if (journal_remove(name, &err) < 0 || file_replace(old, data, len, 0600, &err) < 0)
		ok(false, "file_replace: %s", err.msg);
	free(data);
}

static void test_old(void)
{
	struct image_identity now = image;

	store_journal();
	make_old();
	make_image(512);
	ok(redo() == (CHANGED - 512) / 512 && compare_image(true) == 0,
	   "one of version 1 is found and redone");
	strcpy(now.path, "/somewhere/else");
	ok(journal_find(journals, &now, name, sizeof(name), &err) == 0,
	   "not by device and inode alone");
	now = image;
	now.ino++;
	ok(journal_find(journals, &now, name, sizeof(name), &err) == 0, "nor by the path alone");
	if (journal_find(journals, &image, name, sizeof(name), &err) != 1 ||
	    journal_remove(name, &err) < 0)
		ok(false, "cannot remove it");
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
	test_half_done();
	test_identity();
	test_devices();
	test_damage();
	test_remove();
	test_old();
	test_limits();
	unlink(path);
	rmdir(journals);
	rmdir(work);
	return done_testing();
}
