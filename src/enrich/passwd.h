/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A passwd file (passwd(5)) in memory, and an index of it sorted by uid. Of several lines with one
 * uid the first counts, as for getpwuid(3). What the file says is hostile: what is no entry is
 * skipped, a name is any bytes but ':', NUL and newline. Plain data with one owner.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/str.h"

struct passwd;

/* Tells one version of a file from another. */
struct passwd_identity {
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec mtime, ctime;
};

struct passwd_identity passwd_identity_of(const struct stat *st);
bool passwd_identity_eq(const struct passwd_identity *a, const struct passwd_identity *b);

/*
 * Reads a file of `size` bytes, or what is left of it; borrows the descriptor. 0, -EFBIG where size
 * is more than max, -ENOMEM, or what read(2) says.
 */
int passwd_read(int fd, off_t size, off_t max, struct passwd **ret);
struct passwd *passwd_free(struct passwd *p);
DEFINE_CLEANUP(struct passwd *, passwd_free)

/* The name, borrowed; "" where the id has none. NULL has no names. */
struct str passwd_lookup(const struct passwd *p, uint32_t uid);
size_t passwd_bytes(const struct passwd *p);
