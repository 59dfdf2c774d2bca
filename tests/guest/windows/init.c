/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * init.c - the guest's only process: the machine around the model
 *
 * Loads Linux' drivers (firmware can read every disk, whatever Windows can do), inspects the
 * machine, finds the disk with Windows, lets nt_boot() decide, and then does what a machine
 * in that state does: run and write, halt, or reset.
 */

#include "machine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/input.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PVPANIC_PORT 0x505
#define PVPANIC_PANICKED 1
#define CMOS_INDEX 0x70
#define CMOS_DATA 0x71
/* Two bytes of the clock's memory that no firmware of QEMU uses. A reset keeps
 * them, a power-off does not, and no disk is written. */
#define CMOS_FAILURES 0x6a
#define CMOS_CHECK 0x6b
#define CMOS_MARK 0x5a

static void halt_forever(void)
{
	for (;;)
		pause();
}

static void power_off(void)
{
	fact("off");
	tcdrain_console();
	reboot(RB_POWER_OFF);
	halt_forever();
}

static void reset(void)
{
	fact("reset");
	tcdrain_console();
	reboot(RB_AUTOBOOT);
	halt_forever();
}

/* ---- failed boots, counted ---- */

/* A kernel that Secure Boot has started gives nobody the ports: then each boot is the
 * first one, and no panic is told. */
static bool ports;

static void ports_open(void)
{
	ports = !ioperm(CMOS_INDEX, 2, 1) && !ioperm(PVPANIC_PORT, 1, 1);
	if (!ports && errno != EPERM)
		die("no ports: %s", strerror(errno));
}

static unsigned char cmos_read(unsigned char at)
{
	outb(at, CMOS_INDEX);
	return inb(CMOS_DATA);
}

static void cmos_write(unsigned char at, unsigned v)
{
	outb(at, CMOS_INDEX);
	outb((unsigned char)v, CMOS_DATA);
}

static unsigned failures(void)
{
	unsigned n = ports ? cmos_read(CMOS_FAILURES) : 0;

	return ports && cmos_read(CMOS_CHECK) == (n ^ CMOS_MARK) ? n : 0;
}

static void set_failures(unsigned n)
{
	if (!ports)
		return;
	cmos_write(CMOS_FAILURES, n);
	cmos_write(CMOS_CHECK, n ^ CMOS_MARK);
}

/* ---- the power button ---- */

struct button {
	struct pollfd fd[8];
	nfds_t n;
};

static void button_open(struct button *b)
{
	*b = (struct button){ .n = 0 };
	for (unsigned i = 0; i < COUNT(b->fd); i++) {
		char path[32];
		int fd;

		snprintf(path, sizeof(path), "/dev/input/event%u", i);
		fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		if (fd >= 0)
			b->fd[b->n++] = (struct pollfd){ .fd = fd, .events = POLLIN };
	}
}

/* Return: it was pressed, within @ms. */
static bool button_wait(struct button *b, int ms)
{
	struct input_event e;
	bool pressed = false;

	if (poll(b->fd, b->n, ms) <= 0)
		return false;
	for (nfds_t i = 0; i < b->n; i++)
		while (read(b->fd[i].fd, &e, sizeof(e)) == (ssize_t)sizeof(e))
			pressed |= e.type == EV_KEY && e.code == KEY_POWER && e.value;
	return pressed;
}

/* ---- what a machine does then ---- */

static void recovery(const struct options *o, struct button *b)
{
	fact("recovery-environment");
	if (option_is(o, "recovery", "wait"))
		while (!button_wait(b, -1))
			;
	else
		button_wait(b, 300);
	power_off();
}

static void bugcheck(struct nt *nt)
{
	const struct options *o = nt->options;
	const char *how = option(o, "bugcheck", "auto");
	hkey key = hive_find(nt->sys, nt->set, "Control\\CrashControl");
	bool again = hive_u32(nt->sys, key, "AutoReboot", 1) != 0;

	fact("blue-screen how=%s auto-reboot=%s failures=%u", how, again ? "yes" : "no",
	     failures() + 1);
	set_failures(failures() + 1);
	if (!strcmp(how, "panic") && nt->machine.pvpanic && ports) {
		tcdrain_console();
		outb(PVPANIC_PANICKED, PVPANIC_PORT);
	}
	if (!strcmp(how, "reset") || (strcmp(how, "hang") != 0 && again)) {
		usleep(option_number(o, "reset_ms", 200) * 1000);
		reset();
	}
	halt_forever();
}

static void run(struct nt *nt, struct button *b)
{
	const struct options *o = nt->options;
	int tick = (int)option_number(o, "tick_ms", 500);
	unsigned off_after = option_number(o, "off_after", 0);
	unsigned reboot_after = option_number(o, "reboot_after", 0);
	unsigned until = off_after ? off_after : reboot_after;
	bool pressed = button_wait(b, (int)option_number(o, "pnp_ms", 200));
	uint64_t start = filetime_now();

	if (!pressed)
		nt_user_mode(nt);
	for (;;) {
		if (pressed && !option_is(o, "button", "ignore"))
			break;
		if (pressed)
			fact("button ignored");
		if (until && filetime_now() - start >= until * FILETIME_SECOND)
			break;
		nt_tick(nt);
		pressed = button_wait(b, tick);
	}
	nt_shutdown(nt, pressed && !until);
	if (until && !off_after)
		reset();
	power_off();
}

int main(void)
{
	static struct nt nt;
	struct options o = { .n = 0 };
	struct button button;
	enum outcome outcome;

	base_dead = halt_forever;
	machine_mounts();
	machine_options(&o);
	machine_modules();
	button_open(&button);
	ports_open();
	fact("model generation=1 failures=%u locked-down=%s", failures(), ports ? "no" : "yes");
	if (failures() >= option_number(&o, "recovery_after", 2) &&
	    !option_is(&o, "recovery", "never"))
		recovery(&o, &button);
	nt.options = &o;
	if (!machine_find_system(&nt)) {
		fact("no-system");
		halt_forever();
	}
	if (option_is(&o, "bootstat", "firmware"))
		machine_firmware_write(&nt);
	outcome = nt_boot(&nt);
	if (outcome == NT_BUGCHECK || outcome == NT_RESUME_CRASH)
		bugcheck(&nt);
	if (outcome != NT_UP)
		halt_forever();
	set_failures(0);
	run(&nt, &button);
	return 0;
}
