/* SPDX-License-Identifier: Apache-2.0 */
/* A folder of a test's own, and what is in it removed with it. */
#pragma once

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER_TEMPLATE "/tmp/proctrail-test-XXXXXX"

struct folder {
	char path[sizeof(FOLDER_TEMPLATE)];
	char sub[64], socket[64]; /* sub is not made */
};

static inline int folder_make(struct folder *f)
{
	memcpy(f->path, FOLDER_TEMPLATE, sizeof(FOLDER_TEMPLATE));
	if (!mkdtemp(f->path))
		return -errno;
	snprintf(f->sub, sizeof(f->sub), "%s/run", f->path);
	snprintf(f->socket, sizeof(f->socket), "%s/run/a.sock", f->path);
	return 0;
}

static inline void folder_empty(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;

	while (d && (e = readdir(d)))
		unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
	rmdir(path);
}

static inline void folder_remove(struct folder *f)
{
	folder_empty(f->sub);
	folder_empty(f->path);
}
