/* SPDX-License-Identifier: Apache-2.0 */
/* What waits in a file: all of it comes back, or it is said that something is missing. */
#include "chunks.h"

#include <signal.h>
#include <sys/resource.h>

#include "pipeline/backlog.h"

static struct backlog *reopen_at(const char *pipeline, const uint8_t *boot_id)
{
	const struct backlog_at at = {
		.folder = folder, .pipeline = pipeline, .flusher = "f/2", .boot_id = boot_id
	};
	struct backlog *b = NULL;

	assert_int_equal(backlog_open(&at, &b), 0);
	return b;
}

static struct backlog *reopen(void)
{
	return reopen_at("p", boot);
}

static struct chunk *next(struct backlog *b, enum backlog_next want, int64_t *ret_bytes)
{
	enum backlog_next is = BACKLOG_END;
	struct chunk *c = NULL;
	int64_t n = backlog_next(b, &c, &is);

	assert_int_equal(is, want);
	assert_int_equal(n > 0, want == BACKLOG_CHUNK);
	if (ret_bytes)
		*ret_bytes = n;
	return c;
}

static int64_t put(struct backlog *b, unsigned int first, size_t n)
{
	_cleanup_(chunk_unrefp) struct chunk *c = make_chunk(first, n);
	int64_t bytes = backlog_append(b, c, 0);

	assert_true(bytes > 0);
	return bytes;
}

static void assert_next(struct backlog *b, unsigned int first, size_t n)
{
	_cleanup_(chunk_unrefp) struct chunk *want = make_chunk(first, n);
	_cleanup_(chunk_unrefp) struct chunk *got = next(b, BACKLOG_CHUNK, NULL);

	assert_same(got, want, 0);
}

static off_t file_size(void)
{
	struct stat st;

	return stat(path_of("backlog/p.f-2"), &st) == 0 ? st.st_size : -1;
}

