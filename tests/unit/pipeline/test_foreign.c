/* SPDX-License-Identifier: Apache-2.0 */
/* Every key that only LoongCollector knows is a warning with its reason; others stay errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "pipeline/foreign.h"
#include "pipeline/pipeline.h"

static int mark(const char *text, char *printed, size_t size)
{
	_cleanup_(diag_done) struct diag d = { 0 };
	_cleanup_(conf_node_freep) struct conf_node *root = NULL;
	FILE *f = fmemopen(printed, size, "w");
	int r;

	memset(printed, 0, size);
	assert_non_null(f);
	assert_int_equal(conf_parse_text("x", text, strlen(text), &d, &root), 0);
	r = foreign_mark(root, &d);
	diag_print(&d, f);
	fclose(f);
	return r;
}

/* As it would stand in a file, on the first line. */
static void write_key(const struct foreign_key *k, char *text, size_t text_size, char *path,
		      size_t path_size)
{
	bool is_list = strcmp(k->scope, "inputs") == 0 || strcmp(k->scope, "flushers") == 0;

	if (is_list) {
		snprintf(text, text_size, "%s: [{%s: 1}]", k->scope, k->key);
		snprintf(path, path_size, "%s[0].%s", k->scope, k->key);
	} else if (*k->scope) {
		snprintf(text, text_size, "%s: {%s: 1}", k->scope, k->key);
		snprintf(path, path_size, "%s.%s", k->scope, k->key);
	} else {
		snprintf(text, text_size, "%s: 1", k->key);
		snprintf(path, path_size, "%s", k->key);
	}
}

static void test_every_key(void **state)
{
	(void)state;
	for (const struct foreign_key *k = foreign_keys; k->key; k++) {
		char text[128], path[128], printed[512], expected[512];
		int column;

		assert_null(strpbrk(k->why, "\"\\|"));
		write_key(k, text, sizeof(text), path, sizeof(path));
		column = (int)(strstr(text, k->key) - text) + 1;
		snprintf(expected, sizeof(expected),
			 "x:1:%d: warning: %s: has no meaning here: %s\n", column, path, k->why);
		assert_int_equal(mark(text, printed, sizeof(printed)), 0);
		assert_string_equal(printed, expected);
	}
}

static const struct {
	const char *text;
	int r;
	const char *findings;
} rows[] = {
	{ "{}", 0, "" },
	{ "[]", 0, "" },
	{ "global: {}", 0, "" },
	{ "global: 3", 0, "x:1:1: warning: global: has no meaning here\n" },
	{ "global: {Priorty: 1}", -EINVAL,
	  "x:1:10: global.Priorty: unknown key; did you mean 'Priority'?\n" },
	{ "global: {Foo: 1}", -EINVAL,
	  "x:1:10: global.Foo: unknown key; nothing in global has a meaning here\n" },
	{ "inputs: {ProbeConfig: 1}", 0, "" },
	{ "inputs: [ProbeConfig]", 0, "" },
	{ "Match: 1", 0, "" },
	{ "flushers: [{}, {Match: 1}]", 0,
	  "x:1:17: warning: flushers[1].Match: has no meaning here: every flusher gets all records of its pipeline\n" },
};

static void test_rows(void **state)
{
	char printed[512];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(mark(rows[i].text, printed, sizeof(printed)), rows[i].r);
		assert_string_equal(printed, rows[i].findings);
	}
}

/* What is marked is not unknown to the options, and the pipeline works. */
static void test_pipeline(void **state)
{
	_cleanup_(diag_done) struct diag d = { 0 };
	_cleanup_(pipeline_freep) struct pipeline *p = NULL;

	(void)state;
	assert_int_equal(
		pipeline_load_text("x",
				   "createTime: 1\nglobal: {Priority: 1}\naggregators: []\n"
				   "inputs: [{Type: input_process_security, ProbeConfig: {}}]\n"
				   "flushers: [{Type: flusher_blackhole, Match: {Type: tag}}]\n",
				   &d, &p),
		0);
	assert_int_equal(d.n, 5);
	assert_int_equal(d.n_errors, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_key),
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_pipeline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
