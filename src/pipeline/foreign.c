/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys that LoongCollector gives a meaning to and proctrail does not: one table, with what is
 * to be said about each. A configuration that works there works here, and nobody believes in a key
 * that does nothing.
 */
#include "pipeline/foreign.h"

#include <errno.h>
#include <string.h>

#include "base/nearest.h"

#define PATH_SIZE 128

const struct foreign_key foreign_keys[] = {
	{ "", "aggregators", "records are never grouped" },
	{ "", "createTime", "pipelines are not ranked, all of them run" },
	{ "", "extensions", "there are no extensions" },
	{ "global", "AgentEnvMetaTagKey", "no tags are made from the environment" },
	{ "global", "AgentMetaTagKey", "tags keep their names" },
	{ "global", "EnableTimestampNanosecond",
	  "the input's field `__time_ns__` has the nanoseconds" },
	{ "global", "PipelineMetaTagKey", "tags keep their names" },
	{ "global", "Priority", "all pipelines are served alike" },
	{ "global", "StructureType", "there is one kind of record" },
	{ "global", "TopicFormat", "records have no topic" },
	{ "global", "TopicType", "records have no topic" },
	{ "global", "UsingOldContentTag", "flusher_stdout's `Tags` puts tags into records" },
	{ "inputs", "ProbeConfig", "processor_filter chooses records" },
	{ "flushers", "Match", "every flusher gets all records of its pipeline" },
	{ NULL, NULL, NULL },
};

#define GLOBAL_KEY "global"

static const struct foreign_key *lookup(const char *scope, const char *key)
{
	for (const struct foreign_key *k = foreign_keys; k->key; k++)
		if (strcmp(k->scope, scope) == 0 && strcmp(k->key, key) == 0)
			return k;
	return NULL;
}

/* `prefix` is the map's own path with what joins it to a key: "", "global." or "inputs[0].". */
static void mark_map(struct conf_node *map, const char *scope, const char *prefix,
		     struct diag *reterr)
{
	for (size_t i = 0; i < map->n; i++) {
		struct conf_node *key = map->keys[i];
		const struct foreign_key *foreign = lookup(scope, key->text);
		char path[PATH_SIZE];

		if (!foreign)
			continue;
		snprintf(path, sizeof(path), "%s%s", prefix, key->text);
		diag_add(reterr, DIAG_WARNING, key->at, path, "has no meaning here: %s",
			 foreign->why);
		key->is_ignored = true;
	}
}

static void report_global_key(const struct conf_node *key, struct diag *reterr)
{
	const char *known[ARRAY_SIZE(foreign_keys)] = { NULL };
	char path[PATH_SIZE];
	const char *near;
	size_t n = 0;

	for (const struct foreign_key *k = foreign_keys; k->key; k++)
		if (strcmp(k->scope, GLOBAL_KEY) == 0)
			known[n++] = k->key;
	near = nearest_name(key->text, known);
	snprintf(path, sizeof(path), GLOBAL_KEY ".%s", key->text);
	if (near)
		diag_add(reterr, DIAG_ERROR, key->at, path, "unknown key; did you mean '%s'?",
			 near);
	else
		diag_add(reterr, DIAG_ERROR, key->at, path,
			 "unknown key; nothing in global has a meaning here");
}

static void mark_global(struct conf_node *key, struct conf_node *map, struct diag *reterr)
{
	key->is_ignored = true;
	if (map->kind != CONF_MAP) {
		diag_add(reterr, DIAG_WARNING, key->at, GLOBAL_KEY, "has no meaning here");
		return;
	}
	mark_map(map, GLOBAL_KEY, GLOBAL_KEY ".", reterr);
	for (size_t i = 0; i < map->n; i++)
		if (!map->keys[i]->is_ignored)
			report_global_key(map->keys[i], reterr);
}

/* The maps of `inputs` or `flushers`. */
static void mark_items(const char *scope, struct conf_node *list, struct diag *reterr)
{
	for (size_t i = 0; list->kind == CONF_LIST && i < list->n; i++) {
		char prefix[PATH_SIZE];

		snprintf(prefix, sizeof(prefix), "%s[%zu].", scope, i);
		if (list->items[i]->kind == CONF_MAP)
			mark_map(list->items[i], scope, prefix, reterr);
	}
}

int foreign_mark(struct conf_node *root, struct diag *reterr)
{
	size_t n_errors = reterr->n_errors;

	if (root->kind != CONF_MAP)
		return 0;
	mark_map(root, "", "", reterr);
	for (size_t i = 0; i < root->n; i++) {
		struct conf_node *key = root->keys[i];

		if (strcmp(key->text, GLOBAL_KEY) == 0)
			mark_global(key, root->items[i], reterr);
		if (strcmp(key->text, "inputs") == 0 || strcmp(key->text, "flushers") == 0)
			mark_items(key->text, root->items[i], reterr);
	}
	return reterr->n_errors > n_errors ? -EINVAL : 0;
}
