/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pe.h - headers and version of a Windows program or driver file
 *
 * Layouts: Microsoft's public "PE Format" page; the version block is VS_FIXEDFILEINFO of the
 * public Windows SDK documentation. Files may come from the guest: all accesses are bounded.
 */
#ifndef BUSFLIP_PE_H
#define BUSFLIP_PE_H

#include "helper/shared/base.h"

enum pe_machine {
	PE_X86 = 0x014c, PE_AMD64 = 0x8664, PE_ARM64 = 0xaa64,
};

#define PE_SUBSYSTEM_NATIVE 1	/* drivers and the kernel */

struct pe {
	uint16_t machine;		/* enum pe_machine or another value */
	uint16_t subsystem;
	uint16_t os_major, os_minor;	/* oldest version of Windows that it is for */
	bool has_signature;		/* a certificate table is attached */
	bool has_version;
	uint16_t version[4];		/* file version, major first */
};

/*
 * pe_read() - read the headers of a PE file
 *
 * @data, @total bytes, may be only the start of a file (some KiB). The version is found only if
 * the whole file is given; @whole says so. False: not a PE file.
 */
bool pe_read(const uint8_t *data, size_t total, bool whole, struct pe *pe);

/* pe_version_compare() - below, equal to or above 0 like strcmp(). */
int pe_version_compare(const uint16_t a[4], const uint16_t b[4]);

#endif
