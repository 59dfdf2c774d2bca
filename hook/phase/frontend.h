/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * frontend.h - remove the bus-specific part of a <disk> and put it back
 *
 * A disk has a backend (source, cache, throttling), which is the same on every bus, and a
 * frontend (bus, target name, address, VirtIO's own attributes). Staging moves the frontend
 * into the <saved> element of the state and sets a plain one; promoting restores the saved
 * frontend on the disk as it then is. Changes of the backend in between are kept.
 */
#ifndef BUSFLIP_FRONTEND_H
#define BUSFLIP_FRONTEND_H

#include "hook/domain/domain.h"

/*
 * frontend_take() - remove from @disk everything that a disk on bus @to can't have, and its
 * address, and save each piece in @saved (an empty element in the state; NULL: don't save). The
 * target's name and bus are saved too, but stay in place for the caller to overwrite.
 */
void frontend_take(xmlNode *disk, enum bus to, xmlNode *saved);

/*
 * frontend_wear() - restore onto @disk what frontend_take() saved in @saved. Only attributes
 * and elements from the fixed table are restored, with values that libvirt accepts: @saved may
 * be forged.
 */
void frontend_wear(xmlNode *disk, const xmlNode *saved);

/* frontend_saved_valid() - false if @saved contains anything that frontend_wear() would not
 * restore. */
bool frontend_saved_valid(const xmlNode *saved);

/* frontend_plain() - give @disk a plain target @name on @bus. */
void frontend_plain(xmlNode *disk, const char *name, enum bus bus);

/* frontend_saved() - the element @name (such as "address") in @saved, or NULL. It stays owned
 * by @saved. */
xmlNode *frontend_saved(const xmlNode *saved, const char *name);

/* frontend_saved_attr() - like xml_attr(), for the attribute @name of element @on in @saved. */
bool frontend_saved_attr(const xmlNode *saved, const char *on, const char *name,
			 char *buf, size_t size);

#endif
