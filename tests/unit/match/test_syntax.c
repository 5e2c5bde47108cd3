/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conditions as they are written: what each one says of the sample, every message, every lack of
 * memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "match/syntax.h"

#include "../event/sample.h"
#include "../failing_allocator.h"

WRAP(void *, malloc, (size_t n), (n))
WRAP(void *, calloc, (size_t n, size_t size), (n, size))
WRAP(void *, realloc, (void *p, size_t n), (p, n))
WRAP(void *, reallocarray, (void *p, size_t n, size_t size), (p, n, size))
WRAP(char *, strdup, (const char *s), (s))

/*
 * The spec's fields but for cwd, which is dropped; uid is called owner; constants cluster, level
 * and debt; exit_code is "none" and exit_tid 7 where there is none.
 */
static void make_shape(struct shape *shape)
{
	_cleanup_(freep) bool *want = calloc(n_fields, sizeof(*want));

	assert_non_null(want);
	for (size_t i = 0; i < n_fields; i++)
		want[i] = fields[i].set == FIELD_SET_SPEC;
	assert_int_equal(shape_init(shape, want), 0);
	shape_drop(shape, shape_lookup(shape, "cwd"));
	assert_int_equal(shape_rename(shape, shape_lookup(shape, "uid"), "owner"), 0);
	assert_int_equal(shape_add(shape, "cluster", "blue"), 0);
	assert_int_equal(shape_add(shape, "level", "7"), 0);
	assert_int_equal(shape_add(shape, "debt", "-3"), 0);
	assert_int_equal(shape_set_default(shape_lookup(shape, "exit_code"), "none"), 0);
	assert_int_equal(shape_set_default(shape_lookup(shape, "exit_tid"), "7"), 0);
}

static int parse(struct shape *shape, const char *text, struct diag *d, struct condition **ret)
{
	_cleanup_(conf_node_freep) struct conf_node *tree = NULL;
	const struct syntax in = { .shape = shape, .reterr = d };
	int r;

	r = conf_parse_text("p.yaml", text, strlen(text), d, &tree);
	return r < 0 ? r : syntax_parse(&in, tree, "Include", ret);
}

