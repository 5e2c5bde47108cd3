/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From libyaml's events to a tree. libyaml's own document tree is not used: it resolves aliases
 * before anybody can count what they blow up to, and forgets nothing that we do not want. What is
 * merely unwanted (a tag, an anchor, a key twice) is reported and parsing goes on; what breaks the
 * structure or a bound ends it.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "conf/node.h"

#define DEPTH_MAX 32
#define NODES_MAX 65536

struct parser {
	yaml_parser_t yaml;
	const char *name; /* lies in the root node's allocation */
	const char *text;
	size_t n_text;
	size_t n_nodes;
	struct diag *reterr;
};

static struct conf_node *node_done(struct conf_node *node)
{
	for (size_t i = 0; i < node->n; i++) {
		if (node->keys)
			conf_node_free(node->keys[i]);
		conf_node_free(node->items[i]);
	}
	free(node->keys);
	free(node->items);
	free(node->text);
	return NULL;
}

struct conf_node *conf_node_free(struct conf_node *node)
{
	if (node)
		node_done(node);
	free(node);
	return NULL;
}

const struct conf_node *conf_node_lookup(const struct conf_node *map, const char *key)
{
	assert(map->kind == CONF_MAP);
	for (size_t i = 0; i < map->n; i++)
		if (strcmp(map->keys[i]->text, key) == 0)
			return map->items[i];
	return NULL;
}

/* `key:` and `key: null` */
static bool is_null(const struct conf_node *node)
{
	return node->is_plain &&
	       (!*node->text || strcmp(node->text, "null") == 0 || strcmp(node->text, "~") == 0);
}

int conf_node_check_value(const struct conf_node *node, bool or_list, const char *path,
			  struct diag *reterr)
{
	if (node->kind == CONF_SCALAR)
		return is_null(node) ? diag_error(reterr, node->at, path, "has no value") : 0;
	return diag_error(reterr, node->at, path, "expected %s, not a %s",
			  or_list ? "a value or a list of values" : "a single value",
			  node->kind == CONF_LIST ? "list" : "map");
}

static struct position position_of(const struct parser *p, yaml_mark_t mark)
{
	return (struct position){ .file = p->name,
				  .line = mark.line + 1,
				  .column = mark.column + 1 };
}

#define finding(p, mark, ...) \
	diag_add((p)->reterr, DIAG_ERROR, position_of((p), (mark)), "", __VA_ARGS__)

/* libyaml tells of bytes that are no characters by their offset alone. */
static yaml_mark_t mark_of_offset(const struct parser *p, size_t offset)
{
	yaml_mark_t mark = { .index = offset };

	for (size_t i = 0; i < offset && i < p->n_text; i++) {
		mark.column++;
		if (p->text[i] == '\n') {
			mark.line++;
			mark.column = 0;
		}
	}
	return mark;
}

static bool is_tab_at(const struct parser *p, yaml_mark_t mark)
{
	size_t at = 0;

	for (size_t line = 0; line < mark.line; line++) {
		const char *end = memchr(p->text + at, '\n', p->n_text - at);

		if (!end)
			return false;
		at = (size_t)(end - p->text) + 1;
	}
	at += mark.column;
	return at < p->n_text && p->text[at] == '\t';
}

