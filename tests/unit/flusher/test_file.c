/* SPDX-License-Identifier: Apache-2.0 */
/* From the options to the file; how it rolls, test_rolling_file.c says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>

#include "configured.h"
#include "folder.h"

extern const struct flusher flusher_file;

static void test_findings(void **state)
{
	static const struct {
		const char *yaml, *findings;
	} cases[] = {
		{ "FilePath: /x", "" },
		{ "FilePath: /x\nMaxFileSize: 0", "" },
		{ "FilePath: /x\nMaxFileSize: 4KiB", "" },
		{ "FilePath: /x\nMaxFileSize: 100MiB\nMaxFiles: 1", "" },
		{ "MaxFiles: 2", "FilePath: required key is missing" },
		{ "FilePath: ''", "FilePath: may not be empty" },
		{ "FilePath: ./~/x", "" },
		{ "FilePath: ~/a/b",
		  "t:1:11: flushers[0].FilePath: '~' is no home folder here; write ${HOME}/a/b, or the whole path" },
		{ "FilePath: ~audit/a",
		  "t:1:11: flushers[0].FilePath: '~' is no home folder here; write the whole path" },
		{ "FilePath: /x\nMaxFileSize: 4095",
		  "t:2:14: flushers[0].MaxFileSize: expected a size of at least 4KiB, or 0 for no limit, not '4095'" },
		{ "FilePath: /x\nMaxFileSize: 1B", "not '1B'" },
		{ "FilePath: /x\nMaxFileSize: -1", "expected a size such as" },
		{ "FilePath: /x\nMaxFiles: 0", "expected a number from 1 to 1000" },
		{ "FilePath: /x\nMaxFiles: 1001", "expected a number from 1 to 1000" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct configured c;

		configure(&c, &flusher_file, cases[i].yaml);
		if (!strstr(configured_findings(&c), cases[i].findings))
			fail_msg("%s: %s", cases[i].yaml, configured_findings(&c));
		assert_int_equal(c.r, *cases[i].findings ? -EINVAL : 0);
		assert_int_equal(c.diag.n, *cases[i].findings ? 1 : 0);
		configured_done(&c);
	}
}

/* Configures and starts one that writes to "log" in the folder. */
static void start(struct configured *c, const struct folder *f, const char *more)
{
	char yaml[256];

	snprintf(yaml, sizeof(yaml), "FilePath: %s\n%s", folder_path(f, "log"), more);
	configure(c, &flusher_file, yaml);
	assert_int_equal(c->r, 0);
	assert_int_equal(flusher_file.base.start(&c->self), 0);
}

static void stop(struct configured *c)
{
	flusher_file.base.stop(&c->self);
	configured_done(c);
}

/* Writes as many bytes, in lines of 1 KiB. */
static void write_bytes(struct configured *c, size_t n)
{
	char line[1025];

	memset(line, 'x', sizeof(line));
	line[1023] = '\n';
	line[1024] = '\0';
	for (; n; n -= 1024)
		assert_int_equal(configured_flush(c, line), 0);
}

/* MaxFiles counts the active one. */
static void test_files(void **state)
{
	struct configured c;
	struct folder f;

	(void)state;
	folder_open(&f);
	start(&c, &f, "MaxFileSize: 4KiB\nMaxFiles: 3");
	write_bytes(&c, 40 * 1024);
	assert_int_equal(strlen(folder_text(&f, "log")), 4096);
	assert_int_equal(strlen(folder_text(&f, "log.1")), 4096);
	assert_int_equal(strlen(folder_text(&f, "log.2")), 4096);
	assert_false(folder_has(&f, "log.3"));
	stop(&c);
	folder_close(&f);
}

static void test_default_size(void **state)
{
	const off_t max = 10 * 1024 * 1024;
	struct configured c;
	struct folder f;

	(void)state;
	folder_open(&f);
	folder_put(&f, "log", "\n");
	assert_int_equal(truncate(folder_path(&f, "log"), max - 1024), 0);
	start(&c, &f, "");
	write_bytes(&c, 1024); /* one of it is the line feed that ends the zeros */
	assert_true(folder_has(&f, "log.1"));
	assert_int_equal(strlen(folder_text(&f, "log")), 1024);
	stop(&c);
	folder_close(&f);
}

static void test_reopen(void **state)
{
	struct configured c;
	struct folder f;

	(void)state;
	folder_open(&f);
	start(&c, &f, "MaxFileSize: 0");
	assert_int_equal(configured_flush(&c, "1\n"), 0);
	assert_int_equal(rename(folder_path(&f, "log"), folder_path(&f, "log.1")), 0);
	flusher_file.reopen(&c.self);
	assert_int_equal(configured_flush(&c, "2\n"), 0);
	assert_string_equal(folder_text(&f, "log"), "2\n");
	assert_string_equal(folder_text(&f, "log.1"), "1\n");
	stop(&c);
	folder_close(&f);
}

static void test_target(void **state)
{
	_cleanup_(freep) char *target = NULL;
	struct configured c;

	(void)state;
	configure(&c, &flusher_file, "FilePath: /dev/../no-such-folder//log");
	target = flusher_file.target(c.self.conf);
	assert_non_null(target);
	assert_string_equal(target, "/no-such-folder/log");
	configured_done(&c);
}

static void test_cannot_start(void **state)
{
	struct configured c;

	(void)state;
	configure(&c, &flusher_file, "FilePath: /dev/null/log");
	assert_int_equal(flusher_file.base.start(&c.self), -ENOTDIR);
	flusher_file.base.stop(&c.self);
	configured_done(&c);
}

/*
 * A line that a life before has begun in a pipe is ended; a file was repaired when it was opened.
 */
static void test_resume(void **state)
{
	static const struct {
		bool is_pipe;
		unsigned int n_reopens;
		const char *text;
	} cases[] = { { true, 0, "\n1\n2\n" }, { true, 1, "\n1\n2\n" }, { false, 0, "1\n2\n" } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(closep) int reader = -1;
		struct configured c;
		struct folder f;
		char text[16] = "";

		folder_open(&f);
		if (cases[i].is_pipe)
			assert_int_equal(mkfifo(folder_path(&f, "log"), 0600), 0);
		else
			folder_put(&f, "log", "");
		reader = open(folder_path(&f, "log"), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		start(&c, &f, "");
		flusher_file.resume(&c.self);
		for (unsigned int k = 0; k < cases[i].n_reopens; k++)
			flusher_file.reopen(&c.self);
		assert_int_equal(configured_flush(&c, "1\n"), 0);
		assert_int_equal(configured_flush(&c, "2\n"), 0);
		assert_true(read(reader, text, sizeof(text) - 1) > 0);
		assert_string_equal(text, cases[i].text);
		stop(&c);
		folder_close(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_findings),     cmocka_unit_test(test_files),
		cmocka_unit_test(test_default_size), cmocka_unit_test(test_reopen),
		cmocka_unit_test(test_target),	     cmocka_unit_test(test_cannot_start),
		cmocka_unit_test(test_resume),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
