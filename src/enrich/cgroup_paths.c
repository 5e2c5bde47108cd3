/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One directory descriptor per hierarchy, kept open. Runs on the reader thread; cgroupfs does not
 * block.
 */
#include "enrich/cgroup_paths.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#define HIERARCHIES_MAX 32
#define FILEID_KERNFS 0xfe /* include/linux/exportfs.h */
#define ROOT_INO 1	   /* of kernfs: fs/kernfs/dir.c, kernfs_create_root() */

struct hierarchy {
	uint32_t id;
	int fd;
	char *mount; /* where it is mounted */
	size_t mount_len;
};

struct cgroup_paths {
	struct hierarchy hierarchies[HIERARCHIES_MAX];
	size_t n;
};

struct cgroup_paths *cgroup_paths_free(struct cgroup_paths *c)
{
	if (!c)
		return NULL;
	for (size_t i = 0; i < c->n; i++) {
		close(c->hierarchies[i].fd);
		free(c->hierarchies[i].mount);
	}
	free(c);
	return NULL;
}

/* Is `name` one of the comma-separated words of `list`? */
static bool has_word(const char *list, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = list; (p = strstr(p, name)); p++)
		if ((p == list || p[-1] == ',') && (p[n] == ',' || p[n] == '\0'))
			return true;
	return false;
}

/*
 * The number of the v1 hierarchy with one of these mount options, by a line "number:names:path" of
 * /proc/self/cgroup: /proc/cgroups lacks those that have a name and no controller.
 */
static int hierarchy_of(const char *super_options, uint32_t *ret)
{
	_cleanup_(fclosep) FILE *f = fopen("/proc/self/cgroup", "re");
	char line[4096 + 256], name[64];
	unsigned int id;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%u:%63[^,:]", &id, name) == 2 && id > 0 &&
		    has_word(super_options, name)) {
			*ret = id;
			return 0;
		}
	return -ENOENT;
}

static bool is_known(const struct cgroup_paths *c, uint32_t id)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->hierarchies[i].id == id)
			return true;
	return false;
}

static int add(struct cgroup_paths *c, uint32_t id, const char *mount)
{
	_cleanup_(freep) char *copy = NULL;
	_cleanup_(closep) int fd = -1;
	struct stat st;

	if (c->n == HIERARCHIES_MAX || is_known(c, id))
		return 0;
	fd = open(mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || st.st_ino != ROOT_INO)
		return 0; /* hidden from us: its groups stay unknown */
	copy = strdup(mount);
	if (!copy)
		return -ENOMEM;
	c->hierarchies[c->n++] = (struct hierarchy){
		.id = id, .fd = TAKE_FD(fd), .mount = TAKE_PTR(copy), .mount_len = strlen(mount)
	};
	return 0;
}

/*
 * A line of proc_pid_mountinfo(5): ... root mountpoint options - type source super-options. Only
 * whole hierarchies are of use. What they are the inode says: in a control group namespace of its
 * own, as containers have one, the root of a part is told as "/" and that of the whole as "/../..".
 */
static int add_line(struct cgroup_paths *c, char *line)
{
	char mount[4096], type[64], super[512];
	char *dash = strstr(line, " - ");
	uint32_t id = 0;

	if (!dash || sscanf(line, "%*d %*d %*s %*s %4095s", mount) != 1 ||
	    sscanf(dash, " - %63s %*s %511s", type, super) != 2)
		return 0;
	if (strcmp(type, "cgroup2") == 0 ||
	    (strcmp(type, "cgroup") == 0 && hierarchy_of(super, &id) == 0))
		return add(c, id, mount);
	return 0;
}

int cgroup_paths_new(struct cgroup_paths **ret)
{
	_cleanup_(cgroup_paths_freep) struct cgroup_paths *c = calloc(1, sizeof(*c));
	_cleanup_(fclosep) FILE *f = fopen("/proc/self/mountinfo", "re");
	_cleanup_(freep) char *line = NULL;
	size_t cap = 0;
	int r;

	if (!c)
		return -ENOMEM;
	while (f && getline(&line, &cap, f) > 0) {
		r = add_line(c, line);
		if (r < 0)
			return r;
	}
	*ret = TAKE_PTR(c);
	return 0;
}

static int open_by_id(const struct hierarchy *h, uint64_t id)
{
	union {
		struct file_handle handle;
		char room[sizeof(struct file_handle) + sizeof(uint64_t)];
	} u = { .handle = { .handle_bytes = sizeof(id), .handle_type = FILEID_KERNFS } };
	int fd;

	memcpy(u.handle.f_handle, &id, sizeof(id));
	fd = open_by_handle_at(h->fd, &u.handle, O_PATH | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int path_of(int fd, const struct hierarchy *h, char *to, size_t size)
{
	char link[64], path[8192];
	ssize_t n;
	size_t len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n < 0)
		return -errno;
	path[n] = '\0';
	if (strncmp(path, h->mount, h->mount_len) != 0)
		return -ENOENT;
	len = (size_t)n - h->mount_len;
	if (len + 2 > size)
		return -ENAMETOOLONG;
	if (len == 0)
		return snprintf(to, size, "/");
	memcpy(to, path + h->mount_len, len + 1);
	return (int)len;
}

static const struct hierarchy *find_hierarchy(const struct cgroup_paths *c, uint32_t id)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->hierarchies[i].id == id)
			return &c->hierarchies[i];
	return NULL;
}

bool cgroup_paths_is_gone(const struct cgroup_paths *c, uint32_t hierarchy, uint64_t id)
{
	const struct hierarchy *h = find_hierarchy(c, hierarchy);
	_cleanup_(closep) int fd = h ? open_by_id(h, id) : -ENOENT;

	return fd == -ESTALE;
}

int cgroup_paths_lookup(const struct cgroup_paths *c, uint32_t hierarchy, uint64_t id, char *to,
			size_t size)
{
	const struct hierarchy *h = find_hierarchy(c, hierarchy);
	_cleanup_(closep) int fd = h ? open_by_id(h, id) : -ENOENT;

	return fd < 0 ? fd : path_of(fd, h, to, size);
}
