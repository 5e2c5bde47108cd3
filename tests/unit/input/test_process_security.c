/* SPDX-License-Identifier: Apache-2.0 */
/* What one input asks of the sensor, and what is said about names that it does not know. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "plugin/plugin.h"

extern const struct input input_process_security;

/* The configuration of the last load(): demands point into it. */
static void *conf;

static void drop_conf(void)
{
	if (conf)
		options_done(input_process_security.base.options, conf);
	free(conf);
	conf = NULL;
}

static int load(const char *text, struct diag *d, struct demand *ret)
{
	const struct plugin *plugin = &input_process_security.base;
	_cleanup_(conf_node_freep) struct conf_node *root = NULL;
	int r;

	drop_conf();
	conf = calloc(1, plugin->conf_size);
	assert_non_null(conf);
	assert_int_equal(conf_parse_text("x", text, strlen(text), d, &root), 0);
	r = options_apply(plugin->options, root, "inputs[0]", NULL, conf, d);
	if (r == 0)
		r = plugin->check(conf, root, "inputs[0]", d);
	if (r == 0)
		r = input_process_security.demand(conf, ret);
	return r;
}

static bool wants(const struct demand *demand, const char *name)
{
	const struct field *field = field_lookup(str_from(name));

	assert_non_null(field);
	return demand->fields[field - fields];
}

static size_t n_wanted(const struct demand *demand)
{
	size_t n = 0;

	for (size_t i = 0; i < n_fields; i++)
		n += demand->fields[i];
	return n;
}

static size_t n_spec(void)
{
	size_t n = 0;

	for (size_t i = 0; i < n_fields; i++)
		n += fields[i].set == FIELD_SET_SPEC;
	return n;
}

#define BIT(call) (1U << (call))

static void test_demand(void **state)
{
	const size_t spec = n_spec();
	const struct {
		const char *text;
		uint32_t calls, max_args;
		size_t n;
	} rows[] = {
		{ "{}", BIT(CALL_EXECVE) | BIT(CALL_EXIT), 32768, spec },
		{ "{CallNames: clone}", BIT(CALL_CLONE), 32768, spec },
		{ "{CallNames: [exit, exit]}", BIT(CALL_EXIT), 32768, spec },
		{ "{CallNames: [clone, execve, exit]}", BIT(CALL_SNAPSHOT) - 1, 32768, spec },
		{ "{Fields: spec, MaxArgumentBytes: 1}", BIT(CALL_EXECVE) | BIT(CALL_EXIT), 1,
		  spec },
		{ "{Fields: [], MaxArgumentBytes: 2MiB}", BIT(CALL_EXECVE) | BIT(CALL_EXIT),
		  2097152, spec },
		{ "{Fields: extended}", BIT(CALL_EXECVE) | BIT(CALL_EXIT), 32768, n_fields },
		{ "{Fields: [tid, binary, exe.path]}", BIT(CALL_EXECVE) | BIT(CALL_EXIT), 32768,
		  spec + 2 },
		{ "{Fields: [spec, extended, tid]}", BIT(CALL_EXECVE) | BIT(CALL_EXIT), 32768,
		  n_fields },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(diag_done) struct diag d = { 0 };
		struct demand demand = { 0 };

		assert_int_equal(load(rows[i].text, &d, &demand), 0);
		assert_int_equal(demand.calls, rows[i].calls);
		assert_int_equal(demand.max_args, rows[i].max_args);
		assert_int_equal(n_wanted(&demand), rows[i].n);
		assert_true(wants(&demand, "exec_id"));
		free(demand.fields);
	}
}

static void test_added(void **state)
{
	_cleanup_(diag_done) struct diag d = { 0 };
	struct demand demand = { 0 };

	(void)state;
	assert_int_equal(load("{Fields: [tid]}", &d, &demand), 0);
	assert_true(wants(&demand, "tid"));
	assert_false(wants(&demand, "argv"));
	free(demand.fields);
}

/* The processes that are there already are a call of their own, which CallNames cannot name. */
static void test_snapshot(void **state)
{
	static const struct {
		const char *text;
		uint32_t calls;
	} rows[] = {
		{ "{}", BIT(CALL_EXECVE) | BIT(CALL_EXIT) },
		{ "{Snapshot: false}", BIT(CALL_EXECVE) | BIT(CALL_EXIT) },
		{ "{Snapshot: true}", BIT(CALL_EXECVE) | BIT(CALL_EXIT) | BIT(CALL_SNAPSHOT) },
		{ "{Snapshot: true, CallNames: clone}", BIT(CALL_CLONE) | BIT(CALL_SNAPSHOT) },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(diag_done) struct diag d = { 0 };
		struct demand demand = { 0 };

		assert_int_equal(load(rows[i].text, &d, &demand), 0);
		assert_int_equal(demand.calls, rows[i].calls);
		free(demand.fields);
	}
}

