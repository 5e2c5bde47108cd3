/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In the order of this table they are asked: the files first, then the runtimes for what those do
 * not say, Kubernetes when the container is one of a pod.
 */
#include "agent/sources.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "enrich/container_files.h"
#include "enrich/cri_api.h"
#include "enrich/docker_api.h"
#include "enrich/kubernetes.h"

#define LOG_UNIT "sources"

#define LIST(member) offsetof(struct agent_settings, member)

#define METRIC(metric, kind, m, sentence)                                          \
	{                                                                          \
		metric, kind, offsetof(struct source_metrics, m), .help = sentence \
	}

const struct metric source_metrics_table[] = {
	METRIC("container_source_status", METRIC_GAUGE, status,
	       "What a source of container names does: 0 off, 1 connecting, 2 ready."),
	METRIC("container_source_items", METRIC_GAUGE, items,
	       "Containers or pods that a source knows now."),
	METRIC("container_source_questions_total", METRIC_COUNTER, questions,
	       "Questions that a source was asked."),
	METRIC("container_source_answers_total", METRIC_COUNTER, answers,
	       "Questions of which a source knew something."),
	METRIC("container_source_failures_total", METRIC_COUNTER, failures,
	       "Requests of a source that failed or timed out."),
	METRIC("container_source_reconnects_total", METRIC_COUNTER, reconnects,
	       "Connections of a source that were lost and made anew."),
	{ .type = METRIC_END },
};

void source_places_done(struct source_places *places)
{
	for (size_t i = 0; i < places->n; i++)
		free(places->items[i].text);
	free(places->items);
	*places = (struct source_places){ 0 };
}

/* Takes `text`. */
static int add_place(struct source_places *places, char *text, bool is_there)
{
	struct source_place *grown =
		text ? reallocarray(places->items, places->n + 1, sizeof(*grown)) : NULL;

	if (!grown) {
		freep(&text);
		return -ENOMEM;
	}
	places->items = grown;
	grown[places->n++] = (struct source_place){ .text = text, .is_there = is_there };
	return 0;
}

static int add_path(struct source_places *places, char *path)
{
	return add_place(places, path, path && access(path, F_OK) == 0);
}

static const struct string_list *list_at(const struct agent_settings *settings, size_t offset)
{
	return (const struct string_list *)((const char *)settings + offset);
}

static struct container_roots roots_at(const struct agent_settings *settings, size_t offset)
{
	const struct string_list *list = list_at(settings, offset);

	return (struct container_roots){ .paths = list->items, .n = list->n };
}

static int start_files(const struct source_start *s, void **ret)
{
	struct container_roots roots[_LAYOUT_MAX];

	for (int i = 0; i < _LAYOUT_MAX; i++)
		roots[i] = roots_at(s->settings, s->kind->lists[i]);
	return container_files_new(s->settings->host_root, roots, &s->sink,
				   (struct container_files **)ret);
}

static char **paths_free(char **paths)
{
	for (size_t i = 0; paths && paths[i]; i++)
		free(paths[i]);
	free(paths);
	return NULL;
}
DEFINE_CLEANUP(char **, paths_free)

/* Its sockets, ended by NULL, as the agent finds them; the caller's. 0 or -ENOMEM. */
static int sockets_of(const struct source_start *s, char ***ret)
{
	const struct string_list *list = list_at(s->settings, s->kind->lists[0]);
	_cleanup_(paths_freep) char **paths = calloc(list->n + 1, sizeof(*paths));
	int r = paths ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < list->n; i++)
		r = agent_settings_host_path(s->settings, list->items[i], &paths[i]);
	if (r == 0)
		*ret = TAKE_PTR(paths);
	return r;
}

static unsigned int wait_ms(const struct agent_settings *settings)
{
	return (unsigned int)(settings->container_wait_ns / CLOCK_MS_NS);
}

typedef int docker_new_fn(const struct docker_options *options, const struct container_sink *sink,
			  struct docker_api **ret);

/* `roots`: where its files are, which are read if anybody reads files. */
static int start_docker_like(const struct source_start *s, size_t roots, docker_new_fn *make,
			     void **ret)
{
	_cleanup_(paths_freep) char **sockets = NULL;
	struct docker_options options = { .host_root = s->settings->host_root,
					  .wait_ms = wait_ms(s->settings) };
	int r = sockets_of(s, &sockets);

	if (r < 0)
		return r;
	options.sockets = (const char *const *)sockets;
	if (source_is_wanted(&source_kinds[SOURCE_FILES], s->settings))
		options.read = roots_at(s->settings, roots);
	return make(&options, &s->sink, (struct docker_api **)ret);
}

static int start_docker(const struct source_start *s, void **ret)
{
	return start_docker_like(s, LIST(docker_roots), docker_api_new_docker, ret);
}

static int start_podman(const struct source_start *s, void **ret)
{
	return start_docker_like(s, LIST(podman_roots), docker_api_new_podman, ret);
}

static int start_cri(const struct source_start *s, void **ret)
{
	_cleanup_(paths_freep) char **sockets = NULL;
	int r = sockets_of(s, &sockets);

	return r < 0 ? r
		     : cri_api_new((const char *const *)sockets, wait_ms(s->settings), &s->sink,
				   (struct cri_api **)ret);
}

