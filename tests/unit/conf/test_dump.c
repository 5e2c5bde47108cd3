/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is dumped reads back to what was dumped: by examples, and by many texts and values made at
 * random.
 */
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
	int64_t number;
	uint64_t size, wait;
	char *path, *token, *label;
	int mode;
	struct string_list names;
	const struct conf_node *tree;
};

static const char *const modes[] = { "append", "truncate", NULL };

static const struct option options[] = {
	OPT_BOOL(struct sample, "Flag", flag, .def = "true", .help = "."),
	OPT_INT(struct sample, "Number", number, .def = "-7", .help = "."),
	OPT_SIZE(struct sample, "Size", size, .def = "64KiB", .help = "."),
	OPT_DURATION(struct sample, "Wait", wait, .def = "0", .help = "."),
	OPT_STRING(struct sample, "FilePath", path, .def = "/x", .help = "."),
	OPT_STRING(struct sample, "Token", token, .secret = true, .help = "."),
	OPT_STRING(struct sample, "Label", label, .help = "."),
	OPT_ENUM(struct sample, "Mode", mode, .def = "truncate", .names = modes, .help = "."),
	OPT_STRINGS(struct sample, "Names", names, .def = "a,b", .help = "."),
	OPT_NODE(struct sample, "Tree", tree, .help = "."),
	{ .type = OPTION_END },
};

/* The tree that conf->tree points into is handed out with it. */
static void read_back(const char *text, size_t n, struct sample *ret, struct conf_node **ret_root)
{
	_cleanup_(diag_done) struct diag d = { 0 };

	if (conf_parse_text("x", text, n, &d, ret_root) < 0 || conf_expand_env(*ret_root, &d) < 0 ||
	    options_apply(options, *ret_root, "", NULL, ret, &d) < 0) {
		diag_print(&d, stderr);
		fail_msg("cannot be read back: %.*s", (int)n, text);
	}
}

static void dump(const char *text, enum option_secrets secrets, struct buf *out)
{
	_cleanup_(conf_node_freep) struct conf_node *root = NULL;
	struct sample s = { 0 };

	read_back(text, strlen(text), &s, &root);
	options_dump(options, &s, 0, secrets, out);
	options_done(options, &s);
	assert_false(buf_failed(out));
}

static void assert_dump(const char *text, enum option_secrets secrets, const char *expected)
{
	_cleanup_(buf_done) struct buf out = { 0 };

	dump(text, secrets, &out);
	buf_put_char(&out, '\0');
	assert_string_equal(out.data, expected);
}

#define REST "Mode: truncate\nNames: [a, b]\n"

static void test_defaults(void **state)
{
	(void)state;
	assert_dump("{}", OPTION_SECRETS_SHOWN,
		    "Flag: true\nNumber: -7\nSize: 64KiB\nWait: 0s\nFilePath: /x\n" REST);
}

static void test_secrets(void **state)
{
	const char *text = "{Token: abc, Flag: false, Wait: 90s, Names: []}";

	(void)state;
	assert_dump(
		text, OPTION_SECRETS_MASKED,
		"Flag: false\nNumber: -7\nSize: 64KiB\nWait: 90s\nFilePath: /x\nToken: \"***\"\n"
		"Mode: truncate\nNames: []\n");
	assert_dump(text, OPTION_SECRETS_SHOWN,
		    "Flag: false\nNumber: -7\nSize: 64KiB\nWait: 90s\nFilePath: /x\nToken: abc\n"
		    "Mode: truncate\nNames: []\n");
}

static const struct {
	const char *text, *scalar;
} scalars[] = {
	{ "a", "a" },
	{ "a b", "\"a b\"" },
	{ "", "\"\"" },
	{ "null", "\"null\"" },
	{ "NULL", "\"NULL\"" },
	{ "~", "\"~\"" },
	{ "true", "true" },
	{ "-5", "-5" },
	{ "-", "\"-\"" },
	{ "---", "\"---\"" },
	{ "a: b", "\"a: b\"" },
	{ "#x", "\"#x\"" },
	{ "\"\\", "\"\\\"\\\\\"" },
	{ "\t\n", "\"\\x09\\n\"" },
	{ "\x7f", "\"\\x7f\"" },
	{ "\xc2\x85", "\"\\x85\"" },
	{ "\xc3\xa4", "\"\xc3\xa4\"" },
	{ "\xe2\x80\xa8", "\"\\u2028\"" },
	{ "${A}", "\"$${A}\"" },
	{ "$${A}", "\"$$${A}\"" },
	{ "$", "\"$\"" },
	{ "*a", "\"*a\"" },
	{ "<<", "\"<<\"" },
};

