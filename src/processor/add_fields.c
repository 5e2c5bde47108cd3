/* SPDX-License-Identifier: Apache-2.0 */
/*
 * processor_add_fields: keys with a value that is always the same. They are part of the shape: a
 * record costs their bytes and nothing else.
 */
#include <errno.h>
#include <stdio.h>

#include "plugin/plugin.h"

struct add_fields_conf {
	const struct conf_node *fields;
	bool ignore_if_exist;
};

#define FIELDS "Fields"

static const struct option options[] = {
	OPT_NODE(struct add_fields_conf, FIELDS, fields, .required = true,
		 .schema = "{\"type\":\"object\",\"additionalProperties\":{\"type\":[\"string\","
			   "\"number\",\"boolean\"]}}",
		 .help = "The keys and their values: `{cluster: blue, region: eu-1}`. New keys stand "
			 "before `__time__`, in this order."),
	OPT_BOOL(struct add_fields_conf, "IgnoreIfExist", ignore_if_exist, .def = "false",
		 .help = "Leave a key alone that a record has already; it gets the value in those "
			 "records that do not have it. Otherwise the new value replaces the old."),
	{ .type = OPTION_END },
};

static int add_field(struct shape *shape, const char *name, const char *text, bool ignore)
{
	struct shape_key *key = shape_lookup(shape, name);

	if (!key)
		return shape_add(shape, name, text);
	return ignore ? shape_set_default(key, text) : shape_replace(key, text);
}

static int check_fields(const struct conf_node *map, const char *path, struct diag *reterr)
{
	char key_path[256];
	int r = 0;

	snprintf(key_path, sizeof(key_path), "%s." FIELDS, path);
	if (map->kind != CONF_MAP || !map->n)
		return diag_error(
			reterr, map->at, key_path,
			"expected a map of keys and their values, such as {cluster: blue}");
	for (size_t i = 0; i < map->n; i++) {
		snprintf(key_path, sizeof(key_path), "%s." FIELDS ".%s", path, map->keys[i]->text);
		if (!*map->keys[i]->text)
			r = diag_error(reterr, map->keys[i]->at, key_path,
				       "a key may not be empty");
		if (conf_node_check_value(map->items[i], false, key_path, reterr) < 0)
			r = -EINVAL;
	}
	return r;
}

static int add_fields_check(const void *data, const struct conf_node *map __attribute__((unused)),
			    const char *path, struct diag *reterr)
{
	return check_fields(((const struct add_fields_conf *)data)->fields, path, reterr);
}

static int add_fields_prepare(struct instance *self, struct shape *shape,
			      const struct conf_node *map __attribute__((unused)),
			      const char *path __attribute__((unused)),
			      struct diag *reterr __attribute__((unused)))
{
	const struct add_fields_conf *conf = self->conf;
	int r = 0;

	for (size_t i = 0; i < conf->fields->n && r == 0; i++)
		r = add_field(shape, conf->fields->keys[i]->text, conf->fields->items[i]->text,
			      conf->ignore_if_exist);
	return r;
}

const struct processor processor_add_fields = {
	.base = {
		.name = "processor_add_fields",
		.help = "Adds keys that have the same value in all records.",
		.options = options,
		.conf_size = sizeof(struct add_fields_conf),
		.check = add_fields_check,
	},
	.prepare = add_fields_prepare,
};
