/* SPDX-License-Identifier: Apache-2.0 */
/* Making folders. Stateless. */
#pragma once

#include <sys/types.h>

/* Makes all folders above `path` that are not there, of this mode. 0 or a negative errno. */
int folder_make_above(const char *path, mode_t mode);
/*
 * Makes a folder that nobody but our user may enter, or finds that it is one: a wider mode is
 * narrowed. 0 or a negative errno: -EPERM: it is another user's.
 */
int folder_make_private(const char *path);
