/* SPDX-License-Identifier: Apache-2.0 */
/* A batch of events. Belongs to the reader thread; the memory is kept from batch to batch. */
#include "event/batch.h"

#include <errno.h>
#include <stdlib.h>

#define CAP_MIN 64

static uint64_t new_id(void)
{
	static uint64_t last;

	return ++last;
}

void batch_init(struct batch *b, image_release_fn *release, void *owner)
{
	*b = (struct batch){ .id = new_id(), .release = release, .owner = owner };
	slab_init(&b->losses, sizeof(struct loss), &b->spare);
}

void batch_done(struct batch *b)
{
	batch_reset(b);
	slab_done(&b->losses);
	free(b->events);
	b->events = NULL;
	b->cap = 0;
}

static int grow(struct batch *b)
{
	size_t cap = b->cap ? b->cap * 2 : CAP_MIN;
	struct event *events = reallocarray(b->events, cap, sizeof(*events));

	if (!events)
		return -ENOMEM;
	b->events = events;
	b->cap = cap;
	return 0;
}

struct event *batch_append(struct batch *b)
{
	if (b->n == b->cap && grow(b) < 0)
		return NULL;
	return &b->events[b->n++];
}

struct event *batch_append_loss(struct batch *b, const struct loss *loss)
{
	struct loss *copy = slab_alloc(&b->losses);
	struct event *ev = copy ? batch_append(b) : NULL;

	if (!ev) {
		slab_free(&b->losses, copy);
		return NULL;
	}
	*copy = *loss;
	*ev = (struct event){ .call = CALL_LOST, .loss = copy };
	return ev;
}

void batch_reset(struct batch *b)
{
	size_t i;

	/* Both go through a pointer to const: the batch held them for readers only. */
	for (i = 0; i < b->n; i++) {
		if (b->events[i].image && b->release)
			b->release(b->owner, (struct image *)b->events[i].image);
		if (b->losses.n)
			slab_free(&b->losses, (struct loss *)b->events[i].loss);
	}
	b->n = 0;
	b->id = new_id();
}

struct batch batch_slice(const struct batch *b, size_t i, size_t n)
{
	return (struct batch){ .events = b->events + i, .n = n, .id = new_id() };
}
