/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loading is pipeline/set.c; here is what runs, and how it comes to be what the files say. All of
 * it happens between two batches, while the ring holds what comes.
 */
#include "agent/pipelines.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

#define LOG_UNIT "pipelines"

/*
 * The old version of a pipeline gets this long to write what it has taken; the shorter time where
 * the rest is kept for the new version, since nothing is read from the ring meanwhile.
 */
#define REPLACE_NS 2000000000ULL
#define HAND_OVER_NS 100000000ULL

void pipelines_init(struct pipelines *p, const char *const *paths, size_t n_paths,
		    struct metrics *m)
{
	*p = (struct pipelines){ .paths = paths, .n_paths = n_paths, .metrics = m };
}

static char **names_free(char **names)
{
	for (size_t i = 0; names && names[i]; i++)
		free(names[i]);
	free(names);
	return NULL;
}
DEFINE_CLEANUP(char **, names_free)

static void items_free(struct pipelines *p)
{
	for (size_t i = 0; i < p->n; i++)
		pipeline_free(p->items[i].pipeline);
	free(p->items);
	p->items = NULL;
	p->n = 0;
}

void pipelines_done(struct pipelines *p)
{
	items_free(p);
	pipeline_files_done(&p->loaded);
	p->environment = names_free(p->environment);
}

static int add_names(char ***names, size_t *n, const struct string_list *more)
{
	for (size_t i = 0; i < more->n; i++) {
		char **grown = reallocarray(*names, *n + 2, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		*names = grown;
		grown[*n] = strdup(more->items[i]);
		if (!grown[*n])
			return -ENOMEM;
		grown[++*n] = NULL;
	}
	return 0;
}

/* The union of what the pipelines name; a name that two have is there twice, which does no harm. */
static int collect_environment(struct pipelines *p)
{
	_cleanup_(names_freep) char **names = NULL;
	size_t n = 0;
	int r = 0;

	for (size_t i = 0; i < p->n && r == 0; i++)
		r = add_names(&names, &n, pipeline_demand(p->items[i].pipeline)->environment);
	if (r < 0)
		return r;
	names_free(p->environment);
	p->environment = TAKE_PTR(names);
	return 0;
}

/* Starts a pipeline and takes it; on failure it is still the caller's. */
static int begin(const struct pipelines *p, struct pipeline *pipeline, struct running *ret)
{
	struct running one = { .pipeline = pipeline, .is_new = true };
	int r;

	r = pipeline_fingerprint(pipeline, &one.fingerprint);
	if (r < 0)
		return r;
	if (p->queue_bytes)
		pipeline_bound_queues(pipeline, p->queue_bytes);
	r = pipeline_start(pipeline);
	if (r < 0)
		return r;
	pipeline_set_self(pipeline, p->self_pid);
	for (size_t i = 0; i < p->n; i++)
		if (p->items[i].pipeline) /* or it has just been stopped */
			pipeline_share(pipeline, p->items[i].pipeline);
	*ret = one;
	return 0;
}

/* Not before an older version of it is gone: a page must not have two of one name. */
static void show(const struct pipelines *p, struct pipeline *pipeline)
{
	if (p->metrics && pipeline_show_metrics(pipeline, p->metrics) < 0)
		log_warn("no memory to show the metrics of pipeline '%s', which runs",
			 pipeline_name(pipeline));
}

/* Not before an older version of it is gone, either: it takes up what that one has left. */
static void keep_state(const struct pipelines *p, struct pipeline *pipeline)
{
	if (p->state.folder)
		pipeline_set_state(pipeline, &p->state);
}

static struct running *append(struct pipelines *p)
{
	struct running *grown = reallocarray(p->items, p->n + 1, sizeof(*grown));

	if (!grown)
		return NULL;
	p->items = grown;
	return &grown[p->n];
}

static int add(struct pipelines *p, struct pipeline **pipeline)
{
	struct running *slot = append(p);
	int r = slot ? begin(p, *pipeline, slot) : -ENOMEM;

	if (r < 0)
		return r;
	keep_state(p, *pipeline);
	show(p, *pipeline);
	*pipeline = NULL;
	p->n++;
	return 0;
}

static int load_all(const struct pipelines *p, const char *text, struct pipeline_files *ret)
{
	struct diag diag = { 0 };
	int r;

	if (p->n_paths) {
		r = pipeline_set_load(p->paths, p->n_paths, &diag, ret);
	} else {
		ret->items = calloc(1, sizeof(struct pipeline *));
		r = ret->items ? pipeline_load_text("default", text, &diag, ret->items) : -ENOMEM;
		ret->n = r == 0;
	}
	diag_print(&diag, stderr);
	diag_done(&diag);
	return r;
}

int pipelines_load(struct pipelines *p, const char *text)
{
	int r = load_all(p, text, &p->loaded);

	if (r < 0 && r != -EINVAL)
		return log_err_errno(r, "cannot load the pipelines");
	if (pipeline_files_n_enabled(&p->loaded))
		return 0;
	log_err("there is no pipeline to run: each is wrong or not enabled");
	return -EINVAL;
}

size_t pipelines_n_flushers(const struct pipelines *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->loaded.n; i++)
		if (pipeline_is_enabled(p->loaded.items[i]))
			n += pipeline_n_flushers(p->loaded.items[i]);
	return n;
}

