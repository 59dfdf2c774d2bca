// SPDX-License-Identifier: GPL-2.0-or-later
/* confine.c - would AppArmor or SELinux keep QEMU from a guest's files? */

#include "hook/checkup/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "helper/shared/file.h"
#include "hook/host/child.h"

#ifndef FUSE_SUPER_MAGIC
#define FUSE_SUPER_MAGIC 0x65735546
#endif
#ifndef CIFS_SUPER_MAGIC
#define CIFS_SUPER_MAGIC 0xff534d42
#endif
#ifndef SMB2_SUPER_MAGIC
#define SMB2_SUPER_MAGIC 0xfe534d42
#endif

/* Far more than it needs; a network file system may not answer at all. */
#define SECONDS_ASKED 10
#define WORDS_LIMIT 65536

/* Debian and Ubuntu, openSUSE. */
static const char *const helpers[] = {
	"/usr/lib/libvirt/virt-aa-helper", "/usr/libexec/virt-aa-helper",
	"/usr/libexec/libvirt/virt-aa-helper",
};

static const char *find_helper(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(helpers); i++)
		if (access(helpers[i], X_OK) == 0)
			return helpers[i];
	return NULL;
}

static void __attribute__((noreturn))
run_helper(const char *helper, const char *profile, int in, int out)
{
	static char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin", language[] = "LC_ALL=C";
	char *const env[] = { path, language, NULL };

	child_reset_signals();
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (dup2(in, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0 &&
	    dup2(out, STDERR_FILENO) >= 0)
		execle(helper, helper, "--dryrun", "--replace", "--uuid", profile,
		       (char *)NULL, env);
	_exit(127);
}

static int memory_file(const char *text)
{
	int fd = memfd_create("busflip", MFD_CLOEXEC);
	struct error ignored;

	if (fd >= 0 && text && (write_all(fd, text, strlen(text), &ignored) < 0 ||
				lseek(fd, 0, SEEK_SET) < 0))
		cleanup_close(&fd);
	return fd;
}

/* Its messages on one line, without "virt-aa-helper: error: ". */
static void take_words(int fd, struct error *err)
{
	AUTO_FREE char *text = NULL;
	char words[512] = "", *save = NULL;
	size_t len, used = 0;

	if (lseek(fd, 0, SEEK_SET) < 0 || read_all(fd, WORDS_LIMIT, &text, &len, NULL) < 0)
		return;
	for (char *line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		const char *said = strstr(line, "error: ");

		if (said && str_printf(words + used, sizeof(words) - used, "%s%s",
				       used ? ": " : "", said + 7))
			used = strlen(words);
	}
	if (words[0])
		fail(err, EACCES, "%s", words);
}

int confine_apparmor(const char *uuid, const char *xml, struct error *err)
{
	const char *helper = find_helper();
	AUTO_FD int in = memory_file(xml), out = memory_file(NULL);
	char profile[64];
	pid_t pid;
	int status = 0, r;

	if (!helper)
		return fail(err, ENOENT, "libvirt's virt-aa-helper is not installed");
	if (in < 0 || out < 0 || !str_printf(profile, sizeof(profile), "libvirt-%s", uuid))
		return fail_errno(err, "cannot ask virt-aa-helper");
	pid = fork();
	if (pid == 0)
		run_helper(helper, profile, in, out);
	if (pid < 0)
		return fail_errno(err, "cannot ask virt-aa-helper");
	r = child_wait(pid, SECONDS_ASKED * 1000, &status);
	if (r == 0)
		child_kill(&pid);
	if (r != 1 || !WIFEXITED(status) || WEXITSTATUS(status) == 127)
		return fail(err, EIO, "virt-aa-helper gave no answer");
	if (WEXITSTATUS(status) == 0)
		return 1;
	fail(err, EACCES, "virt-aa-helper makes no profile for it");
	take_words(out, err);
	return 0;
}

const char *confine_boolean(long type)
{
	switch ((unsigned long)type & 0xffffffff) {
	case NFS_SUPER_MAGIC:
		return "virt_use_nfs";
	case CIFS_SUPER_MAGIC:
	case SMB2_SUPER_MAGIC:
		return "virt_use_samba";
	case FUSE_SUPER_MAGIC:
		return "virt_use_fusefs";
	default:
		return NULL;
	}
}

int confine_boolean_is_on(const char *folder, const char *name)
{
	char path[4096], value;
	AUTO_FD int fd = -1;

	if (!str_printf(path, sizeof(path), "%s/%s", folder, name))
		return -1;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, &value, 1) != 1)
		return -1;
	return value == '1';
}
