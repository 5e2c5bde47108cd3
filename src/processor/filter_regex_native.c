/* SPDX-License-Identifier: Apache-2.0 */
/*
 * processor_filter_regex_native: LoongCollector's keys for a filter by regular expressions, on the
 * engine of processor_filter.
 */
#include <errno.h>
#include <stdio.h>

#include "base/nearest.h"
#include "match/syntax.h"
#include "plugin/plugin.h"
#include "processor/undecided.h"

#define KEYS "FilterKey"
#define REGEXES "FilterRegex"
#define INCLUDE "Include"
#define EXPRESSION "ConditionExp"
#define DISCARDING "DiscardingNonUTF8"

#define PATH_SIZE 256

struct regex_conf {
	struct string_list keys, regexes;
	const struct conf_node *include, *expression;
	bool is_discarding;
};

struct regex_state {
	struct condition *condition;
	struct undecided undecided;
};

static const struct option options[] = {
	OPT_STRINGS(
		struct regex_conf, KEYS, keys,
		.help = "Keys, each with its regular expression in `" REGEXES
			"`; all have to match, each from end to end. Records that do not match are "
			"dropped, and so are those that lack a key."),
	OPT_STRINGS(struct regex_conf, REGEXES, regexes,
		    .help = "The regular expressions, Perl-compatible, in the order of `" KEYS
			    "`."),
	OPT_NODE(struct regex_conf, INCLUDE, include,
		 .schema = "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\"}}",
		 .help = "Another way to write the same: a map from key to regular expression."),
	OPT_NODE(struct regex_conf, EXPRESSION, expression, .schema = "{\"type\":\"object\"}",
		 .help = "A tree in their place: `{operator: and, operands: [A, B]}`, with `and`, "
			 "`or` or `not`, over `{key: binary, type: regex, exp: /usr/bin/.*}`."),
	OPT_BOOL(struct regex_conf, DISCARDING, is_discarding, .def = "false",
		 .help = "Known for compatibility, without effect: records are valid UTF-8 always."),
	{ .type = OPTION_END },
};

static void warn_discarding(const struct conf_node *map, const char *path, struct diag *reterr)
{
	char key_path[PATH_SIZE];

	snprintf(key_path, sizeof(key_path), "%s." DISCARDING, path);
	diag_add(reterr, DIAG_WARNING, conf_node_lookup(map, DISCARDING)->at, key_path,
		 "has no effect: records are valid UTF-8 always");
}

static int regex_check(const void *data, const struct conf_node *map, const char *path,
		       struct diag *reterr)
{
	const struct regex_conf *conf = data;
	bool has_lists = conf->keys.n || conf->regexes.n;
	int n_ways = has_lists + (conf->include != NULL) + (conf->expression != NULL);

	if (conf->is_discarding)
		warn_discarding(map, path, reterr);
	if (!n_ways)
		return diag_error(reterr, map->at, path,
				  "filters nothing; expected " KEYS " and " REGEXES ", " INCLUDE
				  " or " EXPRESSION);
	if (n_ways > 1)
		return diag_error(reterr, map->at, path,
				  "has more than one of " KEYS " with " REGEXES ", " INCLUDE
				  " and " EXPRESSION "; expected one");
	if (conf->keys.n != conf->regexes.n)
		return diag_error(reterr, map->at, path,
				  "expected as many " REGEXES " as " KEYS ": %zu, not %zu",
				  conf->keys.n, conf->regexes.n);
	return 0;
}

/* One more child, from a key and its expression. */
static int add_regex(const struct syntax *in, const struct syntax_key *key,
		     const struct conf_node *node, const char *path, struct condition *to)
{
	struct condition *c = NULL;
	int r;

	r = syntax_parse_regex(in, key, node, path, &c);
	return r < 0 ? r : condition_append(to, c);
}

static int parse_lists(const struct syntax *in, const struct regex_conf *conf, const char *path,
		       struct condition *to)
{
	int worst = 0;

	for (size_t i = 0; i < conf->keys.n; i++) {
		const struct conf_node node = { .kind = CONF_SCALAR,
						.at = conf->regexes.at[i],
						.text = conf->regexes.items[i] };
		char key_path[PATH_SIZE], regex_path[PATH_SIZE];
		const struct syntax_key key = { conf->keys.items[i], key_path, conf->keys.at[i] };
		int r;

		snprintf(key_path, sizeof(key_path), "%s." KEYS "[%zu]", path, i);
		snprintf(regex_path, sizeof(regex_path), "%s." REGEXES "[%zu]", path, i);
		r = add_regex(in, &key, &node, regex_path, to);
		if (r == -ENOMEM)
			return r;
		worst = r < 0 ? r : worst;
	}
	return worst;
}

