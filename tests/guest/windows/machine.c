/* SPDX-License-Identifier: GPL-2.0-or-later */
/* machine.c - what the guest's kernel reports about the machine */

#include "machine.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

#define DISK_WAIT_MS 15000u

void tcdrain_console(void)
{
	fflush(stdout);
	tcdrain(STDOUT_FILENO);
}

void machine_mounts(void)
{
	mkdir("/proc", 0755);
	mkdir("/sys", 0755);
	if (mount("proc", "/proc", "proc", 0, NULL) ||
	    mount("sys", "/sys", "sysfs", 0, NULL) ||
	    mount("dev", "/dev", "devtmpfs", 0, NULL))
		die("mount: %s", strerror(errno));
}

void machine_options(struct options *o)
{
	struct bytes b = read_file("/proc/cmdline");
	char *save = NULL;

	/* Never freed: the words are used to the end. */
	for (char *word = b.data ? strtok_r((char *)b.data, " \n", &save) : NULL; word;
	     word = strtok_r(NULL, " \n", &save))
		if (!strncmp(word, "nt.", 3) && o->n < COUNT(o->word))
			o->word[o->n++] = word + 3;
}

/* ---- Linux' drivers ---- */

/* What this machine has: the modaliases of the devices on these buses. */
struct devices {
	char alias[PCI_MAX * 2][128];
	size_t n;
};

static void look_at_bus(struct devices *d, const char *bus)
{
	char path[300];
	struct dirent *e;
	DIR *dir = opendir(bus);

	while (dir && (e = readdir(dir)) && d->n < COUNT(d->alias)) {
		ssize_t n;
		int fd;

		snprintf(path, sizeof(path), "%s/%.200s/modalias", bus, e->d_name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		n = read(fd, d->alias[d->n], sizeof(d->alias[0]) - 1);
		close(fd);
		if (n <= 0)
			continue;
		d->alias[d->n][n] = 0;
		d->alias[d->n][strcspn(d->alias[d->n], "\n")] = 0;
		d->n++;
	}
	if (dir)
		closedir(dir);
}

static bool has_device(const struct devices *d, const char *pattern)
{
	for (size_t i = 0; i < d->n; i++)
		if (!fnmatch(pattern, d->alias[i], 0))
			return true;
	return false;
}

static void load_module(const char *name)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || (syscall(SYS_finit_module, fd, "", 0) && errno != EEXIST))
		fact("module %s: %s", name, strerror(errno));
	if (fd >= 0)
		close(fd);
}

/* A line for each driver: what it is for, nothing for any machine, and what has
 * to be loaded, in order. */
void machine_modules(void)
{
	static struct devices devices;
	struct bytes list = read_file("/modules");
	char *save = NULL;

	for (char *line = list.data ? strtok_r((char *)list.data, "\n", &save) : NULL;
	     line; line = strtok_r(NULL, "\n", &save)) {
		bool wanted = *line == '|', names = false;
		char *rest = NULL;

		/* A driver that was loaded may have found a bus of its own. */
		devices.n = 0;
		look_at_bus(&devices, "/sys/bus/pci/devices");
		look_at_bus(&devices, "/sys/bus/virtio/devices");
		for (char *word = strtok_r(line, " ", &rest); word;
		     word = strtok_r(NULL, " ", &rest)) {
			if (*word == '|')
				names = true;
			else if (!names)
				wanted = wanted || has_device(&devices, word);
			else if (wanted)
				load_module(word);
		}
	}
	bytes_free(&list);
}

/* ---- firmware ---- */

static void dmi(const char *name, char *out, size_t size)
{
	char path[64];
	struct bytes b;

	snprintf(path, sizeof(path), "/sys/class/dmi/id/%s", name);
	b = read_file(path);
	snprintf(out, size, "%s", b.data ? (char *)b.data : "");
	out[strcspn(out, "\n")] = 0;
	bytes_free(&b);
}

/* Does a table have a package named _S4_? */
static bool has_s4(const char *table)
{
	struct bytes b = read_file(table);
	bool found = b.data && memmem(b.data, b.len, "\x08_S4_", 5);

	bytes_free(&b);
	return found;
}

