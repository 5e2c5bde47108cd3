/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the tree of a configuration to a tree of conditions. All that is wrong is found in one go: a
 * part that is wrong ends nothing but itself. Runs while a pipeline is loaded.
 */
#include "match/syntax.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>

#include "base/nearest.h"
#include "conf/scalar.h"
#include "match/key.h"

#define PATH_SIZE 256
#define FIELD_KEY "field"
#define EXAMPLE "{field: binary, prefix: /usr/bin/}"

#define finding(in, at, path, ...) diag_error((in)->reterr, (at), (path), __VA_ARGS__)

/* An operation at work on a key. */
struct term {
	const struct syntax *in;
	const struct operation *op;
	const struct key *key;
};

typedef int parse_fn(const struct term *t, const struct conf_node *node, const char *path,
		     struct condition **ret);

struct operation {
	const char *name;
	parse_fn *parse;
	enum pattern_kind pattern; /* of parse_text and its like */
	bool is_upper, is_strict;  /* of parse_bound */
	enum condition_kind kind;  /* of parse_group */
	bool has_key;
};

static int new_leaf(const struct term *t, enum condition_kind kind, struct condition **ret)
{
	_cleanup_(condition_freep) struct condition *c = NULL;
	int r;

	r = condition_new(kind, &c);
	if (r < 0)
		return r;
	r = key_apply(t->key, c);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(c);
	return 0;
}

static int check_value(const struct syntax *in, const struct conf_node *node, const char *path)
{
	return conf_node_check_value(node, false, path, in->reterr);
}

static int parse_amount(const struct term *t, const struct conf_node *node, const char *path,
			struct value *ret)
{
	if (key_read_amount(t->key, node->text, ret))
		return 0;
	return finding(t->in, node->at, path, "expected a whole number%s, not '%s'",
		       key_amount_hint(t->key), node->text);
}

static condition_number number_of(const struct value *v)
{
	return v->kind == VALUE_U64 ? (condition_number)v->u64 : (condition_number)v->i64;
}

static int parse_bound(const struct term *t, const struct conf_node *node, const char *path,
		       struct condition **ret)
{
	_cleanup_(condition_freep) struct condition *c = NULL;
	struct value bound = { .kind = VALUE_ABSENT };
	condition_number strict = t->op->is_strict;
	int r;

	if (t->key->is_known && !t->key->is_number)
		return finding(t->in, node->at, path,
			       "'%s' compares numbers, and '%s' is no number", t->op->name,
			       t->key->name);
	r = check_value(t->in, node, path);
	if (r == 0)
		r = parse_amount(t, node, path, &bound);
	if (r == 0)
		r = new_leaf(t, CONDITION_RANGE, &c);
	if (r < 0)
		return r;
	if (t->op->is_upper)
		c->max = number_of(&bound) - strict;
	else
		c->min = number_of(&bound) + strict;
	*ret = TAKE_PTR(c);
	return 0;
}

/* What the values of a number are compared with is written as they are. */
static int add_number(const struct term *t, const struct conf_node *node, const char *path,
		      struct pattern *to)
{
	_cleanup_(buf_done) struct buf text = { 0 };
	struct value v = { .kind = VALUE_ABSENT };
	int r;

	r = parse_amount(t, node, path, &v);
	if (r < 0)
		return r;
	if (v.kind == VALUE_I64)
		buf_put_i64(&text, v.i64);
	else
		buf_put_u64(&text, v.u64);
	buf_put_char(&text, '\0');
	return buf_failed(&text) ? -ENOMEM : pattern_add(to, text.data, NULL);
}

static int check_text(const struct term *t, const struct conf_node *node, const char *path)
{
	const struct field *field = t->key->field;

	if (t->op->pattern == PATTERN_EQUALS) {
		if (!field || field->type != FIELD_BOOLEAN || strcmp(node->text, "true") == 0)
			return 0;
		return finding(
			t->in, node->at, path,
			"'%s' is 'true' or missing, never '%s'; 'exists: false' asks for missing",
			t->key->name, node->text);
	}
	if (!*node->text && t->op->pattern != PATTERN_GLOB && t->op->pattern != PATTERN_REGEX_WHOLE)
		return finding(t->in, node->at, path, "an empty text is met by everything");
	return 0;
}

