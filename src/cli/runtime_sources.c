/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/runtime_sources.h"

#include <string.h>

#include "base/json_text.h"
#include "cli/container_list.h"
#include "enrich/cri_api.h"
#include "enrich/docker_api.h"

static int start_docker(const char *const *sockets, const struct container_sink *sink, void **ret)
{
	return docker_api_new_docker(sockets, sink, (struct docker_api **)ret);
}

static int start_podman(const char *const *sockets, const struct container_sink *sink, void **ret)
{
	return docker_api_new_podman(sockets, sink, (struct docker_api **)ret);
}

static int start_cri(const char *const *sockets, const struct container_sink *sink, void **ret)
{
	return cri_api_new(sockets, sink, (struct cri_api **)ret);
}

static const struct kind {
	const char *option;
	const char *const *sockets;
	const struct container_source *source;
	int (*start)(const char *const *sockets, const struct container_sink *sink, void **ret);
} kinds[] = {
	{ "docker", docker_sockets, &docker_source, start_docker },
	{ "podman", podman_sockets, &podman_source, start_podman },
	{ "cri", cri_sockets, &cri_source, start_cri },
};

static int start(struct runtime_sources *s, const struct kind *kind, const char *given,
		 struct container_list *list)
{
	const char *const one[] = { given, NULL };
	struct runtime_source *item = &s->items[s->n];
	struct container_sink sink =
		container_list_sink(list, (unsigned int)s->n, kind->source->name);
	int r = kind->start(given ? one : kind->sockets, &sink, &item->self);

	if (r < 0)
		return r;
	item->source = kind->source;
	s->n++;
	return 0;
}

int runtime_sources_start(struct runtime_sources *s, const struct command_line *line,
			  struct container_list *list)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(kinds); i++) {
		const char *given = command_get(line, kinds[i].option);

		if (!given || strcmp(given, "none") != 0)
			r = start(s, &kinds[i], given, list);
	}
	return r;
}

void runtime_sources_done(struct runtime_sources *s)
{
	for (size_t i = 0; i < s->n; i++)
		s->items[i].source->free(s->items[i].self);
	s->n = 0;
}

bool runtime_sources_have_settled(const struct runtime_sources *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct source_state state;

		s->items[i].source->state(s->items[i].self, &state);
		if (state.status == SOURCE_CONNECTING && !state.error)
			return false;
	}
	return true;
}

static void format_one(const char *name, const struct source_state *state, struct buf *out)
{
	static const char *const words[_SOURCE_STATUS_MAX] = {
		[SOURCE_OFF] = "off",
		[SOURCE_CONNECTING] = "connecting",
		[SOURCE_READY] = "ready",
	};

	buf_printf(out, "{\"source\":\"%s\",\"status\":\"%s\"", name, words[state->status]);
	if (state->error) {
		buf_put_str(out, STR(",\"error\":"));
		json_text_put(out, str_from(strerror(-state->error)));
	}
	buf_printf(out, ",\"items\":%llu,\"failures\":%llu}\n", (unsigned long long)state->items,
		   (unsigned long long)state->failures);
}

void runtime_sources_format(const struct runtime_sources *s, struct buf *out)
{
	for (size_t i = 0; i < s->n; i++) {
		struct source_state state;

		s->items[i].source->state(s->items[i].self, &state);
		format_one(s->items[i].source->name, &state, out);
	}
}
