/* SPDX-License-Identifier: Apache-2.0 */
/* Lines end in \n or \r\n. */
#include "net/lines.h"

#include <errno.h>

static int hand_on(struct lines *l, struct str line)
{
	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	return line.n ? l->fn(l->ctx, line) : 0;
}

static int keep(struct lines *l, struct str piece)
{
	if (piece.n > l->max_bytes - l->part.len)
		return -EMSGSIZE;
	buf_put_str(&l->part, piece);
	return buf_failed(&l->part) ? -ENOMEM : 0;
}

static int end_line(struct lines *l, struct str piece)
{
	int r;

	if (piece.n > l->max_bytes - l->part.len)
		return -EMSGSIZE;
	if (!l->part.len)
		return hand_on(l, piece);
	r = keep(l, piece);
	if (r == 0)
		r = hand_on(l, buf_str(&l->part));
	buf_clear(&l->part);
	return r;
}

int lines_put(struct lines *l, struct str piece)
{
	int r = 0;

	while (r == 0 && piece.n) {
		const char *end = memchr(piece.p, '\n', piece.n);
		size_t n = end ? (size_t)(end - piece.p) : piece.n;
		struct str head = { .p = piece.p, .n = n };

		r = end ? end_line(l, head) : keep(l, head);
		n += end ? 1 : 0;
		piece.p += n;
		piece.n -= n;
	}
	return r;
}

void lines_done(struct lines *l)
{
	buf_done(&l->part);
}
