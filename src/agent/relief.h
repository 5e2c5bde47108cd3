/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who reads while the reader writes. The reader may do the work of a flusher itself, which is the
 * cheapest way while nothing blocks; but a disk may hang, and the ring must be read. So when it is
 * away for longer than RELIEF_AFTER_NS, or at most twice that, a second thread takes its place,
 * until it comes back: being the reader is a part that one of the two has. As long as nothing
 * blocks that thread sleeps.
 */
#pragma once

#include <stdbool.h>

#include "base/cleanup.h"
#include "pipeline/outlet.h"

#define RELIEF_AFTER_NS 50000000

struct relief;

/*
 * On the second thread: reads as long as relief_is_needed(), or until it must not go on. What the
 * reader left when it left its post is whole, and so must this leave it.
 */
typedef void relief_read_fn(void *ctx);

/* 0 or a negative errno. */
int relief_new(relief_read_fn *read, void *ctx, struct relief **ret);
struct relief *relief_free(struct relief *r); /* the reader is at its post; returns NULL */
DEFINE_CLEANUP(struct relief *, relief_free)

/* The reader's post, which cannot be left by who has taken it meanwhile. */
const struct post *relief_post(const struct relief *r);
/* The reader is at its post, and does not leave for a while. */
void relief_rest(struct relief *r);
/* Whether the reader is still away. */
bool relief_is_needed(struct relief *r);