static const struct {
	const char *text, *outcomes; /* of the execve and the exit record: y, n */
} rows[] = {
	{ "{field: binary, equals: /usr/bin/python3}", "yy" },
	{ "{field: binary, equals: /usr/bin/python}", "nn" },
	{ "{field: binary, '==': /usr/bin/python3}", "yy" },
	{ "{field: binary, equals: [a, /usr/bin/python3]}", "yy" },
	{ "{field: binary, not_equals: /usr/bin/python3}", "nn" },
	{ "{field: binary, not_equals: [a, b]}", "yy" },
	{ "{field: binary, '!=': [a, /usr/bin/python3]}", "nn" },
	{ "{field: binary, in: [a, /usr/bin/python3]}", "yy" },
	{ "{field: binary, in: [a]}", "nn" },
	{ "{field: pid, in: [1,2,3,4,5,6,7,8,9,148749]}", "yy" },
	{ "{field: pid, in: [1,2,3,4,5,6,7,8,9,10]}", "nn" },
	{ "{field: binary, prefix: /usr/bin/}", "yy" },
	{ "{field: binary, prefix: [/bin/, /usr/bin/]}", "yy" },
	{ "{field: binary, prefix: bin/}", "nn" },
	{ "{field: binary, suffix: python3}", "yy" },
	{ "{field: binary, suffix: python}", "nn" },
	{ "{field: binary, contains: bin/py}", "yy" },
	{ "{field: binary, contains: bim/py}", "nn" },
	{ "{field: binary, glob: '/usr/*/python[23]'}", "yy" },
	{ "{field: binary, glob: python*}", "nn" },
	{ "{field: binary, regex: 'python[23]$'}", "yy" },
	{ "{field: binary, regex: '^python'}", "nn" },
	{ "{field: owner, equals: 3000}", "yy" },
	{ "{field: uid, equals: 3000}", "yy" },
	{ "{field: owner, equals: ''}", "nn" },
	{ "{field: owner, lt: 3000}", "nn" },
	{ "{field: owner, lt: 3001}", "yy" },
	{ "{field: owner, le: 2999}", "nn" },
	{ "{field: owner, le: 3000}", "yy" },
	{ "{field: owner, gt: 3000}", "nn" },
	{ "{field: owner, gt: 2999}", "yy" },
	{ "{field: owner, ge: 3001}", "nn" },
	{ "{field: owner, ge: 3000}", "yy" },
	{ "{field: owner, '<': 3000}", "nn" },
	{ "{field: owner, '<=': 3000}", "yy" },
	{ "{field: owner, '>': 3000}", "nn" },
	{ "{field: owner, '>=': 3000}", "yy" },
	{ "{field: owner, ge: 1000, lt: 3000}", "nn" },
	{ "{field: owner, ge: -1, lt: 18446744073709551615}", "yy" },
	{ "{field: __time__, gt: 1758701451}", "ny" },
	{ "{field: duration_ns, gt: 1s}", "ny" },
	{ "{field: duration_ns, gt: 2001ms}", "nn" },
	{ "{field: duration_ns, equals: 2000000500ns}", "ny" },
	{ "{field: memory.peak_bytes, le: 1MiB}", "ny" },
	{ "{field: pid, prefix: 148}", "yy" },
	{ "{field: pid, exists: true}", "yy" },
	{ "{field: container.id, exists: true}", "nn" },
	{ "{field: container.id, exists: false}", "yy" },
	{ "{field: container.id, equals: ''}", "nn" },
	{ "{field: container.id, not_equals: x}", "nn" },
	{ "{not: {field: container.id, equals: x}}", "yy" },
	{ "{field: exit_signal, exists: true}", "nn" },
	{ "{field: exit_code, equals: none}", "EINVAL" },
	{ "{field: exit_code, prefix: none}", "yn" },
	{ "{field: exit_code, exists: true}", "yy" },
	{ "{field: exit_code, lt: 10}", "ny" },
	{ "{field: exit_tid, lt: 10}", "yn" },
	{ "{field: exit_tid, equals: 7}", "yn" },
	{ "{field: cluster, equals: blue}", "yy" },
	{ "{field: cluster, equals: red}", "nn" },
	{ "{field: cluster, exists: true}", "yy" },
	{ "{field: level, ge: 7}", "yy" },
	{ "{field: level, gt: 7}", "nn" },
	{ "{field: debt, lt: -2}", "yy" },
	{ "{field: debt, equals: -3}", "yy" },
	{ "{field: cwd, prefix: /workspace/}", "yy" },
	{ "{field: argv, equals: 8000}", "yy" },
	{ "{field: argv, not_equals: 8000}", "nn" },
	{ "{field: argv, not_equals: 8001}", "yy" },
	{ "{field: core_dumped, equals: true}", "nn" },
	{ "{field: binary, prefix: /usr/, suffix: .py}", "nn" },
	{ "{field: binary, prefix: /usr/, suffix: '3'}", "yy" },
	{ "{all: [{field: pid, gt: 1}, {field: call_name, equals: exit}]}", "ny" },
	{ "{any: [{field: pid, lt: 1}, {field: call_name, equals: exit}]}", "ny" },
	{ "[{field: pid, lt: 1}, {field: call_name, equals: execve}]", "yn" },
	{ "{not: [{field: pid, lt: 1}, {field: call_name, equals: execve}]}", "ny" },
	{ "{not: {field: pid, gt: 1}}", "nn" },
	{ "{any: [{field: pid, gt: 1}], not: {field: call_name, equals: exit}}", "yn" },
	{ "{field: pid, gt: 1, not: {field: call_name, equals: exit}}", "yn" },
	{ "{field: pid, gt: 1, any: [{field: pid, lt: 1}, {all: [{not: {field: pid, lt: 1}}]}]}",
	  "yy" },
};

static void check(struct shape *shape, size_t i)
{
	_cleanup_(condition_freep) struct condition *c = NULL;
	_cleanup_(sample_done) struct sample execve, exit;
	_cleanup_(diag_done) struct diag d = { 0 };
	char outcomes[3] = "";

	sample_init(&execve);
	sample_init(&exit);
	sample_end(&exit, 0);
	if (parse(shape, rows[i].text, &d, &c) < 0) {
		assert_string_equal(rows[i].outcomes, "EINVAL");
		return;
	}
	outcomes[0] = condition_test(c, &execve.event, &execve.view) == OUTCOME_YES ? 'y' : 'n';
	outcomes[1] = condition_test(c, &exit.event, &exit.view) == OUTCOME_YES ? 'y' : 'n';
	if (strcmp(outcomes, rows[i].outcomes) != 0)
		fail_msg("%s: %s", rows[i].text, outcomes);
}

