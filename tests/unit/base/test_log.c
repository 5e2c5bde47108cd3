/* SPDX-License-Identifier: Apache-2.0 */
/* The form of the lines: what a call writes to stderr, read back through a pipe. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/str.h"
#include <cmocka.h>

#define LOG_UNIT "test"

static int pipe_fds[2] = { -1, -1 };
static int saved_stderr = -1;

static void capture_begin(void)
{
	fflush(stderr);
	saved_stderr = dup(STDERR_FILENO);
	assert_true(saved_stderr >= 0);
	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK), 0);
	assert_int_equal(dup2(pipe_fds[1], STDERR_FILENO), STDERR_FILENO);
}

static void capture_end(char *to, size_t size)
{
	ssize_t n = read(pipe_fds[0], to, size - 1);

	dup2(saved_stderr, STDERR_FILENO);
	closep(&saved_stderr);
	closep(&pipe_fds[0]);
	closep(&pipe_fds[1]);
	to[n > 0 ? n : 0] = '\0';
}

/* The line behind its time, which is of fixed length. */
static const char *behind_time(const char *line, size_t n_before)
{
	assert_true(strlen(line) > n_before + sizeof("2026-01-01T00:00:00.000Z") - 1);
	assert_int_equal(line[n_before + 4], '-');
	assert_int_equal(line[n_before + 23], 'Z');
	return line + n_before + sizeof("2026-01-01T00:00:00.000Z") - 1;
}

static void test_text(void **state)
{
	char line[4096];

	(void)state;
	log_setup(LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
	capture_begin();
	log_warn("cannot open '%s', %d tries", "a\"b\n\x01\xff\xc3\xa4", 3);
	capture_end(line, sizeof(line));
	assert_string_equal(behind_time(line, sizeof("time=") - 1),
			    " level=warning unit=test "
			    "msg=\"cannot open 'a\\\"b\\n\\x01\\xff\xc3\xa4', 3 tries\"\n");
}

static void test_json(void **state)
{
	char line[4096];

	(void)state;
	log_setup(LOG_LEVEL_INFO, LOG_FORMAT_JSON);
	capture_begin();
	log_err("bad '%s'", "\"\\\n\x01\xff\xc3\xa4");
	capture_end(line, sizeof(line));
	assert_string_equal(behind_time(line, sizeof("{\"time\":\"") - 1),
			    "\",\"level\":\"error\",\"unit\":\"test\","
			    "\"msg\":\"bad '\\\"\\\\\\n\\u0001\\\\xff\xc3\xa4'\"}\n");
}

static void test_levels(void **state)
{
	char line[4096];

	(void)state;
	log_setup(LOG_LEVEL_WARN, LOG_FORMAT_TEXT);
	assert_int_equal(log_get_level(), LOG_LEVEL_WARN);
	capture_begin();
	log_info("not this");
	log_debug("nor this");
	capture_end(line, sizeof(line));
	assert_string_equal(line, "");
}

static void test_errno(void **state)
{
	char line[4096];
	int r;

	(void)state;
	log_setup(LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
	capture_begin();
	errno = EAGAIN;
	r = log_err_errno(-ENOENT, "cannot open '%s'", "x");
	capture_end(line, sizeof(line));
	assert_int_equal(r, -ENOENT);
	assert_int_equal(errno, EAGAIN);
	assert_non_null(strstr(line, "msg=\"cannot open 'x': No such file or directory\"\n"));
}

static void test_ready(void **state)
{
	char line[4096];

	(void)state;
	log_setup(LOG_LEVEL_ERR, LOG_FORMAT_TEXT);
	capture_begin();
	log_ready();
	capture_end(line, sizeof(line));
	assert_string_equal(line, "ready\n");

	log_setup(LOG_LEVEL_ERR, LOG_FORMAT_JSON);
	capture_begin();
	log_ready();
	capture_end(line, sizeof(line));
	assert_non_null(strstr(line, "\"msg\":\"ready\"}\n"));
}

/* Too long a message is cut, and its line still ends. */
static void test_long(void **state)
{
	char text[3000], line[4096];

	(void)state;
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	log_setup(LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
	capture_begin();
	log_err_errno(-EIO, "%s", text);
	capture_end(line, sizeof(line));
	assert_true(strlen(line) > 2000);
	assert_string_equal(line + strlen(line) - 3, "x\"\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),   cmocka_unit_test(test_json),
		cmocka_unit_test(test_levels), cmocka_unit_test(test_errno),
		cmocka_unit_test(test_ready),  cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
