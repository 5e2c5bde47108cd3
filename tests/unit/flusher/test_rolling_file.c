/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole lines, every one in one file: when it rolls, when it cannot, when the disk is full, and
 * when others move or remove it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "flusher/rolling_file.h"
#include "folder.h"

struct fixture {
	struct folder folder;
	char path[128];
	struct rolling_file file;
};

static void begin_at(struct fixture *x, const char *name, uint64_t max_bytes, unsigned int n_rolled)
{
	*x = (struct fixture){ 0 };
	folder_open(&x->folder);
	snprintf(x->path, sizeof(x->path), "%s", folder_path(&x->folder, name));
	x->file = (struct rolling_file){
		.owner = "test", .path = x->path, .max_bytes = max_bytes, .n_rolled = n_rolled
	};
}

static void begin(struct fixture *x, uint64_t max_bytes, unsigned int n_rolled)
{
	begin_at(x, "log", max_bytes, n_rolled);
	assert_int_equal(rolling_file_open(&x->file), 0);
}

static void end(struct fixture *x)
{
	rolling_file_close(&x->file);
	rolling_file_close(&x->file);
	folder_close(&x->folder);
}

static int put(struct fixture *x, const char *lines, size_t *ret_done)
{
	return rolling_file_write(&x->file, str_from(lines), ret_done);
}

static void put_all(struct fixture *x, const char *lines)
{
	size_t n = 99;

	assert_int_equal(put(x, lines, &n), 0);
	assert_int_equal(n, strlen(lines));
}

static void assert_file(const struct fixture *x, const char *name, const char *text)
{
	assert_string_equal(folder_text(&x->folder, name), text);
}