static void test_right(void **state)
{
	_cleanup_(shape_done) struct shape shape = { 0 };

	(void)state;
	make_shape(&shape);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		check(&shape, i);
}

/* What a condition looks at is collected, also where the records do not have it. */
static void test_reads(void **state)
{
	_cleanup_(shape_done) struct shape shape = { 0 };
	_cleanup_(condition_freep) struct condition *c = NULL;
	_cleanup_(diag_done) struct diag d = { 0 };
	size_t n = 0;

	(void)state;
	make_shape(&shape);
	assert_int_equal(parse(&shape,
			       "[{field: ns.pid, gt: 1}, {not: {field: owner, gt: 1}}, "
			       "{field: cluster, exists: true}]",
			       &d, &c),
			 0);
	assert_true(shape.reads[field_lookup(STR("ns.pid")) - fields]);
	assert_true(shape.reads[field_lookup(STR("uid")) - fields]);
	for (size_t i = 0; i < n_fields; i++)
		n += shape.reads[i];
	assert_int_equal(n, 2);
}

#define A "{field: pid, gt: 1}"

static const struct {
	const char *text, *findings;
} wrong[] = {
	{ "text",
	  "p.yaml:1:1: Include: expected a condition, such as {field: binary, prefix: /usr/bin/}\n" },
	{ "{}",
	  "p.yaml:1:1: Include: expected a condition, such as {field: binary, prefix: /usr/bin/}\n" },
	{ "[]", "p.yaml:1:1: Include: expected at least one condition\n" },
	{ "{all: []}", "p.yaml:1:7: Include.all: expected at least one condition\n" },
	{ "{any: " A "}", "p.yaml:1:7: Include.any: expected a list of conditions\n" },
	{ "{not: 1}",
	  "p.yaml:1:7: Include.not: expected a condition, such as {field: binary, prefix: "
	  "/usr/bin/}\n" },
	{ "{not: []}", "p.yaml:1:7: Include.not: expected at least one condition\n" },
	{ "[" A ", x]", "p.yaml:1:23: Include[1]: expected a condition, such as {field: binary, "
			"prefix: /usr/bin/}\n" },
	{ "{field: binary}",
	  "p.yaml:1:1: Include: says nothing of 'binary'; expected an operator, such "
	  "as {field: binary, prefix: /usr/bin/}\n" },
	{ "{prefix: /usr}",
	  "p.yaml:1:2: Include.prefix: needs 'field' beside it, which names what it "
	  "looks at\n" },
	{ "{field: binry, prefix: /usr}",
	  "p.yaml:1:9: Include.field: unknown field 'binry'; did you mean 'binary'?\n" },
	{ "{field: onwer, gt: 1}",
	  "p.yaml:1:9: Include.field: unknown field 'onwer'; did you mean 'owner'?\n" },
	{ "{field: ns.pdi, gt: 1}",
	  "p.yaml:1:9: Include.field: unknown field 'ns.pdi'; did you mean 'ns.pid'?\n" },
	{ "{field: something.else, gt: 1}",
	  "p.yaml:1:9: Include.field: unknown field 'something.else'; "
	  "'proctrail fields' lists them\n" },
	{ "{field: [pid], gt: 1}",
	  "p.yaml:1:9: Include.field: expected a single value, not a list\n" },
	{ "{field: , gt: 1}", "p.yaml:1:9: Include.field: has no value\n" },
	{ "{field: pid, prefxi: 1}",
	  "p.yaml:1:14: Include.prefxi: unknown key; did you mean 'prefix'?\n" },
	{ "{feild: pid, gt: 1}",
	  "p.yaml:1:2: Include.feild: unknown key; did you mean 'field'?\n"
	  "p.yaml:1:14: Include.gt: needs 'field' beside it, which names what it looks at\n" },
	{ "{field: pid, zzzzzzzz: 1}",
	  "p.yaml:1:14: Include.zzzzzzzz: unknown key; expected field, equals, not_equals, in, prefix, "
	  "suffix, contains, glob, regex, lt, le, gt, ge, exists, all, any or not\n" },
	{ "{field: binary, prefix: }", "p.yaml:1:25: Include.prefix: has no value\n" },
	{ "{field: binary, prefix: ''}",
	  "p.yaml:1:25: Include.prefix: an empty text is met by everything\n" },
	{ "{field: binary, prefix: []}",
	  "p.yaml:1:25: Include.prefix: expected at least one value\n" },
	{ "{field: binary, prefix: {a: b}}",
	  "p.yaml:1:25: Include.prefix: expected a value or a list of values, not a map\n" },
	{ "{field: binary, prefix: [a, [b], '']}",
	  "p.yaml:1:29: Include.prefix[1]: expected a single value, not a list\n"
	  "p.yaml:1:34: Include.prefix[2]: an empty text is met by everything\n" },
	{ "{field: binary, in: a}", "p.yaml:1:21: Include.in: expected a list of values\n" },
	{ "{field: binary, regex: 'a('}",
	  "p.yaml:1:24: Include.regex: not a valid regular expression: "
	  "missing closing parenthesis, at character 3\n" },
	{ "{field: binary, glob: [a, '[b']}",
	  "p.yaml:1:27: Include.glob[1]: not a valid pattern: the ']' of a '[' is missing\n" },
	{ "{field: binary, lt: 5}",
	  "p.yaml:1:21: Include.lt: 'lt' compares numbers, and 'binary' is no number\n" },
	{ "{field: argv, ge: 5}",
	  "p.yaml:1:19: Include.ge: 'ge' compares numbers, and 'argv' is no number\n" },
	{ "{field: cluster, '>': 5}",
	  "p.yaml:1:23: Include.>: '>' compares numbers, and 'cluster' is no number\n" },
	{ "{field: pid, lt: five}",
	  "p.yaml:1:18: Include.lt: expected a whole number, not 'five'\n" },
	{ "{field: pid, lt: 1.5}",
	  "p.yaml:1:18: Include.lt: expected a whole number, not '1.5'\n" },
	{ "{field: pid, lt: 10MiB}",
	  "p.yaml:1:18: Include.lt: expected a whole number, not '10MiB'\n" },
	{ "{field: pid, lt: [1]}",
	  "p.yaml:1:18: Include.lt: expected a single value, not a list\n" },
	{ "{field: pid, equals: 007}",
	  "p.yaml:1:22: Include.equals: expected a whole number, not '007'\n" },
	{ "{field: pid, equals: 18446744073709551616}",
	  "p.yaml:1:22: Include.equals: expected a whole number, not '18446744073709551616'\n" },
	{ "{field: pid, equals: -9223372036854775809}",
	  "p.yaml:1:22: Include.equals: expected a whole number, not '-9223372036854775809'\n" },
	{ "{field: pid, equals: -0}",
	  "p.yaml:1:22: Include.equals: expected a whole number, not '-0'\n" },
	{ "{field: pid, equals: '-'}",
	  "p.yaml:1:22: Include.equals: expected a whole number, not '-'\n" },
	{ "{field: pid, in: [1, root]}",
	  "p.yaml:1:22: Include.in[1]: expected a whole number, not 'root'\n" },
	{ "{field: memory.peak_bytes, gt: much}",
	  "p.yaml:1:32: Include.gt: expected a whole number, or a size such as 10MiB, not 'much'\n" },
	{ "{field: cpu.user_ns, gt: long}",
	  "p.yaml:1:26: Include.gt: expected a whole number, or a duration such as 500ms, not 'long'\n" },
	{ "{field: no_new_privs, equals: false}",
	  "p.yaml:1:31: Include.equals: 'no_new_privs' is 'true' or missing, never 'false'; 'exists: "
	  "false' asks for missing\n" },
	{ "{field: pid, exists: yes}",
	  "p.yaml:1:22: Include.exists: expected true or false, not 'yes'\n" },
	{ "{field: pid, exists: }", "p.yaml:1:22: Include.exists: has no value\n" },
	{ "{all: [{any: [{not: {field: x.y.z, gt: 1}}, {field: pid, lt: a}]}, 3]}",
	  "p.yaml:1:29: Include.all[0].any[0].not.field: unknown field 'x.y.z'; 'proctrail fields' lists "
	  "them\n"
	  "p.yaml:1:62: Include.all[0].any[1].lt: expected a whole number, not 'a'\n"
	  "p.yaml:1:68: Include.all[1]: expected a condition, such as {field: binary, prefix: "
	  "/usr/bin/}\n" },
	{ "{field: x.y.z, lt: a, regex: '('}",
	  "p.yaml:1:9: Include.field: unknown field 'x.y.z'; 'proctrail fields' lists them\n"
	  "p.yaml:1:20: Include.lt: expected a whole number, not 'a'\n"
	  "p.yaml:1:30: Include.regex: not a valid regular expression: missing closing parenthesis, at "
	  "character 2\n" },
};