static void test_scalars(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(scalars); i++) {
		_cleanup_(buf_done) struct buf out = { 0 };

		conf_put_scalar(&out, scalars[i].text);
		buf_put_char(&out, '\0');
		assert_string_equal(out.data, scalars[i].scalar);
	}
}

/* Whoever reads the tree sees what was plain and what was quoted. */
static void test_tree(void **state)
{
	const char *flow =
		"{field: \"3\", all: [{a: 3, b: -1.5}, null, []], \"k ${x}\": \"$${y}\"}";
	_cleanup_(buf_done) struct buf text = { 0 }, out = { 0 }, expected = { 0 };

	(void)state;
	buf_printf(&text, "Tree: %s", flow);
	buf_put_char(&text, '\0');
	buf_printf(&expected, "Tree: %s\n", flow);
	dump(text.data, OPTION_SECRETS_SHOWN, &out);
	assert_non_null(memmem(out.data, out.len, expected.data, expected.len));
}

static uint32_t seed = 1;

static uint32_t draw(uint32_t n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

/* Pieces that have a meaning to YAML or to us, and characters of every length. */
static char *draw_text(void)
{
	static const char *const pieces[] = {
		"a",
		"B",
		"0",
		"-",
		" ",
		"  ",
		"\n",
		"\t",
		":",
		": ",
		"#",
		" #",
		"'",
		"\"",
		"\\",
		"${",
		"$${",
		"$",
		"}",
		"{",
		"[",
		"]",
		",",
		"&",
		"*",
		"!",
		"|",
		">",
		"%",
		"@",
		"`",
		"~",
		"?",
		"<<",
		"=",
		"\x01",
		"\x1f",
		"\x7f",
		"---",
		"\r",
		"null",
		"true",
		"\xc2\x80",
		"\xc2\x85",
		"\xc2\xa0",
		"\xc3\xa9",
		"\xe2\x80\xa8",
		"\xe2\x80\xa9",
		"\xe2\x82\xac",
		"\xef\xbb\xbf",
		"\xef\xbf\xbe",
		"\xef\xbf\xbf",
		"\xf0\x9f\x90\xa7",
	};
	_cleanup_(buf_done) struct buf out = { 0 };

	for (uint32_t n = draw(9); n; n--)
		buf_put_str(&out, str_from(pieces[draw(ARRAY_SIZE(pieces))]));
	buf_put_char(&out, '\0');
	return strdup(out.data);
}

static void draw_sample(struct sample *s)
{
	*s = (struct sample){
		.flag = draw(2),
		.number = (int64_t)((uint64_t)draw(1 << 20) << draw(44)) * (draw(2) ? 1 : -1),
		.size = (uint64_t)draw(1 << 20) << draw(40),
		.wait = (uint64_t)draw(1 << 20) * (draw(2) ? 1000000 : 1),
		.path = draw_text(),
		.token = draw_text(),
		.label = draw(2) ? draw_text() : NULL,
		.mode = (int)draw(2),
	};
	s->names.n = draw(4);
	s->names.items = calloc(s->names.n + 1, sizeof(char *));
	for (size_t i = 0; i < s->names.n; i++)
		s->names.items[i] = draw_text();
}

static void assert_equal(const struct sample *a, const struct sample *b)
{
	assert_int_equal(a->flag, b->flag);
	assert_int_equal(a->number, b->number);
	assert_int_equal(a->size, b->size);
	assert_int_equal(a->wait, b->wait);
	assert_string_equal(a->path, b->path);
	assert_string_equal(a->token, b->token);
	assert_int_equal(a->label != NULL, b->label != NULL);
	if (a->label)
		assert_string_equal(a->label, b->label);
	assert_int_equal(a->mode, b->mode);
	assert_int_equal(a->names.n, b->names.n);
	for (size_t i = 0; i < a->names.n; i++)
		assert_string_equal(a->names.items[i], b->names.items[i]);
}

static void test_any(void **state)
{
	(void)state;
	for (int i = 0; i < 3000; i++) {
		_cleanup_(conf_node_freep) struct conf_node *root = NULL;
		_cleanup_(buf_done) struct buf out = { 0 };
		struct sample made, again = { 0 };

		draw_sample(&made);
		options_dump(options, &made, draw(2) * 4, OPTION_SECRETS_SHOWN, &out);
		read_back(out.data, out.len, &again, &root);
		assert_equal(&made, &again);
		options_done(options, &made);
		options_done(options, &again);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults), cmocka_unit_test(test_secrets),
		cmocka_unit_test(test_scalars),	 cmocka_unit_test(test_tree),
		cmocka_unit_test(test_any),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
