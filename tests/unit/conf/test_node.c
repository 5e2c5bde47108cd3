/* SPDX-License-Identifier: Apache-2.0 */
/* YAML and JSON to a tree: what is in it, where it stands, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "conf/node.h"

static void print_diag(const struct diag *d, char *to, size_t size)
{
	FILE *f = fmemopen(to, size, "w");

	memset(to, 0, size);
	assert_non_null(f);
	diag_print(d, f);
	fclose(f);
}

/* `text` is refused with exactly these findings. */
static void assert_refused(const char *text, size_t n, const char *expected)
{
	_cleanup_(diag_done) struct diag d = { 0 };
	struct conf_node *root = NULL;
	char printed[4096];

	assert_int_equal(conf_parse_text("t.yaml", text, n, &d, &root), -EINVAL);
	assert_null(root);
	print_diag(&d, printed, sizeof(printed));
	assert_string_equal(printed, expected);
}

static const struct {
	const char *text, *findings;
} refused[] = {
	{ "a: &x 1\nb: *x\n", "t.yaml:1:4: anchors are not supported; write the value out\n"
			      "t.yaml:2:4: aliases are not supported; write the value out\n" },
	{ "a: &x [1]\nb: &y {c: 1}\n",
	  "t.yaml:1:4: anchors are not supported; write the value out\n"
	  "t.yaml:2:4: anchors are not supported; write the value out\n" },
	{ "a: !!str 1\nb: !x [1]\n",
	  "t.yaml:1:4: tags are not supported; leave 'tag:yaml.org,2002:str' out\n"
	  "t.yaml:2:4: tags are not supported; leave '!x' out\n" },
	{ "<<: {a: 1}\n", "t.yaml:1:1: merge keys are not supported; write the keys out\n" },
	{ "a: 1\nb: 2\na: 3\n",
	  "t.yaml:3:1: the key 'a' is here a second time; the first is in line 1\n" },
	{ "{a: 1, \"a\": 2, 'a': 3}",
	  "t.yaml:1:8: the key 'a' is here a second time; the first is in line 1\n"
	  "t.yaml:1:16: the key 'a' is here a second time; the first is in line 1\n" },
	{ "a: 1\n---\nb: 2\n", "t.yaml:2:1: a second document begins here; one file holds one\n" },
	{ "[a]: 1\n", "t.yaml:1:1: a key must be plain text, not a list or a map\n" },
	{ "? {a: 1}\n: 1\n", "t.yaml:1:3: a key must be plain text, not a list or a map\n" },
	{ "a: \"x\\0y\"\n", "t.yaml:1:4: a value may not contain a NUL character\n" },
	{ "a:\n\t- b\n", "t.yaml:2:1: not valid YAML: a tab; indent with spaces\n" },
	{ "a: [1, 2\n",
	  "t.yaml:2:1: not valid YAML: did not find expected ',' or ']', while parsing a flow "
	  "sequence that begins in line 1\n" },
	{ "a: 1\n b: 2\n",
	  "t.yaml:2:3: not valid YAML: mapping values are not allowed in this context\n" },
	{ "a: \"x\n",
	  "t.yaml:2:1: not valid YAML: found unexpected end of stream, while scanning a quoted "
	  "scalar that begins in line 1\n" },
	{ "a: 1\nb: \x01\n", "t.yaml:2:4: not valid YAML: control characters are not allowed\n" },
	{ "a: 1\nbb: \xff\n", "t.yaml:2:5: not valid YAML: invalid leading UTF-8 octet\n" },
	{ "*x : 1\n", "t.yaml:1:1: aliases are not supported; write the value out\n" },
};

static void test_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		assert_refused(refused[i].text, strlen(refused[i].text), refused[i].findings);
}

static void assert_scalar(const struct conf_node *n, const char *text, bool is_plain,
			  unsigned int line, unsigned int column)
{
	assert_non_null(n);
	assert_int_equal(n->kind, CONF_SCALAR);
	assert_string_equal(n->text, text);
	assert_int_equal(n->is_plain, is_plain);
	assert_int_equal(n->at.line, line);
	assert_int_equal(n->at.column, column);
	assert_string_equal(n->at.file, "t.yaml");
}

static struct conf_node *parse(const char *text)
{
	_cleanup_(diag_done) struct diag d = { 0 };
	struct conf_node *root = NULL;

	assert_int_equal(conf_parse_text("t.yaml", text, strlen(text), &d, &root), 0);
	assert_int_equal(d.n, 0);
	return root;
}