static void test_wrong(void **state)
{
	_cleanup_(shape_done) struct shape shape = { 0 };

	(void)state;
	make_shape(&shape);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		_cleanup_(diag_done) struct diag d = { 0 };
		struct condition *c = NULL;
		char printed[2048] = "";
		FILE *f = fmemopen(printed, sizeof(printed), "w");

		assert_non_null(f);
		assert_int_equal(parse(&shape, wrong[i].text, &d, &c), -EINVAL);
		assert_null(c);
		diag_print(&d, f);
		fclose(f);
		assert_string_equal(printed, wrong[i].findings);
	}
}

static int parse_regex(struct shape *shape, const char *name, const char *regex, struct diag *d,
		       struct condition **ret)
{
	const struct syntax in = { .shape = shape, .reterr = d };
	const struct syntax_key key = { name, "K", { "p.yaml", 1, 1 } };
	const struct conf_node node = { .kind = CONF_SCALAR,
					.at = { "p.yaml", 2, 2 },
					.text = (char *)regex };

	return syntax_parse_regex(&in, &key, &node, "R", ret);
}

static void test_regex(void **state)
{
	_cleanup_(shape_done) struct shape shape = { 0 };
	_cleanup_(condition_freep) struct condition *c = NULL;
	_cleanup_(sample_done) struct sample s;
	_cleanup_(diag_done) struct diag d = { 0 };

	(void)state;
	make_shape(&shape);
	sample_init(&s);
	assert_int_equal(parse_regex(&shape, "binary", ".*python", &d, &c), 0);
	assert_int_equal(condition_test(c, &s.event, &s.view), OUTCOME_NO);
	c = condition_free(c);
	assert_int_equal(parse_regex(&shape, "binary", ".*python3|", &d, &c), 0);
	assert_int_equal(condition_test(c, &s.event, &s.view), OUTCOME_YES);
	c = condition_free(c);
	assert_int_equal(parse_regex(&shape, "x.y.z", "(", &d, &c), -EINVAL);
	assert_null(c);
	assert_int_equal(d.n_errors, 2);
	assert_int_equal(parse_regex(&shape, "x.y.z", "a", &d, &c), -EINVAL);
	assert_null(c);
}

