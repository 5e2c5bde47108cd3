/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How an outlet hands a chunk to its flusher. For pipeline/outlet.c alone; by whoever is with the
 * flusher, without the lock.
 */
#pragma once

#include "pipeline/outlet.h"

extern const uint64_t outlet_latency_bounds[METRIC_BUCKETS - 1]; /* ns */

/*
 * The chunk of `link`, from where it stands; what the flusher does not take is lost, counted and
 * told. False: the time to stop is up, and what is left of it stays queued.
 */
bool outlet_deliver(struct outlet *o, struct link *link);

/* So many records are lost since the outlet stops: counts and tells them, and what is untold. */
void outlet_tell_left(struct outlet *o, size_t n_lost);
