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
#define BASE ((uint64_t)8 << 40) /* what positions begin with */

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
	assert_int_equal(at, BASE + position);
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

	assert_int_equal(ring_new(k->fd, SIZE, BASE, &r), 0);
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
	assert_int_equal(ring_position(r), BASE + 40);
	assert_int_equal(ring_pending(r), 0);
}

static void commits_up_to_a_position_and_never_back(void **state)
{
	_cleanup_(ring_freep) struct ring *r = NULL;
	struct kernel *k = *state;

	assert_int_equal(ring_new(k->fd, SIZE, BASE, &r), 0);
	produce(k, 'a', 16, 0);
	produce(k, 'b', 16, 0);
	expect(r, 'a', 16, 0);
	expect(r, 'b', 16, 24);
	assert_int_equal(ring_fill(r), 48);
	ring_commit(r, BASE + 24);
	assert_int_equal(*k->consumer, 24);
	assert_int_equal(ring_fill(r), 24);
	ring_commit(r, BASE);
	assert_int_equal(*k->consumer, 24);
}

static void reads_again_what_was_not_committed(void **state)
{
	_cleanup_(ring_freep) struct ring *first = NULL, *second = NULL;
	struct kernel *k = *state;

	produce(k, 'a', 16, 0);
	produce(k, 'b', 16, 0);
	assert_int_equal(ring_new(k->fd, SIZE, BASE, &first), 0);
	expect(first, 'a', 16, 0);
	ring_commit(first, ring_position(first));
	expect(first, 'b', 16, 24);
	assert_int_equal(ring_new(k->fd, SIZE, BASE, &second), 0);
	expect(second, 'b', 16, 24);
}

static void stops_at_a_busy_record(void **state)
{
	_cleanup_(ring_freep) struct ring *r = NULL;
	struct kernel *k = *state;
	uint32_t header = 16;

	assert_int_equal(ring_new(k->fd, SIZE, BASE, &r), 0);
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

	assert_int_equal(ring_new(k->fd, SIZE, BASE, &r), 0);
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

	assert_int_equal(ring_new(k->fd, SIZE, BASE, &r), 0);
	for (uint32_t n = 1; n < 1000; n += 7) {
		uint64_t at = *k->producer;

		produce(k, (char)n, n, 0);
		expect(r, (char)n, n, at);
		ring_commit(r, ring_position(r));
	}
	assert_true(*k->producer > 10 * SIZE);
}

static void seeks_to_where_a_record_ends(void **state)
{
	static const struct {
		uint64_t position;
		int r;
	} cases[] = {
		{ BASE + 24, 0 },	{ BASE, 0 },		/* behind: nothing changes */
		{ BASE + 32, -ERANGE },				/* within a record */
		{ BASE + 25, -ERANGE }, { BASE + 80, -ERANGE }, /* beyond what was produced */
		{ BASE - 8, -ERANGE },	{ BASE + 72, -ERANGE }, /* behind a record that is busy */
	};
	_cleanup_(ring_freep) struct ring *r = NULL;
	struct kernel *k = *state;

	assert_int_equal(ring_new(k->fd, SIZE, BASE, &r), 0);
	produce(k, 'a', 16, 0);
	produce(k, 'b', 16, BPF_RINGBUF_DISCARD_BIT);
	produce(k, 'c', 16, BPF_RINGBUF_BUSY_BIT);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(ring_seek(r, cases[i].position), cases[i].r);
		assert_int_equal(ring_position(r), BASE + 24);
	}
	assert_int_equal(ring_seek(r, BASE + 48), 0);
	assert_int_equal(ring_position(r), BASE + 48);
	assert_int_equal(*k->consumer, 0);
}

static void seeks_over_the_end_of_the_ring(void **state)
{
	_cleanup_(ring_freep) struct ring *r = NULL;
	struct kernel *k = *state;

	*k->consumer = *k->producer = 10 * SIZE - 24;
	assert_int_equal(ring_new(k->fd, SIZE, BASE, &r), 0);
	produce(k, 'a', 16, 0);
	produce(k, 'b', 100, 0);
	assert_int_equal(ring_seek(r, BASE + 10 * SIZE), 0);
	expect(r, 'b', 100, 10 * SIZE);
}

/* The pieces of a span, put together. */
static size_t take_span(const struct ring *r, uint64_t begin, uint64_t end, char *to)
{
	struct iovec pieces[2];
	size_t n = ring_span(r, begin, end, pieces), total = 0;

	for (size_t i = 0; i < n; i++) {
		memcpy(to + total, pieces[i].iov_base, pieces[i].iov_len);
		total += pieces[i].iov_len;
	}
	return total;
}

static void spans_are_frames(void **state)
{
	_cleanup_(ring_freep) struct ring *r = NULL;
	struct kernel *k = *state;
	struct iovec pieces[2];
	char bytes[SIZE];
	uint32_t header;

	*k->consumer = *k->producer = 5 * SIZE - 40;
	assert_int_equal(ring_new(k->fd, SIZE, BASE, &r), 0);
	assert_int_equal(ring_span(r, ring_position(r), ring_position(r), pieces), 0);
	produce(k, 'a', 13, 0);
	produce(k, 'b', 50, 0);
	expect(r, 'a', 13, 5 * SIZE - 40);
	assert_int_equal(ring_span(r, BASE + 5 * SIZE - 40, ring_position(r), pieces), 1);
	expect(r, 'b', 50, 5 * SIZE - 16);
	assert_int_equal(take_span(r, BASE + 5 * SIZE - 40, ring_position(r), bytes), 24 + 64);
	memcpy(&header, bytes, sizeof(header));
	assert_int_equal(header, 13);
	assert_int_equal(bytes[8 + 12], 'a');
	memcpy(&header, bytes + 24, sizeof(header));
	assert_int_equal(header, 50);
	for (size_t i = 0; i < 50; i++)
		assert_int_equal(bytes[24 + 8 + i], 'b');
	ring_commit(r, BASE + 5 * SIZE - 16);
	assert_int_equal(take_span(r, BASE + 5 * SIZE - 16, ring_position(r), bytes), 64);
}

static void needs_a_ring(void **state)
{
	struct ring *r = NULL;

	(void)state;
	assert_int_equal(ring_new(-1, SIZE, BASE, &r), -EBADF);
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
		cmocka_unit_test_setup_teardown(seeks_to_where_a_record_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(seeks_over_the_end_of_the_ring, setup, teardown),
		cmocka_unit_test_setup_teardown(spans_are_frames, setup, teardown),
		cmocka_unit_test(needs_a_ring),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
