/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any text as a condition, up to a line of three dashes; what follows is what a process controls:
 * its path, its arguments. Loading says what is wrong or makes a condition, which comes to the same
 * outcome each time, and to the opposite under a `not`.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "match/syntax.h"

#include "../unit/event/sample.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static struct str take_part(struct str *rest, struct str end)
{
	const char *found = rest->n ? memmem(rest->p, rest->n, end.p, end.n) : NULL;
	struct str part = { .p = rest->p, .n = found ? (size_t)(found - rest->p) : rest->n };
	size_t skip = part.n + (found ? end.n : 0);

	rest->p += skip;
	rest->n -= skip;
	return part;
}

static void make_shape(struct shape *shape)
{
	_cleanup_(freep) bool *want = calloc(n_fields, sizeof(*want));

	require(want);
	for (size_t i = 0; i < n_fields; i++)
		want[i] = fields[i].set == FIELD_SET_SPEC;
	require(shape_init(shape, want) == 0);
	require(shape_add(shape, "level", "7") == 0);
	require(shape_set_default(shape_lookup(shape, "exit_code"), "none") == 0);
}

static void judge(struct condition *c, struct str value)
{
	_cleanup_(condition_freep) struct condition *not = NULL;
	_cleanup_(sample_done) struct sample s;
	enum outcome o;

	sample_init(&s);
	sample_set_text(&s, PROGRAM_BINARY, value);
	sample_set_text(&s, PROGRAM_ARGS, value);
	o = condition_test(c, &s.event, &s.view);
	require(condition_test(c, &s.event, &s.view) == o);
	if (condition_new(CONDITION_NOT, &not ) < 0 || condition_append(not, c) < 0)
		abort();
	require(condition_test(not, &s.event, &s.view) == outcome_not(o));
	sample_end(&s, 9);
	(void)condition_test(not, &s.event, &s.view);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(conf_node_freep) struct conf_node *tree = NULL;
	_cleanup_(shape_done) struct shape shape = { 0 };
	_cleanup_(diag_done) struct diag d = { 0 };
	const struct syntax in = { .shape = &shape, .reterr = &d };
	struct str value = { .p = (const char *)data, .n = size };
	struct str text = take_part(&value, STR("\n---\n"));
	struct condition *c = NULL;
	int r;

	if (conf_parse_text("fuzz", text.p, text.n, &d, &tree) < 0)
		return 0;
	make_shape(&shape);
	r = syntax_parse(&in, tree, "C", &c);
	require((r == 0) == (c != NULL) && (r == -EINVAL) == (d.n_errors > 0));
	if (c)
		judge(c, value);
	return 0;
}
