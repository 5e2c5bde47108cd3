/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A byte buffer that grows. Appending never fails at the call: when memory runs out the buffer
 * turns `failed`, keeps what it had, and swallows the rest; whoever uses the bytes asks
 * buf_failed() once. Zero-initialised is empty. Not NUL-terminated.
 */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/str.h"

struct buf {
	char *data;
	size_t len, cap;
	bool failed;
};

void buf_done(struct buf *b);

/* Grows the capacity so that `more` bytes fit; 0 or -ENOMEM (then the buffer is failed). */
int buf_grow(struct buf *b, size_t more);

/* printf into the buffer: for start-up and error text, not for the hot path. */
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * Room for n bytes (at least one) at the end, or NULL when memory ran out. Write at most n bytes
 * there, then buf_advance() by what was written.
 */
static inline char *buf_room(struct buf *b, size_t n)
{
	if (__builtin_expect(b->cap - b->len < n, 0) && buf_grow(b, n) < 0)
		return NULL;
	return b->data + b->len;
}

static inline void buf_advance(struct buf *b, size_t n)
{
	assert(n <= b->cap - b->len);
	b->len += n;
}

static inline void buf_put(struct buf *b, const void *p, size_t n)
{
	char *to = n ? buf_room(b, n) : NULL;

	if (to) {
		memcpy(to, p, n);
		b->len += n;
	}
}

#define BUF_SLACK 64

/*
 * As buf_put(), of what has BUF_SLACK further bytes behind it that may be read: as many are copied
 * in any case, so that what is short is no call of a function.
 */
static inline void buf_put_slack(struct buf *b, const char *p, size_t n)
{
	char *to = buf_room(b, n + BUF_SLACK);

	if (!to)
		return;
	memcpy(to, p, BUF_SLACK);
	if (n > BUF_SLACK)
		memcpy(to + BUF_SLACK, p + BUF_SLACK, n - BUF_SLACK);
	b->len += n;
}

static inline void buf_put_str(struct buf *b, struct str s)
{
	buf_put(b, s.p, s.n);
}

static inline void buf_put_char(struct buf *b, char c)
{
	buf_put(b, &c, 1);
}

/* Decimal. */
void buf_put_u64(struct buf *b, uint64_t v);
void buf_put_i64(struct buf *b, int64_t v);

static inline void buf_clear(struct buf *b)
{
	b->len = 0;
	b->failed = false;
}

static inline bool buf_failed(const struct buf *b)
{
	return b->failed;
}

static inline struct str buf_str(const struct buf *b)
{
	return (struct str){ .p = b->data ? b->data : "", .n = b->len };
}
