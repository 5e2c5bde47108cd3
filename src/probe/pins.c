/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The folder, its lock, and what generations are in it. Whoever could put a pin there could make
 * the agent read it, so it belongs to the agent's user, and nobody else may enter. Reader thread.
 */
#include "probe/pins.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/vfs.h>

#include "base/folder.h"
#include "base/lock.h"
#include "base/log.h"
#include "probe/generation.h"

#define LOG_UNIT "pins"

#define BPFFS "/sys/fs/bpf"
#define LOCK_TRIES 10 /* somebody who stops removes the folder that we have just made */

struct pins {
	char *folder;
	int lock_fd;
};

static bool is_bpffs(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && (unsigned long)fs.f_type == BPF_FS_MAGIC;
}

/* Of a folder that may not be there yet: whether the one is that it would be made in. */
static bool would_be_on_bpffs(const char *folder)
{
	char path[PATH_MAX];
	char *slash;

	if (snprintf(path, sizeof(path), "%s", folder) >= (int)sizeof(path))
		return false;
	while (access(path, F_OK) < 0 && (slash = strrchr(path, '/')) && slash != path)
		*slash = '\0';
	return is_bpffs(path);
}

static int mount_bpffs(void)
{
	if (is_bpffs(BPFFS))
		return 0;
	if (mount("bpf", BPFFS, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700") < 0)
		return -errno;
	log_info("mounted bpffs on " BPFFS);
	return 0;
}

/* The folder and the one that it is in, which the agent's instances share. */
static int make_folders(const char *folder)
{
	char parent[PATH_MAX];
	char *slash;
	int r;

	if (snprintf(parent, sizeof(parent), "%s", folder) >= (int)sizeof(parent))
		return -ENAMETOOLONG;
	slash = strrchr(parent, '/');
	if (!slash || slash == parent)
		return -EINVAL;
	*slash = '\0';
	r = folder_make_private(parent);
	return r < 0 ? r : folder_make_private(folder);
}

static int make_and_lock(const char *folder, int *ret_fd)
{
	int r = -ENOENT;

	for (int i = 0; i < LOCK_TRIES && r == -ENOENT; i++) {
		r = make_folders(folder);
		if (r == 0)
			r = lock_folder(folder, ret_fd);
	}
	return r;
}

static int log_holder(const char *folder)
{
	char why[PATH_MAX];

	log_err("%s", lock_describe_conflict(folder, why, sizeof(why)));
	return -EBUSY;
}

/* Fails where something is left in them, or another instance is there. */
static void remove_folders(const char *folder)
{
	char parent[PATH_MAX];

	if (rmdir(folder) < 0)
		return;
	snprintf(parent, sizeof(parent), "%.*s", (int)(strrchr(folder, '/') - folder), folder);
	(void)rmdir(parent);
}

int pins_new(const char *folder, struct pins **ret, const char **reterr)
{
	_cleanup_(pins_freep) struct pins *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return -ENOMEM;
	p->lock_fd = -1;
	*reterr = "bpffs cannot be mounted on " BPFFS;
	if (strncmp(folder, BPFFS "/", sizeof(BPFFS)) == 0) {
		r = mount_bpffs();
		if (r < 0)
			return r;
	}
	/* Nothing is made, and nobody's mode narrowed, where the folder cannot be used. */
	*reterr = "it is not on bpffs";
	if (!would_be_on_bpffs(folder))
		return -EMEDIUMTYPE;
	*reterr = "its folder cannot be made, or belongs to another user";
	r = make_and_lock(folder, &p->lock_fd);
	if (r < 0)
		return r == -EBUSY ? log_holder(folder) : r;
	p->folder = strdup(folder);
	if (!p->folder)
		return -ENOMEM;
	*ret = TAKE_PTR(p);
	return 0;
}

struct pins *pins_free(struct pins *p)
{
	if (!p)
		return NULL;
	if (p->folder)
		remove_folders(p->folder);
	if (p->lock_fd >= 0)
		close(p->lock_fd);
	free(p->folder);
	free(p);
	return NULL;
}

const char *pins_folder(const struct pins *p)
{
	return p->folder;
}

/* The number that a name "g17" has, else 0. */
static uint16_t number_of(const char *name)
{
	uint16_t number = 0;
	char again[16];

	if (sscanf(name, "g%" SCNu16, &number) != 1)
		return 0;
	snprintf(again, sizeof(again), "g%" PRIu16, number);
	return strcmp(again, name) == 0 ? number : 0;
}

/* They wrap: what is less than half the way ahead is younger. */
static bool is_older(uint16_t a, uint16_t b)
{
	return (int16_t)(uint16_t)(a - b) < 0;
}

/* Keeps the youngest, in order; `n` of them are there. Returns the one that has no room, or 0. */
static uint16_t insert(uint16_t numbers[PINS_GENERATIONS_MAX], int *n, uint16_t number)
{
	uint16_t out = 0;
	int i;

	if (*n == PINS_GENERATIONS_MAX) {
		if (is_older(number, numbers[0]))
			return number;
		out = numbers[0];
		memmove(numbers, numbers + 1, (size_t)-- * n * sizeof(numbers[0]));
	}
	for (i = *n; i > 0 && is_older(number, numbers[i - 1]); i--)
		numbers[i] = numbers[i - 1];
	numbers[i] = number;
	++*n;
	return out;
}

int pins_list(const char *folder, uint16_t numbers[PINS_GENERATIONS_MAX])
{
	_cleanup_(closedirp) DIR *dir = opendir(folder);
	const struct dirent *entry;
	int n = 0;

	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		uint16_t number = number_of(entry->d_name), out;

		if (!number)
			continue;
		out = insert(numbers, &n, number);
		if (!out)
			continue;
		log_warn("more than %d generations are pinned in '%s': generation %" PRIu16
			 " is removed, and what it lost is not reported",
			 PINS_GENERATIONS_MAX, folder, out);
		generation_remove(folder, out);
	}
	return n;
}

uint16_t pins_next(uint16_t last)
{
	return last == UINT16_MAX ? 1 : last + 1;
}

int pins_remove(const char *folder)
{
	uint16_t numbers[PINS_GENERATIONS_MAX] = { 0 };
	_cleanup_(closep) int fd = -1;
	int r = lock_folder(folder, &fd), n;

	if (r == -ENOENT)
		return 0;
	if (r == -EBUSY)
		return log_holder(folder);
	if (r < 0)
		return log_err_errno(r, "cannot lock '%s'", folder);
	n = pins_list(folder, numbers);
	if (n < 0)
		return log_err_errno(n, "cannot read '%s'", folder);
	for (int i = 0; i < n; i++)
		generation_remove(folder, numbers[i]);
	remove_folders(folder);
	return n;
}