static int parse_include(const struct syntax *in, const struct conf_node *map, const char *path,
			 struct condition *to)
{
	char key_path[PATH_SIZE];
	int worst = 0;

	snprintf(key_path, sizeof(key_path), "%s." INCLUDE, path);
	if (map->kind != CONF_MAP || !map->n)
		return diag_error(in->reterr, map->at, key_path,
				  "expected a map of keys and their regular expressions");
	for (size_t i = 0; i < map->n; i++) {
		const struct syntax_key key = { map->keys[i]->text, key_path, map->keys[i]->at };
		int r;

		snprintf(key_path, sizeof(key_path), "%s." INCLUDE ".%s", path, key.name);
		r = add_regex(in, &key, map->items[i], key_path, to);
		if (r == -ENOMEM)
			return r;
		worst = r < 0 ? r : worst;
	}
	return worst;
}

static int parse_expression(const struct syntax *in, const struct conf_node *node, const char *path,
			    struct condition *to);

/* The text of a key that has to be there. */
static int find_text(const struct syntax *in, const struct conf_node *map, const char *name,
		     const char *path, const struct conf_node **ret)
{
	const struct conf_node *node = conf_node_lookup(map, name);
	char key_path[PATH_SIZE];

	snprintf(key_path, sizeof(key_path), "%s.%s", path, name);
	if (!node)
		return diag_error(in->reterr, map->at, key_path, "required key is missing");
	*ret = node;
	return conf_node_check_value(node, false, key_path, in->reterr);
}

static int check_keys(const struct syntax *in, const struct conf_node *map, const char *path,
		      const char *const *known, const char *expected)
{
	int r = 0;

	for (size_t i = 0; i < map->n; i++) {
		const char *name = map->keys[i]->text, *near = nearest_name(name, known);
		char key_path[PATH_SIZE];

		if (near && strcmp(near, name) == 0)
			continue;
		snprintf(key_path, sizeof(key_path), "%s.%s", path, name);
		r = near ? diag_error(in->reterr, map->keys[i]->at, key_path,
				      "unknown key; did you mean '%s'?", near)
			 : diag_error(in->reterr, map->keys[i]->at, key_path,
				      "unknown key; expected %s", expected);
	}
	return r;
}

static int parse_leaf(const struct syntax *in, const struct conf_node *map, const char *path,
		      struct condition *to)
{
	static const char *const known[] = { "key", "type", "exp", NULL };
	const struct conf_node *key = NULL, *type = NULL, *expression = NULL;
	char key_path[PATH_SIZE], expression_path[PATH_SIZE], type_path[PATH_SIZE];
	struct syntax_key named = { .path = key_path };
	int r;

	r = check_keys(in, map, path, known, "key, type or exp");
	if (r == 0)
		r = find_text(in, map, "key", path, &key);
	if (r == 0)
		r = find_text(in, map, "type", path, &type);
	if (r == 0)
		r = find_text(in, map, "exp", path, &expression);
	if (r < 0)
		return r;
	snprintf(key_path, sizeof(key_path), "%s.key", path);
	snprintf(type_path, sizeof(type_path), "%s.type", path);
	snprintf(expression_path, sizeof(expression_path), "%s.exp", path);
	if (strcmp(type->text, "regex") != 0)
		return diag_error(in->reterr, type->at, type_path, "expected regex, not '%s'",
				  type->text);
	named.name = key->text;
	named.at = key->at;
	return add_regex(in, &named, expression, expression_path, to);
}

static int parse_operands(const struct syntax *in, const struct conf_node *list, const char *path,
			  struct condition *to)
{
	int worst = 0;

	for (size_t i = 0; i < list->n; i++) {
		char item_path[PATH_SIZE];
		int r;

		snprintf(item_path, sizeof(item_path), "%s.operands[%zu]", path, i);
		r = parse_expression(in, list->items[i], item_path, to);
		if (r == -ENOMEM)
			return r;
		worst = r < 0 ? r : worst;
	}
	return worst;
}

static const struct conf_node *find_operands(const struct syntax *in, const struct conf_node *map,
					     const char *path)
{
	const struct conf_node *list = conf_node_lookup(map, "operands");
	char list_path[PATH_SIZE];

	snprintf(list_path, sizeof(list_path), "%s.operands", path);
	if (list && list->kind == CONF_LIST && list->n)
		return list;
	(void)diag_error(in->reterr, list ? list->at : map->at, list_path,
			 "expected a list of at least one operand");
	return NULL;
}

