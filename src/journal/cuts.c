/* SPDX-License-Identifier: Apache-2.0 */
#include "journal/cuts.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "journal/format.h"

void cuts_done(struct cuts *c)
{
	buf_done(&c->frames);
	free(c->items);
	*c = (struct cuts){ 0 };
}

void cuts_clear(struct cuts *c)
{
	buf_clear(&c->frames);
	c->n = 0;
}

static int grow(struct cuts *c)
{
	size_t cap = c->cap ? 2 * c->cap : 16;
	struct cut *items = reallocarray(c->items, cap, sizeof(*items));

	if (!items)
		return -ENOMEM;
	c->items = items;
	c->cap = cap;
	return 0;
}

int cuts_add(struct cuts *c, uint64_t begin, uint64_t end, const struct event_transients *record)
{
	size_t size = format_frame_size(&record->head);
	char *to = buf_room(&c->frames, size);

	assert(record->bytes == end - begin);
	if (!to || (c->n == c->cap && grow(c) < 0))
		return -ENOMEM;
	format_frame_make(to, &record->head, true);
	buf_advance(&c->frames, size);
	c->items[c->n++] = (struct cut){ .begin = begin, .end = end, .frame_end = c->frames.len };
	return 0;
}
