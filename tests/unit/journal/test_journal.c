/* SPDX-License-Identifier: Apache-2.0 */
/* A journal that comes back after whatever happened to the agent, to the disk and to the file. */
#include "journal/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../proc/records.h"
#include "base/log.h"
#include "journal/notes.h"

#define KEY_OF(n) ((struct image_key){ .pid = 10 + (n), .start_ns = 100 + (n), .exec_count = 1 })
#define RING_SIZE 4096
#define BASE 1000000 /* positions are beyond what the ring has */
#define LIMIT ((uint64_t)64 * 1024)

static const struct journal_id id = { .boot_id = "boot-boot-boot-b", .ring_id = 7 };

static char dir[] = "/tmp/journal-XXXXXX";
static char path[64], new_path[64];

static struct event_head *exit_of(unsigned int n)
{
	return &record_exit(KEY_OF(n), KEY_OF(1), 0)->head;
}

static struct event_head *user_of(uint32_t uid, const char *name)
{
	return &record_user(uid, name)->head;
}

/* A ring as the kernel fills it: frames that may wrap. */
static struct ring {
	_Alignas(8) char data[RING_SIZE];
	uint64_t end; /* position */
} ring;

static void ring_put(const void *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		ring.data[ring.end++ % RING_SIZE] = ((const char *)p)[i];
}

/* Returns the record's position. */
static uint64_t ring_add(const struct event_head *record, uint32_t bits)
{
	const uint32_t header[2] = { record->size | bits, 0xdead };
	const char zeros[8] = { 0 };
	uint64_t position = ring.end;

	ring_put(header, sizeof(header));
	ring_put(record, record->size);
	ring_put(zeros, -record->size % 8u);
	return position;
}

static int append(struct journal *j, uint64_t begin, uint64_t end)
{
	struct iovec pieces[2];
	size_t at = begin % RING_SIZE, n = end - begin;
	size_t first = n < RING_SIZE - at ? n : RING_SIZE - at;

	pieces[0] = (struct iovec){ .iov_base = ring.data + at, .iov_len = first };
	pieces[1] = (struct iovec){ .iov_base = ring.data, .iov_len = n - first };
	return journal_append(j, begin, end, pieces, 2);
}

/* What is expected to be visited, in order. */
static struct expected {
	struct event_head *records[64];
	uint64_t seq[64];
	size_t n;
} expected;

static struct event_head *expect(void *record, uint64_t seq)
{
	expected.records[expected.n] = record;
	expected.seq[expected.n++] = seq;
	return record;
}

static void forget_expected(void)
{
	for (size_t i = 0; i < expected.n; i++)
		free(expected.records[i]);
	expected.n = 0;
}

static size_t n_visited;

static int visit(void *ctx, const struct event_head *record, uint64_t seq)
{
	(void)ctx;
	assert_true(n_visited < expected.n);
	assert_int_equal(record->size, expected.records[n_visited]->size);
	assert_memory_equal(record, expected.records[n_visited], record->size);
	assert_int_equal(seq, expected.seq[n_visited]);
	n_visited++;
	return 0;
}

static struct journal_found recover(void)
{
	struct journal_found found;

	n_visited = 0;
	assert_int_equal(journal_recover(dir, &id, visit, NULL, &found), 0);
	assert_int_equal(found.n_records, n_visited);
	return found;
}

static void expect_all(uint64_t end)
{
	struct journal_found found = recover();

	assert_int_equal(found.outcome, JOURNAL_SAME_RING);
	assert_false(found.is_damaged);
	assert_null(found.why);
	assert_int_equal(n_visited, expected.n);
	assert_int_equal(found.end, end);
	assert_int_equal(found.skipped, 0);
}

static int no_state(void *ctx, struct journal *j)
{
	(void)ctx;
	(void)j;
	return 0;
}

/* The first *ctx of what is expected. */
static int put_expected(void *ctx, struct journal *j)
{
	for (size_t i = 0; i < *(size_t *)ctx; i++)
		assert_int_equal(journal_put_state(j, expected.records[i]), 0);
	return 0;
}

