/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of users, from the host's passwd file (passwd(5)). The file is read as a whole, when it is
 * first asked for and whenever it has changed: no NSS, no network, nothing that blocks the reader
 * thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/str.h"

struct user_names;

/* `path` is borrowed, for the program's life. 0 or -ENOMEM. */
int user_names_new(const char *path, struct user_names **ret);
struct user_names *user_names_free(struct user_names *u);
DEFINE_CLEANUP(struct user_names *, user_names_free)

/*
 * Looks at the file again; true when it has changed since the last time (then all names may have).
 */
bool user_names_refresh(struct user_names *u);

/* The name, borrowed until the next refresh; "" where the id has none. */
struct str user_names_lookup(const struct user_names *u, uint32_t uid);