int pipelines_start(struct pipelines *p)
{
	_cleanup_(pipeline_files_done) struct pipeline_files files = p->loaded;
	int r, worst = 0;

	p->loaded = (struct pipeline_files){ 0 };
	for (size_t i = 0; i < files.n; i++) {
		if (!pipeline_is_enabled(files.items[i]))
			continue;
		r = add(p, &files.items[i]);
		if (r < 0)
			worst = log_err_errno(r, "cannot start pipeline '%s'",
					      pipeline_name(files.items[i]));
	}
	return p->n ? collect_environment(p) : worst;
}

static struct pipeline **find_loaded(const struct pipeline_files *files, const char *path)
{
	for (size_t i = 0; i < files->n; i++)
		if (files->items[i] && strcmp(pipeline_path(files->items[i]), path) == 0)
			return &files->items[i];
	return NULL;
}

static bool has_failed(const struct pipeline_files *files, const char *path)
{
	for (size_t i = 0; i < files->n_failed; i++)
		if (strcmp(files->failed[i], path) == 0)
			return true;
	return false;
}

static void add_totals(struct pipeline_totals *to, const struct pipeline *p)
{
	struct pipeline_totals one;

	pipeline_totals(p, &one);
	to->records += one.records;
	to->dropped += one.dropped;
}

/* Lets it finish what it has taken. What it has done counts in the end. */
static void retire(struct pipelines *p, struct pipeline *pipeline)
{
	pipeline_stop(pipeline, clock_now_ns(CLOCK_MONOTONIC) +
					(p->state.folder ? HAND_OVER_NS : REPLACE_NS));
	add_totals(&p->retired, pipeline);
	pipeline_free(pipeline);
}

/*
 * The new version is started before the old one is stopped, so that one which cannot start changes
 * nothing; it opens its files anew after the old one's last write, which may have rolled them.
 */
static int replace(struct pipelines *p, struct running *old, struct pipeline **loaded)
{
	struct pipeline *before = old->pipeline;
	struct running now = { 0 };
	int r;

	r = begin(p, *loaded, &now);
	if (r < 0)
		return r;
	*loaded = NULL;
	now.is_new = old->is_new || (pipeline_demand(now.pipeline)->calls &
				     ~pipeline_demand(before)->calls & 1U << CALL_SNAPSHOT);
	*old = now;
	retire(p, before);
	keep_state(p, now.pipeline);
	show(p, now.pipeline);
	pipeline_reopen(now.pipeline);
	log_info("pipeline '%s' has changed", pipeline_name(now.pipeline));
	return 0;
}

static void end(struct pipelines *p, struct running *old)
{
	log_info("pipeline '%s' has ended", pipeline_name(old->pipeline));
	retire(p, TAKE_PTR(old->pipeline));
}

/* What a reload does to one that runs. */
static enum fate fate_of(struct running *one, const struct pipeline_files *files)
{
	const char *path = pipeline_path(one->pipeline);
	struct pipeline **loaded = find_loaded(files, path);
	uint64_t fingerprint;

