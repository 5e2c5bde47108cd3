/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a journal leaves out nobody misses: a fold that was made again from it is as the one whose
 * log it is, and both say the same of what comes next.
 */
#include "agent/transients.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../proc/side.h"
#include "base/log.h"
#include "journal/journal.h"

#define BASE ((uint64_t)8000000) /* positions are beyond what the ring has */
#define CONTAINER_OF_FIVES "5555555555555555555555555555555555555555555555555555555555555555"
#define LIMIT ((uint64_t)64 * 1024 * 1024)

static const struct journal_id id = { .boot_id = "boot-boot-boot-b", .ring_id = 7 };
static char dir[] = "/tmp/transients-XXXXXX";

/* A ring that is never full, a fold that has read it, and the journal of what it has read. */
struct life {
	struct side side;
	struct buf ring;
	struct journal *journal;
	struct transients transients;
	uint64_t end;	    /* what is before it is in the journal */
	size_t n_all;	    /* so many records of the log are in it, and facts, too */
	size_t n_cuts;	    /* ever */
	uint16_t cpu;	    /* of what comes */
	uint64_t seqs[256]; /* of its records so far */
};

static uint64_t position(const struct life *l)
{
	return BASE + l->ring.len;
}

static int no_state(void *ctx, struct journal *j)
{
	(void)ctx;
	(void)j;
	return 0;
}

static void life_init(struct life *l)
{
	*l = (struct life){ .end = BASE };
	side_init(&l->side, NULL);
	assert_int_equal(journal_open(dir, &id, LIMIT, &l->journal), 0);
	assert_int_equal(journal_rewrite(l->journal, BASE, no_state, NULL), 0);
}

static void life_done(struct life *l)
{
	side_done(&l->side);
	buf_done(&l->ring);
	journal_free(l->journal);
	transients_done(&l->transients);
	assert_int_equal(journal_remove(dir), 0);
}

static void put_frame(struct life *l, const struct event_head *record, uint32_t bits)
{
	const uint32_t header[2] = { record->size | bits, 0xdead };
	const char zeros[8] = { 0 };

	buf_put(&l->ring, header, sizeof(header));
	buf_put(&l->ring, record, record->size);
	buf_put(&l->ring, zeros, -record->size % 8u);
	assert_false(buf_failed(&l->ring));
}

static void take(struct side *s, const struct event_head *record, uint64_t seq)
{
	assert_int_equal(fold_record(s->fold, record, record->size, seq, &s->batch), 0);
}

/* Returns its position, as the other side is to have it. */
static uint64_t happen(struct life *l, const struct event_head *record)
{
	uint64_t at = position(l);

	if (record_is_of_ring(record))
		put_frame(l, record, 0);
	else
		journal_note(l->journal, record, at);
	take(&l->side, record, at);
	side_settle(&l->side);
	return at;
}

/* Everything up to `end` is in custody. `split`: where the ring begins anew. */
static void append(struct life *l, uint64_t end, size_t split)
{
	size_t n = end - l->end, first = split < n ? split / 8 * 8 : n;
	char *begin = l->ring.data + (l->end - BASE);
	struct iovec pieces[2] = { { begin, first }, { NULL, n - first } };
	size_t n_pieces = n - first ? 2 : 1;
	_cleanup_(freep) char *second = malloc(n - first + 1);

	if (!n)
		return;
	assert_non_null(second);
	memcpy(second, begin + first, n - first);
	pieces[1].iov_base = second;
	if (!first) {
		pieces[0] = pieces[1];
		n_pieces = 1;
	}
	transients_find(&l->transients, l->side.fold, l->end, pieces, n_pieces);
	l->n_cuts += l->transients.cuts.n;
	assert_int_equal(
		journal_append(l->journal, l->end, end, pieces, n_pieces, &l->transients.cuts), 0);
	l->end = end;
}

static int fold_again(void *ctx, const struct event_head *record, uint64_t seq)
{
	struct side *s = ctx;

	take(s, record, seq);
	side_settle(s);
	buf_clear(&s->text);
	return 0;
}

static void recover(struct side *s, uint64_t end)
{
	struct journal_found found;

	side_init(s, NULL);
	assert_int_equal(journal_recover(dir, &id, fold_again, s, &found), 0);
	assert_int_equal(found.outcome, JOURNAL_SAME_RING);
	assert_false(found.is_damaged);
	assert_int_equal(found.end, end);
}

static void assert_same_losses(struct fold *f, struct fold *g)
{
	struct fold_losses a, b;

	fold_losses(f, &a);
	fold_losses(g, &b);
	assert_memory_equal(&a, &b, sizeof(a));
}

