/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The map's pages: the consumer position (read-write), the producer position, the data (both
 * read-only). The kernel offers the data twice in a row so that a record never wraps; mapping it
 * once halves what counts as resident, and costs a copy of the one record per turn that does wrap.
 * A header never wraps: records are 8-byte aligned and the size of the ring is a power of two.
 *
 * Runs on the reader thread.
 */
#include "probe/ring.h"

#include <assert.h>
#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/mman.h>

struct ring {
	size_t size, page;
	uint64_t base;		  /* what is added to positions outside of this file */
	uint64_t *consumer;	  /* shared with the kernel */
	const uint64_t *producer; /* shared with the kernel */
	const char *data;
	void *map_rw, *map_ro;
	uint64_t position; /* behind the last record that was handed out */
	char *wrapped;	   /* the record that wrapped, put together */
	size_t wrapped_cap;
};

int ring_new(int fd, size_t size, uint64_t base, struct ring **ret)
{
	_cleanup_(ring_freep) struct ring *r = NULL;
	void *p;

	assert(base % 8 == 0);
	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->size = size;
	r->base = base;
	r->page = (size_t)sysconf(_SC_PAGESIZE);

	p = mmap(NULL, r->page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	r->map_rw = p;
	r->consumer = p;

	/*
	 * The pages are there; mapping them at once costs no fault later, and RSS says from the
	 * start what it is.
	 */
	p = mmap(NULL, r->page + size, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, (off_t)r->page);
	if (p == MAP_FAILED)
		return -errno;
	r->map_ro = p;
	r->producer = p;
	r->data = (const char *)p + r->page;

	r->position = __atomic_load_n(r->consumer, __ATOMIC_ACQUIRE);
	*ret = TAKE_PTR(r);
	return 0;
}

struct ring *ring_free(struct ring *r)
{
	if (!r)
		return NULL;
	if (r->map_rw)
		munmap(r->map_rw, r->page);
	if (r->map_ro)
		munmap(r->map_ro, r->page + r->size);
	free(r->wrapped);
	free(r);
	return NULL;
}

/* The payload at `at`, `n` bytes long: in place, or put together from the end and the beginning. */
static const void *payload(struct ring *r, size_t at, size_t n)
{
	size_t first = r->size - at;

	if (n <= first)
		return r->data + at;
	if (r->wrapped_cap < n) {
		char *p = realloc(r->wrapped, n);

		if (!p)
			return NULL;
		r->wrapped = p;
		r->wrapped_cap = n;
	}
	memcpy(r->wrapped, r->data + at, first);
	memcpy(r->wrapped + first, r->data, n - first);
	return r->wrapped;
}

/* What a record with this header takes in the ring. */
static size_t frame_size(uint32_t header)
{
	size_t n = header & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);

	return (n + BPF_RINGBUF_HDR_SZ + 7) / 8 * 8;
}

/*
 * The records lie in the cache of whoever wrote them. So many bytes ahead of the reader they are
 * sent for: some 1 us of its work. As many lines as the record at hand has, so that each line is
 * asked for about once, and of a long record no more than show the processor where it goes.
 */
#define AHEAD_BYTES 768
#define AHEAD_MAX 512
#define LINE_BYTES 64

static void send_for(const struct ring *r, uint64_t position, size_t n, uint64_t end)
{
	uint64_t from = position + AHEAD_BYTES, to = from + (n < AHEAD_MAX ? n : AHEAD_MAX);

	/* What is not written yet stays where it will be written. */
	if (to > end)
		to = end;
	for (; from < to; from += LINE_BYTES)
		__builtin_prefetch(r->data + (from & (r->size - 1)));
}

static uint32_t header_at(const struct ring *r, uint64_t position)
{
	const uint32_t *header = (const uint32_t *)(r->data + (position & (r->size - 1)));

	return __atomic_load_n(header, __ATOMIC_ACQUIRE);
}

const void *ring_next(struct ring *r, size_t *ret_size, uint64_t *ret_position)
{
	uint64_t end = __atomic_load_n(r->producer, __ATOMIC_ACQUIRE);

	while (r->position < end) {
		uint32_t header = header_at(r, r->position);
		uint64_t position = r->position;
		size_t n = header & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
		const void *p;

		if (header & BPF_RINGBUF_BUSY_BIT)
			return NULL;
		if (header & BPF_RINGBUF_DISCARD_BIT) {
			r->position += frame_size(header);
			continue;
		}
		p = payload(r, (position + BPF_RINGBUF_HDR_SZ) & (r->size - 1), n);
		if (!p)
			return NULL; /* out of memory: the record stays where it is */
		r->position += frame_size(header);
		send_for(r, position, frame_size(header), end);
		*ret_size = n;
		*ret_position = r->base + position;
		return p;
	}
	return NULL;
}

int ring_seek(struct ring *r, uint64_t position)
{
	uint64_t end = __atomic_load_n(r->producer, __ATOMIC_ACQUIRE), at = r->position;

	if (position < r->base || position - r->base > end)
		return -ERANGE;
	while (at < position - r->base) {
		uint32_t header = header_at(r, at);

		if (header & BPF_RINGBUF_BUSY_BIT)
			return -ERANGE;
		at += frame_size(header);
	}
	if (at > r->position && at != position - r->base)
		return -ERANGE;
	r->position = at;
	return 0;
}

size_t ring_span(const struct ring *r, uint64_t begin, uint64_t end, struct iovec out[2])
{
	size_t at = (begin - r->base) & (r->size - 1), n = end - begin, first = r->size - at;

	assert(begin <= end && end - r->base <= r->position && begin - r->base >= *r->consumer);
	if (!n)
		return 0;
	out[0] = (struct iovec){ (char *)r->data + at, n < first ? n : first };
	if (n <= first)
		return 1;
	out[1] = (struct iovec){ (char *)r->data, n - first };
	return 2;
}

void ring_commit(struct ring *r, uint64_t position)
{
	assert(position <= r->base + r->position);
	if (position > r->base + *r->consumer)
		__atomic_store_n(r->consumer, position - r->base, __ATOMIC_RELEASE);
}

uint64_t ring_base(const struct ring *r)
{
	return r->base;
}

uint64_t ring_position(const struct ring *r)
{
	return r->base + r->position;
}

uint64_t ring_committed(const struct ring *r)
{
	return r->base + *r->consumer;
}

uint64_t ring_size(const struct ring *r)
{
	return r->size;
}

uint64_t ring_fill(const struct ring *r)
{
	return __atomic_load_n(r->producer, __ATOMIC_ACQUIRE) - *r->consumer;
}

uint64_t ring_pending(const struct ring *r)
{
	return __atomic_load_n(r->producer, __ATOMIC_ACQUIRE) - r->position;
}
