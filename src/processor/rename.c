/* SPDX-License-Identifier: Apache-2.0 */
/* processor_rename: other names for keys. Done in the shape: a record costs nothing for it. */
#include <errno.h>
#include <stdio.h>

#include "plugin/plugin.h"

struct rename_conf {
	struct string_list from, to;
	bool no_key_error;
};

#define FROM "SourceKeys"
#define TO "DestKeys"

static const struct option options[] = {
	OPT_STRINGS(
		struct rename_conf, FROM, from, .required = true,
		.help = "The keys to rename, by the names that they have here, one after the other."),
	OPT_STRINGS(
		struct rename_conf, TO, to, .required = true,
		.help = "Their new names, in the same order; none that another key has by then."),
	OPT_BOOL(struct rename_conf, "NoKeyError", no_key_error, .def = "false",
		 .help = "Whether a source key that the records do not have is an error; otherwise it "
			 "is a warning."),
	{ .type = OPTION_END },
};

/* What is wrong with, or odd about, an item of one of the lists. */
struct place {
	const char *path, *key;
	size_t i;
	struct position at;
	struct diag *reterr;
};

static void report(const struct place *p, enum diag_severity severity, const char *text,
		   const char *name, const char *near)
{
	char path[64];

	snprintf(path, sizeof(path), "%s.%s[%zu]", p->path, p->key, p->i);
	diag_add(p->reterr, severity, p->at, path, "%s '%s'%s%s%s", text, name,
		 near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static int rename_check(const void *data, const struct conf_node *map, const char *path,
			struct diag *reterr)
{
	const struct rename_conf *conf = data;
	char key_path[64];

	snprintf(key_path, sizeof(key_path), "%s." TO, path);
	if (conf->from.n == conf->to.n && conf->from.n)
		return 0;
	diag_add(reterr, DIAG_ERROR, conf_node_lookup(map, TO)->at, key_path,
		 "expected as many names as " FROM " has, at least one: %zu, not %zu", conf->from.n,
		 conf->to.n);
	return -EINVAL;
}

static int rename_one(const struct rename_conf *conf, struct shape *shape, size_t i,
		      const char *path, struct diag *reterr)
{
	const char *from = conf->from.items[i], *to = conf->to.items[i];
	struct place place = { .path = path, .key = FROM, .i = i, .reterr = reterr };
	struct shape_key *key = shape_lookup(shape, from);

	place.at = conf->from.at[i];
	if (!key) {
		report(&place, conf->no_key_error ? DIAG_ERROR : DIAG_WARNING,
		       "the records have no key", from, shape_nearest(shape, from));
		return conf->no_key_error ? -EINVAL : 0;
	}
	if (strcmp(from, to) == 0)
		return 0;
	place.key = TO;
	place.at = conf->to.at[i];
	if (*to && !shape_lookup(shape, to))
		return shape_rename(shape, key, to);
	report(&place, DIAG_ERROR, *to ? "the records have another key" : "a key may not be named",
	       to, NULL);
	return -EINVAL;
}

static int rename_prepare(struct instance *self, struct shape *shape,
			  const struct conf_node *map __attribute__((unused)), const char *path,
			  struct diag *reterr)
{
	const struct rename_conf *conf = self->conf;
	int worst = 0;

	for (size_t i = 0; i < conf->from.n; i++) {
		int r = rename_one(conf, shape, i, path, reterr);

		if (r == -ENOMEM)
			return r;
		worst = r < 0 ? r : worst;
	}
	return worst;
}

const struct processor processor_rename = {
	.base = {
		.name = "processor_rename",
		.help = "Gives keys other names.",
		.options = options,
		.conf_size = sizeof(struct rename_conf),
		.check = rename_check,
	},
	.prepare = rename_prepare,
};