static uint64_t at[RECORDS_MAX];    /* where the log's records are in the ring */
static size_t text_at[RECORDS_MAX]; /* and how much had been said before them */

/* A place where a record begins, in what the journal does not have yet. */
static uint64_t some_end(const struct life *l, struct history *h, size_t n)
{
	uint32_t back = history_random(h, 60);
	uint64_t end = back < n ? at[n - 1 - back] : position(l);

	return end > l->end ? end : l->end;
}

/* What is known at rest is journaled at once. */
static void append_all(struct life *l, struct history *h, size_t n)
{
	append(l, position(l), history_random(h, 4000));
	assert_int_equal(journal_append(l->journal, l->end, l->end, NULL, 0, NULL), 0);
	l->n_all = n;
}

/* What group an id is of changes in these logs, and nowhere else: the first one holds. */
static void keep_groups(struct records *log)
{
	uint64_t seen = 0;
	size_t n = 0;

	for (size_t i = 0; i < log->n; i++) {
		const struct event_head *head = nth(log, i);
		uint64_t group = ((const struct event_cgroup_made *)head)->cgroup.id;

		if (head->type == EVENT_CGROUP && seen & 1ULL << group)
			continue;
		seen |= head->type == EVENT_CGROUP ? 1ULL << group : 0;
		log->offsets[n++] = log->offsets[i];
	}
	log->n = n;
}

static bool is_told_at_rest(const struct event_head *head)
{
	return head->type == EVENT_STREAM || head->type == EVENT_MARK;
}

/* The next life folds the journal and, once more, what it does not have of the ring. */
static void take_over(struct life *l, struct side *other, const struct records *log, size_t n)
{
	size_t first = n, said;

	while (first > l->n_all && at[first - 1] >= l->end)
		first--;
	recover(other, l->end);
	for (size_t i = first; i < n; i++) {
		take(other, nth(log, i), at[i]);
		side_settle(other);
	}
	said = l->side.text.len - (first < n ? text_at[first] : l->side.text.len);
	assert_int_equal(other->text.len, said);
	if (said)
		assert_memory_equal(other->text.data, l->side.text.data + l->side.text.len - said,
				    said);
	buf_clear(&l->side.text);
	buf_clear(&other->text);
	assert_same(&l->side, other);
	assert_same_losses(l->side.fold, other->fold);
}

/*
 * The agent dies after `n_first` records; all that it has folded is in the journal then, or
 * flushers are behind.
 */
static size_t go_on_without(const struct records *log, size_t n_first, uint64_t seed,
			    bool is_behind)
{
	struct history chance;
	struct life l;
	struct side other;

	history_init(&chance, seed);
	life_init(&l);
	for (size_t i = 0; i < log->n; i++) {
		if (i == n_first) {
			if (!is_behind)
				append_all(&l, &chance, i);
			take_over(&l, &other, log, i);
		}
		if (is_told_at_rest(nth(log, i)))
			append_all(&l, &chance, i);
		text_at[i] = l.side.text.len;
		at[i] = happen(&l, nth(log, i));
		if (i >= n_first) {
			take(&other, nth(log, i), at[i]);
			side_settle(&other);
		}
		if (!history_random(&chance, 10))
			put_frame(&l, nth(log, i), FRAME_DISCARDED);
		if (!history_random(&chance, 50))
			append(&l, some_end(&l, &chance, i + 1), history_random(&chance, 4000));
	}
	assert_same(&l.side, &other);
	side_done(&other);
	life_done(&l);
	return l.n_cuts;
}

static size_t try_logs(bool is_behind)
{
	size_t n_cuts = 0;

	for (uint64_t seed = 0; seed < 60; seed++) {
		struct records *log = random_log(seed);

		keep_groups(log);
		for (size_t n = 31 + seed % 7; n < log->n; n += 97)
			n_cuts += go_on_without(log, n, seed, is_behind);
		records_free(log);
	}
	return n_cuts;
}

static void test_random(void **state)
{
	(void)state;
	assert_true(try_logs(false) > 1000);
}

static void test_behind(void **state)
{
	(void)state;
	assert_true(try_logs(true) > 1000);
}

static const struct event_cgroup none = { 0 };
static const struct image_key shell = { .pid = 50, .start_ns = 500, .exec_count = 3 };

/* As the programs number them, with a hole now and then, which is a loss. */
static void feed(struct life *l, void *record)
{
	struct event_head *head = record;

	if (record_is_of_ring(head)) {
		head->cpu = l->cpu;
		head->seq = l->seqs[l->cpu] += head->tgid % 50 ? 1 : 3;
	}
	happen(l, record);
	free(record);
}

