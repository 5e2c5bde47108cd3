/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a map of the tree to a structure, by its option table. Defaults go the same way as what a
 * user wrote. Runs at start-up and at a reload; keeps nothing.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"
#include "base/str.h"
#include "conf/option.h"
#include "conf/scalar.h"

#define PATH_MAX_SHOWN 256
#define NAMES_MAX_SHOWN 2048
#define KNOWN_MAX 64 /* keys that one map may have */

/* Where a value came from, for what is said about it. */
struct site {
	struct position at;
	const char *path;
	struct diag *reterr;
};

typedef int set_fn(const struct option *o, const char *text, const struct site *site, void *to);

#define finding(site, ...) diag_error((site)->reterr, (site)->at, (site)->path, __VA_ARGS__)

static int set_bool(const struct option *o __attribute__((unused)), const char *text,
		    const struct site *site, void *to)
{
	const char *meant;

	if (scalar_parse_bool(text, to) == 0)
		return 0;
	meant = scalar_meant_bool(text);
	if (meant)
		return finding(site, "expected true or false, not '%s'; write %s", text, meant);
	return finding(site, "expected true or false, not '%s'", text);
}

static bool has_range(const struct option *o)
{
	return o->min != 0 || o->max != 0;
}

static int set_int(const struct option *o, const char *text, const struct site *site, void *to)
{
	int64_t v = 0;
	int r;

	r = scalar_parse_int(text, &v);
	if (r == -EINVAL)
		return finding(site, "expected a whole number, not '%s'", text);
	if (has_range(o) && (r < 0 || v < o->min || v > o->max))
		return finding(site, "expected a number from %" PRIi64 " to %" PRIi64 ", not '%s'",
			       o->min, o->max, text);
	if (r < 0)
		return finding(site, "'%s' is too large a number", text);
	*(int64_t *)to = v;
	return 0;
}

/* What sizes and durations have in common: an amount, with a unit. */
struct amount {
	const char *noun, *example;
	int (*parse)(const char *text, uint64_t *ret);
	const char *(*format)(uint64_t v, char to[SCALAR_FORMAT_MAX]);
};

static const struct amount amount_size = {
	"size",
	"1048576 or 10MiB",
	scalar_parse_size,
	scalar_format_size,
};

static const struct amount amount_duration = {
	"duration",
	"500ms, 10s, 2m or 1h",
	scalar_parse_duration,
	scalar_format_duration,
};

static int set_amount(const struct amount *a, const struct option *o, const char *text,
		      const struct site *site, uint64_t *to)
{
	char min[SCALAR_FORMAT_MAX], max[SCALAR_FORMAT_MAX];
	uint64_t v = 0;
	int r;

	r = a->parse(text, &v);
	if (r == -EINVAL)
		return finding(site, "expected a %s such as %s, not '%s'", a->noun, a->example,
			       text);
	if (has_range(o) && (r < 0 || v < (uint64_t)o->min || v > (uint64_t)o->max))
		return finding(site, "expected a %s from %s to %s, not '%s'", a->noun,
			       a->format((uint64_t)o->min, min), a->format((uint64_t)o->max, max),
			       text);
	if (r < 0)
		return finding(site, "'%s' is too large a %s", text, a->noun);
	*to = v;
	return 0;
}

static int set_size(const struct option *o, const char *text, const struct site *site, void *to)
{
	return set_amount(&amount_size, o, text, site, to);
}

static int set_duration(const struct option *o, const char *text, const struct site *site, void *to)
{
	return set_amount(&amount_duration, o, text, site, to);
}

static int set_string(const struct option *o, const char *text, const struct site *site, void *to)
{
	char *copy;

	if (o->required && !*text)
		return finding(site, "may not be empty");
	copy = strdup(text);
	if (!copy)
		return -ENOMEM;
	*(char **)to = copy;
	return 0;
}

/* "a, b or c" */
static void join_names(const char *const *names, char *to, size_t size)
{
	size_t n = 0;

	*to = '\0';
	for (; *names && n < size; names++) {
		const char *between = !n ? "" : names[1] ? ", " : " or ";

		n += (size_t)snprintf(to + n, size - n, "%s%s", between, *names);
	}
}

static int set_enum(const struct option *o, const char *text, const struct site *site, void *to)
{
	char known[PATH_MAX_SHOWN];
	const char *near;

	for (int i = 0; o->names[i]; i++) {
		if (strcmp(o->names[i], text) != 0)
			continue;
		*(int *)to = i;
		return 0;
	}
	near = nearest_name(text, o->names);
	if (near)
		return finding(site, "unknown value '%s'; did you mean '%s'?", text, near);
	join_names(o->names, known, sizeof(known));
	return finding(site, "expected %s, not '%s'", known, text);
}

static set_fn *const setters[] = {
	[OPTION_BOOL] = set_bool,	  [OPTION_INT] = set_int,	[OPTION_SIZE] = set_size,
	[OPTION_DURATION] = set_duration, [OPTION_STRING] = set_string, [OPTION_ENUM] = set_enum,
};

static bool is_list(const struct option *o)
{
	return o->type == OPTION_STRINGS || o->type == OPTION_CHECKED;
}

static int list_append(const struct option *o, struct str item, const struct site *site,
		       struct string_list *list)
{
	_cleanup_(freep) char *copy = NULL;
	const char *expected;
	char **items;
	struct position *at;

	copy = strndup(item.p, item.n);
	if (!copy)
		return -ENOMEM;
	expected = o->type == OPTION_CHECKED ? o->check_item(copy) : NULL;
	if (expected)
		return finding(site, "expected %s, not '%s'", expected, copy);
	items = reallocarray(list->items, list->n + 1, sizeof(*items));
	if (!items)
		return -ENOMEM;
	list->items = items;
	at = reallocarray(list->at, list->n + 1, sizeof(*at));
	if (!at)
		return -ENOMEM;
	list->at = at;
	list->at[list->n] = site->at;
	list->items[list->n++] = TAKE_PTR(copy);
	return 0;
}

