// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-datafile.c - a file in which an image keeps its data: checked by name, by owner and
 * mode, and by what QEMU's user may do; and which files of an image are written to
 */

#include "hook/image/datafile.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "helper/shared/refusal.h"
#include "hook/image/backing.h"
#include "tests/folder.h"

static const struct {
	const char *image, *file;
	bool own;
} names[] = {
	{ "win.vmdk", "win-flat.vmdk", true },
	{ "win.vmdk", "win-s001.vmdk", true },
	{ "win.vmdk", "win-f001.vmdk", true },
	{ "win.vmdk", "win-000001-delta.vmdk", true },
	{ "win-000001.vmdk", "win-000001-sesparse.vmdk", true },
	{ "win.qcow2", "win.raw", true },
	{ "win.qcow2", "win.qcow2.data", true },
	{ "win.qcow2", "win_data", true },
	{ "win", "win.data", true },
	{ "a.b.qcow2", "a.b-data", true },
	{ ".win", ".win-data", true },
	{ "m\xc3\xbcnchen.vmdk", "m\xc3\xbcnchen-flat.vmdk", true },
	{ "win.qcow2", "win2.raw", false },
	{ "win.qcow2", "window.raw", false },
	{ "win.qcow2", "winX.raw", false },
	{ "win.qcow2", "win", false },
	{ "win.qcow2", "victim.raw", false },
	{ "win.qcow2", "wi-n.raw", false },
	{ "win.qcow2", "Win-data.raw", false },
	{ "win.qcow2", "win\xc3\xbc.raw", false },
	{ "win.qcow2", "win data", false },
	{ "win.qcow2", "win\ndata", false },
	{ ".qcow2", "victim.raw", false },
	{ ".qcow2", "-victim.raw", false },
	{ "..qcow2", "victim.raw", false },
	{ "a.b.qcow2", "a-data", false },
};

static const struct {
	const char *what;
	uid_t uid;
	gid_t gid;
	mode_t mode, image;
	bool open;
} modes[] = {
	{ "both of one owner", 7, 8, 0600, 0600, true },
	{ "more open than the image", 7, 8, 0666, 0600, true },
	{ "another group, which may not write the image", 7, 9, 0600, 0640, true },
	{ "another owner", 0, 8, 0600, 0600, false },
	{ "another owner, though all may write it", 0, 8, 0666, 0600, false },
	{ "the image's group may not write it", 7, 8, 0640, 0660, false },
	{ "another group", 7, 9, 0660, 0660, false },
	{ "the same group", 7, 8, 0660, 0660, true },
	{ "all may write the image alone", 7, 8, 0660, 0666, false },
	{ "all may write both", 7, 8, 0666, 0666, true },
};

/* A group of its user's entry gets in nobody's way. */
static const struct access_user stranger = { 64999, 64999 };

static void make_file(const char *name, mode_t mode, const char *text)
{
	FILE *f = fopen(in_folder(name), "w");

	ok(f && fputs(text, f) >= 0 && fclose(f) == 0 && chmod(in_folder(name), mode) == 0,
	   "file %s", name);
}

static void checks(const char *what, const char *file, const struct access_user *qemu,
		   bool write, const char *says)
{
	struct error err = { 0 };
	int r = datafile_check(in_folder("win.img"), in_folder(file), write, qemu, &err);

	is_int(r, says ? -1 : 0, "%s", what);
	if (says)
		ok(err.code == REFUSE_FORMAT && strstr(err.msg, says), "says so: %s", err.msg);
}

static void test_files(void)
{
	const bool root = geteuid() == 0;

	make_file("win.img", 0660, "");
	make_file("win-data", 0660, "");
	make_file("win-read", 0644, "");
	make_file("other", 0660, "");
	ok(mkdir(in_folder("win-folder"), 0755) == 0, "a folder");
	make_file("win-folder/win-data", 0660, "");
	ok(chmod(folder, 0755) == 0, "all may enter");
	checks("its own", "win-data", NULL, true, NULL);
	checks("by its name another's", "other", NULL, true, "by its name");
	checks("a folder", "win-folder", NULL, true, "not a file in its own folder");
	checks("in another folder", "win-folder/win-data", NULL, true, "in its own folder");
	checks("not open to the image's group", "win-read", NULL, true, "may write: if");
	checks("QEMU's user may only read it", "win-read", root ? &stranger : NULL, true,
	       "may write: if");
	if (!root)
		return;
	checks("which is enough below another image", "win-read", &stranger, false, NULL);
	ok(chown(in_folder("win-read"), stranger.uid, 0) == 0, "QEMU's user may write it");
	checks("which is enough", "win-read", &stranger, true, NULL);
	checks("and is not, where nobody knows who that is", "win-read", NULL, true,
	       "may write: if");
}

/* ---- which are written to ---------------------------------------------------- */

