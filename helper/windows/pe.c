// SPDX-License-Identifier: GPL-2.0-or-later
/* pe.c - headers and version of a Windows program or driver file */

#include "helper/windows/pe.h"

#include <string.h>

enum {
	DOS_PE_AT = 0x3c,
	COFF_MACHINE = 4, COFF_SECTIONS = 6, COFF_OPTIONAL_SIZE = 20,
	OPTIONAL = 24,			/* from the PE signature */
	OPTIONAL_OS_MAJOR = 40, OPTIONAL_OS_MINOR = 42, OPTIONAL_SUBSYSTEM = 68,
	OPTIONAL_SIZE = 70,		/* the part that is read, same in both kinds */
	DIRECTORIES_32 = 96, DIRECTORIES_64 = 112,
	DIRECTORY_SECURITY = 4,		/* index of the certificate table */
	SECTION_SIZE = 40, SECTIONS_LIMIT = 96,
	VERSION_MAGIC_SIZE = 16,
};

/* VS_FIXEDFILEINFO starts with this signature and structure version 1.0. */
static const uint8_t version_magic[] = { 0xbd, 0x04, 0xef, 0xfe, 0, 0, 1, 0 };

static bool find_version(const uint8_t *data, size_t len, struct pe *pe)
{
	const uint8_t *p = memmem(data, len, version_magic,
				  sizeof(version_magic));

	if (!p || (size_t)(p - data) + VERSION_MAGIC_SIZE > len)
		return false;
	pe->version[0] = get_le16(p + 10);
	pe->version[1] = get_le16(p + 8);
	pe->version[2] = get_le16(p + 14);
	pe->version[3] = get_le16(p + 12);
	return true;
}

/* Search only the section with the resources, so that code or data with the same bytes is not
 * mistaken for it. */
static void read_version(const uint8_t *data, size_t total, uint64_t sections,
			 unsigned int count, struct pe *pe)
{
	for (unsigned int i = 0; i < count && i < SECTIONS_LIMIT; i++) {
		uint64_t at = sections + (uint64_t)i * SECTION_SIZE;
		uint32_t off, size;

		if (!range_ok(at, SECTION_SIZE, total))
			return;
		if (memcmp(data + at, ".rsrc\0\0", 8) != 0)
			continue;
		size = get_le32(data + at + 16);
		off = get_le32(data + at + 20);
		if (range_ok(off, size, total))
			pe->has_version = find_version(data + off, size, pe);
		return;
	}
}

static void read_signature(const uint8_t *optional, size_t size, struct pe *pe)
{
	size_t at = get_le16(optional) == 0x20b ? DIRECTORIES_64
						: DIRECTORIES_32;

	at += (size_t)DIRECTORY_SECURITY * 8;
	if (range_ok(at, 8, size))
		pe->has_signature = get_le32(optional + at) &&
				    get_le32(optional + at + 4);
}

bool pe_read(const uint8_t *data, size_t total, bool whole, struct pe *pe)
{
	uint32_t at;
	uint16_t optional_size;

	memset(pe, 0, sizeof(*pe));
	if (!range_ok(DOS_PE_AT, 4, total) || memcmp(data, "MZ", 2) != 0)
		return false;
	at = get_le32(data + DOS_PE_AT);
	if (!range_ok(at, OPTIONAL + OPTIONAL_SIZE, total) ||
	    memcmp(data + at, "PE\0", 4) != 0)
		return false;
	optional_size = get_le16(data + at + COFF_OPTIONAL_SIZE);
	if (optional_size < OPTIONAL_SIZE ||
	    !range_ok((uint64_t)at + OPTIONAL, optional_size, total))
		return false;
	pe->machine = get_le16(data + at + COFF_MACHINE);
	pe->os_major = get_le16(data + at + OPTIONAL + OPTIONAL_OS_MAJOR);
	pe->os_minor = get_le16(data + at + OPTIONAL + OPTIONAL_OS_MINOR);
	pe->subsystem = get_le16(data + at + OPTIONAL + OPTIONAL_SUBSYSTEM);
	read_signature(data + at + OPTIONAL, optional_size, pe);
	if (whole)
		read_version(data, total, (uint64_t)at + OPTIONAL + optional_size,
			     get_le16(data + at + COFF_SECTIONS), pe);
	return true;
}

int pe_version_compare(const uint16_t a[4], const uint16_t b[4])
{
	for (size_t i = 0; i < 4; i++)
		if (a[i] != b[i])
			return a[i] < b[i] ? -1 : 1;
	return 0;
}
