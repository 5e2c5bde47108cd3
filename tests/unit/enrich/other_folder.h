/* SPDX-License-Identifier: Apache-2.0 */
/* A folder that stands for a container's root. */
#pragma once

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/cleanup.h"

struct other_folder {
	char path[64];
};

static inline const char *other_path(const struct other_folder *f, const char *name)
{
	static char path[4096];

	snprintf(path, sizeof(path), "%s/%s", f->path, name);
	return path;
}

static inline void other_write(const struct other_folder *f, const char *name, const char *text)
{
	_cleanup_(closep) int fd = open(other_path(f, name), O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static inline void other_make(struct other_folder *f)
{
	strcpy(f->path, "/tmp/test_other_root.XXXXXX");
	assert_non_null(mkdtemp(f->path));
	assert_int_equal(mkdir(other_path(f, "etc"), 0755), 0);
}

static inline void other_remove(const struct other_folder *f)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", f->path);
	assert_int_equal(system(command), 0);
}