static void test_tree(void **state)
{
	_cleanup_(conf_node_freep) struct conf_node *root = NULL;
	const struct conf_node *list, *map;

	(void)state;
	root = parse("# a comment\n"
		     "one: true\n"
		     "two: \"true\"\n"
		     "list:\n"
		     "  - a\n"
		     "  - {b: 'c'}\n"
		     "  - []\n");
	assert_int_equal(root->kind, CONF_MAP);
	assert_int_equal(root->n, 3);
	assert_scalar(root->keys[1], "two", true, 3, 1);
	assert_scalar(conf_node_lookup(root, "one"), "true", true, 2, 6);
	assert_scalar(conf_node_lookup(root, "two"), "true", false, 3, 6);
	assert_null(conf_node_lookup(root, "three"));
	list = conf_node_lookup(root, "list");
	assert_int_equal(list->kind, CONF_LIST);
	assert_int_equal(list->n, 3);
	assert_scalar(list->items[0], "a", true, 5, 5);
	map = list->items[1];
	assert_int_equal(map->kind, CONF_MAP);
	assert_int_equal(map->at.line, 6);
	assert_scalar(conf_node_lookup(map, "b"), "c", false, 6, 9);
	assert_int_equal(list->items[2]->kind, CONF_LIST);
	assert_int_equal(list->items[2]->n, 0);
}

static void test_json(void **state)
{
	_cleanup_(conf_node_freep) struct conf_node *root = NULL;

	(void)state;
	root = parse("{\n\t\"a\": [1, \"x\\u00e9\\n\"],\n\t\"b\": null\n}\n");
	assert_scalar(conf_node_lookup(root, "a")->items[1], "x\xc3\xa9\n", false, 2, 11);
	assert_scalar(conf_node_lookup(root, "b"), "null", true, 3, 7);
}

static void test_nothing(void **state)
{
	static const char *const texts[] = { "",  "\n", "# only a comment\n", "---\n", "null\n",
					     "~", "{}" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_cleanup_(conf_node_freep) struct conf_node *root = parse(texts[i]);

		assert_int_equal(root->kind, CONF_MAP);
		assert_int_equal(root->n, 0);
		assert_string_equal(root->at.file, "t.yaml");
	}
}

static void test_depth(void **state)
{
	_cleanup_(conf_node_freep) struct conf_node *root = NULL;
	char text[80] = { 0 };

	(void)state;
	memset(text, '[', 32);
	memset(text + 32, ']', 32);
	root = parse(text);
	memset(text, '[', 33);
	memset(text + 33, ']', 33);
	assert_refused(text, 66, "t.yaml:1:33: nested too deeply: more than 32 levels\n");
}

static void test_nodes(void **state)
{
	_cleanup_(buf_done) struct buf text = { 0 };
	_cleanup_(conf_node_freep) struct conf_node *root = NULL;

	(void)state;
	for (int i = 0; i < 65536; i++)
		buf_put(&text, "- a\n", 4);
	buf_put_char(&text, '\0');
	root = parse(text.data);
	assert_int_equal(root->n, 65536);
	text.len--;
	buf_put(&text, "- a\n", 4);
	assert_refused(text.data, text.len,
		       "t.yaml:65537:3: too large: more than 65536 keys and values\n");
}

/* Must take neither the square of their number nor forget one. */
static void test_many_keys(void **state)
{
	_cleanup_(buf_done) struct buf text = { 0 };

	(void)state;
	for (int i = 0; i < 30000; i++)
		buf_printf(&text, "k%d: \n", i);
	buf_printf(&text, "k7: \n");
	assert_refused(
		text.data, text.len,
		"t.yaml:30001:1: the key 'k7' is here a second time; the first is in line 8\n");
}

static void test_length(void **state)
{
	_cleanup_(freep) char *text = malloc(1024 * 1024 + 1);
	_cleanup_(conf_node_freep) struct conf_node *root = NULL;
	_cleanup_(diag_done) struct diag d = { 0 };

	(void)state;
	assert_non_null(text);
	memset(text, '\n', 1024 * 1024 + 1);
	assert_int_equal(conf_parse_text("t.yaml", text, 1024 * 1024, &d, &root), 0);
	assert_refused(text, 1024 * 1024 + 1,
		       "t.yaml: too large: a configuration may have at most 1048576 bytes\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),	  cmocka_unit_test(test_tree),
		cmocka_unit_test(test_json),	  cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_depth),	  cmocka_unit_test(test_nodes),
		cmocka_unit_test(test_many_keys), cmocka_unit_test(test_length),

	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
