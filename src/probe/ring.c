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
	uint64_t *consumer;	  /* shared with the kernel */
	const uint64_t *producer; /* shared with the kernel */
	const char *data;
	void *map_rw, *map_ro;
	uint64_t position; /* behind the last record that was handed out */
	char *wrapped;	   /* the record that wrapped, put together */
	size_t wrapped_cap;
};

int ring_new(int fd, size_t size, struct ring **ret)
{
	_cleanup_(ring_freep) struct ring *r = NULL;
	void *p;

	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->size = size;
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

const void *ring_next(struct ring *r, size_t *ret_size, uint64_t *ret_position)
{
	uint64_t end = __atomic_load_n(r->producer, __ATOMIC_ACQUIRE);

	while (r->position < end) {
		size_t at = r->position & (r->size - 1);
		const uint32_t *header = (const uint32_t *)(r->data + at);
		uint32_t len = __atomic_load_n(header, __ATOMIC_ACQUIRE);
		uint64_t position = r->position;
		size_t n = len & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
		const void *p;

		if (len & BPF_RINGBUF_BUSY_BIT)
			return NULL;
		if (len & BPF_RINGBUF_DISCARD_BIT) {
			r->position += (n + BPF_RINGBUF_HDR_SZ + 7) / 8 * 8;
			continue;
		}
		p = payload(r, (at + BPF_RINGBUF_HDR_SZ) & (r->size - 1), n);
		if (!p)
			return NULL; /* out of memory: the record stays where it is */
		r->position += (n + BPF_RINGBUF_HDR_SZ + 7) / 8 * 8;
		*ret_size = n;
		*ret_position = position;
		return p;
	}
	return NULL;
}

void ring_commit(struct ring *r, uint64_t position)
{
	assert(position <= r->position);
	if (position > *r->consumer)
		__atomic_store_n(r->consumer, position, __ATOMIC_RELEASE);
}

uint64_t ring_position(const struct ring *r)
{
	return r->position;
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
