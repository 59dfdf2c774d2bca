/* SPDX-License-Identifier: GPL-2.0-or-later */
/* evidencetest.h - a guest after a good session on SATA, for tests of the evidence */
#ifndef BUSFLIP_TESTS_EVIDENCETEST_H
#define BUSFLIP_TESTS_EVIDENCETEST_H

#include "helper/verdict/evidence.h"
#include "tests/guest.h"

static const uint16_t version[4] = { 100, 93, 104, 24000 };

/* The uuid of the made guests, as the text has it. */
static const uint8_t uuid[16] = {
	0x25, 0x19, 0x4d, 0x56, 0xca, 0xef, 0x87, 0x37,
	0x5c, 0x44, 0x50, 0xfe, 0x82, 0xf3, 0xff, 0xde,
};

static const struct volume_health clean = { .logfile = LOGFILE_CLEAN };

/* A guest after a good SATA boot with a bait: everything holds. */
static void ready(struct guest *g, const char *name, unsigned int how,
		  struct evidence_asked *asked)
{
	struct error err = { 0 };

	memset(g, 0, sizeof(*g));
	guest_usual_files(g, 0x8664);
	pe_stub(guest_file(g, "Windows/System32/drivers/viostor.sys", 1,
			   PE_STUB)->data, 0x8664, 6, 1, version);
	guest_file(g, "Program Files/Guard/guard.sys", 1, 10);
	if (guest_open(g, name, MADE_BOUND | how, &err) < 0)
		abort();
	*asked = (struct evidence_asked) {
		.bus = TARGET_VIRTIO, .device_id = 0x1042, .has_uuid = true,
		.before_last_use = MADE_LAST_USE - 1,
		.before_shutdown = MADE_LAST_USE - 2, .before_boot_id = 38,
		.has_before = true,
	};
	memcpy(asked->uuid, uuid, sizeof(uuid));
}

static struct device *bound(struct guest *g)
{
	return &g->win->devices[g->win->virtio[TARGET_VIRTIO].bound_device];
}

#endif
