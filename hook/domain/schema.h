/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * schema.h - what libvirt allows of those parts of a domain that busflip moves, puts back
 * and counts with
 *
 * A definition that libvirt has taken keeps to it. Another one is made up: for "busflip
 * filter", or in a state element, which anybody who may define a domain can forge. It might
 * not come back from SATA as it was, or be put back, by root, into a definition where a
 * filter or an access driver had not let it in.
 */
#ifndef BUSFLIP_SCHEMA_H
#define BUSFLIP_SCHEMA_H

#include "hook/domain/domain.h"

/* schema_attr() - can attribute @name of <@on>, in a disk, have @value? False as well for one
 * that is not known here. */
bool schema_attr(const char *on, const char *name, const char *value);

/* schema_element() - is @element one of a disk's that are known here, with nothing in it but
 * what libvirt allows there? */
bool schema_element(const xmlNode *element);

/* schema_check_disk() - can libvirt have given those parts of @disk that are moved? The error
 * is a clause about the domain, as that of schema_check(). */
int schema_check_disk(const xmlNode *disk, struct error *err);

/* schema_check() - the same for staging, and more: the numbers in @domain that busflip counts
 * with are numbers, and no other device has the name or the address of @disk. Later steps do
 * not ask for that: what came since is the user's and has been through libvirt, and a guest
 * must get back from VirtIO all the same. */
int schema_check(const struct domain *domain, const xmlNode *disk, struct error *err);

#endif