static int report_syntax(const struct parser *p)
{
	const yaml_parser_t *y = &p->yaml;

	if (y->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	if (y->error == YAML_READER_ERROR)
		finding(p, mark_of_offset(p, y->problem_offset), "not valid YAML: %s", y->problem);
	else if (is_tab_at(p, y->problem_mark))
		finding(p, y->problem_mark, "not valid YAML: a tab; indent with spaces");
	else if (y->context)
		finding(p, y->problem_mark, "not valid YAML: %s, %s that begins in line %zu",
			y->problem, y->context, y->context_mark.line + 1);
	else
		finding(p, y->problem_mark, "not valid YAML: %s", y->problem);
	return -EINVAL;
}

static int next_event(struct parser *p, yaml_event_t *ret)
{
	return yaml_parser_parse(&p->yaml, ret) ? 0 : report_syntax(p);
}

static void check_properties(struct parser *p, const yaml_event_t *ev, const yaml_char_t *anchor,
			     const yaml_char_t *tag)
{
	if (anchor)
		finding(p, ev->start_mark, "anchors are not supported; write the value out");
	if (tag)
		finding(p, ev->start_mark, "tags are not supported; leave '%s' out",
			(const char *)tag);
}

static int node_new(struct parser *p, yaml_mark_t mark, struct conf_node **ret)
{
	if (++p->n_nodes > NODES_MAX) {
		finding(p, mark, "too large: more than %d keys and values", NODES_MAX);
		return -EINVAL;
	}
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : -ENOMEM;
}

/* Room for one more item (and key); capacities are the powers of two from 4 on. */
static int node_reserve(struct conf_node *node)
{
	size_t cap = node->n < 4 ? 4 : node->n * 2;
	struct conf_node **grown;

	if (node->n != 0 && (node->n < 4 || (node->n & (node->n - 1)) != 0))
		return 0;
	grown = reallocarray(node->items, cap, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	node->items = grown;
	if (node->kind != CONF_MAP)
		return 0;
	grown = reallocarray(node->keys, cap, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	node->keys = grown;
	return 0;
}

static int fill_scalar(struct parser *p, const yaml_event_t *ev, struct conf_node *node)
{
	const char *value = (const char *)ev->data.scalar.value;

	check_properties(p, ev, ev->data.scalar.anchor, ev->data.scalar.tag);
	if (strlen(value) != ev->data.scalar.length)
		finding(p, ev->start_mark, "a value may not contain a NUL character");
	node->is_plain = ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	node->text = strdup(value);
	return node->text ? 0 : -ENOMEM;
}

/* An alias has no value here; an empty one lets parsing go on to further findings. */
static int fill_alias(struct parser *p, const yaml_event_t *ev, struct conf_node *node)
{
	finding(p, ev->start_mark, "aliases are not supported; write the value out");
	node->text = strdup("");
	return node->text ? 0 : -ENOMEM;
}

static int fill_node(struct parser *p, const yaml_event_t *ev, unsigned int depth,
		     struct conf_node *node);

static int parse_child(struct parser *p, const yaml_event_t *ev, unsigned int depth,
		       struct conf_node **ret)
{
	_cleanup_(conf_node_freep) struct conf_node *child = NULL;
	int r;

	r = node_new(p, ev->start_mark, &child);
	if (r < 0)
		return r;
	r = fill_node(p, ev, depth + 1, child);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(child);
	return 0;
}

static int fill_list(struct parser *p, unsigned int depth, struct conf_node *node)
{
	for (;;) {
		_cleanup_(yaml_event_delete) yaml_event_t ev = { 0 };
		int r;

		r = next_event(p, &ev);
		if (r < 0 || ev.type == YAML_SEQUENCE_END_EVENT)
			return r;
		r = node_reserve(node);
		if (r < 0)
			return r;
		r = parse_child(p, &ev, depth, &node->items[node->n]);
		if (r < 0)
			return r;
		node->n++;
	}
}

static int compare_keys(const void *a, const void *b)
{
	const struct conf_node *x = *(struct conf_node *const *)a,
			       *y = *(struct conf_node *const *)b;
	int order = strcmp(x->text, y->text);

	if (order)
		return order;
	if (x->at.line != y->at.line)
		return x->at.line < y->at.line ? -1 : 1;
	return x->at.column < y->at.column ? -1 : x->at.column > y->at.column;
}

/* By sorting: a file full of keys must not take the square of their number. */
static int check_keys(struct parser *p, const struct conf_node *map)
{
	_cleanup_(freep) struct conf_node **sorted = NULL;

	sorted = calloc(map->n + 1, sizeof(struct conf_node *));
	if (!sorted)
		return -ENOMEM;
	memcpy(sorted, map->keys, map->n * sizeof(struct conf_node *));
	qsort(sorted, map->n, sizeof(struct conf_node *), compare_keys);
	for (size_t i = 1; i < map->n; i++) {
		if (strcmp(sorted[i - 1]->text, sorted[i]->text) != 0)
			continue;
		diag_add(p->reterr, DIAG_ERROR, sorted[i]->at, "",
			 "the key '%s' is here a second time; the first is in line %u",
			 sorted[i]->text, sorted[i - 1]->at.line);
	}
	return 0;
}

static int parse_key(struct parser *p, const yaml_event_t *ev, unsigned int depth,
		     struct conf_node **ret)
{
	_cleanup_(conf_node_freep) struct conf_node *key = NULL;
	int r;

	r = parse_child(p, ev, depth, &key);
	if (r < 0)
		return r;
	if (key->kind != CONF_SCALAR) {
		finding(p, ev->start_mark, "a key must be plain text, not a list or a map");
		return -EINVAL;
	}
	if (key->is_plain && strcmp(key->text, "<<") == 0)
		finding(p, ev->start_mark, "merge keys are not supported; write the keys out");
	*ret = TAKE_PTR(key);
	return 0;
}

static int parse_pair(struct parser *p, const yaml_event_t *key_event, unsigned int depth,
		      struct conf_node *map)
{
	_cleanup_(yaml_event_delete) yaml_event_t ev = { 0 };
	_cleanup_(conf_node_freep) struct conf_node *key = NULL;
	int r;

	r = parse_key(p, key_event, depth, &key);
	if (r < 0)
		return r;
	r = next_event(p, &ev);
	if (r < 0)
		return r;
	r = node_reserve(map);
	if (r < 0)
		return r;
	r = parse_child(p, &ev, depth, &map->items[map->n]);
	if (r < 0)
		return r;
	map->keys[map->n++] = TAKE_PTR(key);
	return 0;
}

static int fill_map(struct parser *p, unsigned int depth, struct conf_node *node)
{
	for (;;) {
		_cleanup_(yaml_event_delete) yaml_event_t ev = { 0 };
		int r;

		r = next_event(p, &ev);
		if (r < 0)
			return r;
		if (ev.type == YAML_MAPPING_END_EVENT)
			return node->n > 1 ? check_keys(p, node) : 0;
		r = parse_pair(p, &ev, depth, node);
		if (r < 0)
			return r;
	}
}

static int fill_node(struct parser *p, const yaml_event_t *ev, unsigned int depth,
		     struct conf_node *node)
{
	node->at = position_of(p, ev->start_mark);
	if (depth > DEPTH_MAX) {
		finding(p, ev->start_mark, "nested too deeply: more than %d levels", DEPTH_MAX);
		return -EINVAL;
	}
	if (ev->type == YAML_SEQUENCE_START_EVENT) {
		check_properties(p, ev, ev->data.sequence_start.anchor,
				 ev->data.sequence_start.tag);
		node->kind = CONF_LIST;
		return fill_list(p, depth, node);
	}
	if (ev->type == YAML_MAPPING_START_EVENT) {
		check_properties(p, ev, ev->data.mapping_start.anchor, ev->data.mapping_start.tag);
		node->kind = CONF_MAP;
		return fill_map(p, depth, node);
	}
	node->kind = CONF_SCALAR;
	return ev->type == YAML_SCALAR_EVENT ? fill_scalar(p, ev, node) : fill_alias(p, ev, node);
}

/* `---` alone, or `null`. */
static bool is_nothing(const struct conf_node *node)
{
	return node->kind == CONF_SCALAR && node->is_plain &&
	       (!*node->text || strcmp(node->text, "~") == 0 || strcmp(node->text, "null") == 0);
}

static int parse_document(struct parser *p, struct conf_node *root)
{
	_cleanup_(yaml_event_delete) yaml_event_t ev = { 0 };
	int r;

	r = next_event(p, &ev);
	if (r < 0)
		return r;
	r = fill_node(p, &ev, 1, root);
	if (r == 0 && is_nothing(root))
		root->kind = CONF_MAP;
	return r;
}

/*
 * The events around the document: stream start, document start, the document, document end, stream
 * end.
 */
static int parse_stream(struct parser *p, struct conf_node *root)
{
	for (unsigned int n_documents = 0;;) {
		_cleanup_(yaml_event_delete) yaml_event_t ev = { 0 };
		int r;

		r = next_event(p, &ev);
		if (r < 0 || ev.type == YAML_STREAM_END_EVENT)
			return r;
		if (ev.type != YAML_DOCUMENT_START_EVENT)
			continue;
		if (++n_documents > 1) {
			finding(p, ev.start_mark,
				"a second document begins here; one file holds one");
			return -EINVAL;
		}
		r = parse_document(p, root);
		if (r < 0)
			return r;
	}
}

static int check_length(const char *name, size_t n, struct diag *reterr)
{
	if (n <= CONF_TEXT_MAX)
		return 0;
	diag_add(reterr, DIAG_ERROR, (struct position){ .file = name }, "",
		 "too large: a configuration may have at most %d bytes", CONF_TEXT_MAX);
	return -EINVAL;
}

/* The root carries its own copy of the name, to which all positions point. */
static int root_new(const char *name, struct conf_node **ret)
{
	size_t size = strlen(name) + 1;
	struct conf_node *root;

	root = calloc(1, sizeof(*root) + size);
	if (!root)
		return -ENOMEM;
	memcpy(root + 1, name, size);
	root->kind = CONF_MAP;
	root->at = (struct position){ .file = (const char *)(root + 1), .line = 1, .column = 1 };
	*ret = root;
	return 0;
}

int conf_parse_text(const char *name, const char *text, size_t n, struct diag *reterr,
		    struct conf_node **ret)
{
	_cleanup_(conf_node_freep) struct conf_node *root = NULL;
	struct parser p = { .text = text, .n_text = n, .reterr = reterr };
	size_t n_errors = reterr->n_errors;
	int r;

	r = check_length(name, n, reterr);
	if (r < 0)
		return r;
	r = root_new(name, &root);
	if (r < 0)
		return r;
	p.name = root->at.file;
	if (!yaml_parser_initialize(&p.yaml))
		return -ENOMEM;
	yaml_parser_set_input_string(&p.yaml, (const unsigned char *)text, n);
	r = parse_stream(&p, root);
	yaml_parser_delete(&p.yaml);
	if (r < 0)
		return r;
	if (reterr->n_errors > n_errors)
		return -EINVAL;
	*ret = TAKE_PTR(root);
	return 0;
}
