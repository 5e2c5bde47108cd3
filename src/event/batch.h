/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The events of one drain of the ring. The batch holds a reference to every image that an event of
 * it shows; batch_reset() (by the reader, after the last pipeline) hands them back to the table
 * through `release`.
 */
#pragma once

#include <stddef.h>

#include "base/slab.h"
#include "event/event.h"

typedef void image_release_fn(void *owner, struct image *image);

struct batch {
	struct event *events;
	size_t n, cap;
	uint64_t id;	    /* of what is in it: no other batch has or had it; never 0 */
	struct slab losses; /* what the events CALL_LOST point to */
	struct slab_spare spare;
	image_release_fn *release;
	void *owner; /* of the images: the process table */
};

void batch_init(struct batch *b, image_release_fn *release, void *owner);
void batch_done(struct batch *b);

/*
 * A slot at the end, which the caller fills wholly, or NULL when memory ran out. The caller has
 * taken a reference to ->image.
 */
struct event *batch_append(struct batch *b);
/* The same for a CALL_LOST; the batch keeps a copy of the loss, ->loss. */
struct event *batch_append_loss(struct batch *b, const struct loss *loss);
void batch_reset(struct batch *b);

/* Events i to i + n, as a batch of its own, which owns nothing. */
struct batch batch_slice(const struct batch *b, size_t i, size_t n);
