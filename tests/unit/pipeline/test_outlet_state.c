/* SPDX-License-Identifier: Apache-2.0 */
/* What an outlet leaves for its next life, and takes up from the one before. */
#include "fake_flusher.h"

static char folder[] = "/tmp/test_outlet.XXXXXX";

static const uint8_t boot[16] = "this boot.......";

/* A life of the agent: marks and an outlet that takes up what is there. */
struct life {
	struct custody *custody;
	struct outlet outlet;
};

static void begin_life(struct life *l)
{
	struct pipeline_state state = { .folder = folder };

	l->custody = NULL;
	assert_int_equal(custody_open(folder, boot, &l->custody), 0);
	state.custody = l->custody;
	start(&l->outlet);
	outlet_set_state(&l->outlet, &state);
}

static void end_life(struct life *l, uint64_t deadline_ns)
{
	outlet_stop(&l->outlet, deadline_ns);
	outlet_done(&l->outlet);
	l->custody = custody_close(l->custody);
}

static uint64_t mark_of(struct life *l)
{
	return custody_load(l->outlet.queue.slot, CUSTODY_DELIVERED);
}

/* As make_chunk(), each record at a position of its own. */
static void push_at(struct outlet *o, uint64_t position, unsigned int first, size_t n)
{
	_cleanup_(chunk_unrefp) struct chunk *c = make_chunk(position, first, n, 1);

	for (size_t i = 0; i < n; i++)
		c->seqs[i] = position + 8 * i;
	c->bound = position + 8 * n;
	outlet_push(o, c);
}

static void remove_state(void)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/custody", folder);
	unlink(path);
	snprintf(path, sizeof(path), "%s/backlog/test.fake", folder);
	unlink(path);
	snprintf(path, sizeof(path), "%s/backlog", folder);
	rmdir(path);
}

/*
 * The mark is where the first record lies that is not wholly taken, and behind a chunk where the
 * next one begins; also where the rest of a chunk is dropped, since that is counted.
 */
