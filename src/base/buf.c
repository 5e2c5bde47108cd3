/* SPDX-License-Identifier: Apache-2.0 */
/* A byte buffer that grows. No thread of its own: a buffer belongs to whoever appends to it. */
#include "base/buf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/decimal.h"

#define CAP_MIN 256

void buf_done(struct buf *b)
{
	free(b->data);
	*b = (struct buf){ 0 };
}

/* With no room left on paper, every later append comes to buf_grow() and is swallowed there. */
static int fail(struct buf *b)
{
	b->failed = true;
	b->cap = b->len;
	return -ENOMEM;
}

int buf_grow(struct buf *b, size_t more)
{
	size_t cap = b->cap ? b->cap : CAP_MIN;
	size_t need;
	char *data;

	if (b->failed || __builtin_add_overflow(b->len, more, &need) || need > SIZE_MAX / 2)
		return fail(b);
	if (need <= b->cap && b->data)
		return 0;
	while (cap < need)
		cap *= 2;
	data = realloc(b->data, cap);
	if (!data)
		return fail(b);
	b->data = data;
	b->cap = cap;
	return 0;
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	char *to;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0) {
		fail(b);
		return;
	}
	to = buf_room(b, (size_t)n + 1);
	if (!to)
		return;
	va_start(ap, fmt);
	vsnprintf(to, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
}

void buf_put_u64(struct buf *b, uint64_t v)
{
	char *to = buf_room(b, DECIMAL_ROOM);

	if (to)
		buf_advance(b, (size_t)(decimal_put_u64(to, v) - to));
}

void buf_put_i64(struct buf *b, int64_t v)
{
	char *to = buf_room(b, DECIMAL_ROOM);

	if (to)
		buf_advance(b, (size_t)(decimal_put_i64(to, v) - to));
}
