/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One thread lists and follows the events; some more ask about single containers: a daemon answers
 * about a container that it is just starting when it has started it, and the others shall not wait
 * for that. Who asks gets at once what its creation told. They are made when there is a daemon for
 * the first time.
 */
#include "enrich/docker_api.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/rooted_path.h"
#include "enrich/docker_client.h"
#include "enrich/docker_facts.h"
#include "enrich/image_digests.h"
#include "enrich/runtime_desk.h"

#define LOG_UNIT "containers"

#define ASKERS 3
#define LOOK_MS 3000 /* until a socket that is not there is looked for again */

const char *const docker_sockets[] = { "/run/docker.sock", "/var/run/docker.sock", NULL };
const char *const podman_sockets[] = { "/run/podman/podman.sock", NULL };

struct asker {
	struct docker_api *api;
	struct http *http;
	pthread_t thread;
};

struct docker_api {
	struct runtime_desk desk;
	struct image_digests digests;
	struct container_roots read;
	const char *host_root;
	unsigned int patience_ms;      /* with an answer about one container */
	_Atomic(const char *) socket;  /* where the daemon is, or was last */
	_Atomic(const char *) runtime; /* podman may answer at Docker's place */
	pthread_t watcher;
	struct http *http; /* the watcher's; made under the desk's lock, like the others */
	struct asker askers[ASKERS];
	size_t n_askers;
	bool has_watcher;
};

/* Of an image, from what is kept or from the daemon; nothing where it has none. */
static int add_digest(struct asker *a, struct container_facts *f)
{
	const char *id = f->texts[CONTAINER_IMAGE_ID], *name = f->texts[CONTAINER_IMAGE_NAME];
	_cleanup_(json_unrefp) json_t *image = NULL;
	_cleanup_(freep) char *digest = NULL;
	int r;

	if (!id || !name || f->texts[CONTAINER_IMAGE_DIGEST])
		return 0;
	r = image_digests_get(&a->api->digests, id, name, &digest);
	if (r == -ENOENT) {
		const char *text;

		r = docker_client_image(a->http, a->api->socket, a->api->patience_ms, id, &image);
		if (r < 0)
			return r;
		text = docker_facts_digest(json_object_get(image, "RepoDigests"), name);
		(void)image_digests_put(&a->api->digests, id, name, text);
		return container_facts_set_image_digest(f, str_from(text));
	}
	return r < 0 ? r : container_facts_set_image_digest(f, str_from(digest));
}

/* Tells all there is to tell. 0: it is known. */
static int inspect(struct asker *a, const char id[CONTAINER_ID_LEN])
{
	_cleanup_(container_facts_done) struct container_facts f = { 0 };
	_cleanup_(json_unrefp) json_t *answer = NULL;
	int r = docker_client_inspect(a->http, a->api->socket, a->api->patience_ms, id, &answer);

	if (r == 0)
		r = docker_facts_of_inspect(answer, str_from(a->api->runtime), &f);
	if (r < 0)
		return r;
	/* Another one than was asked for, which nobody has asked for. */
	if (memcmp(f.id, id, CONTAINER_ID_LEN) != 0)
		return -EBADMSG;
	r = add_digest(a, &f);
	if (r < 0 && r != -ESRCH)
		runtime_desk_count_failure(&a->api->desk, r);
	runtime_desk_tell(&a->api->desk, &f);
	return 0;
}

static void answer(struct asker *a, const char id[CONTAINER_ID_LEN], bool is_waited_for)
{
	struct runtime_desk *desk = &a->api->desk;
	int r = inspect(a, id);

	if (r < 0 && r != -ESRCH)
		runtime_desk_count_failure(desk, r);
	if (is_waited_for)
		runtime_desk_answered(desk, id, r == 0);
	/* Who waits would wait as long for the next one. */
	if (r == -ETIMEDOUT)
		runtime_desk_dismiss(desk);
}

static void *answer_questions(void *ctx)
{
	struct asker *a = ctx;
	char id[CONTAINER_ID_LEN];
	bool is_waited_for;

	while (runtime_desk_wait(&a->api->desk, 0, id, &is_waited_for) == RUNTIME_QUESTION)
		answer(a, id, is_waited_for);
	return NULL;
}

