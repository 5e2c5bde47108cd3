/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader: the one thread that takes records from where they come (the ring, a recording), folds
 * them and hands the events to the pipelines. Per batch, in this order: outputs, recording, the
 * ring's position; what was not handed over is read again.
 */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/facts.h"
#include "event/batch.h"
#include "journal/recording.h"
#include "pipeline/pipeline.h"
#include "probe/probe.h"
#include "proc/fold.h"

/*
 * Asked while a pipeline blocks: true ends the waiting, and what the pipeline has not taken is
 * lost.
 */
typedef bool reader_give_up_fn(void *ctx);

/* Told of every record of the ring before it is folded; may put another in its place (borrowed). */
typedef const struct event_head *reader_filter_fn(void *ctx, const struct event_head *record);

struct reader {
	/* Set by the owner; all borrowed, NULL where there is none. */
	struct probe *probe;
	struct facts *facts;
	struct recording_writer *writer;
	struct pipeline **pipelines;
	size_t n_pipelines;
	reader_give_up_fn *give_up;
	void *give_up_ctx;
	reader_filter_fn *filter;
	void *filter_ctx;

	/* The reader's own. */
	struct fold *fold;
	struct batch batch;
	uint64_t begin; /* position of the first record that is not committed */
	uint64_t n_uncommitted;
};

/* After the owner's members are set. 0 or a negative errno. */
int reader_init(struct reader *r, const struct proc_limits *limits);
void reader_done(struct reader *r);

/*
 * Takes all that is in the ring, in batches. Returns the number of records, or a negative errno:
 * -EPIPE when nobody is left to deliver to, -ENOMEM, what a recording's write says.
 */
int64_t reader_drain(struct reader *r);

/* Folds one record that does not come from the ring. 0 or a negative errno. */
int reader_fold(struct reader *r, const void *record, size_t size, uint64_t seq);

/* Hands over what has been folded so far. 0 or as reader_drain(). */
int reader_deliver(struct reader *r);