static void born(struct life *l, uint32_t pid, struct image_key by, struct event_cgroup cgroup)
{
	struct event_fork *e = record_fork(KEY(pid, 10 * pid, by.exec_count), by, 0);

	e->cgroup = cgroup;
	feed(l, e);
}

static void lives_and_ends(struct life *l, uint32_t pid, struct event_cgroup cgroup)
{
	struct event_exit *e = record_exit(KEY(pid, 10 * pid, 4), NOBODY, 0);

	e->cgroup = cgroup;
	feed(l, record_exec(&(struct exec_spec){ .id = KEY(pid, 10 * pid, 4),
						 .parent = shell,
						 .filename = "/bin/true",
						 .cgroup = cgroup }));
	feed(l, e);
}

static void comes_and_goes(struct life *l, uint32_t pid, struct event_cgroup cgroup)
{
	born(l, pid, shell, cgroup);
	lives_and_ends(l, pid, cgroup);
}

static void begin(struct life *l)
{
	life_init(l);
	feed(l, record_exec(&(struct exec_spec){
			.id = shell, .parent = KEY(1, 1, 0), .exe = "/bin/sh" }));
	append(l, position(l), 100000);
}

/* Everything up to `end`, beyond which the fold has gone; how many cuts that gave. */
static size_t cuts_up_to(struct life *l, uint64_t end)
{
	size_t n = l->n_cuts;

	append(l, end, 100000);
	append(l, position(l), 100000);
	return l->n_cuts - n;
}

static size_t cuts_of_the_rest(struct life *l)
{
	return cuts_up_to(l, position(l));
}

/* A storm is one record, however long. */
static void test_storm(void **state)
{
	struct life l;
	off_t before;
	struct stat st;
	char path[64];

	(void)state;
	snprintf(path, sizeof(path), "%s/journal", dir);
	begin(&l);
	assert_int_equal(stat(path, &st), 0);
	before = st.st_size;
	for (uint32_t pid = 100; pid < 1100; pid++)
		comes_and_goes(&l, pid, none);
	assert_int_equal(cuts_of_the_rest(&l), 1);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size - before, sizeof(struct format_batch) + FRAME_HEADER +
						      sizeof(struct event_transients) +
						      sizeof(struct event_stream_step) +
						      1000 * sizeof(struct event_ended));
	life_done(&l);
}

/* Who is there, who was there before, who has left a child. */
static void test_who_stays(void **state)
{
	struct life l;

	(void)state;
	begin(&l);
	born(&l, 100, shell, none);
	assert_int_equal(cuts_of_the_rest(&l), 0);
	lives_and_ends(&l, 100, none);
	assert_int_equal(cuts_of_the_rest(&l), 0);
	born(&l, 101, shell, none);
	born(&l, 102, KEY(101, 1010, 3), none); /* a child of what it was before it executed */
	lives_and_ends(&l, 101, none);
	assert_int_equal(cuts_of_the_rest(&l), 0);
	born(&l, 103, shell, none);
	born(&l, 104, KEY(103, 1030, 3), none);
	lives_and_ends(&l, 104, none);
	lives_and_ends(&l, 103, none);
	assert_int_equal(cuts_of_the_rest(&l), 1);
	life_done(&l);
}

/* Its end was folded, and is not in the journal: a start goes on from there, and has to know it. */
static void test_end_to_come(void **state)
{
	struct life l;
	uint64_t end;

	(void)state;
	begin(&l);
	born(&l, 100, shell, none);
	end = position(&l);
	lives_and_ends(&l, 100, none);
	append(&l, end, 100000);
	assert_int_equal(l.n_cuts, 0);
	append(&l, position(&l), 100000);
	assert_int_equal(l.n_cuts, 0);
	life_done(&l);
}

static void ends(struct life *l, uint32_t pid, uint64_t exec_count)
{
	feed(l, record_exit(KEY(pid, 10 * pid, exec_count), NOBODY, 0));
}

/*
 * 100 comes and goes, and nobody whom the fold knows by now shows it; but records that come again
 * name it.
 */
