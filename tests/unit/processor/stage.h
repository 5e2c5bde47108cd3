/* SPDX-License-Identifier: Apache-2.0 */
/* A processor in use, made from text as a pipeline makes it, with a shape of the spec's fields. */
#pragma once

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "plugin/plugin.h"

#include "../event/sample.h"

struct stage {
	struct conf_node *tree;
	struct instance instance;
	struct shape shape;
	struct diag diag;
};

static inline const struct processor *stage_processor(const struct stage *s)
{
	return (const struct processor *)s->instance.plugin;
}

static inline void stage_make_shape(struct stage *s)
{
	_cleanup_(freep) bool *want = calloc(n_fields, sizeof(*want));

	assert_non_null(want);
	for (size_t i = 0; i < n_fields; i++)
		want[i] = fields[i].set == FIELD_SET_SPEC;
	assert_int_equal(shape_init(&s->shape, want), 0);
}

/* Takes a shape that is there already, or makes one. What loading says of the options. */
static inline int stage_load(struct stage *s, const struct processor *processor, const char *text)
{
	const struct plugin *plugin = &processor->base;
	int r;

	s->instance = (struct instance){ .plugin = plugin, .name = (char *)plugin->name };
	s->instance.conf = calloc(1, plugin->conf_size + 1);
	s->instance.state = calloc(1, plugin->state_size + 1);
	assert_non_null(s->instance.conf);
	assert_non_null(s->instance.state);
	if (!s->shape.reads)
		stage_make_shape(s);
	assert_int_equal(conf_parse_text("p.yaml", text, strlen(text), &s->diag, &s->tree), 0);
	r = options_apply(plugin->options, s->tree, "processors[0]", NULL, s->instance.conf,
			  &s->diag);
	if (r == 0 && plugin->check)
		r = plugin->check(s->instance.conf, s->tree, "processors[0]", &s->diag);
	if (r == 0)
		r = processor->prepare(&s->instance, &s->shape, s->tree, "processors[0]", &s->diag);
	return r;
}

/* Leaves the shape. */
static inline void stage_unload(struct stage *s)
{
	const struct plugin *plugin = s->instance.plugin;

	if (plugin->stop)
		plugin->stop(&s->instance);
	options_done(plugin->options, s->instance.conf);
	free(s->instance.conf);
	free(s->instance.state);
	conf_node_free(s->tree);
	diag_done(&s->diag);
	s->tree = NULL;
	s->diag = (struct diag){ 0 };
}

static inline void stage_done(struct stage *s)
{
	if (s->instance.plugin)
		stage_unload(s);
	shape_done(&s->shape);
}

static inline bool stage_keeps(struct stage *s, const struct sample *of)
{
	return stage_processor(s)->process(&s->instance, &of->event, &of->view) == VERDICT_KEEP;
}

static inline void assert_findings(const struct stage *s, const char *findings)
{
	char printed[4096] = "";
	_cleanup_(fclosep) FILE *f = fmemopen(printed, sizeof(printed), "w");

	assert_non_null(f);
	diag_print(&s->diag, f);
	fflush(f);
	assert_string_equal(printed, findings);
}

/* Every mistake of a table of text and findings. */
static inline void assert_mistakes(const struct processor *processor, const char *const (*rows)[2],
				   size_t n)
{
	for (size_t i = 0; i < n; i++) {
		_cleanup_(stage_done) struct stage s = { 0 };

		assert_int_equal(stage_load(&s, processor, rows[i][0]), -EINVAL);
		assert_findings(&s, rows[i][1]);
	}
}

/* The keys in order, constants with their text: "pid level=7". Only those from `from` on. */
static inline void assert_shape(const struct shape *shape, const char *from, const char *keys)
{
	_cleanup_(buf_done) struct buf all = { 0 };
	const struct shape_key *key = shape_lookup(shape, from);

	assert_non_null(key);
	for (; key < shape->keys + shape->n; key++)
		buf_printf(&all, "%s%s%s%s", all.len ? " " : "", key->name, key->text ? "=" : "",
			   key->text ? key->text : "");
	buf_put_char(&all, '\0');
	assert_string_equal(all.data, keys);
}
