/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * frontend.h - the part of a <disk> that belongs to its bus, taken off and put
 * back
 *
 * A disk has a backend (source, cache, throttling) that is the same on every
 * bus, and a frontend (bus, target name, address, VirtIO's own attributes).
 * Staging takes the frontend off into a <saved> element of the state and puts
 * a plain one on; promoting puts the saved one back onto the disk as it then
 * is. So whatever happened to the backend meanwhile stays as it is.
 */
#ifndef BUSFLIP_FRONTEND_H
#define BUSFLIP_FRONTEND_H

#include "hook/domain/domain.h"

/*
 * frontend_take() - remove from @disk all that a disk on bus @to can't have,
 * its address and its alias, and note each piece in @saved (an empty element
 * in the state; NULL: don't keep it). The target's name and bus are noted too,
 * and left in place for the caller to overwrite.
 */
void frontend_take(xmlNode *disk, enum bus to, xmlNode *saved);

/*
 * frontend_wear() - put back onto @disk what frontend_take() noted in @saved.
 * Only attributes and elements from the fixed table are ever put back, with values that
 * libvirt knows: @saved may be forged.
 */
void frontend_wear(xmlNode *disk, const xmlNode *saved);

/* frontend_saved_valid() - false when @saved has anything that frontend_wear() would not put
 * back. */
bool frontend_saved_valid(const xmlNode *saved);

/* frontend_plain() - give @disk a target @name on @bus and nothing more. */
void frontend_plain(xmlNode *disk, const char *name, enum bus bus);

/* frontend_saved() - the element called @name (such as "address") that @saved
 * holds, or NULL. Stays owned by @saved. */
xmlNode *frontend_saved(const xmlNode *saved, const char *name);

/* frontend_saved_attr() - like xml_attr(), for what @saved holds of the
 * attribute @name of element @on. */
bool frontend_saved_attr(const xmlNode *saved, const char *on, const char *name,
			 char *buf, size_t size);

#endif