static void test_named_by_what_stays(void **state)
{
	static const struct image_key first = { .pid = 100, .start_ns = 1000, .exec_count = 3 };
	static const struct image_key second = { .pid = 100, .start_ns = 1000, .exec_count = 4 };

	(void)state;
	for (int how = 0; how < 6; how++) {
		struct event_exit *child_exit = record_exit(KEY(101, 1010, 4), second, 0);
		struct event_fork *sibling = record_fork(KEY(101, 1010, 3), first, 0);
		struct life l;
		uint64_t end;

		begin(&l);
		born(&l, 100, shell, none);
		if (how == 1) { /* a copy of it, and not its child */
			sibling->parent = record_id(shell);
			feed(&l, sibling);
		} else {
			free(sibling);
		}
		if (how == 2) /* a child that has the place of another one */
			comes_and_goes(&l, 101 + 4096, none);
		if (how == 0 || how == 2)
			born(&l, 101, first, none);
		lives_and_ends(&l, 100, none);
		if (how == 3) /* a child whose fork was lost */
			feed(&l, record_exec(&(struct exec_spec){ .id = KEY(101, 1010, 4),
								  .parent = first,
								  .filename = "/bin/true" }));
		if (how == 4) /* and its exec, too; and nobody has gone farther */
			feed(&l, child_exit);
		else
			free(child_exit);
		end = position(&l);
		if (how < 4)
			ends(&l, 101, how == 3 ? 4 : 3);
		assert_int_equal(cuts_up_to(&l, end), how == 2 || how == 5);
		life_done(&l);
	}
}

/* Two of one place in the table of births: the one that came first. */
static void test_collision(void **state)
{
	struct life l;

	(void)state;
	begin(&l);
	comes_and_goes(&l, 100, none);
	comes_and_goes(&l, 100 + 4096, none);
	comes_and_goes(&l, 101, none);
	assert_int_equal(cuts_of_the_rest(&l), 2); /* with the other one between them */
	life_done(&l);
}

/* Who began a container tells of who enters it later; who is forked by the kernel names that. */
static void test_what_others_are_judged_by(void **state)
{
	static const struct event_cgroup inside = { .id = 7, .hierarchy = 2, .mnt_ns = 4026532177 };
	struct event_fork *helper;
	struct life l;

	(void)state;
	begin(&l);
	feed(&l, record_cgroup(2, 7, "/docker/" CONTAINER_OF_FIVES));
	comes_and_goes(&l, 100, inside);
	assert_int_equal(cuts_of_the_rest(&l), 0);
	comes_and_goes(&l, 101, inside);
	assert_int_equal(cuts_of_the_rest(&l), 1);
	helper = record_fork(KEY(102, 1020, 3), KEY(2, 2, 0), 0);
	helper->head.flags |= EVENT_F_BY_KTHREAD;
	feed(&l, helper);
	lives_and_ends(&l, 102, none);
	assert_int_equal(cuts_of_the_rest(&l), 0);
	life_done(&l);
}

/* The iterator may tell late of somebody whom it saw before. */
static void test_while_a_pass_runs(void **state)
{
	struct life l;

	(void)state;
	begin(&l);
	feed(&l, record_mark(EVENT_MARK_PASS_BEGIN));
	comes_and_goes(&l, 100, none);
	assert_int_equal(cuts_of_the_rest(&l), 0);
	feed(&l, record_mark(EVENT_MARK_PASS_END));
	comes_and_goes(&l, 101, none);
	assert_int_equal(cuts_of_the_rest(&l), 1);
	life_done(&l);
}

/* A machine with more CPUs than there are places for streams, and two of one place in turns. */
static void test_streams(void **state)
{
	struct life l;
	struct side other;

	(void)state;
	begin(&l);
	for (uint32_t i = 0; i < 600; i++) {
		l.cpu = (uint16_t)(i < 200 ? i : i % 2 * TRANSIENTS_RECENT);
		comes_and_goes(&l, 100 + i, none);
	}
	assert_int_equal(cuts_of_the_rest(&l), 1);
	recover(&other, position(&l));
	assert_same_state(l.side.fold, other.fold);
	assert_same_losses(l.side.fold, other.fold);
	side_done(&other);
	life_done(&l);
}

static int setup(void **state)
{
	(void)state;
	log_setup(LOG_LEVEL_ERR, LOG_FORMAT_TEXT);
	return mkdtemp(dir) ? 0 : -errno;
}

static int teardown(void **state)
{
	(void)state;
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_behind),
		cmocka_unit_test(test_storm),
		cmocka_unit_test(test_who_stays),
		cmocka_unit_test(test_end_to_come),
		cmocka_unit_test(test_named_by_what_stays),
		cmocka_unit_test(test_collision),
		cmocka_unit_test(test_what_others_are_judged_by),
		cmocka_unit_test(test_while_a_pass_runs),
		cmocka_unit_test(test_streams),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