static int add_text(const struct term *t, const struct conf_node *node, bool or_list,
		    const char *path, struct pattern *to)
{
	_cleanup_(buf_done) struct buf reason = { 0 };
	int r;

	r = conf_node_check_value(node, or_list, path, t->in->reterr);
	if (r == 0)
		r = check_text(t, node, path);
	if (r < 0)
		return r;
	if (t->op->pattern == PATTERN_EQUALS && t->key->is_number && *node->text)
		return add_number(t, node, path, to);
	r = pattern_add(to, node->text, &reason);
	if (r != -EINVAL)
		return r;
	return finding(t->in, node->at, path, "not a valid %s: %.*s",
		       t->op->pattern == PATTERN_GLOB ? "pattern" : "regular expression",
		       (int)reason.len, buf_str(&reason).p);
}

static int add_texts(const struct term *t, const struct conf_node *list, const char *path,
		     struct pattern *to)
{
	int worst = 0;

	if (!list->n)
		return finding(t->in, list->at, path, "expected at least one value");
	for (size_t i = 0; i < list->n; i++) {
		char item_path[PATH_SIZE];
		int r;

		snprintf(item_path, sizeof(item_path), "%s[%zu]", path, i);
		r = add_text(t, list->items[i], false, item_path, to);
		if (r == -ENOMEM)
			return r;
		worst = r < 0 ? r : worst;
	}
	return worst;
}

static int parse_text(const struct term *t, const struct conf_node *node, const char *path,
		      struct condition **ret)
{
	_cleanup_(condition_freep) struct condition *c = NULL;
	int r;

	r = new_leaf(t, CONDITION_TEXT, &c);
	if (r < 0)
		return r;
	pattern_init(&c->pattern, t->op->pattern);
	r = node->kind == CONF_LIST ? add_texts(t, node, path, &c->pattern)
				    : add_text(t, node, true, path, &c->pattern);
	if (r == 0)
		r = pattern_seal(&c->pattern);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(c);
	return 0;
}

static int parse_in(const struct term *t, const struct conf_node *node, const char *path,
		    struct condition **ret)
{
	if (node->kind != CONF_LIST)
		return finding(t->in, node->at, path, "expected a list of values");
	return parse_text(t, node, path, ret);
}

/* Wraps a condition, of which it takes custody. */
static int negate(struct condition *c, struct condition **ret)
{
	_cleanup_(condition_freep) struct condition *owned = c;
	_cleanup_(condition_freep) struct condition *negation = NULL;
	int r;

	r = condition_new(CONDITION_NOT, &negation);
	if (r < 0)
		return r;
	r = condition_append(negation, TAKE_PTR(owned));
	if (r < 0)
		return r;
	*ret = TAKE_PTR(negation);
	return 0;
}

/* There, and none of these: a missing key does not differ from anything. */
static int parse_not_equals(const struct term *t, const struct conf_node *node, const char *path,
			    struct condition **ret)
{
	_cleanup_(condition_freep) struct condition *both = NULL;
	struct condition *part = NULL;
	int r;

	r = condition_new(CONDITION_ALL, &both);
	if (r < 0)
		return r;
	r = parse_text(t, node, path, &part);
	if (r == 0)
		r = negate(TAKE_PTR(part), &part);
	if (r == 0)
		r = condition_append(both, TAKE_PTR(part));
	if (r == 0)
		r = new_leaf(t, CONDITION_EXISTS, &part);
	if (r == 0)
		r = condition_append(both, TAKE_PTR(part));
	if (r == 0)
		*ret = TAKE_PTR(both);
	return r;
}

static int parse_exists(const struct term *t, const struct conf_node *node, const char *path,
			struct condition **ret)
{
	struct condition *c = NULL;
	bool exists = false;
	int r;

	r = check_value(t->in, node, path);
	if (r < 0)
		return r;
	if (scalar_parse_bool(node->text, &exists) < 0)
		return finding(t->in, node->at, path, "expected true or false, not '%s'",
			       node->text);
	r = new_leaf(t, CONDITION_EXISTS, &c);
	if (r < 0)
		return r;
	if (!exists)
		return negate(c, ret);
	*ret = c;
	return 0;
}

