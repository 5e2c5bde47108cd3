/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All that a fold knows, written as records: what a compacted journal begins with. Folded into an
 * empty fold they make one that goes on as this one would: the same events, the same table. Between
 * two batches, by the reader thread.
 */
#pragma once

#include "proc/fold.h"

/* Takes one record, at most EVENT_SIZE_MAX bytes, valid during the call. 0 or a negative errno. */
typedef int fold_state_fn(void *ctx, const struct event_head *record);

/* 0, -ENOMEM, or what `put` returned. */
int fold_state(struct fold *f, fold_state_fn *put, void *ctx);
