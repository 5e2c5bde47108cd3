/* SPDX-License-Identifier: Apache-2.0 */
/* Appending, what is made on the way, and that a full disk leaves whole lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "plugin/plugin.h"

extern const struct flusher flusher_file;

/* A folder for one test, and an instance that writes to a file in it. */
struct fixture {
	char folder[32];
	char path[96];
	char *path_in_conf; /* the plugin's conf is this one string */
	_Alignas(16) char state[64];
	struct instance self;
};

static void open_in(struct fixture *f, const char *name)
{
	*f = (struct fixture){ .folder = "/tmp/test_file.XXXXXX" };
	assert_int_equal(flusher_file.base.conf_size, sizeof(f->path_in_conf));
	assert_true(flusher_file.base.state_size <= sizeof(f->state));
	assert_non_null(mkdtemp(f->folder));
	snprintf(f->path, sizeof(f->path), "%s/%s", f->folder, name);
	f->path_in_conf = f->path;
	f->self = (struct instance){
		.plugin = &flusher_file.base,
		.name = "flusher_file",
		.conf = &f->path_in_conf,
		.state = f->state,
	};
}

static void done(struct fixture *f)
{
	char command[64];

	flusher_file.base.stop(&f->self);
	snprintf(command, sizeof(command), "rm -r '%s'", f->folder);
	assert_int_equal(system(command), 0);
}

static int flush(struct fixture *f, const char *text, size_t *ret_done)
{
	const struct payload in = { .bytes = str_from(text) };

	return flusher_file.flush(&f->self, &in, ret_done);
}

static void assert_content(const struct fixture *f, const char *expected)
{
	char text[256] = "";
	_cleanup_(fclosep) FILE *file = fopen(f->path, "re");

	assert_non_null(file);
	(void)!fread(text, 1, sizeof(text) - 1, file);
	assert_string_equal(text, expected);
}

static void test_appends(void **state)
{
	struct fixture f;
	struct stat st;
	size_t n = 0;

	(void)state;
	open_in(&f, "a/b/log");
	umask(0);
	assert_int_equal(flusher_file.base.start(&f.self), 0);
	assert_int_equal(flush(&f, "1\n2\n", &n), 0);
	assert_int_equal(n, 4);
	flusher_file.base.stop(&f.self);
	flusher_file.base.stop(&f.self);
	assert_int_equal(flusher_file.base.start(&f.self), 0);
	assert_int_equal(flush(&f, "3\n", &n), 0);
	assert_content(&f, "1\n2\n3\n");

	assert_int_equal(stat(f.path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	*strrchr(f.path, '/') = '\0';
	assert_int_equal(stat(f.path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	done(&f);
}

static void test_cannot_open(void **state)
{
	struct fixture f;

	(void)state;
	open_in(&f, "");
	assert_int_equal(flusher_file.base.start(&f.self), -EISDIR);
	flusher_file.base.stop(&f.self);
	snprintf(f.path, sizeof(f.path), "/dev/null/x");
	assert_int_equal(flusher_file.base.start(&f.self), -ENOTDIR);
	flusher_file.base.stop(&f.self);
	snprintf(f.path, sizeof(f.path), "%s/fifo", f.folder);
	assert_int_equal(mkfifo(f.path, 0600), 0);
	assert_int_equal(flusher_file.base.start(&f.self), -ENXIO);
	done(&f);
}

/*
 * A limit on the size of files stands for a disk that is full: part of a write is done, the next
 * fails.
 */
static void limit_file_size(rlim_t bytes)
{
	const struct rlimit limit = { .rlim_cur = bytes, .rlim_max = RLIM_INFINITY };

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void test_full(void **state)
{
	struct fixture f;
	size_t n = 99;

	(void)state;
	open_in(&f, "log");
	assert_int_equal(flusher_file.base.start(&f.self), 0);
	assert_int_equal(flush(&f, "old\n", &n), 0);
	limit_file_size(10);
	assert_int_equal(flush(&f, "aa\nbbbbbbbb\n", &n), -EFBIG);
	assert_int_equal(n, 3); /* the first record is in custody, the second is not */
	assert_content(&f, "old\naa\n");
	assert_int_equal(flush(&f, "ccccccccc\n", &n), -EFBIG);
	assert_int_equal(n, 0);
	assert_content(&f, "old\naa\n");
	limit_file_size(RLIM_INFINITY);
	assert_int_equal(flush(&f, "dd\n", &n), 0);
	assert_content(&f, "old\naa\ndd\n");
	done(&f);
}

static void test_full_device(void **state)
{
	struct fixture f;
	size_t n = 99;

	(void)state;
	open_in(&f, "log");
	snprintf(f.path, sizeof(f.path), "/dev/full");
	assert_int_equal(flusher_file.base.start(&f.self), 0);
	assert_int_equal(flush(&f, "a\n", &n), -ENOSPC);
	assert_int_equal(n, 0);
	done(&f);
}

static void test_pipe(void **state)
{
	static char record[65536 + 2];
	struct fixture f;
	size_t n = 0;
	int reader;

	(void)state;
	open_in(&f, "fifo");
	assert_int_equal(mkfifo(f.path, 0600), 0);
	reader = open(f.path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_true(reader >= 0);
	assert_int_equal(flusher_file.base.start(&f.self), 0);
	memset(record, 'x', sizeof(record) - 1);
	assert_int_equal(flush(&f, record, &n), -EAGAIN);
	assert_int_equal(n, 65536);
	signal(SIGPIPE, SIG_IGN);
	close(reader);
	assert_int_equal(flush(&f, record, &n), -EPIPE);
	done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_appends), cmocka_unit_test(test_cannot_open),
		cmocka_unit_test(test_full),	cmocka_unit_test(test_full_device),
		cmocka_unit_test(test_pipe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