static int parse_list(const struct term *t, const struct conf_node *list, const char *path,
		      enum condition_kind kind, struct condition **ret)
{
	_cleanup_(condition_freep) struct condition *c = NULL;
	int r, worst = 0;

	if (!list->n)
		return finding(t->in, list->at, path, "expected at least one condition");
	r = condition_new(kind, &c);
	if (r < 0)
		return r;
	for (size_t i = 0; i < list->n; i++) {
		struct condition *child = NULL;
		char item_path[PATH_SIZE];

		snprintf(item_path, sizeof(item_path), "%s[%zu]", path, i);
		r = syntax_parse(t->in, list->items[i], item_path, &child);
		if (r == 0)
			r = condition_append(c, child);
		if (r == -ENOMEM)
			return r;
		worst = r < 0 ? r : worst;
	}
	if (worst == 0)
		*ret = TAKE_PTR(c);
	return worst;
}

static int parse_group(const struct term *t, const struct conf_node *node, const char *path,
		       struct condition **ret)
{
	if (node->kind != CONF_LIST)
		return finding(t->in, node->at, path, "expected a list of conditions");
	return parse_list(t, node, path, t->op->kind, ret);
}

static int parse_not(const struct term *t, const struct conf_node *node, const char *path,
		     struct condition **ret)
{
	struct condition *c = NULL;
	int r;

	r = syntax_parse(t->in, node, path, &c);
	return r < 0 ? r : negate(c, ret);
}

/* clang-format off */
static const struct operation operations[] = {
	{ "all", parse_group, .kind = CONDITION_ALL },
	{ "any", parse_group, .kind = CONDITION_ANY },
	{ "not", parse_not, .has_key = false },
	{ "equals", parse_text, PATTERN_EQUALS, .has_key = true },
	{ "not_equals", parse_not_equals, PATTERN_EQUALS, .has_key = true },
	{ "in", parse_in, PATTERN_EQUALS, .has_key = true },
	{ "prefix", parse_text, PATTERN_PREFIX, .has_key = true },
	{ "suffix", parse_text, PATTERN_SUFFIX, .has_key = true },
	{ "contains", parse_text, PATTERN_CONTAINS, .has_key = true },
	{ "glob", parse_text, PATTERN_GLOB, .has_key = true },
	{ "regex", parse_text, PATTERN_REGEX, .has_key = true },
	{ "lt", parse_bound, .is_upper = true, .is_strict = true, .has_key = true },
	{ "le", parse_bound, .is_upper = true, .has_key = true },
	{ "gt", parse_bound, .is_strict = true, .has_key = true },
	{ "ge", parse_bound, .has_key = true },
	{ "exists", parse_exists, .has_key = true },
	/* the same as signs, which YAML wants in quotes where they begin with > or = or ! */
	{ "==", parse_text, PATTERN_EQUALS, .has_key = true },
	{ "!=", parse_not_equals, PATTERN_EQUALS, .has_key = true },
	{ "<", parse_bound, .is_upper = true, .is_strict = true, .has_key = true },
	{ "<=", parse_bound, .is_upper = true, .has_key = true },
	{ ">", parse_bound, .is_strict = true, .has_key = true },
	{ ">=", parse_bound, .has_key = true },
};
/* clang-format on */

static const struct operation *find_operation(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(operations); i++)
		if (strcmp(operations[i].name, name) == 0)
			return &operations[i];
	return NULL;
}

static int report_operation(const struct syntax *in, const struct conf_node *key, const char *path)
{
	const char *names[ARRAY_SIZE(operations) + 2] = { FIELD_KEY };
	const char *near;

	for (size_t i = 0; i < ARRAY_SIZE(operations); i++)
		names[i + 1] = operations[i].name;
	near = nearest_name(key->text, names);
	if (near)
		return finding(in, key->at, path, "unknown key; did you mean '%s'?", near);
	return finding(
		in, key->at, path,
		"unknown key; expected field, equals, not_equals, in, prefix, suffix, contains, "
		"glob, regex, lt, le, gt, ge, exists, all, any or not");
}

