/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a configuration to a pipeline that is ready to be started: which plugins, their options,
 * what they ask of the sensor, and one schema for each encoding. All that is wrong is found in one
 * go; a pipeline that something is wrong with is never handed out.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"
#include "pipeline/foreign.h"
#include "pipeline/parts.h"
#include "pipeline/set.h"

#define TYPE_KEY "Type"
#define TYPES_MAX 128
#define PATH_SIZE 64

/* A kind of plugin: a list of the configuration. */
struct kind {
	const char *key, *noun;
	size_t min, max;
	const struct plugin *(*plugin_at)(size_t i); /* NULL behind the last */
};

static const struct kind kind_input = { "inputs", "input", 1, 1, plugin_input_at };
static const struct kind kind_processor = { "processors", "processor", 0, SIZE_MAX,
					    plugin_processor_at };
static const struct kind kind_flusher = { "flushers", "flusher", 1, SIZE_MAX, plugin_flusher_at };

static const char *const list_keys[] = { "inputs", "processors", "flushers", NULL };

struct top_conf {
	bool is_enabled;
};

const struct option pipeline_options[] = {
	OPT_BOOL(struct top_conf, "enable", is_enabled, .def = "true",
		 .help = "Whether the pipeline runs. One that does not is still checked."),
	{ .type = OPTION_END },
};

static int report_type(const struct kind *kind, const struct conf_node *type, const char *path,
		       struct diag *reterr)
{
	const char *names[TYPES_MAX + 1] = { NULL };
	const char *near;

	for (size_t n = 0; n < TYPES_MAX && kind->plugin_at(n); n++)
		names[n] = kind->plugin_at(n)->name;
	near = nearest_name(type->text, names);
	return diag_error(reterr, type->at, path, "unknown type '%s'; %s '%s'%s", type->text,
			  near ? "did you mean" : "expected a name such as", near ? near : names[0],
			  near ? "?" : "");
}

/* The plugin that a map's Type names. */
static int find_plugin(const struct kind *kind, const struct conf_node *map, const char *path,
		       struct diag *reterr, const struct plugin **ret)
{
	const struct conf_node *type;
	char type_path[PATH_SIZE + sizeof("." TYPE_KEY)];

	if (map->kind != CONF_MAP)
		return diag_error(reterr, map->at, path,
				  "expected a map that begins with '" TYPE_KEY ":'");
	type = conf_node_lookup(map, TYPE_KEY);
	snprintf(type_path, sizeof(type_path), "%s." TYPE_KEY, path);
	if (!type)
		return diag_error(reterr, map->at, type_path, "required key is missing");
	if (type->kind != CONF_SCALAR || !*type->text)
		return diag_error(reterr, type->at, type_path, "expected the name of a%s %s",
				  strchr("aeiou", *kind->noun) ? "n" : "", kind->noun);
	for (size_t i = 0; kind->plugin_at(i); i++) {
		if (strcmp(kind->plugin_at(i)->name, type->text) != 0)
			continue;
		*ret = kind->plugin_at(i);
		return 0;
	}
	return report_type(kind, type, type_path, reterr);
}

static size_t n_of_plugin(const struct part *parts, size_t stride, size_t n,
			  const struct plugin *plugin)
{
	size_t found = 0;

	for (size_t i = 0; i < n; i++) {
		const struct part *part = (const void *)((const char *)parts + i * stride);

		found += part->instance.plugin == plugin;
	}
	return found;
}

/* "flusher_file", and for the second of the pipeline "flusher_file/2". */
static char *name_part(const struct plugin *plugin, size_t n_before)
{
	char name[PATH_SIZE];

	if (!n_before)
		return strdup(plugin->name);
	snprintf(name, sizeof(name), "%.40s/%zu", plugin->name, n_before + 1);
	return strdup(name);
}

static int fill_part(struct part *part, const struct conf_node *map, const char *path,
		     struct diag *reterr)
{
	static const char *const skip[] = { TYPE_KEY, NULL };
	struct instance *self = &part->instance;
	const struct plugin *plugin = self->plugin;
	int r;

	self->conf = calloc(1, plugin->conf_size + 1);
	self->state = calloc(1, plugin->state_size + 1);
	if (!self->conf || !self->state)
		return -ENOMEM;
	r = options_apply(plugin->options, map, path, skip, self->conf, reterr);
	if (r == 0 && plugin->check)
		r = plugin->check(self->conf, map, path, reterr);
	part->is_filled = r == 0;
	return r;
}

/*
 * Parts for the items of one list, each of `stride` bytes with a struct part at its head. *ret_n
 * counts those that part_done() is due for, on failure as well.
 */
