/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pattern is cut at its stars into segments; a segment is a run of elements, each of them literal
 * bytes or one character of a set. The first segment stands at the value's beginning, the last at
 * its end, and each between is sought from where the one before it ended: the first place is always
 * as good as a later one, so nothing is ever tried twice.
 */
#include "match/glob.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>

#include "base/utf8.h"

#define ASCII_MAX 128

struct element {
	struct str literal; /* n = 0: one character of the set */
	uint64_t set[ASCII_MAX / 64];
	bool beyond_ascii; /* all other characters are in the set */
};

struct segment {
	struct element *elements;
	size_t n;
};

struct glob {
	struct segment *segments; /* at least one; a star stands between each two */
	size_t n;
	char *literals; /* of all elements */
	size_t n_literals;
};

struct glob *glob_free(struct glob *g)
{
	if (!g)
		return NULL;
	for (size_t i = 0; i < g->n; i++)
		free(g->segments[i].elements);
	free(g->segments);
	free(g->literals);
	free(g);
	return NULL;
}

static int add_segment(struct glob *g)
{
	struct segment *grown = reallocarray(g->segments, g->n + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	g->segments = grown;
	g->segments[g->n++] = (struct segment){ 0 };
	return 0;
}

static struct element *add_element(struct glob *g)
{
	struct segment *last = &g->segments[g->n - 1];
	struct element *grown = reallocarray(last->elements, last->n + 1, sizeof(*grown));

	if (!grown)
		return NULL;
	last->elements = grown;
	grown[last->n] = (struct element){ 0 };
	return &grown[last->n++];
}

static int add_literal(struct glob *g, char c)
{
	struct segment *last = &g->segments[g->n - 1];
	struct element *e = last->n ? &last->elements[last->n - 1] : NULL;

	if (!e || !e->literal.n)
		e = add_element(g);
	if (!e)
		return -ENOMEM;
	if (!e->literal.n)
		e->literal.p = g->literals + g->n_literals;
	g->literals[g->n_literals++] = c;
	e->literal.n++;
	return 0;
}

static int add_any(struct glob *g)
{
	struct element *e = add_element(g);

	if (!e)
		return -ENOMEM;
	*e = (struct element){ .set = { UINT64_MAX, UINT64_MAX }, .beyond_ascii = true };
	return 0;
}

static int fail(const char **reterr, const char *why)
{
	*reterr = why;
	return -EINVAL;
}

static bool is_ascii(char c)
{
	return (unsigned char)c < ASCII_MAX;
}

/* One character of a set, `\` undone. */
static int parse_member(const char **p, unsigned char *ret, const char **reterr)
{
	if (**p == '\\' && (*p)[1])
		++*p;
	if (!**p)
		return fail(reterr, "the ']' of a '[' is missing");
	if (!is_ascii(**p))
		return fail(reterr, "a set may hold ASCII characters only");
	*ret = (unsigned char)*(*p)++;
	return 0;
}

/* What stands between [ or [! and ]; a ] that comes first is a member. Moves *p behind the end. */
static int parse_members(const char **p, struct element *e, const char **reterr)
{
	const char *first = *p;

	while (**p != ']' || *p == first) {
		unsigned char low, high;
		int r;

		r = parse_member(p, &low, reterr);
		if (r < 0)
			return r;
		high = low;
		if (**p == '-' && (*p)[1] && (*p)[1] != ']') {
			++*p;
			r = parse_member(p, &high, reterr);
		}
		if (r < 0)
			return r;
		if (high < low)
			return fail(reterr, "a range of a set runs backwards");
		for (unsigned int c = low; c <= high; c++)
			e->set[c / 64] |= UINT64_C(1) << c % 64;
	}
	++*p;
	return 0;
}

static int parse_set(struct glob *g, const char **p, const char **reterr)
{
	struct element *e = add_element(g);
	bool is_negated = **p == '!' || **p == '^';
	int r;

	if (!e)
		return -ENOMEM;
	*p += is_negated;
	r = parse_members(p, e, reterr);
	if (r < 0 || !is_negated)
		return r;
	e->set[0] = ~e->set[0];
	e->set[1] = ~e->set[1];
	e->beyond_ascii = true;
	return 0;
}

/* What begins at *p, which moves behind it. */
static int parse_next(struct glob *g, const char **p, const char **reterr)
{
	char c = *(*p)++;

	switch (c) {
	case '*':
		for (; **p == '*'; ++*p)
			;
		return add_segment(g);
	case '?':
		return add_any(g);
	case '[':
		return parse_set(g, p, reterr);
	case '\\':
		if (!**p)
			return fail(reterr, "nothing follows the last '\\'");
		return add_literal(g, *(*p)++);
	default:
		return add_literal(g, c);
	}
}

int glob_new(const char *pattern, const char **reterr, struct glob **ret)
{
	_cleanup_(glob_freep) struct glob *g = NULL;
	int r;

	g = calloc(1, sizeof(*g));
	if (!g)
		return -ENOMEM;
	g->literals = malloc(strlen(pattern) + 1);
	if (!g->literals)
		return -ENOMEM;
	r = add_segment(g);
	while (r == 0 && *pattern)
		r = parse_next(g, &pattern, reterr);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(g);
	return 0;
}

/* The bytes of the character that begins at p; there is one. */
static size_t character(const char *p, const char *end)
{
	size_t n = utf8_length(p, (size_t)(end - p));

	return n ? n : 1;
}

/* Where the element ends that begins at p, or NULL. */
static const char *match_element(const struct element *e, const char *p, const char *end)
{
	unsigned char c;

	if (e->literal.n) {
		if ((size_t)(end - p) < e->literal.n || memcmp(p, e->literal.p, e->literal.n) != 0)
			return NULL;
		return p + e->literal.n;
	}
	if (p == end)
		return NULL;
	c = (unsigned char)*p;
	if (!is_ascii(*p))
		return e->beyond_ascii ? p + character(p, end) : NULL;
	return e->set[c / 64] >> c % 64 & 1 ? p + 1 : NULL;
}

/* Where the segment ends that begins at p, or NULL. */
static const char *match_segment(const struct segment *s, const char *p, const char *end)
{
	for (size_t i = 0; i < s->n && p; i++)
		p = match_element(&s->elements[i], p, end);
	return p;
}

/* Whether the segment is nothing but literal bytes. */
static bool is_literal(const struct segment *s)
{
	return s->n == 1 && s->elements[0].literal.n;
}

/* Where the segment ends that begins at p or behind it, at the first place; or NULL. */
static const char *find_segment(const struct segment *s, const char *p, const char *end)
{
	if (is_literal(s)) {
		struct str literal = s->elements[0].literal;

		p = memmem(p, (size_t)(end - p), literal.p, literal.n);
		return p ? p + literal.n : NULL;
	}
	for (;; p += character(p, end)) {
		const char *found = match_segment(s, p, end);

		if (found || p == end)
			return found;
	}
}

/* Whether the segment fits between p and the end so that it reaches the end. */
static bool ends_with_segment(const struct segment *s, const char *p, const char *end)
{
	if (!s->n)
		return true;
	if (is_literal(s))
		return str_ends_with((struct str){ .p = p, .n = (size_t)(end - p) },
				     s->elements[0].literal);
	for (; p < end; p += character(p, end))
		if (match_segment(s, p, end) == end)
			return true;
	return false;
}

bool glob_matches(const struct glob *g, struct str value)
{
	const char *end = value.p + value.n;
	const char *p = match_segment(&g->segments[0], value.p, end);

	if (g->n == 1)
		return p == end;
	for (size_t i = 1; p && i + 1 < g->n; i++)
		p = find_segment(&g->segments[i], p, end);
	return p && ends_with_segment(&g->segments[g->n - 1], p, end);
}