static void test_marks(void **state)
{
	static const struct {
		size_t budget;
		int error;
		uint64_t mark;
	} rows[] = {
		{ SIZE_MAX, 0, 180 },
		{ 0, -EAGAIN, 0 },
		{ RECORD_SIZE - 1, -EAGAIN, 100 },
		{ RECORD_SIZE, -EAGAIN, 108 },
		{ 7 * RECORD_SIZE + 3, -EAGAIN, 156 },
		{ 7 * RECORD_SIZE + 3, -EIO, 180 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct life l;

		set_fake(budget, rows[i].budget);
		set_fake(error, rows[i].error);
		set_fake(n_flushes, 0);
		begin_life(&l);
		push_at(&l.outlet, 100, 0, 10);
		if (rows[i].error == -EAGAIN)
			wait_for_flushes(3);
		else
			wait_until_idle(&l.outlet);
		assert_int_equal(mark_of(&l), rows[i].mark);
		end_life(&l, 1);
		remove_state();
	}
}

/*
 * What was not delivered at the deadline comes first in the next life, from the record on that was
 * not taken; what is read again up to its end is passed over.
 */
static void test_lives(void **state)
{
	struct life l;

	(void)state;
	fake.budget = 3 * RECORD_SIZE;
	fake.error = -EAGAIN;
	begin_life(&l);
	push_at(&l.outlet, 100, 0, 10);
	push_at(&l.outlet, 180, 10, 10);
	wait_for_flushes(2);
	outlet_stop(&l.outlet, 1);
	assert_int_equal(metric_get(&l.outlet.counters.dropped), 0);
	assert_int_equal(metric_get(&l.outlet.counters.delivered), 3);
	end_life(&l, 0);
	set_fake(budget, SIZE_MAX);
	begin_life(&l);
	push_at(&l.outlet, 140, 5, 25); /* from the ring: 15 of them are in the backlog */
	push_at(&l.outlet, 340, 30, 5);
	outlet_stop(&l.outlet, in_seconds(30));
	assert_int_equal(metric_get(&l.outlet.counters.repeated), 15);
	assert_int_equal(metric_get(&l.outlet.counters.backlog_bytes), 0);
	assert_counters(&l.outlet, 17 + 10 + 5, 0, 0);
	assert_got(0, 35);
	end_life(&l, 0);
	remove_state();
}

/* The flusher hears, once and first of all, that a record was begun and not ended. */
static void test_torn(void **state)
{
	static const struct {
		size_t budget;
		bool is_torn;
	} rows[] = {
		{ 2 * RECORD_SIZE, false },
		{ 2 * RECORD_SIZE + 1, true },
		{ 1, true },
		{ 0, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct life l;

		set_fake(budget, rows[i].budget);
		set_fake(error, -EAGAIN);
		set_fake(n_flushes, 0);
		begin_life(&l);
		push_at(&l.outlet, 100, 0, 3);
		wait_for_flushes(3);
		end_life(&l, 1);
		set_fake(budget, SIZE_MAX);
		for (int life = 0; life < 2; life++) {
			set_fake(steps.len, 0);
			begin_life(&l);
			push_at(&l.outlet, 200 + 100 * life, 0, 1);
			end_life(&l, in_seconds(30));
			if (life)
				assert_steps("fs");
			else
				assert_steps(rows[i].is_torn ? "tffs" : "ffs");
		}
		remove_state();
	}
}

/* A life that finds marks but no backlog skips what was delivered, and nothing else. */
static void test_skips(void **state)
{
	static const struct {
		uint64_t position;
		unsigned int n, n_repeated;
	} rows[] = {
		{ 100, 5, 5 }, { 100, 10, 10 }, { 100, 11, 10 }, { 180, 3, 0 }, { 172, 3, 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct life l;

		begin_life(&l);
		push_at(&l.outlet, 100, 0, 10);
		end_life(&l, in_seconds(30));
		begin_life(&l);
		push_at(&l.outlet, rows[i].position, 0, rows[i].n);
		wait_until_idle(&l.outlet);
		assert_int_equal(metric_get(&l.outlet.counters.repeated), rows[i].n_repeated);
		assert_int_equal(metric_get(&l.outlet.counters.in), rows[i].n - rows[i].n_repeated);
		end_life(&l, 0);
		remove_state();
	}
}

/* A lost record has a place of its own in the log, and is skipped like any other. */
static void test_lost_is_skipped(void **state)
{
	_cleanup_(chunk_unrefp) struct chunk *c = make_chunk(100, 0, 2, 1);
	struct life l;

	(void)state;
	begin_life(&l);
	push_at(&l.outlet, 100, 0, 10);
	end_life(&l, in_seconds(30));
	set_fake(got.len, 0);
	begin_life(&l);
	c->calls[1] = CALL_LOST;
	outlet_push(&l.outlet, c);
	wait_until_idle(&l.outlet);
	assert_int_equal(metric_get(&l.outlet.counters.repeated), 2);
	end_life(&l, in_seconds(30));
	assert_got(0, 0);
	remove_state();
}

/* What it has dropped is owed in front of the next chunk there is room for, and in a next life. */
static void test_owes(void **state)
{
	_cleanup_(chunk_unrefp) struct chunk *next = make_chunk(300, 0, 3, 77);
	struct event lost;
	struct loss loss;
	struct life l;

	(void)state;
	fake.budget = RECORD_SIZE;
	fake.error = -EIO;
	begin_life(&l);
	next->wall_offset_ns = 1000;
	assert_false(outlet_owes(&l.outlet, next, &lost, &loss));
	push_at(&l.outlet, 100, 0, 9);
	wait_until_idle(&l.outlet);
	end_life(&l, in_seconds(30));
	begin_life(&l);
	assert_true(outlet_owes(&l.outlet, next, &lost, &loss));
	outlet_put_back(&l.outlet, &loss);
	assert_true(outlet_owes(&l.outlet, next, &lost, &loss));
	assert_true(lost.call == CALL_LOST && !lost.image && lost.loss == &loss);
	assert_int_equal(lost.seq, 300);
	assert_int_equal(lost.time_ns, 1077);
	assert_int_equal(loss.reason, LOSS_WRITE);
	assert_int_equal(loss.exec, 2);
	assert_int_equal(loss.exit, 3);
	assert_int_equal(loss.fork, 3);
	assert_int_equal(loss.until_ns, 1077);
	assert_false(outlet_owes(&l.outlet, next, &lost, &loss));
	end_life(&l, 0);
	remove_state();
}

/* What standard error gets from here on goes into a file; what it was. */
static int catch_log(FILE *file)
{
	int saved = dup(STDERR_FILENO);

	log_setup(LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
	dup2(fileno(file), STDERR_FILENO);
	return saved;
}

static void release_log(FILE *file, int saved, char *text, size_t size)
{
	dup2(saved, STDERR_FILENO);
	close(saved);
	log_setup(LOG_LEVEL_ERR, LOG_FORMAT_TEXT);
	rewind(file);
	text[fread(text, 1, size - 1, file)] = '\0';
}

/* Each kind of loss in words that say what it is; and what is not one. */
static void test_words(void **state)
{
	static const struct {
		bool has_state;
		int error;
		unsigned int deadline;
		const char *words;
	} rows[] = {
		{ false, -EAGAIN, 0,
		  "10 records dropped: they could not be written before it was stopped" },
		{ false, -ENOSPC, 10, "10 records dropped: No space left on device" },
		{ true, -EAGAIN, 0, "10 records wait in '" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(fclosep) FILE *file = tmpfile();
		int saved = catch_log(file);
		char text[2048];
		struct life l;

		set_fake(budget, 0);
		set_fake(error, rows[i].error);
		if (rows[i].has_state)
			begin_life(&l);
		else
			start(&l.outlet);
		push_at(&l.outlet, 100, 0, 10);
		outlet_stop(&l.outlet, rows[i].deadline ? in_seconds(rows[i].deadline) : 0);
		outlet_done(&l.outlet);
		if (rows[i].has_state)
			custody_close(l.custody);
		release_log(file, saved, text, sizeof(text));
		assert_non_null(strstr(text, rows[i].words));
		assert_null(strstr(text, "timed out"));
		assert_int_equal(!strstr(text, "dropped"), rows[i].has_state);
		remove_state();
	}
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int drop_folder(void **state)
{
	(void)state;
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(test_marks),	    test(test_lives), test(test_torn),	test(test_skips),
		test(test_lost_is_skipped), test(test_owes),  test(test_words),
	};

	return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