/* What is not forgotten is there in the next life, in order; an empty one leaves no file. */
static void test_lives(void **state)
{
	struct stat st;

	(void)state;
	{
		_cleanup_(backlog_closep) struct backlog *b = reopen();

		assert_null(next(b, BACKLOG_END, NULL));
		assert_int_equal(backlog_bytes(b), 0);
		assert_string_equal(backlog_path(b), path_of("backlog/p.f-2"));
		assert_int_equal(stat(backlog_path(b), &st), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
		put(b, 0, 10);
		put(b, 10, 1);
		put(b, 11, 300);
		assert_null(next(b, BACKLOG_END, NULL)); /* its own are not given back */
	}
	{
		_cleanup_(backlog_closep) struct backlog *b = reopen();
		int64_t bytes;

		chunk_unref(next(b, BACKLOG_CHUNK, &bytes));
		backlog_forget(b, (uint64_t)bytes);
	}
	{
		_cleanup_(backlog_closep) struct backlog *b = reopen();
		int64_t bytes[3];

		assert_next(b, 10, 1);
		assert_next(b, 11, 300);
		assert_null(next(b, BACKLOG_END, NULL));
		bytes[2] = put(b, 311, 2); /* what comes now is behind them */
		assert_true(backlog_bytes(b) > (uint64_t)bytes[2]);
	}
	{
		_cleanup_(backlog_closep) struct backlog *b = reopen();

		for (int i = 0; i < 3; i++) {
			int64_t bytes;

			chunk_unref(next(b, BACKLOG_CHUNK, &bytes));
			backlog_forget(b, (uint64_t)bytes);
		}
		assert_int_equal(backlog_bytes(b), 0);
		assert_int_equal(file_size(), 64);
	}
	assert_int_equal(file_size(), -1);
}

/* A part of a chunk, and one that is a report. */
static void test_kinds(void **state)
{
	_cleanup_(chunk_unrefp) struct chunk *part = make_chunk(5, 10), *report = make_chunk(15, 1);

	(void)state;
	report->is_report = true;
	report->loss = (struct loss){ .reason = LOSS_WRITE,
				      .is_counted = true,
				      .exec = 1,
				      .exit = 2,
				      .fork = 3,
				      .other = 4,
				      .since_ns = -5,
				      .until_ns = 6 };
	{
		_cleanup_(backlog_closep) struct backlog *b = reopen();

		assert_true(backlog_append(b, part, 4) > 0);
		assert_true(backlog_append(b, report, 0) > 0);
	}
	{
		_cleanup_(backlog_closep) struct backlog *b = reopen();
		_cleanup_(chunk_unrefp) struct chunk *one = next(b, BACKLOG_CHUNK, NULL);
		_cleanup_(chunk_unrefp) struct chunk *two = next(b, BACKLOG_CHUNK, NULL);

		assert_same(one, part, 4);
		assert_same(two, report, 0);
	}
	unlink(path_of("backlog/p.f-2"));
}

/* Positions of another boot mean nothing; the records do. */
static void test_other_boot(void **state)
{
	(void)state;
	{
		_cleanup_(backlog_closep) struct backlog *b = reopen();

		put(b, 3, 2);
	}
	{
		_cleanup_(backlog_closep) struct backlog *b = reopen_at("p", other_boot);
		_cleanup_(chunk_unrefp) struct chunk *c = next(b, BACKLOG_CHUNK, NULL);

		assert_int_equal(c->n, 2);
		assert_true(!c->seqs[0] && !c->seqs[1] && !c->bound);
	}
	unlink(path_of("backlog/p.f-2"));
}

/* Three chunks; returns their file's bytes. */
static char *make_file(size_t *ret_size)
{
	_cleanup_(closep) int fd = -1;
	char *bytes;

	unlink(path_of("backlog/p.f-2"));
	{
		_cleanup_(backlog_closep) struct backlog *b = reopen();

		for (unsigned int i = 0; i < 3; i++)
			put(b, 2 * i, 2);
	}
	*ret_size = (size_t)file_size();
	bytes = malloc(*ret_size);
	fd = open(path_of("backlog/p.f-2"), O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(fd, bytes, *ret_size), *ret_size);
	return bytes;
}

static void write_file(const char *bytes, size_t n)
{
	_cleanup_(closep) int fd =
		open(path_of("backlog/p.f-2"), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_int_equal(write(fd, bytes, n), n);
}

/* Reads all there is; only whole chunks may come, in order. Returns whether some are missing. */
static bool read_damaged(size_t *ret_n)
{
	_cleanup_(backlog_closep) struct backlog *b = reopen();
	enum backlog_next is = BACKLOG_CHUNK;

	for (*ret_n = 0; is == BACKLOG_CHUNK; *ret_n += is == BACKLOG_CHUNK) {
		_cleanup_(chunk_unrefp) struct chunk *got = NULL;

		assert_true(backlog_next(b, &got, &is) >= 0);
		if (is == BACKLOG_CHUNK) {
			_cleanup_(chunk_unrefp) struct chunk *want =
				make_chunk(2 * (unsigned int)*ret_n, 2);

			if (!got->bound) /* the boot's id was hit */
				continue;
			assert_same(got, want, 0);
		}
	}
	put(b, 100, 1); /* and it goes on */
	return is == BACKLOG_BAD;
}

static void test_truncated(void **state)
{
	size_t size, n;
	_cleanup_(freep) char *bytes = make_file(&size);

	(void)state;
	for (size_t at = 1; at <= size; at++) {
		write_file(bytes, at);
		assert_int_equal(read_damaged(&n), at < size);
		assert_int_equal(n, at == size ? 3 : at < 64 ? 0 : (at - 64) / ((size - 64) / 3));
	}
	unlink(path_of("backlog/p.f-2"));
}

static void test_flipped_bits(void **state)
{
	size_t size, n;
	_cleanup_(freep) char *bytes = make_file(&size);

	(void)state;
	for (size_t bit = 0; bit < 8 * size; bit++) {
		bool is_bad;

		bytes[bit / 8] = (char)(bytes[bit / 8] ^ 1 << bit % 8);
		write_file(bytes, size);
		bytes[bit / 8] = (char)(bytes[bit / 8] ^ 1 << bit % 8);
		is_bad = read_damaged(&n);
		assert_true(is_bad || n == 3);
	}
	unlink(path_of("backlog/p.f-2"));
}

/* What a kill in the middle of an append leaves is not there: the ring still has it. */
static void test_torn_append(void **state)
{
	size_t size, n;
	_cleanup_(freep) char *bytes = make_file(&size), *longer = calloc(1, size + 100);

	(void)state;
	memcpy(longer, bytes, size);
	memcpy(longer + size, bytes + 64, 100);
	write_file(longer, size + 100);
	assert_false(read_damaged(&n));
	assert_int_equal(n, 3);
	unlink(path_of("backlog/p.f-2"));
}

/* No room: it is as it was, and the next one fits again. */
static void test_no_room(void **state)
{
	const struct rlimit none = { .rlim_cur = 700, .rlim_max = RLIM_INFINITY };
	const struct rlimit all = { .rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY };
	_cleanup_(chunk_unrefp) struct chunk *large = make_chunk(1, 100);

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	{
		_cleanup_(backlog_closep) struct backlog *b = reopen();

		put(b, 0, 1);
		setrlimit(RLIMIT_FSIZE, &none);
		assert_true(backlog_append(b, large, 0) < 0);
		setrlimit(RLIMIT_FSIZE, &all);
		put(b, 1, 7);
	}
	{
		_cleanup_(backlog_closep) struct backlog *b = reopen();

		assert_next(b, 0, 1);
		assert_next(b, 1, 7);
		assert_null(next(b, BACKLOG_END, NULL));
	}
	unlink(path_of("backlog/p.f-2"));
}

/* One that is never empty does not grow: what is forgotten is given back. */
static void test_bounded(void **state)
{
	_cleanup_(chunk_unrefp) struct chunk *c = make_chunk(1, 1000);
	_cleanup_(backlog_closep) struct backlog *b = reopen();
	int64_t bytes = backlog_append(b, c, 0);
	struct stat st;

	(void)state;
	for (int i = 0; i < 100; i++) {
		assert_int_equal(backlog_append(b, c, 0), bytes);
		backlog_forget(b, (uint64_t)bytes);
		assert_int_equal(backlog_bytes(b), bytes);
	}
	assert_int_equal(stat(backlog_path(b), &st), 0);
	if (strncmp(folder, "/dev/shm", 8) == 0) /* others give back when they like */
		assert_true(st.st_blocks * 512 < 6 * bytes);
	backlog_forget(b, (uint64_t)bytes);
}

static void test_names(void **state)
{
	char name[300];
	struct backlog_at at = {
		.folder = folder, .pipeline = name, .flusher = "f", .boot_id = boot
	};
	struct backlog *b = NULL;

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(backlog_open(&at, &b), -ENAMETOOLONG);
	at.folder = "/nonexistent";
	at.pipeline = "p";
	assert_int_equal(backlog_open(&at, &b), -ENOENT);
	at.folder = folder;
	at.pipeline = "../..";
	assert_int_equal(backlog_open(&at, &b), 0);
	assert_string_equal(backlog_path(b), path_of("backlog/..-...f"));
	backlog_close(b);
}

static int drop_folder(void **state)
{
	(void)state;
	return rmdir(path_of("backlog")) | rmdir(folder);
}

/* What lost records say comes back with them, also where a chunk's first records do not. */
static void test_lost_records(void **state)
{
	(void)state;
	for (size_t first = 0; first < 3; first++) {
		_cleanup_(chunk_unrefp) struct chunk *c = make_chunk(0, 2), *got = NULL;
		_cleanup_(backlog_closep) struct backlog *b = reopen();
		const struct loss loss = { .is_counted = true, .exec = 5, .other = 6 };
		int64_t bytes;

		assert_true(chunk_grow(c, 2));
		for (int i = 0; i < 2; i++) {
			assert_true(chunk_add_loss(c, &loss));
			buf_put(&c->own, "{}\n", 3);
			c->ends[c->n] = c->own.len;
			c->calls[c->n++] = CALL_LOST;
		}
		assert_true(backlog_append(b, c, first + 1) > 0);
		b = backlog_close(b);
		b = reopen();
		got = next(b, BACKLOG_CHUNK, &bytes);
		assert_int_equal(got->n, 3 - first);
		assert_int_equal(got->n_losses, first == 2 ? 1 : 2);
		assert_int_equal(chunk_loss(got, got->n - 1)->exec, 5);
		assert_int_equal(chunk_loss(got, got->n - 1)->is_counted, 1);
		assert_int_equal(chunk_loss(got, got->n - 1)->other, 6);
		backlog_forget(b, (uint64_t)bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lives),	     cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_other_boot),   cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_flipped_bits), cmocka_unit_test(test_torn_append),
		cmocka_unit_test(test_no_room),	     cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_names),	     cmocka_unit_test(test_lost_records),
	};

	return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