/* The key of a map's `field`. */
static int parse_field(const struct syntax *in, const struct conf_node *map, const char *path,
		       struct key *ret)
{
	const struct conf_node *node = conf_node_lookup(map, FIELD_KEY);
	char field_path[PATH_SIZE];
	struct syntax_key named = { .path = field_path };
	int r;

	if (!node)
		return 0;
	snprintf(field_path, sizeof(field_path), "%s." FIELD_KEY, path);
	*ret = (struct key){ .name = "" };
	r = check_value(in, node, field_path);
	if (r < 0)
		return r;
	named.name = node->text;
	named.at = node->at;
	return key_find(in, &named, ret);
}

static int parse_pair(struct term *t, const struct conf_node *key, const struct conf_node *value,
		      const char *path, struct condition *to)
{
	struct condition *c = NULL;
	int r;

	t->op = find_operation(key->text);
	if (!t->op)
		return report_operation(t->in, key, path);
	if (t->op->has_key && !t->key->name)
		return finding(t->in, key->at, path,
			       "needs '" FIELD_KEY "' beside it, which names what it looks at");
	r = t->op->parse(t, value, path, &c);
	return r < 0 ? r : condition_append(to, c);
}

static int parse_pairs(struct term *t, const struct conf_node *map, const char *path,
		       struct condition *to)
{
	int worst = 0;

	for (size_t i = 0; i < map->n; i++) {
		char key_path[PATH_SIZE];
		int r;

		if (strcmp(map->keys[i]->text, FIELD_KEY) == 0)
			continue;
		snprintf(key_path, sizeof(key_path), "%s.%s", path, map->keys[i]->text);
		r = parse_pair(t, map->keys[i], map->items[i], key_path, to);
		if (r == -ENOMEM)
			return r;
		worst = r < 0 ? r : worst;
	}
	return worst;
}

static int parse_map(const struct syntax *in, const struct conf_node *map, const char *path,
		     struct condition **ret)
{
	_cleanup_(condition_freep) struct condition *all = NULL;
	struct key key = { 0 };
	struct term t = { .in = in, .key = &key };
	int r, worst;

	if (!map->n)
		return finding(in, map->at, path, "expected a condition, such as " EXAMPLE);
	r = condition_new(CONDITION_ALL, &all);
	if (r < 0)
		return r;
	worst = parse_field(in, map, path, &key);
	if (worst == 0 && key.name && map->n == 1)
		return finding(in, map->at, path,
			       "says nothing of '%s'; expected an operator, such as " EXAMPLE,
			       key.name);
	r = parse_pairs(&t, map, path, all);
	if (r < 0)
		worst = r;
	if (worst < 0)
		return worst;
	*ret = all->n == 1 ? TAKE_PTR(all->children[0]) : TAKE_PTR(all);
	return 0;
}

int syntax_parse(const struct syntax *in, const struct conf_node *node, const char *path,
		 struct condition **ret)
{
	const struct term t = { .in = in };

	switch (node->kind) {
	case CONF_MAP:
		return parse_map(in, node, path, ret);
	case CONF_LIST:
		return parse_list(&t, node, path, CONDITION_ANY, ret);
	case CONF_SCALAR:
		break;
	}
	return finding(in, node->at, path, "expected a condition, such as " EXAMPLE);
}

int syntax_parse_regex(const struct syntax *in, const struct syntax_key *named,
		       const struct conf_node *node, const char *path, struct condition **ret)
{
	static const struct operation whole = { .pattern = PATTERN_REGEX_WHOLE };
	struct key key = { .name = "" };
	const struct term t = { .in = in, .op = &whole, .key = &key };
	struct condition *c = NULL;
	int r, checked;

	r = key_find(in, named, &key);
	checked = check_value(in, node, path);
	if (checked == 0)
		checked = parse_text(&t, node, path, &c);
	if (checked < 0 || r < 0) {
		condition_free(c);
		return r == -ENOMEM ? r : checked < 0 ? checked : r;
	}
	*ret = c;
	return 0;
}
