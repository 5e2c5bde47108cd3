/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The consumer of a BPF ring buffer (kernel/bpf/ringbuf.c; Documentation/bpf/ringbuf.rst). Unlike
 * libbpf's, it maps the data once, hands out records where they lie, and moves the consumer
 * position only when it is told to: what was read and not committed is read again by the next
 * consumer.
 *
 * Only one consumer may be at work on a ring: two move the position under each other.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

struct ring;

/* `fd` is the map's and stays the caller's; `size` its max_entries. 0 or a negative errno. */
int ring_new(int fd, size_t size, struct ring **ret);
struct ring *ring_free(struct ring *r);
DEFINE_CLEANUP(struct ring *, ring_free)

/*
 * The next record, or NULL when there is none (or none that is complete). The bytes are valid until
 * ring_commit(). *ret_position is where the record begins: it grows over the life of the ring.
 */
const void *ring_next(struct ring *r, size_t *ret_size, uint64_t *ret_position);

/*
 * Gives the room of all records before `position`, which was handed out, back to the kernel. One
 * that is behind what was committed changes nothing.
 */
void ring_commit(struct ring *r, uint64_t position);

/* Where the next record will be read. */
uint64_t ring_position(const struct ring *r);

/* How many bytes it can hold. */
uint64_t ring_size(const struct ring *r);

/* Bytes that are not given back. */
uint64_t ring_fill(const struct ring *r);

/* Bytes that wait to be read. */
uint64_t ring_pending(const struct ring *r);
