/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chunks that wait, through lives that end at any moment. A model of the agent: it puts chunks,
 * delivers the first, secures, dies and starts again from where the ring was given back to.
 */
#include "chunks.h"

#include <signal.h>
#include <sys/resource.h>

#include "pipeline/queue.h"

#define RECORDS 4000
#define LARGE (3 * 1024 * 1024) /* bytes of a record that fills the queue soon */

struct life {
	struct custody *custody;
	struct queue queue;
	struct queue_found found;
};

static struct life begin_life(void)
{
	struct life l = { 0 };

	assert_int_equal(custody_open(folder, boot, &l.custody), 0);
	return l;
}

static void take_up(struct life *l)
{
	struct pipeline_state state = { .folder = folder, .custody = l->custody };

	queue_init(&l->queue, "p", "f");
	queue_set_state(&l->queue, &state, &l->found);
}

static void copy_file(const char *from, const char *to)
{
	_cleanup_(closep) int in = open(from, O_RDONLY | O_CLOEXEC), out = -1;
	char block[65536];
	ssize_t n;

	unlink(to);
	if (in < 0)
		return;
	out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	while ((n = read(in, block, sizeof(block))) > 0)
		assert_int_equal(write(out, block, (size_t)n), n);
}

/* What a kill leaves is what the files have now. */
static void kill_life(struct life *l)
{
	struct queue_left left;

	copy_file(path_of("custody"), path_of("custody.killed"));
	copy_file(path_of("backlog/p.f"), path_of("backlog.killed"));
	queue_leave(&l->queue, &left);
	free(left.path);
	custody_close(l->custody);
	copy_file(path_of("custody.killed"), path_of("custody"));
	copy_file(path_of("backlog.killed"), path_of("backlog/p.f"));
}

static void end_life(struct life *l, struct queue_left *ret)
{
	queue_leave(&l->queue, ret);
	free(ret->path);
	custody_close(l->custody);
}

static bool put(struct queue *q, unsigned int first, size_t n)
{
	_cleanup_(chunk_unrefp) struct chunk *c = make_chunk(first, n);

	return queue_put(q, c, 0);
}

static void put_large(struct queue *q, unsigned int number, bool want)
{
	_cleanup_(chunk_unrefp) struct chunk *c = make_chunk(number, 1);

	assert_non_null(buf_room(&c->own, LARGE));
	memset(c->own.data + c->own.len, ' ', LARGE);
	buf_advance(&c->own, LARGE);
	c->ends[0] = c->own.len;
	assert_int_equal(queue_put(q, c, 0), want);
}

static void clean(void)
{
	unlink(path_of("custody"));
	unlink(path_of("custody.killed"));
	unlink(path_of("backlog.killed"));
	unlink(path_of("backlog/p.f"));
	rmdir(path_of("backlog"));
}

static void test_order(void **state)
{
	struct queue_left left;
	struct queue q;

	(void)state;
	queue_init(&q, "p", "f");
	assert_int_equal(queue_pending(&q), UINT64_MAX);
	assert_true(put(&q, 0, 2) && put(&q, 2, 3) && put(&q, 5, 1));
	assert_int_equal(q.first->chunk->seqs[0], 0);
	queue_pop(&q);
	assert_int_equal(queue_pending(&q), 2 * STEP);
	assert_int_equal(q.first->chunk->n, 3);
	queue_leave(&q, &left);
	assert_int_equal(left.n_lost, 4);
	assert_int_equal(left.n_waiting, 0);
	assert_null(left.path);
	assert_int_equal(q.bytes, 0);
}

/*
 * Without a state what is secured is let go of; with one it is in the backlog, from the front on.
 */
static void test_secure(void **state)
{
	struct queue_left left;
	struct queue q;
	struct life l;

	(void)state;
	queue_init(&q, "p", "f");
	assert_true(put(&q, 0, 2) && put(&q, 2, 3));
	queue_secure(&q, 2 * STEP);
	assert_int_equal(queue_pending(&q), 2 * STEP);
	assert_null(q.backlog);
	queue_leave(&q, &left);
	assert_int_equal(left.n_lost, 5);

	l = begin_life();
	take_up(&l);
	assert_true(put(&l.queue, 0, 2) && put(&l.queue, 2, 3) && put(&l.queue, 5, 1));
	queue_secure(&l.queue, 2 * STEP + 1);
	assert_int_equal(queue_pending(&l.queue), 5 * STEP);
	assert_true(backlog_bytes(l.queue.backlog) > 0);
	queue_pop(&l.queue);
	queue_pop(&l.queue);
	assert_int_equal(backlog_bytes(l.queue.backlog), 0);
	end_life(&l, &left);
	assert_int_equal(left.n_waiting, 1);
	assert_int_equal(left.n_lost, 0);
	clean();
}

