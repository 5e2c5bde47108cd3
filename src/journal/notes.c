/* SPDX-License-Identifier: Apache-2.0 */
#include "journal/notes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "journal/format.h"

void notes_done(struct notes *n)
{
	buf_done(&n->frames);
	free(n->items);
	*n = (struct notes){ 0 };
}

/* The note for that place: the last one, or a new one, which is empty. NULL: no memory. */
static struct note *note_for(struct notes *n, uint64_t before)
{
	if (n->n && n->items[n->n - 1].before >= before)
		return &n->items[n->n - 1];
	if (n->n == n->cap) {
		size_t cap = n->cap ? 2 * n->cap : 16;
		struct note *items = reallocarray(n->items, cap, sizeof(*items));

		if (!items)
			return NULL;
		n->items = items;
		n->cap = cap;
	}
	n->items[n->n] = (struct note){ .before = before, .end = n->frames.len };
	return &n->items[n->n++];
}

int notes_add(struct notes *n, const struct event_head *record, uint64_t before)
{
	size_t size = format_frame_size(record);
	struct note *note;
	char *to;

	if (size > NOTES_MAX - n->frames.len)
		return -ENOBUFS;
	to = buf_room(&n->frames, size);
	note = to ? note_for(n, before) : NULL;
	if (!note) {
		n->frames.failed = false; /* what was there before is whole */
		return -ENOMEM;
	}
	format_frame_make(to, record, true);
	buf_advance(&n->frames, size);
	note->end = n->frames.len;
	return 0;
}

void notes_drop(struct notes *n, size_t count)
{
	size_t gone = count ? n->items[count - 1].end : 0;

	n->n -= count;
	n->frames.len -= gone;
	if (n->n) {
		memmove(n->items, n->items + count, n->n * sizeof(*n->items));
		memmove(n->frames.data, n->frames.data + gone, n->frames.len);
	}
	for (size_t i = 0; i < n->n; i++)
		n->items[i].end -= gone;
}
