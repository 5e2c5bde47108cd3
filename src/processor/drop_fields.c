/* SPDX-License-Identifier: Apache-2.0 */
/*
 * processor_drop_fields: keys that the records shall not have. Nothing is collected for them any
 * more, unless a filter before this one looks at them.
 */
#include <errno.h>
#include <stdio.h>

#include "plugin/plugin.h"

struct drop_fields_conf {
	struct string_list keys;
};

#define KEYS "DropKeys"

static const struct option options[] = {
	OPT_STRINGS(struct drop_fields_conf, KEYS, keys, .required = true,
		    .help = "The keys to leave out, by the names that they have here."),
	{ .type = OPTION_END },
};

static void report(const struct shape *shape, const struct drop_fields_conf *conf, size_t i,
		   const char *path, struct diag *reterr)
{
	const char *name = conf->keys.items[i], *near = shape_nearest(shape, name);
	char key_path[64];

	snprintf(key_path, sizeof(key_path), "%s." KEYS "[%zu]", path, i);
	diag_add(reterr, DIAG_ERROR, conf->keys.at[i], key_path,
		 "the records have no key '%s'%s%s%s", name, near ? "; did you mean '" : "",
		 near ? near : "", near ? "'?" : "");
}

static int drop_fields_check(const void *data, const struct conf_node *map, const char *path,
			     struct diag *reterr)
{
	const struct drop_fields_conf *conf = data;
	char key_path[64];

	if (conf->keys.n)
		return 0;
	snprintf(key_path, sizeof(key_path), "%s." KEYS, path);
	diag_add(reterr, DIAG_ERROR, conf_node_lookup(map, KEYS)->at, key_path,
		 "expected at least one key");
	return -EINVAL;
}

static int drop_fields_prepare(struct instance *self, struct shape *shape,
			       const struct conf_node *map __attribute__((unused)),
			       const char *path, struct diag *reterr)
{
	const struct drop_fields_conf *conf = self->conf;
	int r = 0;

	for (size_t i = 0; i < conf->keys.n; i++) {
		struct shape_key *key = shape_lookup(shape, conf->keys.items[i]);

		if (key) {
			shape_drop(shape, key);
		} else {
			report(shape, conf, i, path, reterr);
			r = -EINVAL;
		}
	}
	return r;
}

const struct processor processor_drop_fields = {
	.base = {
		.name = "processor_drop_fields",
		.help = "Leaves keys out of the records.",
		.options = options,
		.conf_size = sizeof(struct drop_fields_conf),
		.check = drop_fields_check,
	},
	.prepare = drop_fields_prepare,
};