static int parse_operator(const struct syntax *in, const struct conf_node *map, const char *path,
			  enum condition_kind *ret)
{
	static const struct {
		const char *name;
		enum condition_kind kind;
	} kinds[] = { { "and", CONDITION_ALL }, { "or", CONDITION_ANY }, { "not", CONDITION_NOT } };
	const struct conf_node *node = NULL;
	char key_path[PATH_SIZE];
	int r;

	r = find_text(in, map, "operator", path, &node);
	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (strcmp(kinds[i].name, node->text) != 0)
			continue;
		*ret = kinds[i].kind;
		return 0;
	}
	snprintf(key_path, sizeof(key_path), "%s.operator", path);
	return diag_error(in->reterr, node->at, key_path, "expected and, or or not, not '%s'",
			  node->text);
}

static int report_many(const struct syntax *in, const struct conf_node *list, const char *path)
{
	char list_path[PATH_SIZE];

	snprintf(list_path, sizeof(list_path), "%s.operands", path);
	return diag_error(in->reterr, list->at, list_path, "'not' takes one operand, not %zu",
			  list->n);
}

static int parse_tree(const struct syntax *in, const struct conf_node *map, const char *path,
		      struct condition *to)
{
	static const char *const known[] = { "operator", "operands", NULL };
	_cleanup_(condition_freep) struct condition *c = NULL;
	enum condition_kind kind = CONDITION_ALL;
	const struct conf_node *list;
	int r;

	r = check_keys(in, map, path, known, "operator or operands");
	if (r == 0)
		r = parse_operator(in, map, path, &kind);
	list = r == 0 ? find_operands(in, map, path) : NULL;
	if (!list)
		return -EINVAL;
	if (kind == CONDITION_NOT && list->n > 1)
		return report_many(in, list, path);
	r = condition_new(kind, &c);
	if (r == 0)
		r = parse_operands(in, list, path, c);
	return r < 0 ? r : condition_append(to, TAKE_PTR(c));
}

static int parse_expression(const struct syntax *in, const struct conf_node *node, const char *path,
			    struct condition *to)
{
	if (node->kind != CONF_MAP || !node->n)
		return diag_error(
			in->reterr, node->at, path,
			"expected {operator: and, operands: [...]} or {key: binary, type: "
			"regex, exp: /usr/bin/.*}");
	if (conf_node_lookup(node, "operator") || conf_node_lookup(node, "operands"))
		return parse_tree(in, node, path, to);
	return parse_leaf(in, node, path, to);
}

static int regex_prepare(struct instance *self, struct shape *shape,
			 const struct conf_node *map __attribute__((unused)), const char *path,
			 struct diag *reterr)
{
	const struct regex_conf *conf = self->conf;
	const struct syntax in = { .shape = shape, .reterr = reterr };
	struct regex_state *s = self->state;
	char key_path[PATH_SIZE];
	int r;

	r = condition_new(CONDITION_ALL, &s->condition);
	if (r < 0)
		return r;
	if (conf->include)
		return parse_include(&in, conf->include, path, s->condition);
	if (!conf->expression)
		return parse_lists(&in, conf, path, s->condition);
	snprintf(key_path, sizeof(key_path), "%s." EXPRESSION, path);
	return parse_expression(&in, conf->expression, key_path, s->condition);
}

static void regex_stop(struct instance *self)
{
	struct regex_state *s = self->state;

	undecided_stop(&s->undecided, self->name);
	condition_free(s->condition);
	*s = (struct regex_state){ 0 };
}

static enum verdict regex_process(struct instance *self, const struct event *ev,
				  const struct field_view *view)
{
	struct regex_state *s = self->state;
	enum outcome o = condition_test(s->condition, ev, view);

	if (o == OUTCOME_UNDECIDED)
		undecided_count(&s->undecided, self->name);
	return o == OUTCOME_NO ? VERDICT_DROP : VERDICT_KEEP;
}

const struct processor processor_filter_regex_native = {
	.base = {
		.name = "processor_filter_regex_native",
		.help = "Keeps records whose keys match regular expressions, with LoongCollector's "
			"options.",
		.options = options,
		.conf_size = sizeof(struct regex_conf),
		.state_size = sizeof(struct regex_state),
		.check = regex_check,
		.stop = regex_stop,
	},
	.prepare = regex_prepare,
	.process = regex_process,
};