static int64_t event_ns(const json_t *event)
{
	const json_t *at = json_object_get(event, "timeNano");

	return json_is_integer(at) ? json_integer_value(at) : INT64_MAX;
}

static void on_event(void *ctx, const json_t *event)
{
	_cleanup_(container_facts_done) struct container_facts f = { 0 };
	struct docker_api *api = ctx;
	enum docker_event what;

	if (docker_facts_of_event(event, str_from(api->runtime), &what, &f) < 0)
		return;
	switch (what) {
	case DOCKER_CREATED:
		runtime_desk_tell(&api->desk, &f);
		runtime_desk_want(&api->desk, f.id);
		break;
	case DOCKER_STARTED:
		runtime_desk_tell(&api->desk, &f);
		if (runtime_desk_wants_start(&api->desk, f.id, event_ns(event)))
			runtime_desk_want(&api->desk, f.id);
		break;
	case DOCKER_RENAMED:
		runtime_desk_tell(&api->desk, &f);
		break;
	case DOCKER_DESTROYED:
		runtime_desk_gone(&api->desk, f.id);
		break;
	case DOCKER_OTHER:
	case _DOCKER_EVENT_MAX:
		break;
	}
}

static int list_all(struct docker_api *api)
{
	_cleanup_(json_unrefp) json_t *list = NULL;
	int r = docker_client_list(api->http, api->socket, &list);

	if (r < 0 || !json_is_array(list))
		return r < 0 ? r : -EBADMSG;
	runtime_desk_begin_listing(&api->desk);
	for (size_t i = 0; i < json_array_size(list); i++) {
		_cleanup_(container_facts_done) struct container_facts f = { 0 };

		if (docker_facts_of_item(json_array_get(list, i), str_from(api->runtime), &f) < 0)
			continue;
		runtime_desk_tell(&api->desk, &f);
		runtime_desk_want(&api->desk, f.id);
	}
	runtime_desk_end_listing(&api->desk);
	return 0;
}

static int identify(struct docker_api *api)
{
	const char *runtime;
	int r = docker_client_identify(api->http, api->socket, &runtime);

	if (r == 0)
		api->runtime = runtime;
	return r;
}

static bool is_read(const struct docker_api *api, const char *root, struct str driver)
{
	bool is_podman = strcmp(api->runtime, "podman") == 0;
	_cleanup_(freep) char *path = NULL;
	bool is_known = false;

	for (size_t i = 0; i < api->read.n; i++)
		is_known |= strcmp(api->read.paths[i], root) == 0;
	if (!is_known || rooted_path_resolve(api->host_root, root, &path) < 0)
		return false;
	return runtime_files_have_images(is_podman ? LAYOUT_PODMAN : LAYOUT_DOCKER, path, driver);
}

/* Where the daemon does not say what it writes, or another place, it is asked about everything. */
static bool has_read_files(struct docker_api *api)
{
	_cleanup_(json_unrefp) json_t *info = NULL;
	struct str root;
	int r = api->read.n ? docker_client_info(api->http, api->socket, &info) : -ENOENT;

	if (r < 0)
		return false;
	root = JSON_TEXT(info, "DockerRootDir");
	return root.n && is_read(api, root.p, JSON_TEXT(info, "Driver"));
}

/* A client that an end is to reach. */
static int open_client(struct docker_api *api, struct http **at)
{
	struct http *http;
	int r = http_new(&http);

	if (r < 0)
		return r;
	pthread_mutex_lock(&api->desk.lock);
	*at = http;
	if (api->desk.is_ending)
		http_cancel(http);
	pthread_mutex_unlock(&api->desk.lock);
	return 0;
}

static int open_askers(struct docker_api *api)
{
	int r = api->http ? 0 : open_client(api, &api->http);

	while (r == 0 && api->n_askers < ASKERS) {
		struct asker *a = &api->askers[api->n_askers];

		a->api = api;
		r = a->http ? 0 : open_client(api, &a->http);
		if (r == 0)
			r = -pthread_create(&a->thread, NULL, answer_questions, a);
		if (r == 0)
			api->n_askers++;
	}
	return r;
}

