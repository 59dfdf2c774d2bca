// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ntfs-health.c - is it safe to write to this volume?
 *
 * libntfs-3g refuses some unsafe volumes, but not all (it never checks the dirty flag), without
 * the reason, and none on a read-only mount. So the three indicators are read here: the flags
 * of $Volume, the restart pages of $LogFile, and the head of hiberfil.sys.
 *
 * Restart page: "RSTR"@0, system page size u32@16, offset of the restart area u16@24, minor and
 * major version s16@26 and @28. Restart area: LSN u64@0, client in use u16@12 (0xFFFF: none),
 * flags u16@14 (2: volume is clean). The page with the newer LSN counts. A log of only 0xFF
 * bytes was never used.
 */

#include "helper/ntfs/ntfs-internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LOG_HEAD 65536u		/* two restart pages of up to 32 KiB */
#define LOG_PAGE_MIN 512u
#define RESTART_CLEAN 0x0002u
#define NO_CLIENT 0xFFFFu
#define HIBERFIL_HEAD 4096u

#define SHUT_DOWN "start Windows and shut it down with \"shutdown /s /f /t 0\""

struct restart {
	uint64_t lsn;
	uint16_t client, flags;
	uint16_t minor, major;
};

/* Everything read here lies before byte 510 of the page, so the update sequence, which
 * protects the last two bytes of each sector, is not needed. */
static bool parse_restart(const uint8_t *page, size_t len, struct restart *r)
{
	uint16_t area;

	if (len < LOG_PAGE_MIN || memcmp(page, "RSTR", 4) != 0)
		return false;
	area = get_le16(page + 24);
	if (area < 30 || !range_ok(area, 16, 510))
		return false;
	r->minor = get_le16(page + 26);
	r->major = get_le16(page + 28);
	r->lsn = get_le64(page + area);
	r->client = get_le16(page + area + 12);
	r->flags = get_le16(page + area + 14);
	return true;
}

static bool all_bytes(const uint8_t *p, size_t len, uint8_t value)
{
	for (size_t i = 0; i < len; i++)
		if (p[i] != value)
			return false;
	return true;
}

static void judge_logfile(const uint8_t *head, size_t len,
			  struct volume_health *health)
{
	struct restart best = { 0 }, other;
	bool found = parse_restart(head, len, &best);
	uint32_t page = found ? get_le32(head + 16) : 4096;

	if (page >= LOG_PAGE_MIN && page < len &&
	    parse_restart(head + page, len - page, &other) &&
	    (!found || other.lsn > best.lsn)) {
		best = other;
		found = true;
	}
	health->logfile_major = (uint8_t)best.major;
	health->logfile_minor = (uint8_t)best.minor;
	if (!found)
		health->logfile = all_bytes(head, len, 0xFF)
			? LOGFILE_CLEAN : LOGFILE_DAMAGED;
	else if (best.major >= 2)
		health->logfile = LOGFILE_CACHED;
	else if (best.client == NO_CLIENT || best.flags & RESTART_CLEAN)
		health->logfile = LOGFILE_CLEAN;
	else
		health->logfile = LOGFILE_UNCLEAN;
}

int health_read_logfile(struct volume *vol, struct volume_health *health,
			struct error *err)
{
	AUTO_FREE uint8_t *head = calloc(1, LOG_HEAD);
	ntfs_inode *ni;
	ntfs_attr *na;
	size_t len = 0;
	int r = -1;

	if (!head)
		return fail(err, ENOMEM, "out of memory");
	health->logfile = LOGFILE_DAMAGED;
	ni = ntfs_inode_open(vol->vol, FILE_LogFile);
	if (!ni)
		return fail_volume(vol, err, "open", "$LogFile");
	na = ntfs_attr_open(ni, AT_DATA, AT_UNNAMED, 0);
	if (na) {
		len = na->data_size < 0 ? 0
			: na->data_size < LOG_HEAD ? (size_t)na->data_size
			: LOG_HEAD;
		r = read_attribute(vol, na, 0, head, len, "$LogFile", err);
		ntfs_attr_close(na);
	} else {
		fail_volume(vol, err, "read", "$LogFile");
	}
	ntfs_inode_close(ni);
	if (r == 0)
		judge_logfile(head, len, health);
	return r;
}