static void test_appends(void **state)
{
	struct fixture x;
	struct stat st;

	(void)state;
	umask(0);
	begin_at(&x, "a/b/log", 0, 1);
	assert_int_equal(rolling_file_open(&x.file), 0);
	put_all(&x, "1\n2\n");
	rolling_file_close(&x.file);
	assert_int_equal(rolling_file_open(&x.file), 0);
	put_all(&x, "3\n");
	put_all(&x, "");
	assert_file(&x, "a/b/log", "1\n2\n3\n");
	assert_int_equal(stat(x.path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat(folder_path(&x.folder, "a"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	end(&x);
}

static void test_cannot_open(void **state)
{
	static const struct {
		const char *path;
		int r;
	} cases[] = { { "/tmp", -EISDIR },
		      { "/dev/null/x", -ENOTDIR },
		      { "/proc/none/x", -ENOENT } };
	struct rolling_file f = { .owner = "test" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		f.path = cases[i].path;
		assert_int_equal(rolling_file_open(&f), cases[i].r);
		rolling_file_close(&f);
	}
}

/* Limit 8 bytes, two full files kept: what is where after each write. */
static void test_rolls(void **state)
{
	static const struct {
		const char *lines, *log, *log_1, *log_2;
	} steps[] = {
		{ "aaa\n", "aaa\n", "(none)", "(none)" },
		{ "bbb\n", "aaa\nbbb\n", "(none)", "(none)" },
		{ "c\n", "c\n", "aaa\nbbb\n", "(none)" },
		{ "dd\neeeee\n", "eeeee\n", "c\ndd\n", "aaa\nbbb\n" },
		{ "f\ngg\nhhhh\nii\n", "ii\n", "gg\nhhhh\n", "eeeee\nf\n" },
	};
	struct fixture x;

	(void)state;
	begin(&x, 8, 2);
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		put_all(&x, steps[i].lines);
		assert_file(&x, "log", steps[i].log);
		assert_file(&x, "log.1", steps[i].log_1);
		assert_file(&x, "log.2", steps[i].log_2);
	}
	assert_false(folder_has(&x.folder, "log.3"));
	end(&x);
}

static void test_long_line(void **state)
{
	struct fixture x;

	(void)state;
	begin(&x, 8, 9);
	put_all(&x, "a\n0123456789\nb\nc\n0123456789abcdef\n");
	assert_file(&x, "log", "0123456789abcdef\n");
	assert_file(&x, "log.1", "b\nc\n");
	assert_file(&x, "log.2", "0123456789\n");
	assert_file(&x, "log.3", "a\n");
	put_all(&x, "d\n");
	assert_file(&x, "log", "d\n");
	assert_file(&x, "log.1", "0123456789abcdef\n");
	end(&x);
}

static void test_unlimited(void **state)
{
	static char lines[100001];
	struct fixture x;
	struct stat st;

	(void)state;
	begin(&x, 0, 9);
	memset(lines, '\n', sizeof(lines) - 1);
	put_all(&x, lines);
	put_all(&x, lines);
	assert_int_equal(stat(x.path, &st), 0);
	assert_int_equal(st.st_size, 200000);
	assert_false(folder_has(&x.folder, "log.1"));
	end(&x);
}

/* Only the active file: a full one is replaced, and whoever reads it still has it. */
static void test_keeps_none(void **state)
{
	struct fixture x;

	(void)state;
	begin(&x, 4, 0);
	put_all(&x, "aa\nbb\ncc\n");
	assert_file(&x, "log", "cc\n");
	assert_false(folder_has(&x.folder, "log.1"));
	end(&x);
}

/* A size that was there before counts. */
static void test_rolls_after_restart(void **state)
{
	struct fixture x;

	(void)state;
	begin_at(&x, "log", 8, 2);
	folder_put(&x.folder, "log", "old\nold\n");
	assert_int_equal(rolling_file_open(&x.file), 0);
	put_all(&x, "new\n");
	assert_file(&x, "log", "new\n");
	assert_file(&x, "log.1", "old\nold\n");
	end(&x);
}

/* A roll that was cut short left a free number: nothing behind it is moved. */
static void test_fills_the_gap(void **state)
{
	struct fixture x;

	(void)state;
	begin(&x, 4, 3);
	folder_put(&x.folder, "log.1", "one\n");
	folder_put(&x.folder, "log.3", "three\n");
	put_all(&x, "aaa\nbbb\n");
	assert_file(&x, "log", "bbb\n");
	assert_file(&x, "log.1", "aaa\n");
	assert_file(&x, "log.2", "one\n");
	assert_file(&x, "log.3", "three\n");
	put_all(&x, "ccc\n");
	assert_file(&x, "log.3", "one\n");
	end(&x);
}

/* Something is in the way of FILE.1: the file grows, and is rolled when the way is free. */
static void test_cannot_roll(void **state)
{
	struct fixture x;

	(void)state;
	begin(&x, 4, 1);
	assert_int_equal(mkdir(folder_path(&x.folder, "log.1"), 0700), 0);
	put_all(&x, "aaa\nbbb\nccc\n");
	put_all(&x, "ddd\n");
	assert_file(&x, "log", "aaa\nbbb\nccc\nddd\n");
	assert_int_equal(rmdir(folder_path(&x.folder, "log.1")), 0);
	put_all(&x, "eee\n");
	assert_file(&x, "log", "eee\n");
	assert_file(&x, "log.1", "aaa\nbbb\nccc\nddd\n");
	end(&x);
}

/* Sets a limit of this process; returns what it was. */
static rlim_t limit(int what, rlim_t n)
{
	struct rlimit l = { 0 };
	rlim_t before;

	assert_int_equal(getrlimit(what, &l), 0);
	before = l.rlim_cur;
	l.rlim_cur = n;
	assert_int_equal(setrlimit(what, &l), 0);
	return before;
}

/*
 * The full file is moved away, and a new one cannot be opened: lines go on into the old, unless it
 * is gone for good.
 */
static void test_rolls_without_descriptors(void **state)
{
	struct fixture kept, gone;
	size_t n = 0, n_gone = 99;
	int r, r_gone;
	rlim_t before;

	(void)state;
	begin(&kept, 4, 1);
	begin(&gone, 4, 0);
	put_all(&kept, "aaa\n");
	put_all(&gone, "aaa\n");
	before = limit(RLIMIT_NOFILE, 0);
	r = put(&kept, "bbb\n", &n);
	r_gone = put(&gone, "bbb\n", &n_gone);
	limit(RLIMIT_NOFILE, before);
	assert_int_equal(r, 0);
	assert_int_equal(n, 4);
	assert_int_equal(r_gone, -EMFILE);
	assert_int_equal(n_gone, 0);
	put_all(&kept, "ccc\n");
	put_all(&gone, "ccc\n");
	assert_file(&kept, "log", "ccc\n");
	assert_file(&kept, "log.1", "aaa\nbbb\n");
	assert_file(&gone, "log", "ccc\n");
	end(&kept);
	end(&gone);
}

/* The file behind a link is rolled, the link stays. */
static void test_link(void **state)
{
	struct fixture x;
	struct stat st;

	(void)state;
	begin_at(&x, "log", 4, 2);
	assert_int_equal(mkdir(folder_path(&x.folder, "big"), 0700), 0);
	assert_int_equal(symlink("big/data", x.path), 0);
	assert_int_equal(rolling_file_open(&x.file), 0);
	put_all(&x, "aaa\nbbb\n");
	assert_file(&x, "big/data", "bbb\n");
	assert_file(&x, "big/data.1", "aaa\n");
	assert_int_equal(lstat(x.path, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	end(&x);
}

/* What a signal to rotate is for: moved first, told later. */
static void test_reopen(void **state)
{
	struct fixture x;

	(void)state;
	begin(&x, 0, 9);
	put_all(&x, "1\n");
	assert_int_equal(rename(x.path, folder_path(&x.folder, "moved")), 0);
	put_all(&x, "2\n");
	rolling_file_reopen(&x.file);
	put_all(&x, "3\n");
	rolling_file_reopen(&x.file); /* it is where it was */
	put_all(&x, "4\n");
	assert_file(&x, "moved", "1\n2\n");
	assert_file(&x, "log", "3\n4\n");
	end(&x);
}

static void test_cannot_reopen(void **state)
{
	struct fixture x;

	(void)state;
	begin(&x, 0, 9);
	assert_int_equal(rename(x.path, folder_path(&x.folder, "moved")), 0);
	assert_int_equal(mkdir(x.path, 0700), 0);
	rolling_file_reopen(&x.file);
	put_all(&x, "1\n");
	assert_int_equal(rmdir(x.path), 0);
	rolling_file_reopen(&x.file);
	put_all(&x, "2\n");
	assert_file(&x, "moved", "1\n");
	assert_file(&x, "log", "2\n");
	end(&x);
}

/* Full, but no longer at its path: a file that somebody else moved is not moved once more. */
static void test_moved_and_full(void **state)
{
	struct fixture x;

	(void)state;
	begin(&x, 4, 9);
	put_all(&x, "aaa\n");
	assert_int_equal(rename(x.path, folder_path(&x.folder, "moved")), 0);
	folder_put(&x.folder, "log", "x\n");
	put_all(&x, "bb\n");
	assert_file(&x, "moved", "aaa\n");
	assert_file(&x, "log", "x\nbb\n");
	assert_false(folder_has(&x.folder, "log.1"));
	end(&x);
}

static void test_removed(void **state)
{
	struct fixture x;

	(void)state;
	begin_at(&x, "a/b/log", 0, 1);
	assert_int_equal(rolling_file_open(&x.file), 0);
	put_all(&x, "1\n");
	assert_int_equal(unlink(x.path), 0);
	put_all(&x, "2\n");
	assert_file(&x, "a/b/log", "2\n");
	assert_int_equal(unlink(x.path), 0);
	assert_int_equal(rmdir(folder_path(&x.folder, "a/b")), 0);
	assert_int_equal(rmdir(folder_path(&x.folder, "a")), 0);
	put_all(&x, "3\n");
	assert_file(&x, "a/b/log", "3\n");
	end(&x);
}

static void test_cannot_make_anew(void **state)
{
	struct fixture x;
	size_t n = 99;

	(void)state;
	begin_at(&x, "a/log", 0, 1);
	assert_int_equal(rolling_file_open(&x.file), 0);
	assert_int_equal(unlink(x.path), 0);
	assert_int_equal(rmdir(folder_path(&x.folder, "a")), 0);
	folder_put(&x.folder, "a", "");
	assert_int_equal(put(&x, "1\n", &n), -ENOTDIR);
	assert_int_equal(n, 0);
	assert_int_equal(unlink(folder_path(&x.folder, "a")), 0);
	put_all(&x, "2\n");
	assert_file(&x, "a/log", "2\n");
	end(&x);
}

/* Somebody emptied the file: it is as large as it is. */
static void test_truncated(void **state)
{
	struct fixture x;

	(void)state;
	begin(&x, 8, 1);
	put_all(&x, "aaa\nbbb\n");
	assert_int_equal(truncate(x.path, 0), 0);
	put_all(&x, "ccc\n");
	assert_file(&x, "log", "ccc\n");
	assert_false(folder_has(&x.folder, "log.1"));
	end(&x);
}

static void test_torn_by_kill(void **state)
{
	struct fixture x;

	(void)state;
	begin_at(&x, "log", 0, 1);
	folder_put(&x.folder, "log", "{1}\n{2");
	assert_int_equal(rolling_file_open(&x.file), 0);
	put_all(&x, "{3}\n");
	assert_file(&x, "log", "{1}\n{3}\n");
	end(&x);
}

/*
 * A limit on the size of files stands for a disk that is full: part of a write is done, the next
 * fails.
 */
static void test_file_size_limit(void **state)
{
	struct fixture x;
	size_t n = 99;
	rlim_t before;
	int r;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	begin(&x, 0, 1);
	put_all(&x, "old\n");
	before = limit(RLIMIT_FSIZE, 10);
	r = put(&x, "aa\nbbbbbbbb\n", &n);
	assert_int_equal(r, -EFBIG);
	assert_int_equal(n, 3); /* the first line is in custody, the second is not */
	assert_file(&x, "log", "old\naa\n");
	r = put(&x, "ccccccccc\n", &n);
	limit(RLIMIT_FSIZE, before);
	assert_int_equal(r, -EFBIG);
	assert_int_equal(n, 0);
	assert_file(&x, "log", "old\naa\n");
	put_all(&x, "dd\n");
	assert_file(&x, "log", "old\naa\ndd\n");
	end(&x);
}

/* Somebody else appended behind the torn line: his line stays. */
static void test_torn_and_grown(void **state)
{
	struct fixture x;

	(void)state;
	begin(&x, 0, 1);
	put_all(&x, "{1}\n");
	assert_int_equal(write(x.file.fd, "{2", 2), 2);
	x.file.n_torn = 2;
	{
		_cleanup_(closep) int other = open(x.path, O_WRONLY | O_APPEND | O_CLOEXEC);

		assert_int_equal(write(other, "\n{o}\n", 5), 5);
	}
	put_all(&x, "{3}\n");
	assert_file(&x, "log", "{1}\n{2\n{o}\n{3}\n");
	end(&x);
}

/* What could not be cut off at once is cut off at the end. */
static void test_torn_at_close(void **state)
{
	struct fixture x;

	(void)state;
	begin(&x, 0, 1);
	put_all(&x, "{1}\n");
	assert_int_equal(write(x.file.fd, "{2", 2), 2);
	x.file.n_torn = 2;
	rolling_file_close(&x.file);
	assert_file(&x, "log", "{1}\n");
	end(&x);
}

/* A file system of 1 MiB in a mount namespace of this process; skips where that is not allowed. */
static void mount_small(const struct folder *f)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", f->path, "tmpfs", 0, "size=1m") < 0) {
		print_message("cannot mount a tmpfs (%s): no disk to fill\n", strerror(errno));
		rmdir(f->path);
		skip();
	}
}

static void test_full_disk(void **state)
{
	static char lines[2 * 1024 * 1024 + 1], content[2 * 1024 * 1024];
	struct fixture x;
	size_t n = 0, kept;
	int fd;

	(void)state;
	begin_at(&x, "log", 0, 1);
	mount_small(&x.folder);
	assert_int_equal(rolling_file_open(&x.file), 0);
	memset(lines, 'x', sizeof(lines) - 1);
	for (size_t i = 99; i < sizeof(lines) - 1; i += 100)
		lines[i] = '\n';
	assert_int_equal(put(&x, lines, &kept), -ENOSPC);
	assert_true(kept > 900000 && kept % 100 == 0);
	assert_int_equal(put(&x, lines, &n), -ENOSPC);
	kept += n;
	rolling_file_reopen(&x.file); /* helps nothing, harms nothing */
	put_all(&x, "e\nf\n");	      /* the last page has room for a short line */
	kept += 4;
	fd = open(x.path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(fd, content, sizeof(content)), kept);
	close(fd);
	assert_int_equal(content[kept - 1], '\n');
	assert_int_equal(unlink(x.path), 0);
	put_all(&x, "new\n");
	assert_file(&x, "log", "new\n");
	rolling_file_close(&x.file);
	assert_int_equal(umount(x.folder.path), 0);
	folder_close(&x.folder);
}

static void test_full_device(void **state)
{
	struct rolling_file f = { .owner = "test", .path = "/dev/full", .max_bytes = 2 };
	size_t n = 99;

	(void)state;
	assert_int_equal(rolling_file_open(&f), 0);
	assert_int_equal(rolling_file_write(&f, STR("a\nb\n"), &n), -ENOSPC);
	assert_int_equal(n, 0);
	rolling_file_close(&f);
}

static void test_pipe(void **state)
{
	static char line[65536 + 2];
	struct fixture x;
	size_t n = 0;
	int reader;

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	begin_at(&x, "fifo", 4, 1);
	assert_int_equal(mkfifo(x.path, 0600), 0);
	assert_int_equal(rolling_file_open(&x.file), -ENXIO);
	reader = open(x.path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_true(reader >= 0);
	assert_int_equal(rolling_file_open(&x.file), 0);
	memset(line, 'x', sizeof(line) - 1);
	assert_int_equal(put(&x, line, &n), -EAGAIN);
	assert_int_equal(n, 65536);
	close(reader);
	assert_int_equal(put(&x, line, &n), -ENXIO);
	assert_int_equal(n, 0);
	reader = open(x.path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	(void)!read(reader, line, sizeof(line) - 1);
	put_all(&x, "1\n");
	close(reader);
	end(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_appends),
		cmocka_unit_test(test_cannot_open),
		cmocka_unit_test(test_rolls),
		cmocka_unit_test(test_long_line),
		cmocka_unit_test(test_unlimited),
		cmocka_unit_test(test_keeps_none),
		cmocka_unit_test(test_rolls_after_restart),
		cmocka_unit_test(test_fills_the_gap),
		cmocka_unit_test(test_cannot_roll),
		cmocka_unit_test(test_rolls_without_descriptors),
		cmocka_unit_test(test_link),
		cmocka_unit_test(test_reopen),
		cmocka_unit_test(test_cannot_reopen),
		cmocka_unit_test(test_moved_and_full),
		cmocka_unit_test(test_removed),
		cmocka_unit_test(test_cannot_make_anew),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_torn_by_kill),
		cmocka_unit_test(test_file_size_limit),
		cmocka_unit_test(test_torn_and_grown),
		cmocka_unit_test(test_torn_at_close),
		cmocka_unit_test(test_full_device),
		cmocka_unit_test(test_pipe),
		cmocka_unit_test(test_full_disk), /* last: it leaves the mount namespace */
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