static int start_kubernetes(const struct source_start *s, void **ret)
{
	const struct agent_settings *settings = s->settings;
	const struct kubernetes_options options = {
		.mode = (enum kubernetes_mode)settings->kubernetes,
		.node_name = settings->kubernetes_node ? settings->kubernetes_node : s->node_name,
		.kubeconfig = settings->kubeconfig,
		.server = settings->kubernetes_server,
		.is_insecure = settings->kubernetes_insecure,
		.annotations = settings->kubernetes_annotations.items,
		.n_annotations = settings->kubernetes_annotations.n,
	};

	return kubernetes_new(&options, &s->sink, (struct kubernetes **)ret);
}

/* Who says how it is reached, and where that is set. */
static int look_for_kubernetes(const struct agent_settings *settings, struct source_places *places)
{
	const char *who = settings->kubeconfig ? settings->kubeconfig : KUBERNETES_ACCOUNT;
	int r = settings->kubernetes == KUBERNETES_OFF ? 0 : add_path(places, strdup(who));

	if (r == 0 && settings->kubernetes_server)
		r = add_place(places, strdup(settings->kubernetes_server), true);
	return r;
}

const struct source_kind source_kinds[SOURCE_KINDS] = {
	[SOURCE_FILES] = { .source = &container_files_source,
			   .title = "source files",
			   .stage = STAGE_FIRST,
			   .start = start_files,
			   .lists = { [LAYOUT_DOCKER] = LIST(docker_roots),
				      [LAYOUT_PODMAN] = LIST(podman_roots),
				      [LAYOUT_CONTAINERD] = LIST(containerd_roots),
				      [LAYOUT_CRIO] = LIST(crio_roots) } },
	{ .source = &docker_source,
	  .title = "source docker",
	  .stage = STAGE_SECOND,
	  .start = start_docker,
	  .lists = { LIST(docker_sockets) } },
	{ .source = &podman_source,
	  .title = "source podman",
	  .stage = STAGE_SECOND,
	  .start = start_podman,
	  .lists = { LIST(podman_sockets) } },
	{ .source = &cri_source,
	  .title = "source cri",
	  .stage = STAGE_SECOND,
	  .start = start_cri,
	  .lists = { LIST(cri_sockets) } },
	{ .source = &kubernetes_source,
	  .title = "source kubernetes",
	  .stage = STAGE_POD,
	  .start = start_kubernetes,
	  .look = look_for_kubernetes },
};
_Static_assert(SOURCE_KINDS <= REGISTRY_SOURCES, "the registry has room for all");
_Static_assert(_LAYOUT_MAX <= SOURCE_LISTS, "the files have a list for each layout");

static int look_in(const struct agent_settings *settings, const struct string_list *list,
		   struct source_places *places)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < list->n; i++) {
		char *path = NULL;

		r = agent_settings_host_path(settings, list->items[i], &path);
		if (r == 0)
			r = add_path(places, path);
	}
	return r;
}

int source_look(const struct source_kind *kind, const struct agent_settings *settings,
		struct source_places *places)
{
	int r = kind->look ? kind->look(settings, places) : 0;

	for (size_t i = 0; r == 0 && i < SOURCE_LISTS && kind->lists[i]; i++)
		r = look_in(settings, list_at(settings, kind->lists[i]), places);
	return r;
}

bool source_is_wanted(const struct source_kind *kind, const struct agent_settings *settings)
{
	const struct string_list *names = &settings->container_sources;

	for (size_t i = 0; i < names->n; i++)
		if (strcmp(names->items[i], kind->source->name) == 0)
			return true;
	return false;
}

static void start_one(struct sources *s, const struct source_kind *kind, struct source_start *start)
{
	void *self = NULL;
	int r;

	start->kind = kind;
	start->sink = container_registry_sink(s->registry);
	r = kind->start(start, &self);
	if (r < 0) {
		log_warn_errno(r, "going on without what %s knows of containers",
			       kind->source->name);
		return;
	}
	container_registry_add(s->registry, kind->source, self, kind->stage);
	s->n++;
}

int sources_start(struct sources *s, const struct agent_settings *settings, const char *node_name)
{
	struct source_start start = { .settings = settings, .node_name = node_name };
	int r;

	*s = (struct sources){ 0 };
	if (!settings->container_sources.n)
		return 0;
	r = container_registry_new(&s->registry);
	if (r < 0)
		return r;
	for (size_t i = 0; i < SOURCE_KINDS; i++)
		if (source_is_wanted(&source_kinds[i], settings))
			start_one(s, &source_kinds[i], &start);
	return 0;
}

void sources_done(struct sources *s)
{
	s->registry = container_registry_free(s->registry);
	s->n = 0;
}

int sources_show_metrics(struct sources *s, struct metrics *m)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->n; i++) {
		struct metric_label label = { "source", NULL };
		struct source_state state;

		container_registry_source(s->registry, i, &label.value, &state);
		r = metrics_add(m, source_metrics_table, &s->metrics[i], &label, 1,
				&s->metrics[i].set);
	}
	return r;
}

void sources_count(struct sources *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct source_metrics *m = &s->metrics[i];
		struct source_state state;
		const char *name;

		container_registry_source(s->registry, i, &name, &state);
		metric_set(&m->status, state.status);
		metric_set(&m->items, state.items);
		metric_set(&m->questions, state.questions);
		metric_set(&m->answers, state.answers);
		metric_set(&m->failures, state.failures);
		metric_set(&m->reconnects, state.reconnects);
	}
}