/* Records that are delivered do not go into the backlog, mark or no mark. */
static void test_secure_part(void **state)
{
	_cleanup_(chunk_unrefp) struct chunk *c = make_chunk(0, 5);
	struct life l = begin_life();

	(void)state;
	take_up(&l);
	assert_true(queue_put(&l.queue, c, 3));
	queue_secure(&l.queue, UINT64_MAX);
	kill_life(&l);
	l = begin_life();
	take_up(&l);
	assert_int_equal(l.found.n, 2);
	assert_int_equal(l.queue.first->chunk->seqs[0], 3 * STEP);
	kill_life(&l);
	clean();
}

/* Where the backlog cannot be written the ring is held on, and a stop says what it loses. */
static void test_no_room(void **state)
{
	const struct rlimit none = { .rlim_cur = 200, .rlim_max = RLIM_INFINITY };
	const struct rlimit all = { .rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY };
	struct queue_left left;
	struct life l = begin_life();

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	take_up(&l);
	assert_true(put(&l.queue, 0, 20) && put(&l.queue, 20, 30));
	setrlimit(RLIMIT_FSIZE, &none);
	queue_secure(&l.queue, UINT64_MAX);
	assert_int_equal(queue_pending(&l.queue), 0);
	setrlimit(RLIMIT_FSIZE, &all);
	queue_secure(&l.queue, 1);
	assert_int_equal(queue_pending(&l.queue), 20 * STEP);
	setrlimit(RLIMIT_FSIZE, &none);
	end_life(&l, &left);
	setrlimit(RLIMIT_FSIZE, &all);
	assert_int_equal(left.n_waiting, 20);
	assert_int_equal(left.n_lost, 30);
	l = begin_life();
	take_up(&l);
	assert_int_equal(l.found.n, 20);
	assert_int_equal(l.found.skip_before, 50 * STEP); /* the 30 are owed, not read again */
	assert_true(l.queue.shortfall.is_owed[DROP_QUEUE]);
	assert_int_equal(l.queue.shortfall.sums[DROP_QUEUE].exec, 10);
	end_life(&l, &left);
	clean();
}

/*
 * What is dropped when the queue is full is known to the next life, to the record, and it reads
 * none of it again.
 */
static void test_overflow(void **state)
{
	struct life l = begin_life();
	struct loss loss;
	size_t n = 0;

	(void)state;
	take_up(&l);
	put_large(&l.queue, 1, true);
	put_large(&l.queue, 2, true);
	put_large(&l.queue, 3, false);
	put_large(&l.queue, 4, false);
	assert_int_equal(queue_pending(&l.queue), UINT64_MAX); /* all before is in the backlog */
	kill_life(&l);
	l = begin_life();
	take_up(&l);
	assert_int_equal(l.found.n, 2);
	assert_int_equal(l.found.skip_before, 5 * STEP);
	assert_true(shortfall_take(&l.queue.shortfall, 77, &loss));
	assert_true(loss.exec == 1 && loss.fork == 0 && loss.exit == 1 && loss.is_counted);
	for (; l.queue.first; n++) {
		assert_int_equal(l.queue.first->chunk->seqs[0], (n + 1) * STEP);
		queue_pop(&l.queue);
	}
	assert_int_equal(n, 2);
	kill_life(&l);
	clean();
}

/* A report is in the backlog as soon as it is queued, and only then forgotten in the slot. */
static void test_report(void **state)
{
	_cleanup_(chunk_unrefp) struct chunk *report = make_chunk(5, 1);
	struct life l = begin_life();

	(void)state;
	take_up(&l);
	put_large(&l.queue, 1, true);
	put_large(&l.queue, 2, true);
	put_large(&l.queue, 3, false);
	queue_pop(&l.queue);
	report->is_report = true;
	report->bound = 5 * STEP;
	assert_true(shortfall_take(&l.queue.shortfall, 77, &report->loss));
	kill_life(&l); /* before it is queued: owed on */
	l = begin_life();
	take_up(&l);
	assert_true(shortfall_take(&l.queue.shortfall, 77, &report->loss));
	assert_true(queue_put(&l.queue, report, 0));
	kill_life(&l); /* after it: it comes from the backlog */
	l = begin_life();
	take_up(&l);
	assert_false(shortfall_any(&l.queue.shortfall));
	assert_int_equal(l.queue.first->chunk->seqs[0], 2 * STEP);
	assert_true(l.queue.first->next->chunk->is_report);
	assert_int_equal(l.queue.first->next->chunk->loss.exec, 1);
	kill_life(&l);
	clean();
}

