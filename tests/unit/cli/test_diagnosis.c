/* SPDX-License-Identifier: Apache-2.0 */
/* Findings as people and as tools read them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "cli/diagnosis.h"
#include <cmocka.h>

static void fill(struct diagnosis *d)
{
	diagnosis_add(d, FINDING_OK, "kernel", "is not shown", "%s", "6.1");
	diagnosis_add(d, FINDING_WARNING, "bpffs", "mount it", "not mounted");
	diagnosis_add(d, FINDING_FAILURE, "CAP_BPF", "be root", "\033[2J\"%d\"", 7);
}

static void assert_text(struct buf *out, const char *text)
{
	buf_put_char(out, '\0');
	assert_false(buf_failed(out));
	assert_string_equal(out->data, text);
}

static void test_text(void **state)
{
	_cleanup_(buf_done) struct buf out = { 0 };
	struct diagnosis d = { 0 };

	(void)state;
	fill(&d);
	diagnosis_format_text(&d, &out);
	assert_text(&out, "ok       kernel                6.1\n"
			  "warning  bpffs                 not mounted\n"
			  "                               -> mount it\n"
			  "failure  CAP_BPF               ?[2J\"7\"\n"
			  "                               -> be root\n"
			  "\n"
			  "1 failure, 1 warning\n");
}

static void test_json(void **state)
{
	_cleanup_(buf_done) struct buf out = { 0 };
	struct diagnosis d = { 0 };

	(void)state;
	fill(&d);
	diagnosis_format_json(&d, &out);
	assert_text(
		&out,
		"{\"checks\":[{\"name\":\"kernel\",\"finding\":\"ok\",\"text\":\"6.1\"},"
		"{\"name\":\"bpffs\",\"finding\":\"warning\",\"text\":\"not mounted\","
		"\"advice\":\"mount it\"},"
		"{\"name\":\"CAP_BPF\",\"finding\":\"failure\",\"text\":\"\\u001b[2J\\\"7\\\"\","
		"\"advice\":\"be root\"}],\"warnings\":1,\"failures\":1}\n");
}

static void test_nothing_looked_at(void **state)
{
	_cleanup_(buf_done) struct buf out = { 0 };
	struct diagnosis d = { 0 };

	(void)state;
	diagnosis_format_text(&d, &out);
	assert_text(&out, "\n0 failures, 0 warnings\n");
}

static void test_bounds(void **state)
{
	struct diagnosis d = { 0 };
	char text[2000];

	(void)state;
	memset(text, 'x', sizeof(text));
	for (int i = 0; i < DIAGNOSIS_MAX + 10; i++)
		diagnosis_add(&d, FINDING_FAILURE, "n", "a", "%.*s", (int)sizeof(text), text);
	assert_int_equal(d.n, DIAGNOSIS_MAX);
	assert_int_equal(diagnosis_count(&d, FINDING_FAILURE), DIAGNOSIS_MAX);
	assert_int_equal(strlen(d.lines[0].text), sizeof(d.lines[0].text) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_nothing_looked_at),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
