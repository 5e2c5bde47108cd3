/* SPDX-License-Identifier: Apache-2.0 */
/* A journal that comes back after whatever happened to the agent, to the disk and to the file. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "journal_case.h"

/* The file kept for the next time, or the journal itself, may vanish; it is made again. */
static void test_vanished_files(void **state)
{
	_cleanup_(journal_freep) struct journal *j = new_journal();

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(journal_rewrite(j, ring.end, no_state, NULL), 0);
		assert_int_equal(unlink(i == 1 ? path : new_path), 0);
		assert_int_equal(journal_rewrite(j, ring.end, no_state, NULL), 0);
		expect_all(ring.end);
	}
}

static void write_file(const char *name, const void *data, size_t n)
{
	_cleanup_(closep) int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, n), n);
}

static size_t read_file(const char *name, char *to, size_t size)
{
	_cleanup_(closep) int fd = open(name, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, to, size);

	assert_true(n > 0);
	return (size_t)n;
}

/* A kill before the new one had its name: the old one counts, and the next rewrite works. */
static void test_interrupted_rewrite(void **state)
{
	_cleanup_(journal_freep) struct journal *j = write_all_kinds();
	char whole[16384];
	size_t size;

	(void)state;
	j = journal_free(j);
	size = read_file(path, whole, sizeof(whole));
	for (size_t n = 0; n <= size; n += 333) {
		write_file(new_path, whole, n);
		expect_all(ring.end);
		j = open_journal();
		assert_false(journal_is_broken(j));
		j = journal_free(j);
	}
	j = open_journal();
	assert_int_equal(journal_rewrite(j, ring.end, no_state, NULL), 0);
	forget_expected();
	expect_all(ring.end);
}

/* Where a file must end so that n records are whole, and those of the state come together. */
static void expect_prefix(const struct journal_found *found)
{
	assert_true(n_visited == 0 || n_visited >= 3);
	if (!n_visited)
		assert_int_equal(found->outcome == JOURNAL_SAME_RING, found->size > 64);
}

/* At every byte: damage, since no kill leaves a file so; a prefix of the batches. */
static void test_truncated(void **state)
{
	_cleanup_(journal_freep) struct journal *j = write_all_kinds();
	char whole[16384];
	size_t size, last = 0;

	(void)state;
	j = journal_free(j);
	size = read_file(path, whole, sizeof(whole));
	for (size_t n = 0; n < size; n++) {
		struct journal_found found;

		write_file(path, whole, n);
		found = recover();
		assert_true(found.is_damaged);
		assert_non_null(found.why);
		expect_prefix(&found);
		assert_true(n_visited >= last && n_visited <= expected.n);
		last = n_visited;
		j = open_journal();
		assert_true(journal_is_broken(j));
		j = journal_free(j);
	}
	assert_int_equal(last, expected.n - 1);
}

static void test_flipped_bits(void **state)
{
	_cleanup_(journal_freep) struct journal *j = write_all_kinds();
	char whole[16384];
	size_t size;
	int fd;

	(void)state;
	j = journal_free(j);
	size = read_file(path, whole, sizeof(whole));
	fd = open(path, O_WRONLY | O_CLOEXEC);
	for (size_t bit = 0; bit < 8 * size; bit++) {
		char flipped = (char)(whole[bit / 8] ^ 1 << bit % 8);
		struct journal_found found;

		assert_int_equal(pwrite(fd, &flipped, 1, (off_t)bit / 8), 1);
		found = recover();
		assert_int_equal(pwrite(fd, &whole[bit / 8], 1, (off_t)bit / 8), 1);
		assert_true(found.is_damaged);
		assert_non_null(found.why);
		expect_prefix(&found);
		assert_true(n_visited < expected.n);
		assert_true(found.end <= ring.end);
	}
	close(fd);
	expect_all(ring.end);
}

/* A kill within a write: whatever lies behind what counts is nothing. */
static void test_killed_in_write(void **state)
{
	_cleanup_(journal_freep) struct journal *j = write_all_kinds();
	char whole[16384];
	size_t size;

	(void)state;
	j = journal_free(j);
	size = read_file(path, whole, sizeof(whole));
	for (size_t n = 1; size + n < sizeof(whole) && n < 1000; n += 37) {
		memcpy(whole + size, whole + 64, n);
		write_file(path, whole, size + n);
		expect_all(ring.end);
	}
	j = open_journal();
	assert_false(journal_is_broken(j));
}

/* Appends and rewrites for ever. */
static void __attribute__((noreturn)) write_on(void)
{
	_cleanup_(freep) struct event_head *record = exit_of(1);
	_cleanup_(journal_freep) struct journal *j = new_journal();

	while (true) {
		uint64_t begin = ring.end;

		for (int i = 0; i < 20; i++)
			ring_add(record, 0);
		if (append(j, begin, ring.end) < 0 ||
		    (journal_is_full(j) && journal_rewrite(j, ring.end, no_state, NULL) < 0))
			_exit(1);
	}
}