/* Named variables bring the field with them; none do not. */
static void test_environment(void **state)
{
	static const struct {
		const char *text;
		size_t n;
		bool is_wanted;
	} rows[] = {
		{ "{}", 0, false },
		{ "{Environment: []}", 0, false },
		{ "{Environment: LD_PRELOAD}", 1, true },
		{ "{Environment: [LD_PRELOAD, SSH_CONNECTION]}", 2, true },
		{ "{Fields: [environment]}", 0, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(diag_done) struct diag d = { 0 };
		struct demand demand = { 0 };

		assert_int_equal(load(rows[i].text, &d, &demand), 0);
		assert_int_equal(demand.environment ? demand.environment->n : 0, rows[i].n);
		assert_int_equal(wants(&demand, "environment"), rows[i].is_wanted);
		assert_int_equal(n_wanted(&demand), n_spec() + rows[i].is_wanted);
		if (rows[i].n)
			assert_string_equal(demand.environment->items[0], "LD_PRELOAD");
		if (rows[i].n > 1)
			assert_string_equal(demand.environment->items[1], "SSH_CONNECTION");
		free(demand.fields);
	}
}

static void test_exclude_self(void **state)
{
	static const struct {
		const char *text;
		bool excludes;
	} rows[] = { { "{}", true },
		     { "{ExcludeSelf: true}", true },
		     { "{ExcludeSelf: false}", false } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(diag_done) struct diag d = { 0 };
		struct demand demand = { 0 };

		assert_int_equal(load(rows[i].text, &d, &demand), 0);
		assert_int_equal(demand.exclude_self, rows[i].excludes);
		free(demand.fields);
	}
}

static void test_findings(void **state)
{
	static const struct {
		const char *text, *path, *message;
	} rows[] = {
		{ "{CallNames: [exeve]}", "inputs[0].CallNames[0]",
		  "expected execve, not 'exeve'" },
		{ "{CallNames: Exit}", "inputs[0].CallNames", "expected exit, not 'Exit'" },
		{ "{CallNames: kill}", "inputs[0].CallNames",
		  "expected execve, exit or clone, not 'kill'" },
		{ "{CallNames: []}", "inputs[0]",
		  "CallNames is empty; leave it out for the default" },
		{ "{Fields: [exe.pth]}", "inputs[0].Fields[0]",
		  "expected exe.path, not 'exe.pth'" },
		{ "{Fields: extendd}", "inputs[0].Fields", "expected extended, not 'extendd'" },
		{ "{Fields: zzzzzzzzzz}", "inputs[0].Fields",
		  "expected spec, extended or the name of a field, not 'zzzzzzzzzz'" },
		{ "{CallNames: snapshot}", "inputs[0].CallNames",
		  "expected execve, exit or clone (the processes found at start come by Snapshot: true), "
		  "not 'snapshot'" },
		{ "{Environment: ['']}", "inputs[0].Environment[0]",
		  "expected the name of an environment variable, not ''" },
		{ "{Environment: [PATH, A=b]}", "inputs[0].Environment[1]",
		  "expected the name of an environment variable, not 'A=b'" },
		{ "{Snapshot: perhaps}", "inputs[0].Snapshot", NULL },
		{ "{ExcludeSelf: 1}", "inputs[0].ExcludeSelf", NULL },
		{ "{MaxArgumentBytes: 0}", "inputs[0].MaxArgumentBytes",
		  "expected a size from 1 to 2MiB, not '0'" },
		{ "{MaxArgumentBytes: 3MiB}", "inputs[0].MaxArgumentBytes",
		  "expected a size from 1 to 2MiB, not '3MiB'" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(diag_done) struct diag d = { 0 };
		struct demand demand = { 0 };

		assert_int_equal(load(rows[i].text, &d, &demand), -EINVAL);
		assert_null(demand.fields);
		assert_int_equal(d.n, 1);
		assert_string_equal(d.entries[0].path, rows[i].path);
		if (rows[i].message)
			assert_string_equal(d.entries[0].message, rows[i].message);
	}
}

/* The prose that lists all names of calls lists all names of calls. */
static void test_calls_in_message(void **state)
{
	_cleanup_(diag_done) struct diag d = { 0 };
	struct demand demand = { 0 };

	(void)state;
	assert_int_equal(load("{CallNames: zzzzzz}", &d, &demand), -EINVAL);
	for (int i = 0; i < CALL_SNAPSHOT; i++)
		assert_non_null(strstr(d.entries[0].message, call_to_string((enum call)i)));
}

static int drop_last(void **state)
{
	(void)state;
	drop_conf();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_demand),		 cmocka_unit_test(test_added),
		cmocka_unit_test(test_snapshot),	 cmocka_unit_test(test_environment),
		cmocka_unit_test(test_exclude_self),	 cmocka_unit_test(test_findings),
		cmocka_unit_test(test_calls_in_message),
	};

	return cmocka_run_group_tests(tests, NULL, drop_last);
}
