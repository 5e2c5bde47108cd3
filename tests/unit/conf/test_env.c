/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Variables in values: what they become, what is said of those that are wrong, and that they stay
 * text.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "conf/node.h"

/* The value of `v: TEXT` after expansion, or the findings. */
static int expand(const char *text, char *to, size_t size)
{
	_cleanup_(diag_done) struct diag d = { 0 };
	_cleanup_(conf_node_freep) struct conf_node *root = NULL;
	_cleanup_(buf_done) struct buf doc = { 0 };
	FILE *f = fmemopen(to, size, "w");
	int r;

	memset(to, 0, size);
	assert_non_null(f);
	buf_printf(&doc, "v: %s", text);
	assert_int_equal(conf_parse_text("x", doc.data, doc.len, &d, &root), 0);
	r = conf_expand_env(root, &d);
	diag_print(&d, f);
	buf_clear(&doc);
	conf_put_flow(&doc, conf_node_lookup(root, "v"));
	if (r == 0)
		fwrite(doc.data, 1, doc.len, f);
	fclose(f);
	return r;
}

static const struct {
	const char *text, *made;
} right[] = {
	{ "plain", "plain" },
	{ "\"${PT_A}\"", "\"one\"" },
	{ "${PT_A}", "\"one\"" },
	{ "x${PT_A}y${PT_A}", "\"xoneyone\"" },
	{ "${PT_NONE:-two}", "\"two\"" },
	{ "\"${PT_NONE:-}\"", "\"\"" },
	{ "${PT_EMPTY}", "\"\"" },
	{ "${PT_EMPTY:-two}", "\"two\"" },
	{ "${PT_A:-two}", "\"one\"" },
	{ "\"${PT_NONE:-a:-$b{c}\"", "\"a:-$b{c\"" },
	{ "$${PT_A}", "\"$${PT_A}\"" },
	{ "$$${PT_A}", "\"$$${PT_A}\"" },
	{ "$PT_A $ $$", "\"$PT_A $ $$\"" },
	{ "${PT_YAML}", "\"[a, b]\\nx: {y: *z}\"" },
	{ "${PT_NULL}", "\"null\"" },
	{ "${PT_REF}", "\"$${PT_A}\"" }, /* not expanded again */
	{ "[a, {b: \"${PT_A}\"}]", "[a, {b: \"one\"}]" },
	{ "{\"${PT_A}\": c}", "{\"${PT_A}\": c}" }, /* a key */
};

static void test_right(void **state)
{
	char made[512];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(right); i++) {
		assert_int_equal(expand(right[i].text, made, sizeof(made)), 0);
		assert_string_equal(made, right[i].made);
	}
}

#define FORM "expected ${NAME} or ${NAME:-DEFAULT}; a ${ that is meant so is written $${\n"

static const struct {
	const char *text, *findings;
} wrong[] = {
	{ "${PT_NONE}",
	  "x:1:4: v: the environment variable 'PT_NONE' is not set; set it, or write ${PT_NONE:-DEFAULT}\n" },
	{ "[a, {b: \"${PT_NONE}\"}]",
	  "x:1:12: v[1].b: the environment variable 'PT_NONE' is not set; set it, or "
	  "write ${PT_NONE:-DEFAULT}\n" },
	{ "${PT_BYTES}", "x:1:4: v: the environment variable 'PT_BYTES' is not valid UTF-8\n" },
	{ "\"${\"", "x:1:4: v: " FORM },
	{ "\"${}\"", "x:1:4: v: " FORM },
	{ "\"${1A}\"", "x:1:4: v: " FORM },
	{ "\"${A-B}\"", "x:1:4: v: " FORM },
	{ "\"${A:}\"", "x:1:4: v: " FORM },
	{ "\"${A:-b\"", "x:1:4: v: " FORM },
};

static void test_wrong(void **state)
{
	char made[512];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		assert_int_equal(expand(wrong[i].text, made, sizeof(made)), -EINVAL);
		assert_string_equal(made, wrong[i].findings);
	}
}

/* A variable that is named again and again is bounded as a file is. */
static void test_bomb(void **state)
{
	_cleanup_(buf_done) struct buf text = { 0 }, value = { 0 };
	_cleanup_(freep) char *made = calloc(1, 1 << 16);

	(void)state;
	for (int i = 0; i < 100000; i++)
		buf_put_char(&value, 'v');
	buf_put_char(&value, '\0');
	setenv("PT_LONG", value.data, 1);
	for (int i = 0; i < 11; i++)
		buf_put_str(&text, i ? STR(",'${PT_LONG}'") : STR("['${PT_LONG}'"));
	buf_put_str(&text, STR("]"));
	buf_put_char(&text, '\0');
	assert_int_equal(expand(text.data, made, 1 << 16), -EINVAL);
	assert_string_equal(
		made, "x:1:135: v[10]: too large: variables may put in at most 1048576 bytes\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_right),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_bomb),
	};

	setenv("PT_A", "one", 1);
	setenv("PT_EMPTY", "", 1);
	setenv("PT_YAML", "[a, b]\nx: {y: *z}", 1);
	setenv("PT_NULL", "null", 1);
	setenv("PT_REF", "${PT_A}", 1);
	setenv("PT_BYTES", "a\xff", 1);
	unsetenv("PT_NONE");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
