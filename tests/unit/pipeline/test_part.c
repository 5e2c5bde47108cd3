/* SPDX-License-Identifier: Apache-2.0 */
/* Life of a part: what is started is stopped, once, also when the start failed half way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/part.h"

struct tool_conf {
	char *text;
};

struct tool_state {
	int n_started, n_stopped;
};

static int start_result;
static struct tool_state last; /* as it was when it was stopped */

static int tool_start(struct instance *self)
{
	struct tool_state *state = self->state;

	state->n_started++;
	return start_result;
}

static void tool_stop(struct instance *self)
{
	struct tool_state *state = self->state;

	state->n_stopped++;
	last = *state;
}

static const struct option options[] = {
	OPT_STRING(struct tool_conf, "Text", text, .def = "some", .help = "A text."),
	{ .type = OPTION_END },
};

static const struct plugin tool = {
	.name = "tool",
	.options = options,
	.start = tool_start,
	.stop = tool_stop,
};
static const struct plugin idle = { .name = "idle", .options = options };

static struct part make_part(const struct plugin *plugin)
{
	struct tool_conf *conf = calloc(1, sizeof(*conf));
	struct tool_state *state = calloc(1, sizeof(*state));

	assert_true(conf && state);
	conf->text = strdup("mine");
	last = (struct tool_state){ 0 };
	return (struct part){
		.instance = { .plugin = plugin,
			      .name = strdup(plugin->name),
			      .conf = conf,
			      .state = state },
	};
}

static void assert_empty(const struct part *part)
{
	const struct part none = { 0 };

	assert_memory_equal(&part->instance, &none.instance, sizeof(none.instance));
	assert_false(part->is_started);
}

static void test_life(void **state)
{
	static const struct {
		int result;
		bool is_stopped_first;
	} rows[] = { { 0, true }, { 0, false }, { -EACCES, true }, { -EACCES, false } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct part part = make_part(&tool);

		start_result = rows[i].result;
		assert_int_equal(part_start(&part), rows[i].result);
		assert_true(part.is_started);
		if (rows[i].is_stopped_first)
			part_stop(&part);
		part_stop(&part);
		part_done(&part);
		assert_int_equal(last.n_started, 1);
		assert_int_equal(last.n_stopped, 1);
		assert_empty(&part);
		part_done(&part);
	}
}

static void test_never_started(void **state)
{
	struct part part = make_part(&tool);

	(void)state;
	part_stop(&part);
	part_done(&part);
	assert_int_equal(last.n_stopped, 0);
	assert_empty(&part);
}

static void test_without_start(void **state)
{
	struct part part = make_part(&idle);

	(void)state;
	assert_int_equal(part_start(&part), 0);
	part_stop(&part);
	assert_false(part.is_started);
	part_done(&part);
	assert_empty(&part);
}

/* Memory ran out while it was made. */
static void test_half_made(void **state)
{
	struct part part = { .instance = { .plugin = &tool } };

	(void)state;
	part_done(&part);
	assert_empty(&part);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_life),
		cmocka_unit_test(test_never_started),
		cmocka_unit_test(test_without_start),
		cmocka_unit_test(test_half_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
