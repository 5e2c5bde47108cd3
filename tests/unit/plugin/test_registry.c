/* SPDX-License-Identifier: Apache-2.0 */
/* What holds for every plugin: its name and help, and an option table whose defaults parse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "plugin/plugin.h"

static void check_sentence(const char *help)
{
	assert_non_null(help);
	assert_true(isupper((unsigned char)*help));
	assert_true(help[strlen(help) - 1] == '.');
}

/* With no key given: nothing is wrong but what is required and missing. */
static void check_defaults(const struct plugin *plugin)
{
	_cleanup_(diag_done) struct diag d = { 0 };
	_cleanup_(conf_node_freep) struct conf_node *none = NULL;
	void *conf = calloc(1, plugin->conf_size + 1);

	assert_non_null(conf);
	assert_int_equal(conf_parse_text("none", "", 0, &d, &none), 0);
	(void)options_apply(plugin->options, none, "", NULL, conf, &d);
	for (size_t i = 0; i < d.n; i++)
		assert_string_equal(d.entries[i].message, "required key is missing");
	options_done(plugin->options, conf);
	free(conf);
}

static void check_options(const struct plugin *plugin)
{
	for (const struct option *o = plugin->options; o->type != OPTION_END; o++) {
		check_sentence(o->help);
		assert_true(isupper((unsigned char)*o->name));
		assert_true(o->offset < plugin->conf_size);
		assert_false(o->required && o->def);
		for (const struct option *other = plugin->options; other < o; other++)
			assert_string_not_equal(o->name, other->name);
	}
}

static void check_plugin(const struct plugin *plugin, const char *prefix)
{
	assert_int_equal(strncmp(plugin->name, prefix, strlen(prefix)), 0);
	check_sentence(plugin->help);
	assert_non_null(plugin->options);
	check_options(plugin);
	check_defaults(plugin);
}

static void test_plugins(void **state)
{
	(void)state;
	for (size_t i = 0; inputs[i]; i++) {
		check_plugin(&inputs[i]->base, "input_");
		assert_non_null(inputs[i]->demand);
	}
	for (size_t i = 0; processors[i]; i++) {
		check_plugin(&processors[i]->base, "processor_");
		assert_true(processors[i]->process || processors[i]->prepare);
	}
	for (size_t i = 0; flushers[i]; i++) {
		check_plugin(&flushers[i]->base, "flusher_");
		assert_non_null(flushers[i]->flush);
	}
}

static void test_known(void **state)
{
	(void)state;
	assert_string_equal(inputs[0]->base.name, "input_process_security");
	assert_string_equal(flushers[0]->base.name, "flusher_stdout");
	assert_string_equal(flushers[1]->base.name, "flusher_file");
	assert_string_equal(flushers[2]->base.name, "flusher_blackhole");
	assert_null(flushers[3]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plugins),
		cmocka_unit_test(test_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
