/* SPDX-License-Identifier: Apache-2.0 */
/* Cuts, and what a journal makes of them: positions, and facts, stay where they belong. */
#include "journal/cuts.h"

#include "journal_case.h"

static struct event_transients *record_transients(uint64_t begin, uint64_t end)
{
	struct event_transients *e = record_new(EVENT_TRANSIENTS, sizeof(*e), 0);

	e->head.cpu = EVENT_CPU_AGENT;
	e->head.seq = begin;
	e->bytes = end - begin;
	return e;
}

static void put_exit(unsigned int n)
{
	struct event_head *e = exit_of(n);

	ring_add(e, 0);
	free(e);
}

/* At the begin, within, and at the end of what is appended; facts before, within and after them. */
static void test_places(void **state)
{
	struct journal *j = new_journal();
	uint64_t begin = ring.end, ends[8];
	struct cuts cuts = { 0 };
	struct event_transients *e[3];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		put_exit((unsigned int)i);
		ends[i] = ring.end;
	}
	e[0] = record_transients(begin, ends[1]);
	e[1] = record_transients(ends[3], ends[5]);
	e[2] = record_transients(ends[6], ends[7]);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(
			cuts_add(&cuts, e[i]->head.seq, e[i]->head.seq + e[i]->bytes, e[i]), 0);

	note(j, 1, "before all", begin);
	note(j, 2, "within the first", ends[0]);
	expect(e[0], begin);
	note(j, 3, "behind the first", ends[1]);
	expect(exit_of(2), ends[1]);
	expect(exit_of(3), ends[2]);
	note(j, 4, "within the second", ends[4]);
	expected.seq[expected.n - 1] = ends[3]; /* that of the record after it */
	expect(e[1], ends[3]);
	expect(exit_of(6), ends[5]);
	expect(e[2], ends[6]);
	expected.seq[1] = begin;
	assert_int_equal(append_cut(j, begin, ring.end, &cuts), 0);

	begin = ring.end;
	add(exit_of(20));
	cuts_clear(&cuts);
	assert_int_equal(append_cut(j, begin, ring.end, &cuts), 0);
	expect_all(ring.end);
	cuts_done(&cuts);
	journal_free(j);
}

/* Whole stretches of the ring, where it wraps, are left out. */
static void test_all(void **state)
{
	struct journal *j = new_journal();
	struct cuts cuts = { 0 };

	(void)state;
	for (int turn = 0; turn < 3; turn++) {
		uint64_t begin = ring.end;
		struct event_transients *e;

		for (unsigned int i = 0; i < 15; i++)
			put_exit(i);
		cuts_clear(&cuts);
		e = record_transients(begin, ring.end);
		assert_int_equal(cuts_add(&cuts, begin, ring.end, e), 0);
		expect(e, begin);
		assert_int_equal(append_cut(j, begin, ring.end, &cuts), 0);
	}
	assert_true(size_of(path) < 1024);
	expect_all(ring.end);
	cuts_done(&cuts);
	journal_free(j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_places, begin_test, end_test),
		cmocka_unit_test_setup_teardown(test_all, begin_test, end_test),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