static struct journal *open_journal(void)
{
	struct journal *j = NULL;

	assert_int_equal(journal_open(dir, &id, LIMIT, &j), 0);
	return j;
}

static struct journal *new_journal(void)
{
	struct journal *j = open_journal();

	assert_true(journal_is_broken(j));
	assert_int_equal(journal_rewrite(j, ring.end, no_state, NULL), 0);
	assert_false(journal_is_broken(j));
	return j;
}

static int setup(void **state)
{
	(void)state;
	log_setup(LOG_LEVEL_ERR, LOG_FORMAT_TEXT);
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/journal", dir);
	snprintf(new_path, sizeof(new_path), "%s/journal.new", dir);
	return 0;
}

static int begin_test(void **state)
{
	(void)state;
	ring = (struct ring){ .end = BASE };
	return 0;
}

static int end_test(void **state)
{
	(void)state;
	forget_expected();
	assert_int_equal(journal_remove(dir), 0);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(access(new_path, F_OK), -1);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return rmdir(dir);
}

static void note(struct journal *j, uint32_t uid, const char *name, uint64_t before)
{
	journal_note(j, expect(record_user(uid, name), before), before);
}

static void add(void *record)
{
	uint64_t position = ring.end;

	ring_add(expect(record, position), 0);
}

/*
 * A state of three records; a batch with facts at its begin, twice within, and a discarded and a
 * refused frame; a batch that wraps; facts alone.
 */
static struct journal *write_all_kinds(void)
{
	struct journal *j = open_journal();
	struct event_head *bad = exit_of(9);
	uint64_t begin = ring.end;
	size_t n = 3;

	expect(record_user(1, "one"), begin);
	expect(record_exit(KEY_OF(8), KEY_OF(1), 0), begin);
	expect(record_user(2, "second"), begin);
	assert_int_equal(journal_rewrite(j, begin, put_expected, &n), 0);

	note(j, 3, "begin", ring.end);
	add(record_fork(KEY_OF(1), KEY_OF(0), 7));
	note(j, 4, "one place", ring.end);
	note(j, 5, "the same place", ring.end);
	add(record_exec(&(struct exec_spec){ .id = KEY_OF(2), .filename = "/bin/x", .cwd = "/a" }));
	ring_add(bad, FRAME_DISCARDED);
	bad->type = 0;
	ring_add(bad, 0);
	free(bad);
	add(record_exit(KEY_OF(2), KEY_OF(1), 0));
	note(j, 6, "for the next batch", ring.end);
	assert_int_equal(append(j, begin, ring.end), 0);

	begin = ring.end;
	for (int i = 0; i < 15; i++)
		add(record_exit(KEY_OF(i), KEY_OF(1), 0));
	assert_true(begin / RING_SIZE < ring.end / RING_SIZE);
	assert_int_equal(append(j, begin, ring.end), 0);
	note(j, 7, "alone", ring.end);
	assert_int_equal(append(j, ring.end, ring.end), 0);
	assert_int_equal(append(j, ring.end, ring.end), 0); /* nothing */
	return j;
}

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

static off_t size_of(const char *name)
{
	struct stat st;

	return stat(name, &st) == 0 ? st.st_size : -1;
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
	journal_note(j, expected.records[0], begin);
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
		TEST(test_round_trip),	    TEST(test_note_waits),
		TEST(test_goes_on),	    TEST(test_rewrite_forgets),
		TEST(test_state_in_pieces), TEST(test_files_take_turns),
		TEST(test_vanished_files),  TEST(test_interrupted_rewrite),
		TEST(test_truncated),	    TEST(test_flipped_bits),
		TEST(test_killed_in_write), TEST(test_killed_at_random),
		TEST(test_other_boot),	    TEST(test_other_ring),
		TEST(test_nothing_there),   TEST(test_visitor_stops),
		TEST(test_no_room),	    TEST(test_rewrite_fails),
		TEST(test_too_many_notes),
	};

	signal(SIGXFSZ, SIG_IGN);
	return cmocka_run_group_tests(tests, setup, teardown);
}
