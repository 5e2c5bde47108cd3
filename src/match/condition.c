/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Testing a tree of conditions, in three values: a part that is undecided decides nothing, and what
 * does not depend on it is decided all the same. On the thread of the pipeline.
 */
#include "match/condition.h"

#include <errno.h>

#define DIGITS_MAX 24

/* An event that is being tested. Conditions on the same field in a row share its value. */
struct subject {
	const struct event *event;
	const struct field_view *view;
	const struct field *field; /* of which `value` is; NULL: none yet */
	struct value value;
	bool has_failed; /* it could not be made */
};

#define NUMBER_MAX ((condition_number)((unsigned __int128)-1 >> 1))

int condition_new(enum condition_kind kind, struct condition **ret)
{
	struct condition *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->kind = kind;
	c->otherwise = (struct value){ .kind = VALUE_ABSENT };
	c->min = -NUMBER_MAX;
	c->max = NUMBER_MAX;
	*ret = c;
	return 0;
}

struct condition *condition_free(struct condition *c)
{
	if (!c)
		return NULL;
	for (size_t i = 0; i < c->n; i++)
		condition_free(c->children[i]);
	free(c->children);
	pattern_done(&c->pattern);
	if (c->otherwise.kind == VALUE_TEXT)
		free((char *)c->otherwise.text.p);
	free(c);
	return NULL;
}

int condition_append(struct condition *c, struct condition *child)
{
	_cleanup_(condition_freep) struct condition *owned = child;
	struct condition **grown = reallocarray(c->children, c->n + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	c->children = grown;
	c->children[c->n++] = TAKE_PTR(owned);
	return 0;
}

/* The value that a condition is about. */
static struct value value_of(const struct condition *c, struct subject *s)
{
	if (!c->field)
		return c->otherwise;
	if (c->field != s->field) {
		buf_clear(s->view->scratch);
		s->value = field_get(c->field, s->event, s->view);
		s->has_failed = buf_failed(s->view->scratch);
		s->field = c->field;
	}
	return s->value.kind == VALUE_ABSENT ? c->otherwise : s->value;
}

static struct str format_number(const struct value *v, char to[DIGITS_MAX])
{
	char *p = to + DIGITS_MAX;
	bool is_negative = v->kind == VALUE_I64 && v->i64 < 0;
	uint64_t left = is_negative ? -(uint64_t)v->i64 : v->u64;

	do {
		*--p = (char)('0' + left % 10);
		left /= 10;
	} while (left);
	if (is_negative)
		*--p = '-';
	return (struct str){ .p = p, .n = (size_t)(to + DIGITS_MAX - p) };
}

static enum outcome test_elements(const struct pattern *pattern, struct str list)
{
	const char *p = list.p, *end = list.p + list.n;
	enum outcome best = OUTCOME_NO;

	while (p < end) {
		const char *nul = memchr(p, '\0', (size_t)(end - p));
		size_t n = (size_t)((nul ? nul : end) - p);
		enum outcome o = pattern_test(pattern, (struct str){ .p = p, .n = n });

		if (o == OUTCOME_YES)
			return o;
		if (o == OUTCOME_UNDECIDED)
			best = o;
		p += n + (nul != NULL);
	}
	return best;
}

static enum outcome test_text(const struct condition *c, const struct value *v)
{
	char digits[DIGITS_MAX];

	switch (v->kind) {
	case VALUE_ABSENT:
		return OUTCOME_NO;
	case VALUE_TEXT:
	case VALUE_SAFE:
		return pattern_test(&c->pattern, v->text);
	case VALUE_U64:
	case VALUE_I64:
		return pattern_test(&c->pattern, format_number(v, digits));
	case VALUE_ARGV:
		break;
	}
	return test_elements(&c->pattern, v->text);
}

static enum outcome test_range(const struct condition *c, const struct value *v)
{
	condition_number number;

	if (v->kind != VALUE_U64 && v->kind != VALUE_I64)
		return OUTCOME_NO;
	number = v->kind == VALUE_U64 ? (condition_number)v->u64 : (condition_number)v->i64;
	return outcome_from(c->min <= number && number <= c->max);
}

static enum outcome test_value(const struct condition *c, struct subject *s)
{
	struct value v = value_of(c, s);

	if (c->field && s->has_failed)
		return OUTCOME_UNDECIDED;
	if (c->kind == CONDITION_EXISTS)
		return outcome_from(v.kind != VALUE_ABSENT);
	return c->kind == CONDITION_RANGE ? test_range(c, &v) : test_text(c, &v);
}

static enum outcome test(const struct condition *c, struct subject *s);

/* `decides` ends the search; without one, what the others leave open. */
static enum outcome test_children(const struct condition *c, struct subject *s,
				  enum outcome decides)
{
	enum outcome so_far = outcome_not(decides);

	for (size_t i = 0; i < c->n; i++) {
		enum outcome o = test(c->children[i], s);

		if (o == decides)
			return o;
		if (o == OUTCOME_UNDECIDED)
			so_far = o;
	}
	return so_far;
}

static enum outcome test(const struct condition *c, struct subject *s)
{
	switch (c->kind) {
	case CONDITION_ALL:
		return test_children(c, s, OUTCOME_NO);
	case CONDITION_ANY:
		return test_children(c, s, OUTCOME_YES);
	case CONDITION_NOT:
		return outcome_not(test(c->children[0], s));
	case CONDITION_EXISTS:
	case CONDITION_TEXT:
	case CONDITION_RANGE:
		break;
	}
	return test_value(c, s);
}

enum outcome condition_test(const struct condition *c, const struct event *ev,
			    const struct field_view *view)
{
	struct subject s = { .event = ev, .view = view };

	return test(c, &s);
}