/* Every allocation fails once; a sanitizer sees what is not given back. */
static void test_lack_of_memory(void **state)
{
	static const char text[] =
		"{any: [{field: binary, regex: a, glob: 'b*', equals: [a,b,c,d,e,f,g,h,i]}, "
		"{not: {field: cluster, not_equals: x}}, {field: pid, equals: 3, gt: 1, exists: false}]}";
	_cleanup_(conf_node_freep) struct conf_node *tree = NULL;
	_cleanup_(shape_done) struct shape shape = { 0 };
	_cleanup_(diag_done) struct diag d = { 0 };
	const struct syntax in = { .shape = &shape, .reterr = &d };
	unsigned int n;

	(void)state;
	make_shape(&shape);
	assert_int_equal(conf_parse_text("p.yaml", text, strlen(text), &d, &tree), 0);
	for (n = 1;; n++) {
		_cleanup_(condition_freep) struct condition *c = NULL;
		int r;

		fail_at = n;
		r = syntax_parse(&in, tree, "Include", &c);
		assert_int_equal(r == 0, c != NULL);
		if (fail_at)
			break;
		assert_int_equal(r, -ENOMEM);
		assert_int_equal(d.n, 0);
	}
	fail_at = 0;
	assert_true(n > 40);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_right),	       cmocka_unit_test(test_reads),
		cmocka_unit_test(test_wrong),	       cmocka_unit_test(test_regex),
		cmocka_unit_test(test_lack_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
