/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an encoder has written of a batch, for all chunks that show a part of it. The reader writes
 * at its end until the first of these chunks is on its way to a flusher; then it is constant, and
 * freed by whoever lets go of it last.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/cleanup.h"

struct sheet {
	atomic_uint refs;
	struct buf bytes;
};

struct sheet *sheet_new(void); /* NULL when memory ran out */
struct sheet *sheet_ref(struct sheet *s);
struct sheet *sheet_unref(struct sheet *s); /* any thread; returns NULL */
DEFINE_CLEANUP(struct sheet *, sheet_unref)

/* Whether nobody has it but who asks: what others did with it is over. */
bool sheet_is_own(const struct sheet *s);

/* A record in a sheet. */
struct text {
	struct sheet *sheet; /* borrowed */
	size_t begin, n;
};
