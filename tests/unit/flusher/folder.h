/* SPDX-License-Identifier: Apache-2.0 */
/* A folder of a test's own, and files in it. Include it after cmocka.h. */
#pragma once

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

struct folder {
	char path[40];
};

static inline void folder_open(struct folder *f)
{
	*f = (struct folder){ .path = "/tmp/test_flusher.XXXXXX" };
	assert_non_null(mkdtemp(f->path));
}

static inline int folder_remove_one(const char *path, const struct stat *st __attribute__((unused)),
				    int type __attribute__((unused)),
				    struct FTW *ftw __attribute__((unused)))
{
	return remove(path);
}

static inline void folder_close(struct folder *f)
{
	assert_int_equal(nftw(f->path, folder_remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

/* In a buffer that the next call but three reuses. */
static inline const char *folder_path(const struct folder *f, const char *name)
{
	static char paths[4][128];
	static size_t next;
	char *path = paths[next++ % ARRAY_SIZE(paths)];

	snprintf(path, sizeof(paths[0]), "%s/%s", f->path, name);
	return path;
}

static inline void folder_put(const struct folder *f, const char *name, const char *text)
{
	_cleanup_(fclosep) FILE *file = fopen(folder_path(f, name), "we");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
}

static inline bool folder_has(const struct folder *f, const char *name)
{
	return access(folder_path(f, name), F_OK) == 0;
}

/* The content of a file, NUL-terminated; "(none)" when there is no such file. */
static inline const char *folder_text(const struct folder *f, const char *name)
{
	static char text[65536];
	_cleanup_(fclosep) FILE *file = fopen(folder_path(f, name), "re");

	if (!file)
		return "(none)";
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	return text;
}