static void finds(const char *what, const char *image, const char *format, size_t count,
		  size_t writable)
{
	struct backing found;
	struct error err = { 0 };
	size_t n = 0;

	is_int(backing_find(in_folder(image), format, NULL, monotonic_ms() + 10000, &found, &err),
	       0, "%s: %s", what, err.msg);
	for (size_t i = 0; i < found.count; i++)
		n += found.writable[i];
	is_int((long)found.count, (long)count, "its files");
	is_int((long)n, (long)writable, "those that are written to");
	backing_free(&found);
}

/* A header of version 2 with the name of a backing file behind it, and its format. */
static void make_overlay(const char *name, const char *below, const char *format)
{
	uint8_t head[512] = { 'Q', 'F', 'I', 0xfb, 0, 0, 0, 2 };
	AUTO_FD int fd = open(in_folder(name), O_WRONLY | O_CREAT, 0600);

	head[15] = 160;
	head[14] = 0;
	head[19] = (uint8_t)strlen(below);
	memcpy(head + 160, below, strlen(below));
	memcpy(head + 72, "\xe2\x79\x2a\xca\0\0\0", 8);
	head[79] = (uint8_t)strlen(format);
	memcpy(head + 80, format, strlen(format));
	ok(fd >= 0 && write(fd, head, sizeof(head)) == sizeof(head), "overlay %s", name);
}

static void test_written(void)
{
	make_file("flat.vmdk", 0600, "# Disk DescriptorFile\nRW 8 FLAT \"flat-1\" 0\n"
		  "RDONLY 8 FLAT \"flat-2\" 0\nNOACCESS 8 FLAT \"none\" 0\n");
	make_file("flat-1", 0600, "");
	make_file("flat-2", 0600, "");
	make_overlay("top", "flat.vmdk", "vmdk");
	finds("extents", "flat.vmdk", "vmdk", 2, 1);
	finds("the same below a qcow2", "top", "qcow2", 3, 0);
}

/* ---- whose they are ---------------------------------------------------------- */

static int find(const char *image, int64_t deadline, struct error *err)
{
	struct backing found;
	int r = backing_find(in_folder(image), "vmdk", NULL, deadline, &found, err);

	backing_free(&found);
	return r;
}

static void test_owners(void)
{
	static const char names_it[] = "# Disk DescriptorFile\nRW 8 FLAT \"win-server-flat\" 0\n";
	int64_t deadline = monotonic_ms() + 60000;
	struct error err = { 0 };

	make_file("win-server-flat", 0600, "");
	make_file("win.vmdk", 0600, names_it);
	is_int(find("win.vmdk", deadline, &err), 0, "no other image: %s", err.msg);
	make_file("win-server.img", 0600, "no image that has a header");
	is_int(find("win.vmdk", deadline, &err), 0, "nor such a one: %s", err.msg);
	make_file("win-server.vmdk", 0600, "# Disk DescriptorFile\n");
	is_int(find("win.vmdk", deadline, &err), -1, "an image with a longer name");
	ok(err.code == REFUSE_FORMAT && strstr(err.msg, "also belongs to") &&
	   strstr(err.msg, "/win-server.vmdk: "), "says so: %s", err.msg);
	make_file("win-server.vmdk", 0600, names_it);
	is_int(find("win-server.vmdk", deadline, &err), 0, "whose it is");
	make_file("win-server.qcow2", 0600, "# Disk DescriptorFile\n");
	is_int(find("win-server.vmdk", deadline, &err), 0, "beside one of as long a name");
	make_file("win-server.qcow2", 0600, names_it);
	is_int(find("win-server.vmdk", deadline, &err), -1, "that names it as well");
	ok(strstr(err.msg, "/win-server.qcow2: "), "says so: %s", err.msg);
	is_int(find("win-server.vmdk", BACKING_OF_JOURNAL, &err), 0, "not for a journal");
	is_int(find("win-server.vmdk", monotonic_ms(), &err), -1, "no time");
	ok(err.code == REFUSE_HELPER_DIED && strstr(err.msg, "the time limit was over"),
	   "says so: %s", err.msg);
}

int main(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char image[128], file[128];

		snprintf(image, sizeof(image), "/a-b/win.d/%s", names[i].image);
		snprintf(file, sizeof(file), "/a-b/win.d/%s", names[i].file);
		is_int(datafile_is_called_after(image, file), names[i].own, "%s of %s",
		       names[i].file, names[i].image);
	}
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		const struct stat image = { .st_uid = 7, .st_gid = 8, .st_mode = modes[i].image };
		const struct stat file = {
			.st_uid = modes[i].uid, .st_gid = modes[i].gid, .st_mode = modes[i].mode,
		};

		is_int(datafile_is_as_open(&image, &file), modes[i].open, "%s", modes[i].what);
	}
	begin_folder();
	test_files();
	test_written();
	test_owners();
	end_folder();
	return done_testing();
}
