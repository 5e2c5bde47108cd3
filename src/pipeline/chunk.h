/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Encoded records on their way to flushers: put together by the reader thread, then constant,
 * shared by all outlets of a pipeline that want this encoding, and freed by whoever lets go of it
 * last. Its bytes are a stretch of an encoder's sheet, which chunks of other pipelines may show as
 * well; where they are not in one piece there, it has a copy.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "event/event.h"
#include "pipeline/sheet.h"

/*
 * A few chunks that are kept for the next batches, so that steady work takes no memory from the
 * system and a burst gives back what it took. Outlives its chunks. Zero-initialised but for the
 * lock: chunk_pool_init().
 */
#define CHUNK_SPARES 3
#define CHUNK_SPARE_BYTES (1024 * 1024) /* one that a huge record made larger is not kept */

struct chunk_pool {
	pthread_mutex_t lock;
	struct chunk *spares[CHUNK_SPARES];
	size_t n;
};

void chunk_pool_init(struct chunk_pool *pool);
void chunk_pool_done(struct chunk_pool *pool);

/* What a lost record among the others says. Lies in backlogs as it is. */
struct chunk_loss {
	uint64_t at; /* which record it is */
	uint64_t exec, exit, fork, other;
	uint64_t is_counted;
};

struct chunk {
	struct chunk_pool *pool; /* where it goes in the end; NULL: it is freed */
	atomic_uint refs;
	struct sheet *sheet; /* its bytes are there, from `from` on; NULL: they are in `own` */
	size_t from;
	struct buf own;
	/* Of each record: */
	size_t *ends;	    /* in its bytes */
	uint64_t *times_ns; /* boot time: when it happened */
	uint64_t *seqs; /* position in the log, never falls; 0: it has none, comes again in doubt */
	uint8_t *calls; /* enum call */
	size_t n, cap;
	struct chunk_loss *losses; /* of those that are CALL_LOST, in their order */
	size_t n_losses, cap_losses;
	uint64_t begin; /* in the ring, which is kept from here on until everybody has it */
	uint64_t bound; /* all before it is in here, or earlier, or comes without a number */
	int64_t wall_offset_ns; /* from boot time to the wall clock's */
	bool is_report;		/* one lost record, about what the outlet itself dropped */
	struct loss loss;	/* that record's */
};

/* From the pool, which may be NULL, or new; NULL when memory ran out. */
struct chunk *chunk_new(struct chunk_pool *pool, uint64_t begin);
struct chunk *chunk_ref(struct chunk *c);
struct chunk *chunk_unref(struct chunk *c); /* any thread; returns NULL */
DEFINE_CLEANUP(struct chunk *, chunk_unref)

/* Room for n more records; false when memory ran out. */
bool chunk_grow_arrays(struct chunk *c, size_t n);
static inline bool chunk_grow(struct chunk *c, size_t n)
{
	return n <= c->cap - c->n || chunk_grow_arrays(c, n);
}

static inline size_t chunk_size(const struct chunk *c)
{
	return c->n ? c->ends[c->n - 1] : 0;
}

static inline struct str chunk_bytes(const struct chunk *c)
{
	return (struct str){ .p = c->sheet ? c->sheet->bytes.data + c->from : buf_str(&c->own).p,
			     .n = chunk_size(c) };
}

/*
 * The bytes of the record that comes next: shown where they are as long as all are in one piece
 * there. False when memory ran out.
 */
bool chunk_show(struct chunk *c, const struct text *text);
/*
 * The chunk is complete. One that is small, or shows little of its sheet, has a copy from now on,
 * so that what waits takes hardly more memory than its bytes; unless there is none for it.
 */
void chunk_settle(struct chunk *c);

/*
 * chunk_add_loss(): the record that comes next is a lost record. chunk_grow_losses(): room for n of
 * them. False when memory ran out.
 */
bool chunk_grow_losses(struct chunk *c, size_t n);
bool chunk_add_loss(struct chunk *c, const struct loss *loss);
/* What lost record i says; NULL: it is none, or nobody knows. */
const struct chunk_loss *chunk_loss(const struct chunk *c, size_t i);
/* Back to n records. */
void chunk_cut(struct chunk *c, size_t n);

/* How many records lie wholly within the first `done` bytes. */
size_t chunk_n_within(const struct chunk *c, size_t done);

/* The number of record n or, where that has none, of the next one that has; or bound. */
uint64_t chunk_seq(const struct chunk *c, size_t n);
/* Once records 0 … n - 1 are delivered, nothing before this position is owed. */
uint64_t chunk_owed_from(const struct chunk *c, size_t n);

/* When record i happened, since the epoch. */
int64_t chunk_wall_ns(const struct chunk *c, size_t i);
