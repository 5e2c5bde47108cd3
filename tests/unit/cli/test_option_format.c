/* SPDX-License-Identifier: Apache-2.0 */
/* One table with an option of every type, in all four forms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/cleanup.h"
#include "cli/option_format.h"

struct sample {
	bool flag;
	int64_t number;
	uint64_t size, wait;
	char *path, *token;
	int mode;
	struct string_list names;
	const struct conf_node *tree;
};

static const char *const modes[] = { "append", "cut", NULL };

static const struct option options[] = {
	OPT_BOOL(struct sample, "Flag", flag, .def = "true", .help = "A `b`|c."),
	OPT_INT(struct sample, "Number", number, .def = "7", .min = 1, .max = 9, .help = "N."),
	OPT_SIZE(struct sample, "Size", size, .def = "64KiB", .min = 1024, .max = 1048576,
		 .help = "S."),
	OPT_DURATION(struct sample, "Wait", wait, .def = "5s", .help = "W."),
	OPT_STRING(struct sample, "Path", path, .required = true, .help = "P."),
	OPT_STRING(struct sample, "Token", token, .secret = true, .help = "T."),
	OPT_ENUM(struct sample, "Mode", mode, .def = "cut", .names = modes, .help = "M."),
	OPT_STRINGS(struct sample, "Names", names, .def = "a,b", .help = "L."),
	OPT_NODE(struct sample, "Tree", tree, .help = "X.\n\nMore of it.",
		 .schema = "{\"type\":\"object\"}"),
	{ .type = OPTION_END },
};

static void assert_form(void (*format)(struct buf *out, const struct option *options),
			const char *expected)
{
	_cleanup_(buf_done) struct buf out = { 0 };

	format(&out, options);
	buf_put_char(&out, '\0');
	assert_string_equal(out.data, expected);
}

static void test_text(void **state)
{
	(void)state;
	assert_form(option_format_text,
		    "  Flag  (boolean; default true)\n      A b|c.\n"
		    "  Number  (number, from 1 to 9; default 7)\n      N.\n"
		    "  Size  (size, from 1KiB to 1MiB; default 64KiB)\n      S.\n"
		    "  Wait  (duration; default 5s)\n      W.\n"
		    "  Path  (text; required)\n      P.\n"
		    "  Token  (text, secret; none)\n      T.\n"
		    "  Mode  (word: append or cut; default cut)\n      M.\n"
		    "  Names  (list; default a,b)\n      L.\n"
		    "  Tree  (map or list; none)\n      X.\n\n      More of it.\n");
}

static void test_markdown(void **state)
{
	(void)state;
	assert_form(option_format_markdown,
		    "| Key | Type | Default | Meaning |\n| --- | --- | --- | --- |\n"
		    "| `Flag` | boolean | `true` | A `b`\\|c. |\n"
		    "| `Number` | number, from 1 to 9 | `7` | N. |\n"
		    "| `Size` | size, from 1KiB to 1MiB | `64KiB` | S. |\n"
		    "| `Wait` | duration | `5s` | W. |\n"
		    "| `Path` | text | required | P. |\n"
		    "| `Token` | text, secret | none | T. |\n"
		    "| `Mode` | word: `append` or `cut` | `cut` | M. |\n"
		    "| `Names` | list | `a,b` | L. |\n"
		    "| `Tree` | map or list | none | X. |\n"
		    "\nOf `Tree`:\n\nMore of it.\n");
}

static void test_json(void **state)
{
	_cleanup_(buf_done) struct buf out = { 0 };

	(void)state;
	option_format_json(&out, options);
	assert_non_null(memmem(
		out.data, out.len,
		STR("{\"name\":\"Mode\",\"type\":\"word\",\"default\":\"cut\",\"required\":false,"
		    "\"secret\":false,\"values\":[\"append\",\"cut\"],\"help\":\"M.\"}")
			.p,
		105));
	assert_int_equal(strncmp(out.data, "[{\"name\":\"Flag\",", 16), 0);
	assert_non_null(memmem(out.data, out.len, "\"min\":1024,\"max\":1048576", 24));
}

static void test_schema(void **state)
{
	_cleanup_(buf_done) struct buf out = { 0 }, required = { 0 };
	static const char *const pieces[] = {
		"\"Flag\":{\"anyOf\":[{\"type\":\"boolean\"},{\"type\":\"string\",\"pattern\":\"\\\\$\\\\{\"}],",
		"\"Number\":{\"anyOf\":[{\"type\":\"integer\",\"minimum\":1,\"maximum\":9},",
		"\"Mode\":{\"anyOf\":[{\"enum\":[\"append\",\"cut\"]},",
		"\"Tree\":{\"anyOf\":[{\"type\":\"object\"},",
		"\"default\":\"64KiB\"}",
	};

	(void)state;
	option_format_schema(&out, options);
	for (size_t i = 0; i < ARRAY_SIZE(pieces); i++)
		if (!memmem(out.data, out.len, pieces[i], strlen(pieces[i])))
			fail_msg("no %s in %.*s", pieces[i], (int)out.len, out.data);
	option_format_required(&required, options);
	assert_true(str_eq(buf_str(&required), STR(",\"Path\"")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_markdown),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_schema),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
