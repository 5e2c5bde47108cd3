/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Encoded records on their way to flushers: written once by the reader thread, then constant,
 * shared by all outlets that want this encoding, and freed by whoever lets go of it last.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cleanup.h"

struct chunk {
	atomic_uint refs;
	struct buf bytes;
	size_t *ends;	    /* of each record in bytes */
	uint64_t *times_ns; /* of each record, boot time: when it happened */
	size_t n, cap;
	uint64_t begin; /* in the ring, which is kept from here on until everybody has it */
};

/* NULL when memory ran out. */
struct chunk *chunk_new(uint64_t begin);
struct chunk *chunk_ref(struct chunk *c);
struct chunk *chunk_unref(struct chunk *c); /* any thread; returns NULL */
DEFINE_CLEANUP(struct chunk *, chunk_unref)

/* Room for one more record; false when memory ran out. */
bool chunk_grow(struct chunk *c);

/* How many records lie wholly within the first `done` bytes. */
size_t chunk_n_within(const struct chunk *c, size_t done);