/* From the first to the last that the daemon says; *ret_was_ready: there was something. */
static int follow(struct docker_api *api, bool *ret_was_ready)
{
	struct docker_client_wish wish = { .since_s = (int64_t)time(NULL) - 1 };
	int r = open_askers(api);

	if (r == 0)
		r = identify(api);
	if (r == 0)
		r = list_all(api);
	if (r < 0)
		return r;
	runtime_desk_set_ready(&api->desk);
	*ret_was_ready = true;
	wish.is_later_alone = has_read_files(api); /* it may take seconds: who asks is answered */
	/* What happened since before the listing comes again, so nothing falls in between. */
	r = docker_client_events(api->http, api->socket, &wish, on_event, api);
	return r < 0 ? r : -ECONNRESET;
}

static void *watch(void *ctx)
{
	struct docker_api *api = ctx;
	unsigned int n_failures = 0, ms;

	do {
		const char *socket = runtime_desk_find_socket(&api->desk, NULL);
		bool was_ready = false;

		ms = LOOK_MS;
		if (socket) {
			int r;

			api->socket = socket;
			r = follow(api, &was_ready);
			ms = runtime_desk_lost(&api->desk, r, was_ready, &n_failures);
		} else {
			runtime_desk_set_off(&api->desk);
		}
	} while (runtime_desk_pause(&api->desk, ms));
	return NULL;
}

static void end_threads(struct docker_api *api)
{
	runtime_desk_end(&api->desk);
	pthread_mutex_lock(&api->desk.lock);
	if (api->http)
		http_cancel(api->http);
	for (size_t i = 0; i < ASKERS; i++)
		if (api->askers[i].http)
			http_cancel(api->askers[i].http);
	pthread_mutex_unlock(&api->desk.lock);
	/* The watcher makes the others: when it has ended there are no new ones. */
	if (api->has_watcher)
		pthread_join(api->watcher, NULL);
	for (size_t i = 0; i < api->n_askers; i++)
		pthread_join(api->askers[i].thread, NULL);
}

static void *docker_api_free(void *self)
{
	struct docker_api *api = self;

	if (!api)
		return NULL;
	end_threads(api);
	http_free(api->http);
	for (size_t i = 0; i < ASKERS; i++)
		http_free(api->askers[i].http);
	image_digests_done(&api->digests);
	runtime_desk_done(&api->desk);
	free(api);
	return NULL;
}

static void docker_api_freep(struct docker_api **api)
{
	docker_api_free(*api);
}

static int docker_api_new(const char *runtime, const struct docker_options *options,
			  const struct container_sink *sink, struct docker_api **ret)
{
	_cleanup_(docker_api_freep) struct docker_api *api = NULL;
	_cleanup_(freep) struct docker_api *raw = calloc(1, sizeof(*raw));
	int r;

	if (!raw)
		return -ENOMEM;
	r = runtime_desk_init(&raw->desk, runtime, options->sockets, sink);
	if (r < 0)
		return r;
	api = TAKE_PTR(raw);
	image_digests_init(&api->digests);
	api->runtime = runtime;
	api->read = options->read;
	api->host_root = options->host_root;
	api->patience_ms = runtime_desk_patience_ms(options->wait_ms);
	r = -pthread_create(&api->watcher, NULL, watch, api);
	if (r < 0)
		return r;
	api->has_watcher = true;
	*ret = TAKE_PTR(api);
	return 0;
}

int docker_api_new_docker(const struct docker_options *options, const struct container_sink *sink,
			  struct docker_api **ret)
{
	return docker_api_new("docker", options, sink, ret);
}

int docker_api_new_podman(const struct docker_options *options, const struct container_sink *sink,
			  struct docker_api **ret)
{
	return docker_api_new("podman", options, sink, ret);
}

static void docker_api_ask(void *self, const struct container_facts *known)
{
	runtime_desk_ask(&((struct docker_api *)self)->desk, known->id);
}

static void docker_api_state(void *self, struct source_state *ret)
{
	runtime_desk_get_state(&((struct docker_api *)self)->desk, ret);
}

const struct container_source docker_source = {
	.name = "docker",
	.ask = docker_api_ask,
	.state = docker_api_state,
	.free = docker_api_free,
};

const struct container_source podman_source = {
	.name = "podman",
	.ask = docker_api_ask,
	.state = docker_api_state,
	.free = docker_api_free,
};
