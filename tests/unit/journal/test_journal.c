/* SPDX-License-Identifier: Apache-2.0 */
/* A journal that comes back as it was written, to whom it belongs. */
#include <errno.h>

#include "journal/notes.h"
#include "journal_case.h"

static void test_round_trip(void **state)
{
	_cleanup_(journal_freep) struct journal *j = write_all_kinds();
	struct stat st;

	(void)state;
	expect_all(ring.end);
	assert_int_equal(recover().last_ns, 115); /* record_name() of the last */
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(journal_counters(j)->batches, 3);
	assert_int_equal(journal_counters(j)->rewrites, 1);
	assert_int_equal(journal_counters(j)->size, st.st_size);
	assert_int_equal(journal_counters(j)->bytes, st.st_size);
	assert_false(journal_is_full(j));
}

/* A fact whose record is not in custody stays out: its batch is repeated. */
static void test_note_waits(void **state)
{
	_cleanup_(journal_freep) struct journal *j = new_journal();
	struct event_head *user = user_of(9, "later");
	uint64_t begin = ring.end, end;

	(void)state;
	add(record_exit(KEY_OF(1), KEY_OF(0), 0));
	end = ring.end;
	journal_note(j, user, end);
	assert_int_equal(append(j, begin, end), 0);
	expect_all(end);
	expect(user, end);
	add(record_exit(KEY_OF(2), KEY_OF(0), 0));
	assert_int_equal(append(j, end, ring.end), 0);
	expect_all(ring.end);
}

static void test_goes_on(void **state)
{
	_cleanup_(journal_freep) struct journal *j = write_all_kinds();
	uint64_t begin = ring.end;

	(void)state;
	j = journal_free(j);
	j = open_journal();
	assert_false(journal_is_broken(j));
	assert_true(journal_is_full(j)); /* nobody knows its state's size */
	add(record_exit(KEY_OF(2), KEY_OF(1), 0));
	assert_int_equal(append(j, begin, ring.end), 0);
	expect_all(ring.end);
}

/* What is noted, or was appended, before a rewrite is in its state. */
static void test_rewrite_forgets(void **state)
{
	_cleanup_(journal_freep) struct journal *j = write_all_kinds();
	size_t n = 1;

	(void)state;
	journal_note(j, expected.records[0], ring.end);
	forget_expected();
	expect(record_user(20, "all there is"), ring.end);
	assert_int_equal(journal_rewrite(j, ring.end, put_expected, &n), 0);
	expect_all(ring.end);
	assert_int_equal(append(j, ring.end, ring.end), 0);
	expect_all(ring.end);
}

static void test_state_in_pieces(void **state)
{
	_cleanup_(journal_freep) struct journal *j = NULL;
	static char args[100000];
	size_t n = 20;

	(void)state;
	for (size_t i = 0; i < n; i++)
		expect(record_exec(&(struct exec_spec){ .id = KEY_OF((uint32_t)i),
							.args = { args, sizeof(args) } }),
		       BASE);
	j = open_journal();
	assert_int_equal(journal_rewrite(j, BASE, put_expected, &n), 0);
	expect_all(BASE);
	assert_false(journal_is_full(j)); /* though it is larger than the limit */
}

/* The files are written over in turn; what is left of the ones before never comes back. */
static void test_files_take_turns(void **state)
{
	_cleanup_(journal_freep) struct journal *j = new_journal();

	(void)state;
	for (int round = 0; round < 5; round++) {
		while (!journal_is_full(j)) {
			uint64_t begin = ring.end;

			forget_expected();
			add(record_exit(KEY_OF(round), KEY_OF(1), 0));
			assert_int_equal(append(j, begin, ring.end), 0);
		}
		assert_int_equal(journal_rewrite(j, ring.end, no_state, NULL), 0);
		forget_expected();
		expect_all(ring.end);
		assert_true(size_of(path) <= (off_t)LIMIT + 1000);
		assert_true(size_of(new_path) <= (off_t)LIMIT);
	}
	assert_true(size_of(path) > (off_t)LIMIT / 2); /* it was used again */
}

