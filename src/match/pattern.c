/* SPDX-License-Identifier: Apache-2.0 */
/* Patterns over a text: each kind is a way to take a text in and a way to test one. */
#include "match/pattern.h"

#include <errno.h>
#include <stdint.h>

#define HASHED_FROM 8 /* texts: fewer are quicker compared one by one */

void pattern_init(struct pattern *p, enum pattern_kind kind)
{
	*p = (struct pattern){ .kind = kind };
}

static void item_done(enum pattern_kind kind, union pattern_item *item)
{
	switch (kind) {
	case PATTERN_EQUALS:
	case PATTERN_PREFIX:
	case PATTERN_SUFFIX:
	case PATTERN_CONTAINS:
		free(item->text);
		break;
	case PATTERN_GLOB:
		glob_free(item->glob);
		break;
	case PATTERN_REGEX:
	case PATTERN_REGEX_WHOLE:
		regex_free(item->regex);
		break;
	}
}

void pattern_done(struct pattern *p)
{
	for (size_t i = 0; i < p->n; i++)
		item_done(p->kind, &p->items[i]);
	free(p->items);
	hash_done(&p->hashed);
	*p = (struct pattern){ 0 };
}

static int make_text(const char *text, char **ret)
{
	char *copy = strdup(text);

	if (!copy)
		return -ENOMEM;
	*ret = copy;
	return 0;
}

static int make_glob(const char *text, struct buf *reterr, struct glob **ret)
{
	const char *why = "";
	int r;

	r = glob_new(text, &why, ret);
	if (r == -EINVAL)
		buf_put_str(reterr, str_from(why));
	return r;
}

static int make_item(enum pattern_kind kind, const char *text, struct buf *reterr,
		     union pattern_item *ret)
{
	switch (kind) {
	case PATTERN_GLOB:
		return make_glob(text, reterr, &ret->glob);
	case PATTERN_REGEX:
		return regex_new(text, false, reterr, &ret->regex);
	case PATTERN_REGEX_WHOLE:
		return regex_new(text, true, reterr, &ret->regex);
	case PATTERN_EQUALS:
	case PATTERN_PREFIX:
	case PATTERN_SUFFIX:
	case PATTERN_CONTAINS:
		break;
	}
	return make_text(text, &ret->text);
}

int pattern_add(struct pattern *p, const char *text, struct buf *reterr)
{
	size_t length = strlen(text);
	union pattern_item *grown;
	int r;

	grown = reallocarray(p->items, p->n + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	p->items = grown;
	r = make_item(p->kind, text, reterr, &p->items[p->n]);
	if (r < 0)
		return r;
	p->n++;
	p->longest = length > p->longest ? length : p->longest;
	return 0;
}

/* FNV-1a, then mixed. */
static uint64_t hash_text(struct str s)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * UINT64_C(0x100000001b3);
	return hash_mix(h);
}

static bool is_text(const void *item, const void *key)
{
	return str_eq(str_from(item), *(const struct str *)key);
}

int pattern_seal(struct pattern *p)
{
	int r = 0;

	if (p->kind != PATTERN_EQUALS || p->n < HASHED_FROM)
		return 0;
	for (size_t i = 0; i < p->n && r == 0; i++) {
		struct str text = str_from(p->items[i].text);

		if (!hash_lookup(&p->hashed, hash_text(text), is_text, &text))
			r = hash_insert(&p->hashed, hash_text(text), p->items[i].text);
	}
	return r;
}

static bool contains(struct str text, struct str part)
{
	return memmem(text.p, text.n, part.p, part.n);
}

static enum outcome test_item(enum pattern_kind kind, const union pattern_item *item,
			      struct str text)
{
	switch (kind) {
	case PATTERN_EQUALS:
		return outcome_from(str_eq(text, str_from(item->text)));
	case PATTERN_PREFIX:
		return outcome_from(str_starts_with(text, str_from(item->text)));
	case PATTERN_SUFFIX:
		return outcome_from(str_ends_with(text, str_from(item->text)));
	case PATTERN_CONTAINS:
		return outcome_from(contains(text, str_from(item->text)));
	case PATTERN_GLOB:
		return outcome_from(glob_matches(item->glob, text));
	case PATTERN_REGEX:
	case PATTERN_REGEX_WHOLE:
		break;
	}
	return regex_test(item->regex, text);
}

enum outcome pattern_test(const struct pattern *p, struct str text)
{
	enum outcome best = OUTCOME_NO;

	if (p->kind == PATTERN_EQUALS && text.n > p->longest)
		return OUTCOME_NO;
	if (p->hashed.n)
		return outcome_from(hash_lookup(&p->hashed, hash_text(text), is_text, &text));
	for (size_t i = 0; i < p->n; i++) {
		enum outcome o = test_item(p->kind, &p->items[i], text);

		if (o == OUTCOME_YES)
			return o;
		if (o == OUTCOME_UNDECIDED)
			best = o;
	}
	return best;
}
