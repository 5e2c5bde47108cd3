/* SPDX-License-Identifier: Apache-2.0 */
/* What is owed: counted once, whatever becomes of the reports, and kept in the slot. */
#include "chunks.h"

#include "pipeline/shortfall.h"

static void assert_loss(const struct loss *got, uint64_t exec, uint64_t exit, uint64_t fork,
			uint64_t other)
{
	assert_true(got->is_counted);
	assert_int_equal(got->exec, exec);
	assert_int_equal(got->exit, exit);
	assert_int_equal(got->fork, fork);
	assert_int_equal(got->other, other);
}

/* By call; from the record before to the one after. */
static void test_sums(void **state)
{
	_cleanup_(chunk_unrefp) struct chunk *c = make_chunk(0, 7);
	struct shortfall s = { 0 };
	struct loss loss;

	(void)state;
	c->calls[5] = CALL_SNAPSHOT;
	c->calls[6] = CALL_LOST;
	assert_false(shortfall_any(&s));
	assert_false(shortfall_take(&s, 1, &loss));
	shortfall_add(&s, DROP_QUEUE, c, 7, 7, 3); /* nothing */
	assert_false(shortfall_any(&s));
	shortfall_add(&s, DROP_QUEUE, c, 0, 5, 42);
	shortfall_add(&s, DROP_QUEUE, c, 4, 7, 43);
	assert_true(shortfall_take(&s, 99, &loss));
	assert_loss(&loss, 2, 3, 1, 2);
	assert_int_equal(loss.reason, LOSS_QUEUE);
	assert_int_equal(loss.since_ns, 42);
	assert_int_equal(loss.until_ns, 99);
	assert_false(shortfall_any(&s));
	shortfall_add(&s, DROP_WRITE, c, 2, 3, 0); /* nothing came before it */
	shortfall_add(&s, DROP_QUEUE, c, 0, 1, 1);
	assert_true(shortfall_take(&s, 99, &loss));
	assert_int_equal(loss.reason, LOSS_QUEUE);
	assert_loss(&loss, 1, 0, 0, 0);
	assert_true(shortfall_take(&s, 99, &loss));
	assert_int_equal(loss.reason, LOSS_WRITE);
	assert_loss(&loss, 0, 0, 1, 0);
	assert_int_equal(loss.since_ns, 5000 + 1000 + 2);
}

/* A lost record that is dropped is owed as what it told of. */
static void test_lost_records(void **state)
{
	_cleanup_(chunk_unrefp) struct chunk *c = make_chunk(0, 1);
	const struct loss counted = { .is_counted = true, .exec = 10, .exit = 20, .fork = 30 };
	const struct loss gap = { .is_counted = false, .exec = 77 };
	struct shortfall s = { 0 };
	struct loss loss;

	(void)state;
	assert_true(chunk_grow(c, 3));
	assert_true(chunk_add_loss(c, &counted));
	c->calls[c->n++] = CALL_LOST;
	assert_true(chunk_add_loss(c, &gap));
	c->calls[c->n++] = CALL_LOST;
	c->calls[c->n++] = CALL_EXIT;
	shortfall_add(&s, DROP_QUEUE, c, 0, c->n, 1);
	assert_true(shortfall_take(&s, 99, &loss));
	assert_loss(&loss, 11, 21, 30, 1);
	shortfall_add(&s, DROP_QUEUE, c, 2, c->n, 1);
	assert_true(shortfall_take(&s, 99, &loss));
	assert_loss(&loss, 0, 1, 0, 1);
}

/* A report that is lost itself, or not made: what it was about is owed again, and no more. */
static void test_reports(void **state)
{
	_cleanup_(chunk_unrefp) struct chunk *c = make_chunk(0, 6), *report = make_chunk(6, 1);
	struct shortfall s = { 0 };

	(void)state;
	shortfall_add(&s, DROP_WRITE, c, 0, 6, 42);
	assert_true(shortfall_take(&s, 99, &report->loss));
	report->is_report = true;
	shortfall_add(&s, DROP_QUEUE, report, 0, 1, 55);
	assert_true(shortfall_take(&s, 100, &report->loss));
	assert_loss(&report->loss, 2, 2, 2, 0);
	assert_int_equal(report->loss.reason, LOSS_WRITE);
	assert_int_equal(report->loss.since_ns, 42);
	shortfall_put_back(&s, &report->loss);
	shortfall_add(&s, DROP_WRITE, c, 0, 1, 60);
	assert_true(shortfall_take(&s, 101, &report->loss));
	assert_loss(&report->loss, 3, 2, 2, 0);
}

static void test_unreadable(void **state)
{
	struct shortfall s = { 0 };
	struct loss loss;

	(void)state;
	shortfall_add_unreadable(&s);
	assert_true(shortfall_take(&s, 1, &loss));
	assert_int_equal(loss.reason, LOSS_UNREADABLE);
	assert_false(loss.is_counted);
}

/* The next life, which has nothing but the slot. */
static struct shortfall next_life(struct custody_slot *slot)
{
	struct shortfall s = { 0 };

	shortfall_set_slot(&s, slot);
	return s;
}

/* Until a report is in custody, every life owes it. */
static void test_lives(void **state)
{
	_cleanup_(chunk_unrefp) struct chunk *c = make_chunk(0, 6), *report = make_chunk(6, 1);
	_cleanup_(custody_closep) struct custody *custody = NULL;
	struct custody_slot *slot;
	struct shortfall s;

	(void)state;
	report->is_report = true;
	assert_int_equal(custody_open(folder, boot, &custody), 0);
	slot = custody_claim(custody, "p", "f");
	s = next_life(slot);
	assert_false(shortfall_any(&s));
	shortfall_add(&s, DROP_QUEUE, c, 0, 3, 42);
	assert_true(shortfall_take(&s, 99, &report->loss)); /* on its way */
	s = next_life(slot);
	assert_true(shortfall_take(&s, 99, &report->loss));
	assert_loss(&report->loss, 1, 1, 1, 0);
	assert_int_equal(report->loss.since_ns, 42);
	shortfall_add(&s, DROP_QUEUE, c, 0, 1, 50); /* after the report was made */
	shortfall_settle(&s, &report->loss);
	s = next_life(slot);
	assert_true(shortfall_take(&s, 99, &report->loss));
	assert_loss(&report->loss, 1, 0, 0, 0);
	shortfall_settle(&s, &report->loss);
	s = next_life(slot);
	assert_false(shortfall_any(&s));
	shortfall_add(&s, DROP_WRITE, report, 0, 1, 0); /* in custody it was, and then dropped */
	s = next_life(slot);
	assert_true(shortfall_take(&s, 99, &report->loss));
	assert_loss(&report->loss, 1, 0, 0, 0);
	shortfall_settle(&s, &report->loss);
	shortfall_add_unreadable(&s);
	s = next_life(slot);
	assert_true(shortfall_take(&s, 99, &report->loss));
	assert_false(report->loss.is_counted);
	shortfall_settle(&s, &report->loss);
	s = next_life(slot);
	assert_false(shortfall_any(&s));
}

static int drop_folder(void **state)
{
	(void)state;
	return unlink(path_of("custody")) | rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sums),	cmocka_unit_test(test_lost_records),
		cmocka_unit_test(test_reports), cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_lives),
	};

	return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