static enum hibernation judge_hiberfil(const uint8_t *head, size_t len)
{
	static const struct {
		const char *magic;
		enum hibernation state;
	} magics[] = {
		{ "HIBR", HIBERNATION_IMAGE }, { "hibr", HIBERNATION_IMAGE },
		{ "WAKE", HIBERNATION_RESUMED }, { "wake", HIBERNATION_RESUMED },
		{ "RSTR", HIBERNATION_RESTORING },
		{ "rstr", HIBERNATION_RESTORING },
	};

	if (len < HIBERFIL_HEAD)
		return HIBERNATION_UNKNOWN;
	for (size_t i = 0; i < ARRAY_SIZE(magics); i++)
		if (!memcmp(head, magics[i].magic, 4))
			return magics[i].state;
	return all_bytes(head, len, 0) ? HIBERNATION_EMPTY
				       : HIBERNATION_UNKNOWN;
}

int health_read_hibernation(struct volume *vol, struct volume_health *health,
			    struct error *err)
{
	uint8_t head[HIBERFIL_HEAD] = { 0 };
	struct error why;
	size_t len = 0;

	health->hibernation = HIBERNATION_UNKNOWN;
	if (volume_read_head(vol, "hiberfil.sys", sizeof(head), head, &len,
			     &why) == 0) {
		health->hibernation = judge_hiberfil(head, len);
		return 0;
	}
	if (why.code == ENOENT) {
		health->hibernation = HIBERNATION_ABSENT;
		return 0;
	}
	/* Windows does not create a link or an encrypted file in its place. */
	if (why.code == REFUSE_FILE_LINKED || why.code == REFUSE_FILE_ENCRYPTED)
		return 0;
	if (err)
		*err = why;
	return -1;
}

static int check_hibernation(const struct volume_health *health,
			     struct error *err)
{
	switch (health->hibernation) {
	case HIBERNATION_ABSENT:
	case HIBERNATION_EMPTY:
	case HIBERNATION_RESUMED:
		return 0;
	case HIBERNATION_IMAGE:
		return fail(err, REFUSE_HIBERNATED,
			    "Windows is hibernated or was shut down with fast "
			    "startup (hiberfil.sys holds an image): " SHUT_DOWN);
	case HIBERNATION_RESTORING:
		return fail(err, REFUSE_HIBERNATED,
			    "Windows was interrupted while it resumed from "
			    "hibernation: " SHUT_DOWN);
	case HIBERNATION_UNKNOWN:
		break;
	}
	return fail(err, REFUSE_HIBERNATED,
		    "hiberfil.sys is of an unknown kind and may hold a "
		    "hibernated Windows: " SHUT_DOWN);
}

static int check_logfile(const struct volume_health *health, struct error *err)
{
	switch (health->logfile) {
	case LOGFILE_CLEAN:
		return 0;
	case LOGFILE_CACHED:
		return fail(err, REFUSE_FAST_STARTUP,
			    "Windows was not fully shut down (NTFS journal "
			    "version %u.%u: fast startup or a power cut): "
			    SHUT_DOWN, health->logfile_major,
			    health->logfile_minor);
	case LOGFILE_UNCLEAN:
		return fail(err, REFUSE_LOG_UNCLEAN,
			    "the NTFS journal is not clean: Windows crashed or was switched "
			    "off: " SHUT_DOWN);
	case LOGFILE_DAMAGED:
		break;
	}
	return fail(err, REFUSE_LOG_UNCLEAN,
		    "the NTFS journal has no valid start page: let Windows run "
		    "chkdsk, then shut it down");
}

int volume_check_writable(const struct volume_health *health, struct error *err)
{
	if (health->bitlocker)
		return fail(err, REFUSE_BITLOCKER,
			    "the volume is encrypted with BitLocker: decrypt it "
			    "in Windows first (\"manage-bde -off C:\"); "
			    "suspending it is not enough");
	if (check_hibernation(health, err) < 0 || check_logfile(health, err) < 0)
		return -1;
	if (health->dirty || health->chkdsk)
		return fail(err, REFUSE_VOLUME_DIRTY,
			    "the NTFS volume is marked dirty: start Windows, "
			    "let it check the disk, and shut it down");
	return 0;
}
