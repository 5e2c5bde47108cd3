/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of users, from the host's passwd file (passwd(5)). The file is read as a whole, when it is first
 * asked for and whenever it has changed: no NSS, no network, nothing that blocks the reader thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/str.h"

struct users;

/* `path` is borrowed, for the program's life. 0 or -ENOMEM. */
int users_new(const char *path, struct users **ret);
struct users *users_free(struct users *u);
DEFINE_CLEANUP(struct users *, users_free)

/* Looks at the file again; true when it has changed since the last time (then all names may have). */
bool users_refresh(struct users *u);

/* The name, borrowed until the next refresh; "" where the id has none. */
struct str users_lookup(const struct users *u, uint32_t uid);