static int load_items(const struct kind *kind, const struct conf_node *list, size_t stride,
		      struct part *parts, size_t *ret_n, struct diag *reterr)
{
	int worst = 0;

	for (size_t i = 0; i < list->n; i++) {
		struct part *part = (void *)((char *)parts + *ret_n * stride);
		const struct plugin *plugin = NULL;
		char path[PATH_SIZE];
		int r;

		snprintf(path, sizeof(path), "%s[%zu]", kind->key, i);
		r = find_plugin(kind, list->items[i], path, reterr, &plugin);
		if (r == 0) {
			part->instance.name =
				name_part(plugin, n_of_plugin(parts, stride, *ret_n, plugin));
			part->instance.plugin = plugin;
			part->index = i;
			++*ret_n;
			r = part->instance.name ? fill_part(part, list->items[i], path, reterr)
						: -ENOMEM;
		}
		if (r == -ENOMEM)
			return r;
		if (r < 0)
			worst = r;
	}
	return worst;
}

/* The list of a kind, checked for its length; NULL where it may be absent and is. */
static int find_list(const struct kind *kind, const struct conf_node *root, struct diag *reterr,
		     const struct conf_node **ret)
{
	const struct conf_node *list = conf_node_lookup(root, kind->key);

	*ret = NULL;
	if (!list)
		return kind->min
			       ? diag_error(reterr, root->at, kind->key, "required key is missing")
			       : 0;
	if (list->kind != CONF_LIST)
		return diag_error(reterr, list->at, kind->key,
				  "expected a list of %ss, each with its '- " TYPE_KEY ":'",
				  kind->noun);
	if (list->n < kind->min)
		return diag_error(reterr, list->at, kind->key, "expected at least one %s",
				  kind->noun);
	if (list->n > kind->max)
		return diag_error(reterr, list->items[kind->max]->at, kind->key,
				  "expected one %s, not %zu", kind->noun, list->n);
	*ret = list;
	return 0;
}

static int load_kind(const struct kind *kind, const struct conf_node *root, size_t stride,
		     struct part **parts, size_t *n, struct diag *reterr)
{
	const struct conf_node *list;
	int r;

	r = find_list(kind, root, reterr, &list);
	if (r < 0 || !list)
		return r;
	*parts = calloc(list->n + 1, stride);
	if (!*parts)
		return -ENOMEM;
	return load_items(kind, list, stride, *parts, n, reterr);
}

static int load_top(struct pipeline *p, struct diag *reterr)
{
	struct top_conf conf = { 0 };
	int r;

	r = options_apply(pipeline_options, p->tree, "", list_keys, &conf, reterr);
	p->is_enabled = conf.is_enabled;
	return r;
}

static int load_outlets(struct pipeline *p, struct diag *reterr)
{
	struct part *parts = NULL;
	int r;

	_Static_assert(offsetof(struct outlet, part) == 0, "an outlet is a part");
	r = load_kind(&kind_flusher, p->tree, sizeof(struct outlet), &parts, &p->n_outlets, reterr);
	p->outlets = (struct outlet *)(void *)parts;
	for (size_t i = 0; i < p->n_outlets; i++)
		p->outlets[i].flusher = (const struct flusher *)p->outlets[i].part.instance.plugin;
	return r;
}

static int prepare_stage(const struct pipeline *p, struct part *stage, struct shape *shape,
			 struct diag *reterr)
{
	struct instance *self = &stage->instance;
	const struct processor *processor = (const struct processor *)self->plugin;
	const struct conf_node *list = conf_node_lookup(p->tree, kind_processor.key);
	char path[PATH_SIZE];

	if (!processor->prepare)
		return 0;
	stage->is_started = true;
	snprintf(path, sizeof(path), "%s[%zu]", kind_processor.key, stage->index);
	return processor->prepare(self, shape, list->items[stage->index], path, reterr);
}

/*
 * Lets the processors change the shape, in their order. Where one that makes keys is wrong, those
 * behind it would be judged by keys that are not there: they wait until it is repaired. One that
 * only keeps or drops records stops nobody.
 */
static int prepare_stages(const struct pipeline *p, struct shape *shape, struct diag *reterr)
{
	for (size_t i = 0; i < p->n_stages; i++) {
		struct part *stage = &p->stages[i];
		bool is_filter = ((const struct processor *)stage->instance.plugin)->process;
		int r = -EINVAL;

		if (stage->index != i)
			return 0; /* of the one before, not even the type is right */
		if (stage->is_filled)
			r = prepare_stage(p, stage, shape, reterr);
		if (r == -ENOMEM)
			return r;
		if (r < 0 && !is_filter)
			return 0;
	}
	return 0;
}

