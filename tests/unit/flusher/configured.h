/* SPDX-License-Identifier: Apache-2.0 */
/* An instance of a flusher as a configuration makes it. Include it after cmocka.h. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/plugin.h"

struct configured {
	const struct flusher *flusher;
	struct instance self;
	struct conf_node *tree;
	struct diag diag;
	int r; /* of its options, then of its check */
};

static inline void configure(struct configured *c, const struct flusher *flusher, const char *yaml)
{
	const struct plugin *plugin = &flusher->base;

	*c = (struct configured){ .flusher = flusher };
	c->self = (struct instance){
		.plugin = plugin,
		.name = (char *)plugin->name,
		.conf = calloc(1, plugin->conf_size + 1),
		.state = calloc(1, plugin->state_size + 1),
	};
	assert_int_equal(conf_parse_text("t", yaml, strlen(yaml), &c->diag, &c->tree), 0);
	c->r = options_apply(plugin->options, c->tree, "flushers[0]", NULL, c->self.conf, &c->diag);
	if (c->r == 0 && plugin->check)
		c->r = plugin->check(c->self.conf, c->tree, "flushers[0]", &c->diag);
}

static inline void configured_done(struct configured *c)
{
	options_done(c->self.plugin->options, c->self.conf);
	free(c->self.conf);
	free(c->self.state);
	conf_node_free(c->tree);
	diag_done(&c->diag);
}

/* All findings as they are printed; in a static buffer. */
static inline const char *configured_findings(const struct configured *c)
{
	static char text[4096];
	FILE *to = fmemopen(text, sizeof(text), "w");

	assert_non_null(to);
	*text = '\0';
	diag_print(&c->diag, to);
	assert_int_equal(fclose(to), 0);
	return text;
}

static inline int configured_flush(struct configured *c, const char *lines)
{
	const struct payload in = { .bytes = str_from(lines) };
	size_t n = SIZE_MAX;
	int r = c->flusher->flush(&c->self, &in, &n);

	assert_int_equal(n, r == 0 ? strlen(lines) : 0);
	return r;
}
