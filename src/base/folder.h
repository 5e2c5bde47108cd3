/* SPDX-License-Identifier: Apache-2.0 */
/* Making folders. Stateless. */
#pragma once

#include <sys/types.h>

/* Makes all folders above `path` that are not there, of this mode. 0 or a negative errno. */
int folder_make_above(const char *path, mode_t mode);
