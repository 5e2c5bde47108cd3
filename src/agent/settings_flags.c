/* SPDX-License-Identifier: Apache-2.0 */
/* What is said about a flag names its place as AGENT_FLAGS_NAME. */
#include "agent/settings_flags.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct conf_node *find_value(struct conf_node *map, const char *key)
{
	for (size_t i = 0; i < map->n; i++)
		if (strcmp(map->keys[i]->text, key) == 0)
			return map->items[i];
	return NULL;
}

static int make_scalar(struct str text, struct conf_node **ret)
{
	_cleanup_(conf_node_freep) struct conf_node *node = calloc(1, sizeof(*node));

	if (!node)
		return -ENOMEM;
	node->kind = CONF_SCALAR;
	node->at = (struct position){ .file = AGENT_FLAGS_NAME };
	node->text = strndup(text.p, text.n);
	if (!node->text)
		return -ENOMEM;
	*ret = TAKE_PTR(node);
	return 0;
}

static int append_item(struct conf_node *list, struct conf_node **item)
{
	struct conf_node **grown = reallocarray(list->items, list->n + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	list->items = grown;
	list->items[list->n++] = TAKE_PTR(*item);
	return 0;
}

/* Items with a comma between them, as the table writes a default. */
static int make_list(const char *text, struct conf_node **ret)
{
	_cleanup_(conf_node_freep) struct conf_node *list = calloc(1, sizeof(*list));
	int r = list ? 0 : -ENOMEM;
	size_t n;

	if (r < 0)
		return r;
	list->kind = CONF_LIST;
	list->at = (struct position){ .file = AGENT_FLAGS_NAME };
	for (; r == 0 && *text; text += n + (text[n] == ',')) {
		_cleanup_(conf_node_freep) struct conf_node *item = NULL;

		n = strcspn(text, ",");
		r = make_scalar((struct str){ .p = text, .n = n }, &item);
		if (r == 0)
			r = append_item(list, &item);
	}
	if (r == 0)
		*ret = TAKE_PTR(list);
	return r;
}

static bool is_list(const char *name)
{
	for (const struct option *o = agent_settings_options; o->name; o++)
		if (strcmp(o->name, name) == 0)
			return o->type == OPTION_STRINGS || o->type == OPTION_CHECKED;
	return false;
}

static int append_pair(struct conf_node *map, struct conf_node **key, struct conf_node **value)
{
	struct conf_node **grown;

	grown = reallocarray(map->keys, map->n + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	map->keys = grown;
	grown = reallocarray(map->items, map->n + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	map->items = grown;
	map->keys[map->n] = TAKE_PTR(*key);
	map->items[map->n++] = TAKE_PTR(*value);
	return 0;
}

int settings_put_flag(struct conf_node *map, const struct agent_flag *flag)
{
	_cleanup_(conf_node_freep) struct conf_node *key = NULL, *value = NULL;
	struct conf_node *old = find_value(map, flag->name);
	int r;

	r = is_list(flag->name) ? make_list(flag->value, &value)
				: make_scalar(str_from(flag->value), &value);
	if (r < 0)
		return r;
	if (old) {
		struct conf_node tmp = *old;

		*old = *value;
		*value = tmp;
		return 0;
	}
	r = make_scalar(str_from(flag->name), &key);
	return r < 0 ? r : append_pair(map, &key, &value);
}
