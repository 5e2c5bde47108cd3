/* SPDX-License-Identifier: Apache-2.0 */
/* Counts the records that a filter kept because it could not decide, and says so now and then. */
#pragma once

#include <stdint.h>

struct undecided {
	uint64_t n;	     /* since it was said */
	uint64_t said_at_ns; /* 0: never */
};

/* One more; `name` is the filter's. */
void undecided_count(struct undecided *u, const char *name);
/* Says what has not been said yet. */
void undecided_stop(struct undecided *u, const char *name);
