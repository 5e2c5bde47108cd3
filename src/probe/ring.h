/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The consumer of a BPF ring buffer (kernel/bpf/ringbuf.c; Documentation/bpf/ringbuf.rst). Unlike
 * libbpf's, it maps the data once, hands out records where they lie, and moves the consumer
 * position only when it is told to: what was read and not committed is read again by the next
 * consumer.
 *
 * Positions are those in the ring plus a base that the caller chooses, so that they grow from one
 * ring to the next.
 *
 * Only one consumer may be at work on a ring: two move the position under each other.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/cleanup.h"

struct ring;

/*
 * `fd` is the map's and stays the caller's; `size` its max_entries; `base` a multiple of 8. Begins
 * where the consumer before has committed up to. 0 or a negative errno.
 */
int ring_new(int fd, size_t size, uint64_t base, struct ring **ret);
struct ring *ring_free(struct ring *r);
DEFINE_CLEANUP(struct ring *, ring_free)

/*
 * The next record, or NULL when there is none (or none that is complete). The bytes are valid until
 * ring_commit(). *ret_position is where the record begins: it grows over the life of the ring.
 */
const void *ring_next(struct ring *r, size_t *ret_size, uint64_t *ret_position);

/*
 * Goes on at `position`, where somebody else has read up to; one that is behind changes nothing.
 * Nothing is committed by it. 0, or -ERANGE: no whole record ends there.
 */
int ring_seek(struct ring *r, uint64_t position);

/*
 * The bytes of the ring from `begin` to `end`, which was handed out and of which nothing has been
 * committed: 0 to 2 pieces, the number of which is returned. They are frames as the kernel has
 * them: a header of 8 bytes (u32 length with BPF_RINGBUF_DISCARD_BIT; u32 that means nothing here),
 * the payload, and padding to a multiple of 8.
 */
size_t ring_span(const struct ring *r, uint64_t begin, uint64_t end, struct iovec out[2]);

/*
 * Gives the room of all records before `position`, which was handed out, back to the kernel. One
 * that is behind what was committed changes nothing.
 */
void ring_commit(struct ring *r, uint64_t position);

/* Where its positions begin: as given to ring_new(). */
uint64_t ring_base(const struct ring *r);

/* Where the next record will be read. */
uint64_t ring_position(const struct ring *r);

/* Up to where room was given back. */
uint64_t ring_committed(const struct ring *r);

/* How many bytes it can hold. */
uint64_t ring_size(const struct ring *r);

/* Bytes that are not given back. */
uint64_t ring_fill(const struct ring *r);

/* Bytes that wait to be read. */
uint64_t ring_pending(const struct ring *r);