static void look_at_firmware(struct nt *nt)
{
	struct machine *m = &nt->machine;

	dmi("product_uuid", m->uuid, sizeof(m->uuid));
	for (char *p = m->uuid; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	if (option_is(nt->options, "uuid", "swapped") && strlen(m->uuid) == 36) {
		/* The first three fields the other way round */
		static const unsigned char from[] = { 6, 7, 4, 5, 2, 3, 0, 1, 8, 11,
						      12, 9, 10, 13, 16, 17, 14, 15 };
		char was[40];

		memcpy(was, m->uuid, sizeof(was));
		for (size_t i = 0; i < COUNT(from); i++)
			m->uuid[i] = was[from[i]];
	}
	dmi("sys_vendor", m->vendor, sizeof(m->vendor));
	dmi("product_name", m->product, sizeof(m->product));
	dmi("bios_version", m->bios, sizeof(m->bios));
	m->s4 = has_s4("/sys/firmware/acpi/tables/DSDT") ||
		has_s4("/sys/firmware/acpi/tables/SSDT") ||
		has_s4("/sys/firmware/acpi/tables/SSDT1");
	m->pvpanic = !access("/sys/bus/acpi/devices/QEMU0001:00", F_OK);
	fact("machine uuid={%s} vendor=\"%s\" s4=%s pvpanic=%s", m->uuid, m->vendor,
	     m->s4 ? "yes" : "no", m->pvpanic ? "yes" : "no");
}

/* ---- disks ---- */

/* The PCI function nearest to a disk in the device tree */
static bool controller_of(const char *disk, char address[16])
{
	char path[300], real[PATH_MAX], *save = NULL;
	unsigned a, b, c, d;
	bool found = false;

	snprintf(path, sizeof(path), "/sys/block/%s", disk);
	if (!realpath(path, real))
		return false;
	for (char *part = strtok_r(real, "/", &save); part;
	     part = strtok_r(NULL, "/", &save)) {
		if (strlen(part) == 12 &&
		    sscanf(part, "%4x:%2x:%2x.%1x", &a, &b, &c, &d) == 4) {
			snprintf(address, 16, "%.15s", part);
			found = true;
		}
	}
	return found;
}

/* As Windows spells them in Enum\SCSI */
static void disk_names(const char *disk, struct machine_disk *d)
{
	char path[300];
	struct bytes vendor, model;

	snprintf(path, sizeof(path), "/sys/block/%s/device/vendor", disk);
	vendor = read_file(path);
	snprintf(path, sizeof(path), "/sys/block/%s/device/model", disk);
	model = read_file(path);
	if (!model.data) {
		strcpy(d->vendor, "Red_Hat");
		strcpy(d->product, "VirtIO");
	} else if (vendor.data && starts((char *)vendor.data, "ATA")) {
		strcpy(d->vendor, "QEMU");
		strcpy(d->product, "HARDDISK");
	} else {
		strcpy(d->vendor, "QEMU");
		strcpy(d->product, "QEMU_HARDDISK");
	}
	bytes_free(&vendor);
	bytes_free(&model);
}

static uint32_t mbr_signature(const char *disk)
{
	uint8_t sector[512] = { 0 };
	char path[300];
	int fd;

	snprintf(path, sizeof(path), "/dev/%s", disk);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	if (read(fd, sector, sizeof(sector)) != 512 || get16(sector + 510) != 0xaa55)
		memset(sector, 0, sizeof(sector));
	close(fd);
	return get32(sector + 440);
}

static bool is_disk(const char *name)
{
	return starts(name, "sd") || starts(name, "vd") || starts(name, "nvme");
}

/* All disks, the one that is named first */
static void list_disks(struct nt *nt, const char *system)
{
	DIR *dir = opendir("/sys/block");
	struct machine *m = &nt->machine;
	struct dirent *e;

	m->disk_count = 1;
	while (dir && (e = readdir(dir))) {
		size_t at = same(e->d_name, system) ? 0 : m->disk_count;
		struct machine_disk *d = &m->disks[at];

		if (!is_disk(e->d_name) || at >= MACHINE_DISKS ||
		    !controller_of(e->d_name, d->address))
			continue;
		disk_names(e->d_name, d);
		d->signature = mbr_signature(e->d_name);
		m->disk_count += at != 0;
	}
	if (dir)
		closedir(dir);
}

struct tried {
	char name[32][32];
	size_t n;
};

static bool try_disks(struct nt *nt, struct tried *t, char found[32])
{
	DIR *dir = opendir("/sys/block");
	struct dirent *e;
	bool good = false;

	while (dir && !good && (e = readdir(dir))) {
		bool old = !is_disk(e->d_name);
		char path[64];

		for (size_t i = 0; i < t->n; i++)
			old |= !strcmp(t->name[i], e->d_name);
		snprintf(path, sizeof(path), "/dev/%.31s", e->d_name);
		if (old || t->n == COUNT(t->name) || access(path, F_OK))
			continue;
		snprintf(t->name[t->n++], 32, "%.31s", e->d_name);
		snprintf(found, 32, "%.31s", e->d_name);
		good = nt_open(nt, path);
	}
	if (dir)
		closedir(dir);
	return good;
}

bool machine_find_system(struct nt *nt)
{
	struct tried tried = { .n = 0 };
	char disk[32];

	for (unsigned ms = 0; !try_disks(nt, &tried, disk); ms += 20) {
		if (ms >= DISK_WAIT_MS)
			return false;
		usleep(20000);
	}
	/* Others, such as a second port of the same controller */
	usleep(option_number(nt->options, "disk_ms", 50) * 1000);
	look_at_firmware(nt);
	pci_scan(&nt->pci);
	list_disks(nt, disk);
	nt->controller = pci_index(&nt->pci, nt->machine.disks[0].address);
	fact("system-disk name=%s controller=%s", disk, nt->machine.disks[0].address);
	return true;
}

void machine_firmware_write(struct nt *nt)
{
	uint64_t at = volume_place(nt->vol, "Windows/bootstat.dat");
	uint8_t sector[512];
	int fd = open(nt->path, O_RDWR | O_CLOEXEC);

	if (fd < 0 || !at || pread(fd, sector, sizeof(sector), (off_t)at) != 512)
		die("bootstat: can't be read");
	sector[0x30]++;
	if (pwrite(fd, sector, sizeof(sector), (off_t)at) != 512 || fdatasync(fd))
		die("bootstat: can't be written");
	close(fd);
	fact("firmware wrote bootstat");
}
