/* SPDX-License-Identifier: Apache-2.0 */
/* Option tables: values of every type, defaults, and what is said about what is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "conf/option.h"

struct sample {
	bool flag;
	int64_t number, level;
	uint64_t size, bounded, wait;
	char *path, *label;
	int mode;
	struct string_list names, checked;
};

static const char *check_item(const char *item)
{
	return strcmp(item, "good") == 0 ? NULL : "good";
}

static const char *const modes[] = { "append", "truncate", NULL };

static const struct option options[] = {
	OPT_BOOL(struct sample, "Flag", flag, .def = "true", .help = "."),
	OPT_INT(struct sample, "Number", number, .def = "-7", .help = "."),
	OPT_INT(struct sample, "Level", level, .def = "1", .min = 1, .max = 9, .help = "."),
	OPT_SIZE(struct sample, "Size", size, .def = "64KiB", .help = "."),
	OPT_SIZE(struct sample, "Bounded", bounded, .def = "1", .min = 1, .max = 2097152,
		 .help = "."),
	OPT_DURATION(struct sample, "Wait", wait, .def = "5s", .min = 1000000, .max = 60000000000,
		     .help = "."),
	OPT_STRING(struct sample, "FilePath", path, .required = true, .help = "."),
	OPT_STRING(struct sample, "Label", label, .help = "."),
	OPT_ENUM(struct sample, "Mode", mode, .def = "truncate", .names = modes, .help = "."),
	OPT_STRINGS(struct sample, "Names", names, .def = "a,b", .help = "."),
	OPT_CHECKED(struct sample, "Checked", checked, .check_item = check_item, .help = "."),
	{ .type = OPTION_END },
};

static const char *const skip[] = { "Type", NULL };

static int apply(const char *text, struct sample *ret, char *printed, size_t size)
{
	_cleanup_(diag_done) struct diag d = { 0 };
	_cleanup_(conf_node_freep) struct conf_node *root = NULL;
	FILE *f = fmemopen(printed, size, "w");
	int r;

	memset(printed, 0, size);
	assert_non_null(f);
	assert_int_equal(conf_parse_text("x", text, strlen(text), &d, &root), 0);
	r = options_apply(options, root, "p[0]", skip, ret, &d);
	diag_print(&d, f);
	fclose(f);
	return r;
}

static void test_defaults(void **state)
{
	struct sample s = { 0 };
	char printed[256];

	(void)state;
	assert_int_equal(apply("{FilePath: /x}", &s, printed, sizeof(printed)), 0);
	assert_true(s.flag);
	assert_int_equal(s.number, -7);
	assert_int_equal(s.size, 65536);
	assert_int_equal(s.wait, 5000000000);
	assert_string_equal(s.path, "/x");
	assert_null(s.label);
	assert_int_equal(s.mode, 1);
	assert_int_equal(s.names.n, 2);
	assert_string_equal(s.names.items[0], "a");
	assert_string_equal(s.names.items[1], "b");
	assert_int_equal(s.checked.n, 0);
	options_done(options, &s);
	assert_null(s.path);
	assert_null(s.names.items);
	options_done(options, &s);
}

static void test_values(void **state)
{
	struct sample s = { 0 };
	char printed[256];

	(void)state;
	assert_int_equal(
		apply("Type: t\nFlag: \"false\"\nNumber: '12'\nLevel: 9\nSize: 3MiB\nBounded: 2MiB\n"
		      "Wait: 1m\nFilePath: true\nLabel: ''\nMode: append\nNames: [x, 'y z', '']\n"
		      "Checked: good\n",
		      &s, printed, sizeof(printed)),
		0);
	assert_string_equal(printed, "");
	assert_false(s.flag);
	assert_int_equal(s.number, 12);
	assert_int_equal(s.level, 9);
	assert_int_equal(s.size, 3145728);
	assert_int_equal(s.bounded, 2097152);
	assert_int_equal(s.wait, 60000000000);
	assert_string_equal(s.path, "true");
	assert_string_equal(s.label, "");
	assert_int_equal(s.mode, 0);
	assert_int_equal(s.names.n, 3);
	assert_string_equal(s.names.items[1], "y z");
	assert_int_equal(s.names.at[1].line, 11);
	assert_int_equal(s.names.at[1].column, 12);
	assert_int_equal(s.checked.n, 1);
	assert_string_equal(s.checked.items[0], "good");
	options_done(options, &s);
}

/* Each after "{FilePath: f, " has been put before it. */
static const struct {
	const char *text, *findings;
} rows[] = {
	{ "Flag: yes", "x:1:21: p[0].Flag: expected true or false, not 'yes'; write true\n" },
	{ "Flag: OFF", "x:1:21: p[0].Flag: expected true or false, not 'OFF'; write false\n" },
	{ "Flag: 1", "x:1:21: p[0].Flag: expected true or false, not '1'\n" },
	{ "Flag: [true]", "x:1:21: p[0].Flag: expected a single value, not a list\n" },
	{ "Flag: {a: 1}", "x:1:21: p[0].Flag: expected a single value, not a map\n" },
	{ "Flag: null", "x:1:21: p[0].Flag: has no value\n" },
	{ "Number: 1.5", "x:1:23: p[0].Number: expected a whole number, not '1.5'\n" },
	{ "Number: 9223372036854775808",
	  "x:1:23: p[0].Number: '9223372036854775808' is too large a number\n" },
	{ "Level: 0", "x:1:22: p[0].Level: expected a number from 1 to 9, not '0'\n" },
	{ "Level: 10", "x:1:22: p[0].Level: expected a number from 1 to 9, not '10'\n" },
	{ "Level: 99999999999999999999", "x:1:22: p[0].Level: expected a number from 1 to 9, not "
					 "'99999999999999999999'\n" },
	{ "Size: ten", "x:1:21: p[0].Size: expected a size such as 1048576 or 10MiB, not 'ten'\n" },
	{ "Size: 99999999999GiB", "x:1:21: p[0].Size: '99999999999GiB' is too large a size\n" },
	{ "Bounded: 0", "x:1:24: p[0].Bounded: expected a size from 1 to 2MiB, not '0'\n" },
	{ "Bounded: 2097153",
	  "x:1:24: p[0].Bounded: expected a size from 1 to 2MiB, not '2097153'\n" },
	{ "Bounded: 99999999999GiB", "x:1:24: p[0].Bounded: expected a size from 1 to 2MiB, not "
				     "'99999999999GiB'\n" },
	{ "Wait: 10",
	  "x:1:21: p[0].Wait: expected a duration such as 500ms, 10s, 2m or 1h, not '10'\n" },
	{ "Wait: 2h", "x:1:21: p[0].Wait: expected a duration from 1ms to 1m, not '2h'\n" },
	{ "Mode: apend", "x:1:21: p[0].Mode: unknown value 'apend'; did you mean 'append'?\n" },
	{ "Mode: zzz", "x:1:21: p[0].Mode: expected append or truncate, not 'zzz'\n" },
	{ "Names: {a: 1}",
	  "x:1:22: p[0].Names: expected a value or a list of values, not a map\n" },
	{ "Names: [a, [b], ~]", "x:1:26: p[0].Names[1]: expected a single value, not a list\n"
				"x:1:31: p[0].Names[2]: has no value\n" },
	{ "Checked: [good, bad, worse]", "x:1:31: p[0].Checked[1]: expected good, not 'bad'\n"
					 "x:1:36: p[0].Checked[2]: expected good, not 'worse'\n" },
	{ "Labl: 1", "x:1:15: p[0].Labl: unknown key; did you mean 'Label'?\n" },
	{ "tpye: 1", "x:1:15: p[0].tpye: unknown key; did you mean 'Type'?\n" },
	{ "Zzzzzzzzzzz: 1",
	  "x:1:15: p[0].Zzzzzzzzzzz: unknown key; expected Type, Flag, Number, Level, Size, "
	  "Bounded, Wait, FilePath, Label, Mode, Names or Checked\n" },
	{ "Flag: no, Sise: 1, Size: x",
	  "x:1:25: p[0].Sise: unknown key; did you mean 'Size'?\n"
	  "x:1:21: p[0].Flag: expected true or false, not 'no'; write false\n"
	  "x:1:40: p[0].Size: expected a size such as 1048576 or 10MiB, not 'x'\n" },
};