/* A backlog that has gone, or lacks its end, is reported: the marks know that it was there. */
static void test_missing_backlog(void **state)
{
	struct life l = begin_life();

	(void)state;
	take_up(&l);
	assert_true(put(&l.queue, 0, 20));
	queue_secure(&l.queue, UINT64_MAX);
	kill_life(&l);
	unlink(path_of("backlog/p.f"));
	l = begin_life();
	take_up(&l);
	assert_int_equal(l.found.n, 0);
	assert_int_equal(l.found.skip_before, 0);
	assert_true(l.queue.shortfall.is_owed[DROP_BACKLOG]);
	kill_life(&l);
	clean();
}

/* The records that a model of the flusher has got, how often each. */
struct model {
	unsigned int got[RECORDS];
	unsigned int next;	/* record to be put next */
	unsigned int committed; /* of the ring: the next life reads from here on */
	uint64_t seed;
};

static unsigned int random_below(struct model *m, unsigned int n)
{
	m->seed = m->seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (unsigned int)(m->seed >> 33) % n;
}

/* As the flusher's thread does it: some records of the first chunk, or all, then the mark. */
static void deliver(struct model *m, struct life *l, bool is_marked)
{
	struct link *link = l->queue.first;
	size_t n = link->first;

	n += random_below(m, (unsigned int)(link->chunk->n - n + 1));
	for (size_t i = link->first; i < n; i++)
		m->got[link->chunk->seqs[i] / STEP]++;
	if (!is_marked)
		return; /* it dies before */
	link->first = n;
	custody_store(l->queue.slot, CUSTODY_DELIVERED,
		      n < link->chunk->n ? link->chunk->seqs[n] : link->chunk->bound);
	if (n == link->chunk->n)
		queue_pop(&l->queue);
}

static void put_next(struct model *m, struct life *l)
{
	size_t n = 1 + random_below(m, 40), first = 0;
	_cleanup_(chunk_unrefp) struct chunk *c = NULL;

	if (m->next + n > RECORDS)
		return;
	c = make_chunk(m->next, n);
	m->next += (unsigned int)n;
	while (first < c->n && c->seqs[first] < l->found.skip_before)
		first++;
	if (first < c->n)
		assert_true(queue_put(&l->queue, c, first));
}

/* As the reader does it. */
static void commit(struct model *m, struct life *l)
{
	uint64_t pending = queue_pending(&l->queue);

	if (random_below(m, 3) == 0)
		queue_secure(&l->queue, (m->next - random_below(m, m->next + 1)) * (uint64_t)STEP);
	if (pending / STEP > m->committed)
		m->committed = pending == UINT64_MAX ? m->next : (unsigned int)(pending / STEP);
}

static void live(struct model *m)
{
	struct life l = begin_life();
	unsigned int n = random_below(m, 60);

	take_up(&l);
	m->next = m->committed;
	for (unsigned int i = 0; i < n; i++) {
		put_next(m, &l);
		if (l.queue.first && random_below(m, 2))
			deliver(m, &l, true);
		commit(m, &l);
	}
	if (l.queue.first && random_below(m, 2))
		deliver(m, &l, false);
	kill_life(&l);
}

/* Every record arrives, through any number of kills, and none twice but of the chunk at work. */
static void test_kills(void **state)
{
	static struct model m;

	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		unsigned int n_kills = 0, n_twice = 0;
		struct queue_left left;
		struct life l;

		m = (struct model){ .seed = seed };
		for (; m.committed < RECORDS - 50 && n_kills < 1000; n_kills++)
			live(&m);
		l = begin_life();
		take_up(&l);
		m.next = m.committed;
		for (unsigned int i = 0; i < 100; i++)
			put_next(&m, &l);
		while (l.queue.first)
			deliver(&m, &l, true);
		assert_false(shortfall_any(&l.queue.shortfall));
		end_life(&l, &left);
		for (unsigned int i = 0; i < m.next; i++) {
			assert_true(m.got[i] > 0);
			n_twice += m.got[i] - 1;
		}
		assert_true(n_twice <= 40 * n_kills);
		clean();
	}
}

static int drop_folder(void **state)
{
	(void)state;
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),		cmocka_unit_test(test_secure),
		cmocka_unit_test(test_secure_part),	cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_overflow),	cmocka_unit_test(test_report),
		cmocka_unit_test(test_missing_backlog), cmocka_unit_test(test_kills),
	};

	return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
