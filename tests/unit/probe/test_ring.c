/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The consumer against a file that lies as the map's pages do: consumer position, producer
 * position, data. The test plays the kernel's part.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "probe/ring.h"

#define SIZE 4096

struct kernel {
	int fd;
	size_t page;
	char *map;
	uint64_t *consumer, *producer;
	char *data;
};

static int setup(void **state)
{
	struct kernel *k = calloc(1, sizeof(*k));

	k->page = (size_t)sysconf(_SC_PAGESIZE);
	k->fd = memfd_create("ring", MFD_CLOEXEC);
	assert_true(k->fd >= 0);
	assert_int_equal(ftruncate(k->fd, (off_t)(2 * k->page + SIZE)), 0);
	k->map = mmap(NULL, 2 * k->page + SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, k->fd, 0);
	assert_true(k->map != MAP_FAILED);
	k->consumer = (uint64_t *)k->map;
	k->producer = (uint64_t *)(k->map + k->page);
	k->data = k->map + 2 * k->page;
	*state = k;
	return 0;
}

static int teardown(void **state)
{
	struct kernel *k = *state;

	munmap(k->map, 2 * k->page + SIZE);
	close(k->fd);
	free(k);
	return 0;
}

/* A record of n bytes of value c, as bpf_ringbuf_output() leaves it. */
static void produce(struct kernel *k, char c, uint32_t n, uint32_t bits)
{
	uint64_t at = *k->producer;
	uint32_t header = n | bits;

	memcpy(k->data + at % SIZE, &header, sizeof(header));
	for (uint32_t i = 0; i < n; i++)
		k->data[(at + BPF_RINGBUF_HDR_SZ + i) % SIZE] = c;
	*k->producer = at + (n + BPF_RINGBUF_HDR_SZ + 7) / 8 * 8;
}

static void expect(struct ring *r, char c, size_t n, uint64_t position)
{
	uint64_t at = 0;
	size_t size = 0;
	const char *p = ring_next(r, &size, &at);

	assert_non_null(p);
	assert_int_equal(size, n);
	assert_int_equal(at, position);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(p[i], c);
}

static void expect_none(struct ring *r)
{
	uint64_t at;
	size_t size;

	assert_null(ring_next(r, &size, &at));
}

static void hands_out_in_order_and_commits_once(void **state)
{
	_cleanup_(ring_freep) struct ring *r = NULL;
	struct kernel *k = *state;

	assert_int_equal(ring_new(k->fd, SIZE, &r), 0);
	expect_none(r);
	produce(k, 'a', 13, 0);
	produce(k, 'b', 8, 0);
	assert_int_equal(ring_pending(r), 24 + 16);
	expect(r, 'a', 13, 0);
	expect(r, 'b', 8, 24);
	expect_none(r);
	assert_int_equal(*k->consumer, 0);
	ring_commit(r, ring_position(r));
	assert_int_equal(*k->consumer, 40);
	assert_int_equal(ring_position(r), 40);
	assert_int_equal(ring_pending(r), 0);
}

static void commits_up_to_a_position_and_never_back(void **state)
{
	_cleanup_(ring_freep) struct ring *r = NULL;
	struct kernel *k = *state;

	assert_int_equal(ring_new(k->fd, SIZE, &r), 0);
	produce(k, 'a', 16, 0);
	produce(k, 'b', 16, 0);
	expect(r, 'a', 16, 0);
	expect(r, 'b', 16, 24);
	assert_int_equal(ring_fill(r), 48);
	ring_commit(r, 24);
	assert_int_equal(*k->consumer, 24);
	assert_int_equal(ring_fill(r), 24);
	ring_commit(r, 0);
	assert_int_equal(*k->consumer, 24);
}

static void reads_again_what_was_not_committed(void **state)
{
	_cleanup_(ring_freep) struct ring *first = NULL, *second = NULL;
	struct kernel *k = *state;

	produce(k, 'a', 16, 0);
	produce(k, 'b', 16, 0);
	assert_int_equal(ring_new(k->fd, SIZE, &first), 0);
	expect(first, 'a', 16, 0);
	ring_commit(first, ring_position(first));
	expect(first, 'b', 16, 24);
	assert_int_equal(ring_new(k->fd, SIZE, &second), 0);
	expect(second, 'b', 16, 24);
}

static void stops_at_a_busy_record(void **state)
{
	_cleanup_(ring_freep) struct ring *r = NULL;
	struct kernel *k = *state;
	uint32_t header = 16;

	assert_int_equal(ring_new(k->fd, SIZE, &r), 0);
	produce(k, 'a', 16, 0);
	produce(k, 'b', 16, BPF_RINGBUF_BUSY_BIT);
	produce(k, 'c', 16, 0);
	expect(r, 'a', 16, 0);
	expect_none(r);
	ring_commit(r, ring_position(r));
	assert_int_equal(*k->consumer, 24);
	memcpy(k->data + 24, &header, sizeof(header));
	expect(r, 'b', 16, 24);
	expect(r, 'c', 16, 48);
}

static void steps_over_discarded_records(void **state)
{
	_cleanup_(ring_freep) struct ring *r = NULL;
	struct kernel *k = *state;

	assert_int_equal(ring_new(k->fd, SIZE, &r), 0);
	produce(k, 'x', 100, BPF_RINGBUF_DISCARD_BIT);
	produce(k, 'a', 16, 0);
	produce(k, 'y', 1, BPF_RINGBUF_DISCARD_BIT);
	expect(r, 'a', 16, 112);
	expect_none(r);
	ring_commit(r, ring_position(r));
	assert_int_equal(*k->consumer, *k->producer);
}

/* Every length at every offset, over many turns: each record whole, also where it wraps. */
static void puts_wrapped_records_together(void **state)
{
	_cleanup_(ring_freep) struct ring *r = NULL;
	struct kernel *k = *state;

	assert_int_equal(ring_new(k->fd, SIZE, &r), 0);
	for (uint32_t n = 1; n < 1000; n += 7) {
		uint64_t at = *k->producer;

		produce(k, (char)n, n, 0);
		expect(r, (char)n, n, at);
		ring_commit(r, ring_position(r));
	}
	assert_true(*k->producer > 10 * SIZE);
}

static void needs_a_ring(void **state)
{
	struct ring *r = NULL;

	(void)state;
	assert_int_equal(ring_new(-1, SIZE, &r), -EBADF);
	assert_null(r);
	assert_null(ring_free(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(hands_out_in_order_and_commits_once, setup,
						teardown),
		cmocka_unit_test_setup_teardown(commits_up_to_a_position_and_never_back, setup,
						teardown),
		cmocka_unit_test_setup_teardown(reads_again_what_was_not_committed, setup,
						teardown),
		cmocka_unit_test_setup_teardown(stops_at_a_busy_record, setup, teardown),
		cmocka_unit_test_setup_teardown(steps_over_discarded_records, setup, teardown),
		cmocka_unit_test_setup_teardown(puts_wrapped_records_together, setup, teardown),
		cmocka_unit_test(needs_a_ring),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