/* Records of one size without a hole. */
static int visit_next(void *ctx, const struct event_head *record, uint64_t seq)
{
	uint64_t *next = ctx;

	assert_true(*next == 0 || *next == seq);
	*next = seq + format_frame_size(record);
	return 0;
}

static void test_killed_at_random(void **state)
{
	uint64_t n_records = 0;

	(void)state;
	for (useconds_t round = 0; round < 20; round++) {
		struct journal_found found;
		uint64_t end = 0;
		pid_t pid = fork();

		if (pid == 0)
			write_on();
		usleep(3000 + round * 777);
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		assert_int_equal(journal_recover(dir, &id, visit_next, &end, &found), 0);
		assert_false(found.is_damaged);
		assert_true(end == 0 || end == found.end);
		n_records += found.n_records;
		assert_int_equal(journal_remove(dir), 0);
	}
	assert_true(n_records > 0);
}

static struct rlimit limit_file_size(rlim_t n)
{
	struct rlimit old, small;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small = (struct rlimit){ .rlim_cur = n, .rlim_max = old.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	return old;
}

/* No room: what was there stays; nothing is taken until a rewrite succeeds. */
static void test_no_room(void **state)
{
	_cleanup_(journal_freep) struct journal *j = write_all_kinds();
	struct event_head *lost = exit_of(3);
	uint64_t begin = ring.end, end = begin;
	struct rlimit old;

	(void)state;
	old = limit_file_size((rlim_t)size_of(path) + 100);
	ring_add(lost, 0);
	free(lost);
	assert_int_equal(append(j, begin, ring.end), -EFBIG);
	assert_true(journal_is_broken(j));
	expect_all(end);
	assert_int_equal(append(j, begin, ring.end), 0);
	for (int i = 0; i < 100000; i++)
		journal_note(j, expected.records[0], begin);
	assert_int_equal(journal_counters(j)->forgotten, 0);
	limit_file_size(80);
	assert_int_equal(journal_rewrite(j, ring.end, no_state, NULL), -EFBIG);
	assert_true(journal_is_broken(j));
	expect_all(end);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(journal_counters(j)->failures, 2);

	forget_expected();
	assert_int_equal(journal_rewrite(j, ring.end, no_state, NULL), 0);
	assert_false(journal_is_broken(j));
	add(record_exit(KEY_OF(4), KEY_OF(1), 0));
	assert_int_equal(append(j, expected.seq[0], ring.end), 0);
	expect_all(ring.end);
}

/* It ignores what journal_put_state() says. */
static int put_much(void *ctx, struct journal *j)
{
	_cleanup_(freep) struct event_head *one = exit_of(3);

	(void)ctx;
	for (int i = 0; i < 5000; i++)
		(void)journal_put_state(j, one);
	limit_file_size(RLIM_INFINITY);
	return 0;
}

static int refuse(void *ctx, struct journal *j)
{
	(void)j;
	return *(int *)ctx;
}

/* The old one goes on; the next try is due when it has grown by the limit. */
static void test_rewrite_fails(void **state)
{
	_cleanup_(journal_freep) struct journal *j = write_all_kinds();
	uint64_t begin = ring.end;
	int r = -ENOMEM;

	(void)state;
	assert_int_equal(journal_rewrite(j, ring.end, refuse, &r), -ENOMEM);
	assert_int_equal(access(new_path, F_OK), -1);
	limit_file_size(300000);
	assert_int_equal(journal_rewrite(j, ring.end, put_much, NULL), -EFBIG);
	assert_false(journal_is_broken(j));
	assert_false(journal_is_full(j));
	add(record_exit(KEY_OF(4), KEY_OF(1), 0));
	assert_int_equal(append(j, begin, ring.end), 0);
	expect_all(ring.end);
	while (!journal_is_full(j)) {
		begin = ring.end;
		ring_add(expected.records[0], 0);
		assert_int_equal(append(j, begin, ring.end), 0);
	}
	assert_true(journal_counters(j)->size > LIMIT);
	assert_int_equal(journal_rewrite(j, ring.end, refuse, &r), -ENOMEM);
	assert_false(journal_is_full(j));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, begin_test, end_test)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_vanished_files),  TEST(test_interrupted_rewrite),
		TEST(test_truncated),	    TEST(test_flipped_bits),
		TEST(test_killed_in_write), TEST(test_killed_at_random),
		TEST(test_no_room),	    TEST(test_rewrite_fails),
	};

	signal(SIGXFSZ, SIG_IGN);
	return cmocka_run_group_tests(tests, setup, teardown);
}
