/* SPDX-License-Identifier: Apache-2.0 */
/* The forms of the option tables, and that the reference pages are what the tables say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "agent/settings.h"
#include "base/cleanup.h"
#include "cli/plugins.h"

static bool contains(const struct buf *b, const char *text)
{
	return memmem(b->data, b->len, text, strlen(text)) != NULL;
}

static void assert_page(const struct buf *made, const char *name, const char *command)
{
	_cleanup_(buf_done) struct buf page = { 0 };
	_cleanup_(freep) char *path = NULL;
	_cleanup_(fclosep) FILE *f = NULL;
	char chunk[4096];
	size_t n;

	assert_true(asprintf(&path, DOCS "/reference/%s", name) > 0);
	f = fopen(path, "re");
	assert_non_null(f);
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_put(&page, chunk, n);
	if (!str_eq(buf_str(made), buf_str(&page)))
		fail_msg("docs/reference/%s is old: %s makes it", name, command);
}

static void test_pages(void **state)
{
	_cleanup_(buf_done) struct buf of_plugins = { 0 }, of_settings = { 0 };

	(void)state;
	plugins_format(&of_plugins, PLUGINS_MARKDOWN, NULL);
	assert_page(&of_plugins, "plugins.md", "proctrail plugins --markdown");
	settings_format(&of_settings, PLUGINS_MARKDOWN);
	assert_page(&of_settings, "settings.md", "proctrail plugins --settings --markdown");
}

static void test_text(void **state)
{
	_cleanup_(buf_done) struct buf all = { 0 }, one = { 0 };

	(void)state;
	plugins_format(&all, PLUGINS_TEXT, NULL);
	assert_int_equal(strncmp(all.data,
				 "input_process_security        Records of processes: who", 55),
			 0);
	assert_true(contains(
		&all, "\nflusher_blackhole             Take all records and discard them.\n"));
	plugins_format(&one, PLUGINS_TEXT, &inputs[0]->base);
	assert_true(contains(
		&one, "  MaxArgumentBytes  (size, from 1 to 2MiB; default 32KiB)\n      How much"));
}

static json_t *parse(const struct buf *b)
{
	json_error_t error;
	json_t *made = json_loadb(b->data, b->len, 0, &error);

	if (!made)
		fail_msg("not JSON: %s at %d: %.*s", error.text, error.position, (int)b->len,
			 b->data);
	return made;
}

static size_t n_options(const struct option *o)
{
	size_t n = 0;

	for (; o->type != OPTION_END; o++)
		n++;
	return n;
}

static void test_json(void **state)
{
	_cleanup_(buf_done) struct buf of_plugins = { 0 }, of_settings = { 0 };
	json_t *list, *settings;

	(void)state;
	plugins_format(&of_plugins, PLUGINS_JSON, NULL);
	list = parse(&of_plugins);
	assert_string_equal(json_string_value(json_object_get(json_array_get(list, 0), "name")),
			    "input_process_security");
	assert_int_equal(json_array_size(json_object_get(json_array_get(list, 0), "options")),
			 n_options(inputs[0]->base.options));
	settings_format(&of_settings, PLUGINS_JSON);
	settings = parse(&of_settings);
	assert_int_equal(json_array_size(settings), n_options(agent_settings_options));
	json_decref(list);
	json_decref(settings);
}

/* Every plugin and every option is in it; what it accepts is tried by validators elsewhere. */
static void test_schema(void **state)
{
	_cleanup_(buf_done) struct buf out = { 0 };
	json_t *schema, *properties, *of_flushers;
	size_t n = 0;

	(void)state;
	plugins_format(&out, PLUGINS_SCHEMA, NULL);
	schema = parse(&out);
	properties = json_object_get(schema, "properties");
	assert_non_null(json_object_get(properties, "enable"));
	assert_non_null(json_object_get(properties, "createTime"));
	assert_non_null(json_object_get(json_object_get(json_object_get(properties, "global"),
							"properties"),
					"StructureType"));
	of_flushers = json_object_get(
		json_object_get(json_object_get(properties, "flushers"), "items"), "anyOf");
	while (flushers[n]) {
		json_t *one = json_object_get(json_array_get(of_flushers, n), "properties");

		for (const struct option *o = flushers[n]->base.options; o->type != OPTION_END; o++)
			assert_non_null(json_object_get(one, o->name));
		assert_non_null(json_object_get(one, "Match"));
		n++;
	}
	assert_int_equal(json_array_size(of_flushers), n);
	json_decref(schema);
}

/* What a table has to have, so that the pages are whole. */
static void assert_described(const struct option *o)
{
	for (; o->type != OPTION_END; o++) {
		size_t n = strlen(o->help);

		if (!n || o->help[n - 1] != '.')
			fail_msg("the help of %s is no full sentence", o->name);
	}
}

static void test_all_are_described(void **state)
{
	(void)state;
	for (size_t i = 0; inputs[i]; i++)
		assert_described(inputs[i]->base.options);
	for (size_t i = 0; processors[i]; i++)
		assert_described(processors[i]->base.options);
	for (size_t i = 0; flushers[i]; i++)
		assert_described(flushers[i]->base.options);
	assert_described(agent_settings_options);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_schema),
		cmocka_unit_test(test_all_are_described),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