	if (!loaded && has_failed(files, path)) {
		log_warn("'%s' is wrong, its running version goes on", path);
		return FATE_STAYS;
	}
	if (!loaded || !pipeline_is_enabled(*loaded))
		return FATE_ENDS;
	if (pipeline_fingerprint(*loaded, &fingerprint) == 0 && fingerprint == one->fingerprint)
		return FATE_STAYS;
	return FATE_CHANGES;
}

/* Whether what was loaded cannot run beside one that stays; says so. */
static bool has_conflict(const struct pipelines *p, const struct pipeline *loaded)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct running *one = &p->items[i];
		_cleanup_(freep) char *why = NULL;

		if (one->fate != FATE_STAYS ||
		    strcmp(pipeline_path(one->pipeline), pipeline_path(loaded)) == 0)
			continue;
		why = pipeline_conflict(loaded, one->pipeline);
		if (!why)
			continue;
		log_err("'%s' cannot be taken over: %s, whose running version goes on",
			pipeline_path(loaded), why);
		return true;
	}
	return false;
}

/*
 * What may not change stays, and others may not come in its way then. False when there was any.
 */
static bool settle(struct pipelines *p, const struct pipeline_files *files)
{
	bool has_changed = true, ret = true;

	while (has_changed) {
		has_changed = false;
		for (size_t i = 0; i < p->n; i++) {
			struct running *one = &p->items[i];

			if (one->fate != FATE_CHANGES ||
			    !has_conflict(p, *find_loaded(files, pipeline_path(one->pipeline))))
				continue;
			one->fate = FATE_STAYS;
			has_changed = true;
			ret = false;
		}
	}
	return ret;
}

/* Those that end do so first: others may write their files. */
static int apply(struct pipelines *p, const struct pipeline_files *files)
{
	int worst = 0;

	for (size_t i = 0; i < p->n; i++)
		if (p->items[i].fate == FATE_ENDS)
			end(p, &p->items[i]);
	for (size_t i = 0; i < p->n; i++) {
		struct running *one = &p->items[i];
		int r;

		if (one->fate != FATE_CHANGES)
			continue;
		r = replace(p, one, find_loaded(files, pipeline_path(one->pipeline)));
		one->fate = FATE_STAYS;
		if (r < 0)
			worst = log_err_errno(
				r, "the new version of '%s' cannot start, the running one goes on",
				pipeline_path(one->pipeline));
	}
	return worst;
}

static void drop_ended(struct pipelines *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++)
		if (p->items[i].pipeline)
			p->items[n++] = p->items[i];
	p->n = n;
}

static bool runs(const struct pipelines *p, const char *path)
{
	for (size_t i = 0; i < p->n; i++)
		if (strcmp(pipeline_path(p->items[i].pipeline), path) == 0)
			return true;
	return false;
}

static int add_rest(struct pipelines *p, struct pipeline_files *files)
{
	int worst = 0;

	for (size_t i = 0; i < files->n; i++) {
		struct pipeline **loaded = &files->items[i];
		int r;

		if (!*loaded || !pipeline_is_enabled(*loaded) || runs(p, pipeline_path(*loaded)))
			continue;
		if (has_conflict(p, *loaded)) {
			worst = -EEXIST;
			continue;
		}
		r = add(p, loaded);
		if (r < 0)
			worst = log_err_errno(r, "cannot start pipeline '%s'",
					      pipeline_name(*loaded));
		else
			log_info("pipeline '%s' has begun",
				 pipeline_name(p->items[p->n - 1].pipeline));
	}
	return worst;
}

enum pipelines_reload pipelines_reload(struct pipelines *p)
{
	_cleanup_(pipeline_files_done) struct pipeline_files files = { 0 };
	int r, worst;

