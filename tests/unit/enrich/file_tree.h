/* SPDX-License-Identifier: Apache-2.0 */
/* A folder of a test's own with files at paths below it. */
#pragma once

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

#define FILE_TREE_TEMPLATE "/tmp/proctrail-tree-XXXXXX"

struct file_tree {
	char root[sizeof(FILE_TREE_TEMPLATE)];
};

static inline void file_tree_make(struct file_tree *t)
{
	memcpy(t->root, FILE_TREE_TEMPLATE, sizeof(t->root));
	assert_non_null(mkdtemp(t->root));
}

static inline int file_tree_remove_one(const char *path, const struct stat *st, int type,
				       struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path);
}

static inline void file_tree_remove(struct file_tree *t)
{
	assert_int_equal(nftw(t->root, file_tree_remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

/* The path of what is below the root, until the next call; the folders above it are made. */
static inline const char *file_tree_path(const struct file_tree *t, const char *below)
{
	static char path[1024];
	size_t n_root = strlen(t->root);

	assert_in_range(snprintf(path, sizeof(path), "%s/%s", t->root, below), 1, sizeof(path) - 1);
	for (char *slash = path + n_root; (slash = strchr(slash + 1, '/')); *slash = '/') {
		*slash = '\0';
		(void)mkdir(path, 0700);
	}
	return path;
}

static inline void file_tree_put_bytes(const struct file_tree *t, const char *below,
				       const void *bytes, size_t n)
{
	_cleanup_(closep) int fd =
		open(file_tree_path(t, below), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, n), n);
}

static inline void file_tree_put(const struct file_tree *t, const char *below, const char *text)
{
	file_tree_put_bytes(t, below, text, strlen(text));
}
