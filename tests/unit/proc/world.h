/* SPDX-License-Identifier: Apache-2.0 */
/* A fold with a batch, for tests of the fold: feed it records, look at what comes out. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "proc/fold.h"
#include "records.h"

#define WORLD_RECORDS 4096

#define WORLD_STRIDE 128 /* from one record to the next in the ring */

struct world {
	struct fold *fold;
	struct batch batch;
	void *records[WORLD_RECORDS]; /* until the batch is reset: events point into them */
	size_t n_records;
	uint64_t seq;
};

static inline void world_init(struct world *w, const struct proc_limits *limits,
			      const struct fold_hooks *hooks)
{
	*w = (struct world){ 0 };
	assert_int_equal(fold_new(limits, hooks, &w->fold), 0);
	batch_init(&w->batch, fold_release, w->fold);
}

/* The batch was delivered. */
static inline void world_settle(struct world *w)
{
	batch_reset(&w->batch);
	fold_trim(w->fold);
	while (w->n_records)
		free(w->records[--w->n_records]);
}

/* fold_free() asserts that nothing is left but what the table itself holds. */
static inline void world_done(struct world *w)
{
	world_settle(w);
	batch_done(&w->batch);
	w->fold = fold_free(w->fold);
}

/*
 * Folds a record, which is the world's then. The event that came of it, until the next record; or
 * NULL.
 */
static inline const struct event *world_feed(struct world *w, void *record)
{
	size_t n = w->batch.n;

	assert_true(w->n_records < WORLD_RECORDS);
	w->records[w->n_records++] = record;
	assert_int_equal(fold_record(w->fold, record, ((struct event_head *)record)->size,
				     w->seq += WORLD_STRIDE, &w->batch),
			 0);
	assert_true(w->batch.n <= n + 1);
	return w->batch.n > n ? &w->batch.events[n] : NULL;
}

static inline struct proc_counters world_counters(const struct world *w)
{
	struct proc_counters c;

	fold_counters(w->fold, &c);
	return c;
}

/* A text of an image's program: assert_text(image, BINARY, "/bin/sh"). */
#define assert_text(image, which, literal) \
	assert_str(program_text((image)->program, PROGRAM_##which), literal)

#define assert_str(s, literal)                                           \
	do {                                                             \
		struct str _s = (s);                                     \
		assert_int_equal(_s.n, sizeof(literal) - 1);             \
		assert_memory_equal(_s.p, literal, sizeof(literal) - 1); \
	} while (0)

static inline void assert_key(const struct image *image, struct image_key want)
{
	assert_non_null(image);
	assert_int_equal(image->key.pid, want.pid);
	assert_int_equal(image->key.start_ns, want.start_ns);
	assert_int_equal(image->key.exec_count, want.exec_count);
}

/* An image by name: pid, start, counter. */
#define KEY(p, s, c) ((struct image_key){ .pid = (p), .start_ns = (s), .exec_count = (c) })
#define NOBODY KEY(0, 0, 0)
