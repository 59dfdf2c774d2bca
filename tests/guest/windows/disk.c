/* SPDX-License-Identifier: GPL-2.0-or-later */
/* disk.c - the guest's whole disk, changed in atomic batches */

#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * The journal: one page of header, then for each page of the batch its number
 * in a table of JOURNAL_TABLE bytes, then the pages.
 *
 *	0  "NTMODEL1"	8  state: 0 empty, 1 to be applied
 *	16 pages	24 checksum of table and pages
 */
#define JOURNAL_MAGIC "NTMODEL1"
#define JOURNAL_TABLE (64u << 10)
#define JOURNAL_PAGES ((DISK_JOURNAL_SIZE - JOURNAL_TABLE) / DISK_PAGE - 1)

static uint64_t checksum(uint64_t sum, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i + 8 <= len; i += 8)
		sum = (sum ^ get64(p + i)) * 0x100000001b3ULL + 1;
	return sum;
}

static void raw_read(struct nbd_client *d, void *buf, size_t len, uint64_t off)
{
	memset(buf, 0, len);
	for (size_t done = 0; done < len;) {
		ssize_t n = pread(d->fd, (uint8_t *)buf + done, len - done,
				  (off_t)(off + done));

		if (n < 0 && errno != EINTR)
			die("disk: reading at %llu: %s",
			    (unsigned long long)off, strerror(errno));
		if (n == 0)
			return;		/* the last page of an odd disk */
		if (n > 0)
			done += (size_t)n;
	}
}

static void raw_write(struct nbd_client *d, const void *buf, size_t len, uint64_t off)
{
	if (!d->writable)
		die("disk: a write before the system is up");
	if (off + len > d->size)
		len = (size_t)(d->size - off);
	for (size_t done = 0; done < len;) {
		ssize_t n = pwrite(d->fd, (const uint8_t *)buf + done, len - done,
				   (off_t)(off + done));

		if (n < 0 && errno != EINTR)
			die("disk: writing at %llu: %s",
			    (unsigned long long)off, strerror(errno));
		if (n > 0)
			done += (size_t)n;
	}
}

static void flush(struct nbd_client *d)
{
	if (fdatasync(d->fd) && errno != EINVAL)
		die("disk: flush: %s", strerror(errno));
}

static struct disk_page *page_find(struct nbd_client *d, uint64_t number)
{
	struct disk_page *p = d->pages[number % COUNT(d->pages)];

	while (p && p->number != number)
		p = p->next;
	return p;
}

static struct disk_page *page_get(struct nbd_client *d, uint64_t number)
{
	struct disk_page *p = page_find(d, number);

	if (p)
		return p;
	p = xcalloc(1, sizeof(*p));
	p->number = number;
	raw_read(d, p->data, DISK_PAGE, number * DISK_PAGE);
	p->next = d->pages[number % COUNT(d->pages)];
	d->pages[number % COUNT(d->pages)] = p;
	return p;
}

static void page_dirty(struct nbd_client *d, struct disk_page *p)
{
	if (!p->dirty)
		d->dirty++;
	p->dirty = true;
}

static uint64_t journal_place(const struct nbd_client *d)
{
	return (d->size >> 20 << 20) - (2u << 20) - DISK_JOURNAL_SIZE;
}

/* What a commit had promised before the power went: into memory, so that even a
 * reader sees the volume as it will be. */
static void journal_replay(struct nbd_client *d)
{
	uint8_t head[DISK_PAGE];
	uint8_t *body;
	uint64_t n;

	if (d->size < 4 * DISK_JOURNAL_SIZE / 2)
		return;
	raw_read(d, head, sizeof(head), journal_place(d));
	if (memcmp(head, JOURNAL_MAGIC, 8) != 0)
		return;
	d->journal = journal_place(d);
	n = get64(head + 16);
	if (get64(head + 8) != 1 || n > JOURNAL_PAGES)
		return;
	body = xcalloc(JOURNAL_TABLE + n * DISK_PAGE, 1);
	raw_read(d, body, JOURNAL_TABLE + n * DISK_PAGE, d->journal + DISK_PAGE);
	if (checksum(n, body, JOURNAL_TABLE + n * DISK_PAGE) == get64(head + 24)) {
		for (size_t i = 0; i < n; i++) {
			struct disk_page *p = page_get(d, get64(body + 8 * i));

			memcpy(p->data, body + JOURNAL_TABLE + i * DISK_PAGE,
			       DISK_PAGE);
			page_dirty(d, p);
		}
		fact("journal replayed=%llu", (unsigned long long)n);
	}
	free(body);
}

bool nbd_client_open(struct nbd_client *d, const char *path)
{
	off_t end;

	*d = (struct nbd_client){ .fd = open(path, O_RDONLY | O_CLOEXEC) };
	if (d->fd < 0)
		return false;
	end = lseek(d->fd, 0, SEEK_END);
	if (end <= 0) {
		close(d->fd);
		return false;
	}
	d->size = (uint64_t)end;
	journal_replay(d);
	return true;
}

void disk_make_writable(struct nbd_client *d, const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		die("disk: %s can't be written: %s", path, strerror(errno));
	close(d->fd);
	d->fd = fd;
	d->writable = true;
}

void disk_format_journal(struct nbd_client *d)
{
	uint8_t head[DISK_PAGE] = JOURNAL_MAGIC;

	d->journal = journal_place(d);
	raw_write(d, head, sizeof(head), d->journal);
}

