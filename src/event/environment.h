/* SPDX-License-Identifier: Apache-2.0 */
/* Environments as the kernel has them: NAME=value, each with its NUL but perhaps the last. Pure. */
#pragma once

#include <stdbool.h>

#include "base/str.h"

/* Takes the next variable off *rest; false at the end. */
bool environment_next(struct str *rest, struct str *ret);

/* Whether a variable has one of these names (ended by NULL; NULL: none). */
bool environment_is_named(struct str variable, const char *const *names);
