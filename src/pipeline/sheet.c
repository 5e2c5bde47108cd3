/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counted with acquire and release, so that the last one to let go, and who takes it for something
 * else, has seen what the others read. No thread of its own.
 */
#include "pipeline/sheet.h"

#include <stdlib.h>

struct sheet *sheet_new(void)
{
	struct sheet *s = calloc(1, sizeof(*s));

	if (s)
		atomic_init(&s->refs, 1);
	return s;
}

struct sheet *sheet_ref(struct sheet *s)
{
	atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	return s;
}

struct sheet *sheet_unref(struct sheet *s)
{
	if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
		return NULL;
	buf_done(&s->bytes);
	free(s);
	return NULL;
}

bool sheet_is_own(const struct sheet *s)
{
	return atomic_load_explicit(&s->refs, memory_order_acquire) == 1;
}
