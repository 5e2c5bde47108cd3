/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Patterns as in a shell: `*` stands for any text, `/` included, `?` for one character, `[a-z]` for
 * one of a set and `[!a-z]` for one that is not in it; `\` takes the next character as it is. The
 * whole value has to match. A character is one of UTF-8, or a byte that is none. Takes time in
 * proportion to the value's length times the pattern's, at most. Constant once made; any thread.
 */
#pragma once

#include <stdbool.h>

#include "base/cleanup.h"
#include "base/str.h"

struct glob;

/* 0; -EINVAL with *reterr, a clause in plain words (static); -ENOMEM. */
int glob_new(const char *pattern, const char **reterr, struct glob **ret);
struct glob *glob_free(struct glob *g);
DEFINE_CLEANUP(struct glob *, glob_free)

bool glob_matches(const struct glob *g, struct str value);