	if (!p->n_paths)
		return RELOAD_APPLIED; /* the embedded default never changes */
	worst = load_all(p, NULL, &files);
	if (worst < 0 && worst != -EINVAL) {
		log_err_errno(worst, "cannot load the pipelines, those that run go on");
		return RELOAD_PARTLY;
	}
	for (size_t i = 0; i < p->n; i++)
		p->items[i].fate = fate_of(&p->items[i], &files);
	if (!settle(p, &files))
		worst = -EEXIST;
	r = apply(p, &files);
	worst = r < 0 ? r : worst;
	drop_ended(p);
	r = add_rest(p, &files);
	worst = r < 0 ? r : worst;
	if (collect_environment(p) < 0)
		worst = -ENOMEM;
	if (!p->n)
		log_warn("no pipeline runs any more: nothing is delivered until one is enabled");
	return worst < 0 ? RELOAD_PARTLY : RELOAD_APPLIED;
}

size_t pipelines_n_running_flushers(const struct pipelines *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++)
		n += pipeline_n_flushers(p->items[i].pipeline);
	return n;
}

void pipelines_bound_queues(struct pipelines *p, size_t bytes)
{
	p->queue_bytes = bytes;
	for (size_t i = 0; i < p->n; i++)
		pipeline_bound_queues(p->items[i].pipeline, bytes);
}

void pipelines_demand(const struct pipelines *p, struct pipelines_demand *ret)
{
	*ret = (struct pipelines_demand){ .environment = (const char *const *)p->environment };
	for (size_t i = 0; i < p->n; i++) {
		const struct demand *d = pipeline_demand(p->items[i].pipeline);

		ret->max_args = d->max_args > ret->max_args ? d->max_args : ret->max_args;
		for (size_t k = 0; k < n_fields; k++)
			ret->wants_ext |= d->fields[k] && fields[k].set == FIELD_SET_EXTENDED;
	}
}

static uint32_t calls_of(const struct pipelines *p)
{
	uint32_t calls = 0;

	for (size_t i = 0; i < p->n; i++)
		calls |= pipeline_demand(p->items[i].pipeline)->calls;
	return calls;
}

void pipelines_take(const struct pipelines *p, const struct batch *stride, uint64_t begin,
		    uint64_t bound)
{
	const uint32_t calls = calls_of(p);

	for (int are_selective = 0; are_selective <= 1; are_selective++)
		for (size_t i = 0; i < p->n; i++)
			if (pipeline_is_selective(p->items[i].pipeline, calls) == are_selective)
				pipeline_take(p->items[i].pipeline, stride, begin, bound);
}

void pipelines_push(const struct pipelines *p, uint64_t bound)
{
	for (size_t i = 0; i < p->n; i++)
		pipeline_push(p->items[i].pipeline, bound);
}

void pipelines_serve(const struct pipelines *p, const struct post *post)
{
	bool goes_on = true;

	for (size_t i = 0; goes_on && i < p->n; i++)
		goes_on = pipeline_serve(p->items[i].pipeline, post);
}

bool pipelines_any_room(const struct pipelines *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (pipeline_has_any_room(p->items[i].pipeline))
			return true;
	return p->n == 0;
}

bool pipelines_all_room(const struct pipelines *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (!pipeline_has_room(p->items[i].pipeline))
			return false;
	return true;
}

bool pipelines_are_gone(const struct pipelines *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (!pipeline_is_gone(p->items[i].pipeline))
			return false;
	return p->n > 0;
}

uint64_t pipelines_pending(const struct pipelines *p)
{
	uint64_t begin = UINT64_MAX;

	for (size_t i = 0; i < p->n; i++) {
		uint64_t one = pipeline_pending(p->items[i].pipeline);

		begin = one < begin ? one : begin;
	}
	return begin;
}

void pipelines_secure(struct pipelines *p, uint64_t before)
{
	for (size_t i = 0; i < p->n; i++)
		pipeline_secure(p->items[i].pipeline, before);
}

void pipelines_reopen(struct pipelines *p)
{
	for (size_t i = 0; i < p->n; i++)
		pipeline_reopen(p->items[i].pipeline);
}

void pipelines_stop(struct pipelines *p, uint64_t deadline_ns)
{
	for (size_t i = 0; i < p->n; i++)
		pipeline_stop(p->items[i].pipeline, deadline_ns);
}

void pipelines_totals(const struct pipelines *p, struct pipeline_totals *ret)
{
	*ret = p->retired;
	for (size_t i = 0; i < p->n; i++)
		add_totals(ret, p->items[i].pipeline);
}
