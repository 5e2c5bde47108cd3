/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events that wait for what is known of their container. Which wait, and until when, follows from
 * the log alone: a record CONTAINER that says AWAITED begins it, the next one ends it; a record
 * INNER_USER that says so begins it, the one with the name ends it; both, where both are awaited.
 * So it is part of the fold: after a crash the journal is folded and the same events are held
 * again; none is lost. Nothing but that container's own events ever waits.
 *
 * Bounds: HOLD_EVENTS of one container, HOLD_TOTAL of all. Above either, those of the container
 * that the event is of go out as they are; each is counted. How long they wait is bounded by the
 * agent, which ends it by a record. Reader thread only.
 */
#pragma once

#include "base/slab.h"
#include "event/batch.h"
#include "proc/containers.h"

#define HOLD_EVENTS 2048
#define HOLD_TOTAL 16384

struct fold;

struct held_event {
	struct list link;
	struct event event; /* its image is referenced */
	struct event_exit exit;
};

struct hold_counters {
	uint64_t now;	     /* events that are held */
	uint64_t held;	     /* events that were held, so far */
	uint64_t overflowed; /* times that a bound was reached */
	uint64_t containers; /* that are waited for, now; filled in by fold_hold_counters() */
};

struct hold {
	struct slab events; /* of struct held_event */
	struct slab_spare spare;
	struct list released; /* those that the batch shows */
	uint64_t loose_seq;   /* what was held from here on the journal may lack; 0: it has all */
	struct hold_counters counters;
};

void hold_init(struct hold *h);
void hold_done(struct fold *f); /* what is held is gone */
void hold_trim(struct fold *f); /* the batch is through */

/*
 * An event of a process in a container, just made, whose reference to its image it takes over:
 * appended to the batch, or held. 0 or -ENOMEM: then the reference is dropped.
 */
int hold_event(struct fold *f, const struct event *ev, struct batch *out);

/* An event of this process goes out whether its container is known or not. */
void hold_passed(const struct image *image);

/* Events of a container wait from now on; it is nothing where they do already. */
void hold_begin(struct fold *f, struct container_entry *c, uint64_t now_ns);
/*
 * They wait no longer: appended to the batch, as told at this position of the log. 0 or -ENOMEM:
 * then the rest is still held.
 */
int hold_end(struct fold *f, struct container_entry *c, uint64_t position, struct batch *out);
