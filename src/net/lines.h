/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes that come in pieces, handed on as lines. A line has a limit; one that is whole within a
 * piece is not copied. Plain data with one owner.
 */
#pragma once

#include "base/buf.h"

/* One line, without its end, never empty; not NUL-terminated. A negative errno ends it. */
typedef int lines_fn(void *ctx, struct str line);

struct lines {
	lines_fn *fn;
	void *ctx;
	size_t max_bytes; /* of a line */
	struct buf part;  /* of one whose end has not come */
};

/*
 * 0, what fn returned, -EMSGSIZE for a line that is too long, -ENOMEM; after a failure no further
 * call.
 */
int lines_put(struct lines *l, struct str piece);
void lines_done(struct lines *l);
