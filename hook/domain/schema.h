/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * schema.h - which values libvirt allows in those parts of a domain that busflip moves,
 * restores and counts with
 *
 * A definition that libvirt has accepted conforms. Any other one is made up: for "busflip
 * filter", or in a state element, which anybody who may define a domain can forge. It might not
 * come back from SATA unchanged, or root might restore it into a definition where a filter or
 * an access driver would not have allowed it.
 */
#ifndef BUSFLIP_SCHEMA_H
#define BUSFLIP_SCHEMA_H

#include "hook/domain/domain.h"

/* schema_attr() - may attribute @name of <@on>, in a disk, have @value? Also false for an
 * attribute that is not known here. */
bool schema_attr(const char *on, const char *name, const char *value);

/* schema_element() - is @element a known element of a disk, with only the content that libvirt
 * allows there? */
bool schema_element(const xmlNode *element);

/* schema_check_disk() - could libvirt have produced those parts of @disk that are moved? The
 * error is a clause about the domain, as in schema_check(). */
int schema_check_disk(const xmlNode *disk, struct error *err);

/* schema_check() - the same for staging, and more: the numbers in @domain that busflip counts
 * with are valid, and no other device has the name or the address of @disk. Later steps do not
 * check that: what was added since is the user's and was accepted by libvirt, and a guest must
 * be able to go back from VirtIO in any case. */
int schema_check(const struct domain *domain, const xmlNode *disk, struct error *err);

#endif
