/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From paths to pipelines. First the files are listed, so that a folder and a file in it do not
 * count twice; then each is loaded; then those that cannot live together are told apart. Keeps
 * nothing.
 */
#include "pipeline/set.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "pipeline/parts.h"

#define FILES_MAX 1000

struct file {
	char *path;
	char *real; /* without links, "." and ".."; NULL where there is no such file */
};

struct files {
	struct file *items;
	size_t n;
	struct diag *reterr;
};

#define finding(files, path, ...) \
	diag_add((files)->reterr, DIAG_ERROR, (struct position){ .file = (path) }, "", __VA_ARGS__)

static void file_done(struct file *f)
{
	free(f->path);
	free(f->real);
	*f = (struct file){ 0 };
}

static void files_done(struct files *files)
{
	for (size_t i = 0; i < files->n; i++)
		file_done(&files->items[i]);
	free(files->items);
	files->items = NULL;
	files->n = 0;
}

static bool is_listed(const struct files *files, const char *real)
{
	for (size_t i = 0; real && i < files->n; i++)
		if (files->items[i].real && strcmp(files->items[i].real, real) == 0)
			return true;
	return false;
}

/* -E2BIG, once: after that nothing more is listed. */
static int list_file(struct files *files, const char *path)
{
	_cleanup_(file_done) struct file f = { .path = strdup(path) };
	struct file *grown;

	if (!f.path)
		return -ENOMEM;
	f.real = realpath(path, NULL); /* where there is none, opening it will say so */
	if (is_listed(files, f.real))
		return 0;
	if (files->n == FILES_MAX) {
		finding(files, path, "too many pipelines: at most %d files are read", FILES_MAX);
		return -E2BIG;
	}
	grown = reallocarray(files->items, files->n + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	files->items = grown;
	files->items[files->n++] = TAKE(f, (struct file){ 0 });
	return 0;
}

bool pipeline_is_file_name(const char *name)
{
	static const char *const ends[] = { ".yaml", ".yml", ".json" };

	if (*name == '.')
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		if (str_ends_with(str_from(name), str_from(ends[i])))
			return true;
	return false;
}

/*
 * By its name, whatever it is: opening it will say what is wrong. Of what is no file only folders
 * are silent.
 */
static int is_pipeline_entry(const struct dirent *entry)
{
	return pipeline_is_file_name(entry->d_name);
}

static bool is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int list_entry(struct files *files, const char *folder, const char *name, size_t *n)
{
	_cleanup_(freep) char *path = NULL;
	bool has_slash = str_ends_with(str_from(folder), STR("/"));

	if (asprintf(&path, "%s%s%s", folder, has_slash ? "" : "/", name) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	if (is_folder(path))
		return 0;
	++*n;
	return list_file(files, path);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

struct entries {
	struct dirent **items;
	int n;
};

static void entries_done(struct entries *e)
{
	for (int i = 0; i < e->n; i++)
		free(e->items[i]);
	free(e->items);
}

static int list_folder(struct files *files, const char *folder)
{
	_cleanup_(entries_done) struct entries entries = { 0 };
	size_t n_pipelines = 0;
	int r = 0;

	entries.n = scandir(folder, &entries.items, is_pipeline_entry, by_name);
	if (entries.n < 0) {
		finding(files, folder, "cannot be read: %m");
		return 0;
	}
	for (int i = 0; i < entries.n && r == 0; i++)
		r = list_entry(files, folder, entries.items[i]->d_name, &n_pipelines);
	if (r == 0 && n_pipelines == 0)
		diag_add(
			files->reterr, DIAG_WARNING, (struct position){ .file = folder }, "",
			"there is no pipeline in this folder: no file that ends in .yaml, .yml or .json");
	return r;
}

static int list_all(struct files *files, const char *const *paths, size_t n)
{
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++)
		r = is_folder(paths[i]) ? list_folder(files, paths[i]) : list_file(files, paths[i]);
	return r == -E2BIG ? 0 : r;
}

static int add_failed(struct pipeline_files *set, const char *path)
{
	char **grown = reallocarray(set->failed, set->n_failed + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	set->failed = grown;
	grown[set->n_failed] = strdup(path);
	if (!grown[set->n_failed])
		return -ENOMEM;
	set->n_failed++;
	return 0;
}

/* What a flusher alone may write to; NULL: there is no such thing. The caller frees it. */
static char *target_of(const struct outlet *o)
{
	return o->flusher->target ? o->flusher->target(o->part.instance.conf) : NULL;
}

static bool is_same_target(const char *a, const char *b)
{
	struct stat x, y;

	return strcmp(a, b) == 0 || (stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev &&
				     x.st_ino == y.st_ino);
}

static const struct outlet *find_writer(const struct pipeline *p, size_t n, const char *target)
{
	for (size_t i = 0; i < n; i++) {
		_cleanup_(freep) char *other = target_of(&p->outlets[i]);

		if (other && is_same_target(other, target))
			return &p->outlets[i];
	}
	return NULL;
}

/* Where the map of flusher i stands. */
static struct position outlet_position(const struct pipeline *p, size_t i)
{
	return conf_node_lookup(p->tree, "flushers")->items[i]->at;
}

/* Says so when flusher i of p writes what a flusher of `other` (its first n) writes. */
static bool has_clash(const struct pipeline *p, size_t i, const struct pipeline *other, size_t n,
		      struct diag *reterr)
{
	_cleanup_(freep) char *target = target_of(&p->outlets[i]);
	const struct outlet *writer = target ? find_writer(other, n, target) : NULL;
	char path[64];

	if (!writer)
		return false;
	snprintf(path, sizeof(path), "flushers[%zu]", i);
	if (other == p)
		diag_add(
			reterr, DIAG_ERROR, outlet_position(p, i), path,
			"'%s' is written by %s of this pipeline already; give it a file of its own",
			target, writer->part.instance.name);
	else
		diag_add(
			reterr, DIAG_ERROR, outlet_position(p, i), path,
			"'%s' is written by the pipeline '%s' already (%s); give it a file of its own",
			target, other->name, pipeline_path(other));
	return true;
}

static bool has_clashes(const struct pipeline *p, const struct pipeline_files *set,
			struct diag *reterr)
{
	bool found = false;

	for (size_t i = 0; p->is_enabled && i < p->n_outlets; i++) {
		found |= has_clash(p, i, p, i, reterr);
		for (size_t j = 0; j < set->n; j++)
			if (set->items[j]->is_enabled)
				found |= has_clash(p, i, set->items[j], set->items[j]->n_outlets,
						   reterr);
	}
	return found;
}

static bool has_namesake(const struct pipeline *p, const struct pipeline_files *set,
			 struct diag *reterr)
{
	for (size_t i = 0; i < set->n; i++) {
		const struct pipeline *other = set->items[i];

		if (strcmp(other->name, p->name) != 0)
			continue;
		diag_add(reterr, DIAG_ERROR, (struct position){ .file = pipeline_path(p) }, "",
			 "the name '%s' is taken by %s; rename one of the files", p->name,
			 pipeline_path(other));
		return true;
	}
	return false;
}

char *pipeline_conflict(const struct pipeline *p, const struct pipeline *other)
{
	char *why = NULL;
	int n = 0;

	if (strcmp(p->name, other->name) == 0)
		n = asprintf(&why, "its name '%s' is taken by %s", p->name, pipeline_path(other));
	for (size_t i = 0; !why && n >= 0 && i < p->n_outlets; i++) {
		_cleanup_(freep) char *target = target_of(&p->outlets[i]);

		if (target && find_writer(other, other->n_outlets, target))
			n = asprintf(&why, "'%s' is written by the pipeline '%s' (%s)", target,
				     other->name, pipeline_path(other));
	}
	return n < 0 ? NULL : why;
}

static int add_pipeline(struct pipeline_files *set, struct pipeline **p)
{
	struct pipeline **grown = reallocarray(set->items, set->n + 1, sizeof(struct pipeline *));

	if (!grown)
		return -ENOMEM;
	set->items = grown;
	set->items[set->n++] = TAKE_PTR(*p);
	return 0;
}

static int load_one(const char *path, struct pipeline_files *set, struct diag *reterr)
{
	_cleanup_(pipeline_freep) struct pipeline *p = NULL;
	int r;

	r = pipeline_load_file(path, reterr, &p);
	if (r == -ENOMEM)
		return r;
	if (r < 0)
		return add_failed(set, path);
	if (has_namesake(p, set, reterr) || has_clashes(p, set, reterr))
		return add_failed(set, path);
	return add_pipeline(set, &p);
}

size_t pipeline_files_n_enabled(const struct pipeline_files *set)
{
	size_t n = 0;

	for (size_t i = 0; i < set->n; i++)
		n += set->items[i]->is_enabled;
	return n;
}

/* Only where every file is right: after an error this would be beside the point. */
static void warn_if_idle(const struct pipeline_files *set, struct diag *reterr)
{
	if (!set->n || set->n_failed || pipeline_files_n_enabled(set))
		return;
	diag_add(reterr, DIAG_WARNING, (struct position){ .file = pipeline_path(set->items[0]) },
		 "enable", "%s enabled: nothing is recorded",
		 set->n == 1 ? "the only pipeline is not" : "this pipeline and all others are not");
}

int pipeline_set_load(const char *const *paths, size_t n, struct diag *reterr,
		      struct pipeline_files *ret)
{
	_cleanup_(files_done) struct files files = { .reterr = reterr };
	_cleanup_(pipeline_files_done) struct pipeline_files set = { 0 };
	size_t n_errors = reterr->n_errors;
	int r;

	r = list_all(&files, paths, n);
	for (size_t i = 0; r == 0 && i < files.n; i++)
		r = load_one(files.items[i].path, &set, reterr);
	if (r < 0)
		return r;
	warn_if_idle(&set, reterr);
	*ret = TAKE(set, (struct pipeline_files){ 0 });
	return reterr->n_errors > n_errors ? -EINVAL : 0;
}

void pipeline_files_done(struct pipeline_files *set)
{
	for (size_t i = 0; i < set->n; i++)
		pipeline_free(set->items[i]);
	for (size_t i = 0; i < set->n_failed; i++)
		free(set->failed[i]);
	free(set->items);
	free(set->failed);
	*set = (struct pipeline_files){ 0 };
}