static void copy(struct nbd_client *d, uint8_t *in, const uint8_t *out, uint64_t len,
		 uint64_t off)
{
	while (len) {
		uint64_t at = off % DISK_PAGE;
		uint64_t n = DISK_PAGE - at < len ? DISK_PAGE - at : len;
		struct disk_page *p = page_get(d, off / DISK_PAGE);

		if (in) {
			memcpy(in, p->data + at, n);
			in += n;
		} else if (memcmp(p->data + at, out, n) != 0) {
			memcpy(p->data + at, out, n);
			page_dirty(d, p);
		}
		if (out)
			out += n;
		off += n;
		len -= n;
	}
}

void nbd_client_read(struct nbd_client *d, void *buf, uint64_t len, uint64_t off)
{
	copy(d, buf, NULL, len, off);
}

void nbd_client_write(struct nbd_client *d, const void *buf, uint64_t len, uint64_t off)
{
	copy(d, NULL, buf, len, off);
}

static void journal_write(struct nbd_client *d)
{
	uint8_t head[DISK_PAGE] = JOURNAL_MAGIC;
	size_t size = JOURNAL_TABLE + d->dirty * DISK_PAGE, n = 0;
	uint8_t *body = xcalloc(size, 1);

	for (size_t i = 0; i < COUNT(d->pages); i++) {
		for (struct disk_page *p = d->pages[i]; p; p = p->next) {
			if (!p->dirty)
				continue;
			put64(body + 8 * n, p->number);
			memcpy(body + JOURNAL_TABLE + n++ * DISK_PAGE, p->data,
			       DISK_PAGE);
		}
	}
	raw_write(d, body, size, d->journal + DISK_PAGE);
	flush(d);
	put64(head + 8, 1);
	put64(head + 16, n);
	put64(head + 24, checksum(n, body, size));
	raw_write(d, head, sizeof(head), d->journal);
	flush(d);
	free(body);
}

void disk_commit(struct nbd_client *d)
{
	bool journal = d->journal && d->dirty <= JOURNAL_PAGES;
	uint8_t head[DISK_PAGE] = JOURNAL_MAGIC;

	if (!d->dirty)
		return;
	if (!d->writable)
		die("disk: a commit before the system is up");
	if (journal)
		journal_write(d);
	for (size_t i = 0; i < COUNT(d->pages); i++) {
		for (struct disk_page *p = d->pages[i]; p; p = p->next) {
			if (p->dirty)
				raw_write(d, p->data, DISK_PAGE,
					  p->number * DISK_PAGE);
			p->dirty = false;
		}
	}
	d->dirty = 0;
	flush(d);
	if (journal) {
		/* On the disk before power goes off: else the next boot would put this
		 * batch over what somebody has written to the disk meanwhile. */
		raw_write(d, head, sizeof(head), d->journal);
		flush(d);
	}
	d->commits++;
}

void nbd_client_close(struct nbd_client *d)
{
	for (size_t i = 0; i < COUNT(d->pages); i++) {
		for (struct disk_page *p = d->pages[i]; p;) {
			struct disk_page *next = p->next;

			free(p);
			p = next;
		}
	}
	if (d->fd >= 0)
		close(d->fd);
	*d = (struct nbd_client){ .fd = -1 };
}

/* Basic data, as it lies on disk: EBD0A0A2-B9E5-4433-87C0-68B6B72699C7 */
static const uint8_t gpt_data[16] = { 0xa2, 0xa0, 0xd0, 0xeb, 0xe5, 0xb9, 0x33, 0x44,
				      0x87, 0xc0, 0x68, 0xb6, 0xb7, 0x26, 0x99, 0xc7 };
/* C12A7328-F81F-11D2-BA4B-00A0C93EC93B */
static const uint8_t gpt_esp[16] = { 0x28, 0x73, 0x2a, 0xc1, 0x1f, 0xf8, 0xd2, 0x11,
				     0xba, 0x4b, 0x00, 0xa0, 0xc9, 0x3e, 0xc9, 0x3b };

static size_t gpt(struct nbd_client *d, struct partition *out, size_t max)
{
	uint8_t head[512], entry[128];
	uint64_t table;
	size_t n = 0;

	nbd_client_read(d, head, sizeof(head), 512);
	if (memcmp(head, "EFI PART", 8) != 0 || get32(head + 84) != sizeof(entry))
		return 0;
	table = get64(head + 72) * 512;
	for (uint32_t i = 0; i < get32(head + 80) && i < 128 && n < max; i++) {
		struct partition *p = &out[n];

		nbd_client_read(d, entry, sizeof(entry), table + i * sizeof(entry));
		p->start = get64(entry + 32) * 512;
		p->len = (get64(entry + 40) + 1) * 512 - p->start;
		if (!p->start || p->start >= d->size)
			continue;
		strcpy(p->kind, !memcmp(entry, gpt_data, 16) ? "ntfs" :
		       !memcmp(entry, gpt_esp, 16) ? "esp" : "other");
		n++;
	}
	return n;
}

size_t disk_partitions(struct nbd_client *d, struct partition *out, size_t max)
{
	uint8_t mbr[512];
	size_t n = 0;

	nbd_client_read(d, mbr, sizeof(mbr), 0);
	if (mbr[510] != 0x55 || mbr[511] != 0xaa)
		return 0;
	if (mbr[446 + 4] == 0xee)
		return gpt(d, out, max);
	for (size_t i = 0; i < 4 && n < max; i++) {
		const uint8_t *entry = mbr + 446 + 16 * i;
		struct partition *p = &out[n];

		p->start = get32(entry + 8) * 512ull;
		p->len = get32(entry + 12) * 512ull;
		if (!entry[4] || !p->len || p->start >= d->size)
			continue;
		strcpy(p->kind, entry[4] == 7 ? "ntfs" : "other");
		n++;
	}
	return n;
}