static void test_findings(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct sample s = { 0 };
		char text[256], printed[1024];

		snprintf(text, sizeof(text), "{FilePath: f, %s}", rows[i].text);
		assert_int_equal(apply(text, &s, printed, sizeof(printed)), -EINVAL);
		assert_string_equal(printed, rows[i].findings);
		options_done(options, &s);
	}
}

static void test_required(void **state)
{
	static const struct {
		const char *text, *findings;
	} cases[] = {
		{ "{}", "x:1:1: p[0].FilePath: required key is missing\n" },
		{ "FilePath:\n", "x:1:10: p[0].FilePath: has no value\n" },
		{ "FilePath: ''\n", "x:1:11: p[0].FilePath: may not be empty\n" },
		{ "\nFilePth: a\n", "x:2:1: p[0].FilePth: unknown key; did you mean 'FilePath'?\n"
				    "x:2:1: p[0].FilePath: required key is missing\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sample s = { 0 };
		char printed[256];

		assert_int_equal(apply(cases[i].text, &s, printed, sizeof(printed)), -EINVAL);
		assert_string_equal(printed, cases[i].findings);
		options_done(options, &s);
	}
}

static void test_no_options(void **state)
{
	static const struct option none[] = { { .type = OPTION_END } };
	_cleanup_(diag_done) struct diag d = { 0 };
	_cleanup_(conf_node_freep) struct conf_node *root = NULL;

	(void)state;
	assert_int_equal(conf_parse_text("x", "a: 1", 4, &d, &root), 0);
	assert_int_equal(options_apply(none, root, "", NULL, NULL, &d), -EINVAL);
	assert_string_equal(d.entries[0].message, "unknown key; there are no options here");
	assert_string_equal(d.entries[0].path, "a");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),   cmocka_unit_test(test_values),
		cmocka_unit_test(test_findings),   cmocka_unit_test(test_required),
		cmocka_unit_test(test_no_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