/* What the input asks for, what the processors make of it, and what is to be collected for both. */
static int load_shape(struct pipeline *p, struct shape *shape, struct diag *reterr)
{
	const struct instance *input;
	int r;

	if (!p->n_inputs || !p->inputs[0].is_filled)
		return 0;
	input = &p->inputs[0].instance;
	r = ((const struct input *)input->plugin)->demand(input->conf, &p->demand);
	if (r < 0)
		return r;
	r = shape_init(shape, p->demand.fields);
	if (r < 0)
		return r;
	r = prepare_stages(p, shape, reterr);
	shape_needs(shape, p->demand.fields);
	return r;
}

/* All findings, unless memory runs out. */
static int load_parts(struct pipeline *p, struct shape *shape, struct diag *reterr)
{
	size_t n_errors = reterr->n_errors;

	if (p->tree->kind != CONF_MAP)
		return diag_error(reterr, p->tree->at, "",
				  "expected a map with the keys inputs and flushers");
	if (conf_expand_env(p->tree, reterr) == -ENOMEM)
		return -ENOMEM;
	(void)foreign_mark(p->tree, reterr); /* its errors are counted below */
	if (load_top(p, reterr) == -ENOMEM)
		return -ENOMEM;
	if (load_kind(&kind_input, p->tree, sizeof(struct part), &p->inputs, &p->n_inputs,
		      reterr) == -ENOMEM)
		return -ENOMEM;
	if (load_kind(&kind_processor, p->tree, sizeof(struct part), &p->stages, &p->n_stages,
		      reterr) == -ENOMEM)
		return -ENOMEM;
	if (load_shape(p, shape, reterr) == -ENOMEM)
		return -ENOMEM;
	if (load_outlets(p, reterr) == -ENOMEM)
		return -ENOMEM;
	return reterr->n_errors > n_errors ? -EINVAL : 0;
}

static int make_feed(struct pipeline *p, const struct shape *shape, struct encoding encoding)
{
	struct feed *feed = &p->feeds[p->n_feeds];
	int r;

	r = encoder_new(shape, &encoding, &p->demand, &feed->encoder);
	if (r < 0)
		return r;
	feed->encoding = encoding;
	p->n_feeds++;
	return 0;
}

static size_t find_feed(const struct pipeline *p, struct encoding encoding)
{
	size_t i;

	for (i = 0; i < p->n_feeds; i++)
		if (p->feeds[i].encoding.time_string == encoding.time_string &&
		    p->feeds[i].encoding.tags == encoding.tags)
			break;
	return i;
}

static int make_feeds(struct pipeline *p, const struct shape *shape)
{
	assert(p->n_outlets); /* or load_parts() has found them missing */
	p->feeds = calloc(p->n_outlets, sizeof(*p->feeds));
	if (!p->feeds)
		return -ENOMEM;
	for (size_t i = 0; i < p->n_outlets; i++) {
		struct outlet *outlet = &p->outlets[i];
		struct encoding encoding = { 0 };
		int r = 0;

		if (outlet->flusher->encoding)
			outlet->flusher->encoding(outlet->part.instance.conf, &encoding);
		outlet->feed = find_feed(p, encoding);
		if (outlet->feed == p->n_feeds)
			r = make_feed(p, shape, encoding);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Takes custody of the tree in every case. */
static int load_tree(const char *name, struct conf_node *tree, struct diag *reterr,
		     struct pipeline **ret)
{
	_cleanup_(conf_node_freep) struct conf_node *owned = tree;
	_cleanup_(pipeline_freep) struct pipeline *p = NULL;
	const char *stem = strrchr(name, '/') ? strrchr(name, '/') + 1 : name;
	const char *end = strrchr(stem, '.');
	_cleanup_(shape_done) struct shape shape = { 0 };
	int r;

	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	chunk_pool_init(&p->pool);
	p->tree = TAKE_PTR(owned);
	p->name = strndup(stem, end && end > stem ? (size_t)(end - stem) : strlen(stem));
	if (!p->name)
		return -ENOMEM;
	r = load_parts(p, &shape, reterr);
	if (r < 0)
		return r;
	r = make_feeds(p, &shape);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(p);
	return 0;
}

int pipeline_load_file(const char *path, struct diag *reterr, struct pipeline **ret)
{
	struct conf_node *tree = NULL;
	int r;

	r = conf_parse_file(path, reterr, &tree);
	return r < 0 ? r : load_tree(path, tree, reterr, ret);
}

int pipeline_load_text(const char *name, const char *text, struct diag *reterr,
		       struct pipeline **ret)
{
	struct conf_node *tree = NULL;
	int r;

	r = conf_parse_text(name, text, strlen(text), reterr, &tree);
	return r < 0 ? r : load_tree(name, tree, reterr, ret);
}