static void test_other_boot(void **state)
{
	_cleanup_(journal_freep) struct journal *j = write_all_kinds();
	const struct journal_id other = { .boot_id = "another boot....", .ring_id = 7 };
	struct journal_found found;

	(void)state;
	n_visited = 0;
	assert_int_equal(journal_recover(dir, &other, visit, NULL, &found), 0);
	assert_int_equal(found.outcome, JOURNAL_OTHER_BOOT);
	assert_false(found.is_damaged);
	assert_non_null(found.why);
	assert_int_equal(n_visited, 0);
	assert_int_equal(found.end, 0);
	j = journal_free(j);
	assert_int_equal(journal_open(dir, &other, LIMIT, &j), 0);
	assert_true(journal_is_broken(j));
	expect_all(ring.end); /* it is not touched */
	assert_int_equal(journal_rewrite(j, 0, no_state, NULL), 0);
	assert_int_equal(recover().outcome, JOURNAL_OTHER_BOOT);
}

static void test_other_ring(void **state)
{
	_cleanup_(journal_freep) struct journal *j = write_all_kinds();
	struct journal_id other = id;
	struct journal_found found;

	(void)state;
	other.ring_id++;
	n_visited = 0;
	assert_int_equal(journal_recover(dir, &other, visit, NULL, &found), 0);
	assert_int_equal(found.outcome, JOURNAL_OTHER_RING);
	assert_int_equal(n_visited, expected.n);
	j = journal_free(j);
	assert_int_equal(journal_open(dir, &other, LIMIT, &j), 0);
	assert_true(journal_is_broken(j));
}

static void test_nothing_there(void **state)
{
	_cleanup_(journal_freep) struct journal *j = NULL;
	struct journal_found found;

	(void)state;
	found = recover();
	assert_int_equal(found.outcome, JOURNAL_NONE);
	assert_false(found.is_damaged);
	assert_null(found.why);
	assert_int_equal(journal_recover("/nonexistent/x", &id, visit, NULL, &found), 0);
	assert_int_equal(found.outcome, JOURNAL_NONE);
	assert_false(found.is_damaged);
	assert_int_equal(journal_open("/nonexistent/x", &id, LIMIT, &j), -ENOENT);
	assert_null(j);
	assert_int_equal(journal_remove("/nonexistent/x"), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_true(recover().is_damaged);
	assert_int_equal(rmdir(path), 0);
}

static int stop_at_second(void *ctx, const struct event_head *record, uint64_t seq)
{
	(void)record;
	(void)seq;
	return ++*(int *)ctx == 2 ? -ENOMEM : 0;
}

static void test_visitor_stops(void **state)
{
	_cleanup_(journal_freep) struct journal *j = write_all_kinds();
	struct journal_found found;
	int n = 0;

	(void)state;
	j = journal_free(j);
	assert_int_equal(journal_recover(dir, &id, stop_at_second, &n, &found), -ENOMEM);
	assert_int_equal(n, 2);
	assert_int_equal(found.end, ring.end);
}

static void test_too_many_notes(void **state)
{
	_cleanup_(journal_freep) struct journal *j = new_journal();
	_cleanup_(freep) struct event_head *user = user_of(1, "somebody");
	size_t n = NOTES_MAX / format_frame_size(user);

	(void)state;
	for (size_t i = 0; i < n; i++)
		journal_note(j, user, ring.end);
	assert_int_equal(journal_counters(j)->forgotten, 0);
	assert_false(journal_is_full(j));
	journal_note(j, user, ring.end);
	assert_int_equal(journal_counters(j)->forgotten, 1);
	assert_true(journal_is_full(j));
	assert_int_equal(journal_rewrite(j, ring.end, no_state, NULL), 0);
	assert_false(journal_is_full(j));
	expect_all(ring.end);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, begin_test, end_test)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_round_trip),	    TEST(test_note_waits),	TEST(test_goes_on),
		TEST(test_rewrite_forgets), TEST(test_state_in_pieces), TEST(test_files_take_turns),
		TEST(test_other_boot),	    TEST(test_other_ring),	TEST(test_nothing_there),
		TEST(test_visitor_stops),   TEST(test_too_many_notes),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