static int check_value(const struct conf_node *node, bool or_list, const struct site *site)
{
	if (node->is_ignored)
		return -EINVAL;
	return conf_node_check_value(node, or_list, site->path, site->reterr);
}

static int apply_list(const struct option *o, const struct conf_node *node, const struct site *site,
		      struct string_list *list)
{
	int worst = 0;

	for (size_t i = 0; i < node->n; i++) {
		const struct conf_node *item = node->items[i];
		char path[PATH_MAX_SHOWN];
		struct site item_site = { .at = item->at, .path = path, .reterr = site->reterr };
		int r;

		snprintf(path, sizeof(path), "%s[%zu]", site->path, i);
		r = check_value(item, false, &item_site);
		if (r == 0)
			r = list_append(o, str_from(item->text), &item_site, list);
		if (r == -ENOMEM)
			return r;
		if (r < 0)
			worst = r;
	}
	return worst;
}

static int apply_value(const struct option *o, const struct conf_node *node,
		       const struct site *site, void *to)
{
	int r;

	if (o->type == OPTION_NODE) {
		*(const struct conf_node **)to = node;
		return 0;
	}
	if (is_list(o) && node->kind == CONF_LIST)
		return apply_list(o, node, site, to);
	r = check_value(node, is_list(o), site);
	if (r < 0)
		return r;
	return is_list(o) ? list_append(o, str_from(node->text), site, to)
			  : setters[o->type](o, node->text, site, to);
}

static int default_list(const struct option *o, const struct site *site, struct string_list *list)
{
	const char *item = o->def;

	for (;;) {
		size_t n = strcspn(item, ",");
		int r;

		r = list_append(o, (struct str){ .p = item, .n = n }, site, list);
		if (r < 0 || !item[n])
			return r;
		item += n + 1;
	}
}

static int apply_default(const struct option *o, const struct site *site, void *to)
{
	int r = 0;

	if (o->required)
		return finding(site, "required key is missing");
	if (o->def)
		r = is_list(o) ? default_list(o, site, to) : setters[o->type](o, o->def, site, to);
	assert(r != -EINVAL); /* the table's default is not what its own type allows */
	return r;
}

static void path_of(const char *path, const char *key, char to[PATH_MAX_SHOWN])
{
	snprintf(to, PATH_MAX_SHOWN, "%s%s%s", path, *path ? "." : "", key);
}

static int apply_option(const struct option *o, const struct conf_node *map, const char *path,
			void *conf, struct diag *reterr)
{
	const struct conf_node *node = conf_node_lookup(map, o->name);
	char key_path[PATH_MAX_SHOWN];
	struct site site = { .at = node ? node->at : map->at, .path = key_path, .reterr = reterr };
	void *to = (char *)conf + o->offset;

	path_of(path, o->name, key_path);
	return node ? apply_value(o, node, &site, to) : apply_default(o, &site, to);
}

static void known_keys(const struct option *options, const char *const *skip,
		       const char *known[KNOWN_MAX])
{
	size_t n = 0;

	for (; skip && *skip; skip++) {
		assert(n < KNOWN_MAX - 1);
		known[n++] = *skip;
	}
	for (; options->type != OPTION_END; options++) {
		assert(n < KNOWN_MAX - 1);
		known[n++] = options->name;
	}
	known[n] = NULL;
}

static bool is_known(const char *key, const char *const *known)
{
	for (; *known; known++)
		if (strcmp(*known, key) == 0)
			return true;
	return false;
}

static void report_unknown(const struct conf_node *key, const char *path, const char *const *known,
			   struct diag *reterr)
{
	const char *near = nearest_name(key->text, known);
	char key_path[PATH_MAX_SHOWN], names[NAMES_MAX_SHOWN];

	path_of(path, key->text, key_path);
	join_names(known, names, sizeof(names));
	if (near)
		diag_add(reterr, DIAG_ERROR, key->at, key_path, "unknown key; did you mean '%s'?",
			 near);
	else if (*known)
		diag_add(reterr, DIAG_ERROR, key->at, key_path, "unknown key; expected %s", names);
	else
		diag_add(reterr, DIAG_ERROR, key->at, key_path,
			 "unknown key; there are no options here");
}

int options_apply(const struct option *options, const struct conf_node *map, const char *path,
		  const char *const *skip, void *conf, struct diag *reterr)
{
	const char *known[KNOWN_MAX];
	size_t n_errors = reterr->n_errors;
	bool has_failed = false;

	known_keys(options, skip, known);
	for (size_t i = 0; i < map->n; i++)
		if (!map->keys[i]->is_ignored && !is_known(map->keys[i]->text, known))
			report_unknown(map->keys[i], path, known, reterr);
	for (const struct option *o = options; o->type != OPTION_END; o++) {
		int r = apply_option(o, map, path, conf, reterr);

		if (r == -ENOMEM)
			return r;
		has_failed |= r < 0;
	}
	return has_failed || reterr->n_errors > n_errors ? -EINVAL : 0;
}

static void list_done(struct string_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->items[i]);
	free(list->items);
	free(list->at);
	*list = (struct string_list){ 0 };
}

void options_done(const struct option *options, void *conf)
{
	for (const struct option *o = options; o->type != OPTION_END; o++) {
		char *member = (char *)conf + o->offset;

		if (is_list(o)) {
			list_done((struct string_list *)(void *)member);
		} else if (o->type == OPTION_STRING) {
			free(*(char **)(void *)member);
			*(char **)(void *)member = NULL;
		}
	}
}
