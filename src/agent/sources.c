/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In the order of this table they are asked: the files first, then the runtimes for what those do
 * not say, Kubernetes when the container is one of a pod.
 */
#include "agent/sources.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "enrich/container_files.h"
#include "enrich/cri_api.h"
#include "enrich/docker_api.h"
#include "enrich/kubernetes.h"

#define LOG_UNIT "sources"

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

static int add_host_paths(const struct agent_settings *settings, const struct string_list *list,
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

static struct container_roots roots_of(const struct string_list *list)
{
	return (struct container_roots){ .paths = list->items, .n = list->n };
}

static int start_files(const struct source_start *s, void **ret)
{
	const struct agent_settings *settings = s->settings;
	const struct container_roots roots[_LAYOUT_MAX] = {
		[LAYOUT_DOCKER] = roots_of(&settings->docker_roots),
		[LAYOUT_PODMAN] = roots_of(&settings->podman_roots),
		[LAYOUT_CONTAINERD] = roots_of(&settings->containerd_roots),
		[LAYOUT_CRIO] = roots_of(&settings->crio_roots),
	};

	return container_files_new(settings->host_root, roots, &s->sink,
				   (struct container_files **)ret);
}

static int look_for_files(const struct agent_settings *settings, struct source_places *places)
{
	const struct string_list *const all[] = { &settings->docker_roots, &settings->podman_roots,
						  &settings->containerd_roots,
						  &settings->crio_roots };
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(all); i++)
		r = add_host_paths(settings, all[i], places);
	return r;
}

static char **paths_free(char **paths)
{
	for (size_t i = 0; paths && paths[i]; i++)
		free(paths[i]);
	free(paths);
	return NULL;
}
DEFINE_CLEANUP(char **, paths_free)

/* Paths of the host, ended by NULL, as the agent finds them; the caller's. 0 or -ENOMEM. */
static int host_paths(const struct agent_settings *settings, const struct string_list *list,
		      char ***ret)
{
	_cleanup_(paths_freep) char **paths = calloc(list->n + 1, sizeof(*paths));
	int r = paths ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < list->n; i++)
		r = agent_settings_host_path(settings, list->items[i], &paths[i]);
	if (r == 0)
		*ret = TAKE_PTR(paths);
	return r;
}

static int start_docker(const struct source_start *s, void **ret)
{
	_cleanup_(paths_freep) char **sockets = NULL;
	int r = host_paths(s->settings, &s->settings->docker_sockets, &sockets);

	return r < 0 ? r
		     : docker_api_new_docker((const char *const *)sockets, &s->sink,
					     (struct docker_api **)ret);
}

static int look_for_docker(const struct agent_settings *settings, struct source_places *places)
{
	return add_host_paths(settings, &settings->docker_sockets, places);
}

static int start_podman(const struct source_start *s, void **ret)
{
	_cleanup_(paths_freep) char **sockets = NULL;
	int r = host_paths(s->settings, &s->settings->podman_sockets, &sockets);

	return r < 0 ? r
		     : docker_api_new_podman((const char *const *)sockets, &s->sink,
					     (struct docker_api **)ret);
}

static int look_for_podman(const struct agent_settings *settings, struct source_places *places)
{
	return add_host_paths(settings, &settings->podman_sockets, places);
}

static int start_cri(const struct source_start *s, void **ret)
{
	_cleanup_(paths_freep) char **sockets = NULL;
	int r = host_paths(s->settings, &s->settings->cri_sockets, &sockets);

	return r < 0 ? r
		     : cri_api_new((const char *const *)sockets, &s->sink, (struct cri_api **)ret);
}

static int look_for_cri(const struct agent_settings *settings, struct source_places *places)
{
	return add_host_paths(settings, &settings->cri_sockets, places);
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
	{ &container_files_source, "source files", STAGE_FIRST, start_files, look_for_files },
	{ &docker_source, "source docker", STAGE_SECOND, start_docker, look_for_docker },
	{ &podman_source, "source podman", STAGE_SECOND, start_podman, look_for_podman },
	{ &cri_source, "source cri", STAGE_SECOND, start_cri, look_for_cri },
	{ &kubernetes_source, "source kubernetes", STAGE_POD, start_kubernetes,
	  look_for_kubernetes },
};
_Static_assert(SOURCE_KINDS <= REGISTRY_SOURCES, "the registry has room for all");

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
