/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The effective configuration: complete, readable by us again, and the same number for the same
 * content.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/cleanup.h"
#include "pipeline/set.h"

static struct pipeline *load(const char *text)
{
	_cleanup_(diag_done) struct diag d = { 0 };
	struct pipeline *p = NULL;

	if (pipeline_load_text("dir/x.yaml", text, &d, &p) < 0) {
		diag_print(&d, stderr);
		fail_msg("cannot be loaded: %s", text);
	}
	return p;
}

static char *dump(const char *text)
{
	_cleanup_(pipeline_freep) struct pipeline *p = load(text);
	_cleanup_(buf_done) struct buf out = { 0 };

	assert_int_equal(pipeline_dump(p, OPTION_SECRETS_MASKED, &out), 0);
	return strndup(out.data, out.len);
}

static uint64_t fingerprint(const char *text)
{
	_cleanup_(pipeline_freep) struct pipeline *p = load(text);
	uint64_t n = 0;

	assert_int_equal(pipeline_fingerprint(p, &n), 0);
	return n;
}

#define PLAIN                                        \
	"inputs: [{Type: input_process_security}]\n" \
	"flushers: [{Type: flusher_stdout}, {Type: flusher_blackhole}]\n"

static void test_dump(void **state)
{
	_cleanup_(freep) char *once = dump(PLAIN), *twice = dump(once);

	(void)state;
	assert_string_equal(once, twice);
	assert_true(str_starts_with(
		str_from(once),
		STR("enable: true\ninputs:\n  - Type: input_process_security\n    CallNames: ")));
	assert_non_null(strstr(once, "    MaxArgumentBytes: 32KiB\n"));
	assert_non_null(
		strstr(once, "flushers:\n  - Type: flusher_stdout\n    OnlyStdout: false\n"));
	assert_non_null(strstr(once, "  - Type: flusher_blackhole\n"));
	assert_null(strstr(once, "processors"));
}

static void test_fingerprint(void **state)
{
	uint64_t plain = fingerprint(PLAIN);

	(void)state;
	assert_int_equal(plain, fingerprint("# a comment\nenable: true\n" PLAIN));
	assert_int_equal(
		plain,
		fingerprint(
			"flushers:\n- Type: flusher_stdout\n  OnlyStdout: false\n"
			"- Type: flusher_blackhole\n"
			"inputs:\n- MaxArgumentBytes: 32768\n  Type: input_process_security\n"));
	assert_int_not_equal(plain, fingerprint("enable: false\n" PLAIN));
	assert_int_not_equal(
		plain,
		fingerprint("inputs: [{Type: input_process_security, CallNames: exit}]\n"
			    "flushers: [{Type: flusher_stdout}, {Type: flusher_blackhole}]\n"));
	assert_int_not_equal(
		plain,
		fingerprint("inputs: [{Type: input_process_security}]\n"
			    "flushers: [{Type: flusher_blackhole}, {Type: flusher_stdout}]\n"));
}

static void test_path(void **state)
{
	_cleanup_(pipeline_freep) struct pipeline *p = load(PLAIN);

	(void)state;
	assert_string_equal(pipeline_path(p), "dir/x.yaml");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dump),
		cmocka_unit_test(test_fingerprint),
		cmocka_unit_test(test_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
