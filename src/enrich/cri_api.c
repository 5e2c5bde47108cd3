/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One thread, one connection: an answer takes a runtime a few milliseconds, whatever it does
 * besides. A look at the connection between the questions answers the runtime's pings and sees that
 * it has closed.
 */
#include "enrich/cri_api.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "enrich/cri_client.h"
#include "enrich/cri_facts.h"
#include "enrich/image_digests.h"
#include "enrich/runtime_desk.h"

#define LOG_UNIT "containers"

#define LOOK_MS 3000   /* until a socket that is not there is looked for again */
#define ATTEND_MS 5000 /* between looks at the connection */

const char *const cri_sockets[] = { "/run/containerd/containerd.sock", "/run/crio/crio.sock",
				    "/run/cri-dockerd.sock", NULL };

struct cri_api {
	struct runtime_desk desk;
	struct image_digests digests;
	struct image_digests ids; /* of images, where a container has a reference of another kind */
	struct http2 *connection; /* changed under the desk's lock */
	struct cri_client client;
	char *runtime; /* as it says of itself */
	pthread_t thread;
	bool has_thread;
};

/* What the image itself says; kept, so that each is asked for once. */
static int ask_image(struct cri_api *api, const char *ref, const char *name)
{
	_cleanup_(cri_image_freep) Cri__ImageStatusResponse *answer = NULL;
	int r = cri_client_image(&api->client, ref, &answer);

	if (r < 0)
		return r;
	if (!answer->image)
		return -ESRCH;
	r = image_digests_put(&api->ids, ref, name, answer->image->id);
	if (r == 0)
		r = image_digests_put(&api->digests, ref, name,
				      cri_facts_digest(answer->image, name));
	return r;
}

static int add_image(struct cri_api *api, const char *ref, struct container_facts *f)
{
	const char *name = f->texts[CONTAINER_IMAGE_NAME] ? f->texts[CONTAINER_IMAGE_NAME] : "";
	_cleanup_(freep) char *id = NULL, *digest = NULL;
	int r = image_digests_get(&api->ids, ref, name, &id);

	if (r == -ENOENT) {
		r = ask_image(api, ref, name);
		if (r == 0)
			r = image_digests_get(&api->ids, ref, name, &id);
	}
	if (r == 0)
		r = image_digests_get(&api->digests, ref, name, &digest);
	if (r == 0 && !f->texts[CONTAINER_IMAGE_ID])
		r = container_facts_set_image_id(f, str_from(id));
	if (r == 0 && !f->texts[CONTAINER_IMAGE_DIGEST])
		r = container_facts_set_image_digest(f, str_from(digest));
	return r;
}

static int add_start(struct cri_api *api, const char *id, struct container_facts *f)
{
	_cleanup_(cri_status_freep) Cri__ContainerStatusResponse *answer = NULL;
	int r = cri_client_status(&api->client, id, &answer);

	if (r == 0 && answer->status && answer->status->started_at > 0)
		f->started_ns = answer->status->started_at;
	return r;
}

/* Of a pod without kubelet's labels. */
static int add_pod(struct cri_api *api, const char *sandbox, struct container_facts *f)
{
	_cleanup_(cri_sandboxes_freep) Cri__ListPodSandboxResponse *answer = NULL;
	int r;

	if (f->texts[CONTAINER_POD_UID] || !*sandbox)
		return 0;
	r = cri_client_list_sandboxes(&api->client, sandbox, &answer);
	if (r == 0 && answer->n_items == 1)
		r = cri_facts_add_pod(f, answer->items[0]);
	return r;
}

/* What the listing lacks. A failure that is the question's own leaves what is known. */
static int add_rest(struct cri_api *api, const Cri__Container *c, bool wants_start,
		    struct container_facts *f)
{
	int r = add_pod(api, c->pod_sandbox_id, f);

	if (wants_start && !cri_client_is_lost(r))
		r = add_start(api, c->id, f);
	if (!cri_client_is_lost(r) && *c->image_ref &&
	    (!f->texts[CONTAINER_IMAGE_ID] || !f->texts[CONTAINER_IMAGE_DIGEST]))
		r = add_image(api, c->image_ref, f);
	return cri_client_is_lost(r) ? r : 0;
}

/* Tells of the container with this id, if it is one: 0, or -ESRCH. */
static int tell_container(struct cri_api *api, const char *id, bool wants_start)
{
	_cleanup_(container_facts_done) struct container_facts f = { 0 };
	_cleanup_(cri_containers_freep) Cri__ListContainersResponse *answer = NULL;
	int r = cri_client_list(&api->client, id, &answer), rest;

	if (r < 0)
		return r;
	if (answer->n_containers != 1 || strcmp(answer->containers[0]->id, id) != 0)
		return -ESRCH;
	r = cri_facts_of_container(answer->containers[0], str_from(api->runtime), &f);
	if (r < 0)
		return r;
	rest = add_rest(api, answer->containers[0], wants_start, &f);
	runtime_desk_tell(&api->desk, &f);
	return rest;
}

static int tell_sandbox(struct cri_api *api, const char *id)
{
	_cleanup_(container_facts_done) struct container_facts f = { 0 };
	_cleanup_(cri_sandboxes_freep) Cri__ListPodSandboxResponse *answer = NULL;
	int r = cri_client_list_sandboxes(&api->client, id, &answer);

	if (r < 0)
		return r;
	if (answer->n_items != 1 || strcmp(answer->items[0]->id, id) != 0)
		return -ESRCH;
	r = cri_facts_of_sandbox(answer->items[0], str_from(api->runtime), &f);
	if (r == 0)
		runtime_desk_tell(&api->desk, &f);
	return r;
}

/* 0: it goes on; the connection is lost otherwise. */
static int answer(struct cri_api *api, const char id[CONTAINER_ID_LEN], bool is_waited_for)
{
	char text[CONTAINER_ID_LEN + 1] = "";
	int r;

	memcpy(text, id, CONTAINER_ID_LEN);
	/* One that somebody waits for begins just now: when is seen by its first process. */
	r = tell_container(api, text, !is_waited_for);
	if (r == -ESRCH)
		r = tell_sandbox(api, text);
	if (r < 0 && r != -ESRCH)
		runtime_desk_count_failure(&api->desk, r);
	if (is_waited_for)
		runtime_desk_answered(&api->desk, id, r == 0);
	return cri_client_is_lost(r) ? r : 0;
}

static int list_containers(struct cri_api *api)
{
	_cleanup_(cri_containers_freep) Cri__ListContainersResponse *answer = NULL;
	int r = cri_client_list(&api->client, NULL, &answer);

	for (size_t i = 0; r == 0 && i < answer->n_containers; i++) {
		_cleanup_(container_facts_done) struct container_facts f = { 0 };

		if (cri_facts_of_container(answer->containers[i], str_from(api->runtime), &f) < 0)
			continue;
		runtime_desk_tell(&api->desk, &f);
		runtime_desk_want(&api->desk, f.id);
	}
	return r;
}

static int list_sandboxes(struct cri_api *api)
{
	_cleanup_(cri_sandboxes_freep) Cri__ListPodSandboxResponse *answer = NULL;
	int r = cri_client_list_sandboxes(&api->client, NULL, &answer);

	for (size_t i = 0; r == 0 && i < answer->n_items; i++) {
		_cleanup_(container_facts_done) struct container_facts f = { 0 };

		if (cri_facts_of_sandbox(answer->items[i], str_from(api->runtime), &f) == 0)
			runtime_desk_tell(&api->desk, &f);
	}
	return r;
}

static int list_all(struct cri_api *api)
{
	int r;

	runtime_desk_begin_listing(&api->desk);
	r = list_containers(api);
	if (r == 0)
		r = list_sandboxes(api);
	if (r == 0)
		runtime_desk_end_listing(&api->desk);
	return r;
}

/* Until the connection is lost: why. */
static int serve(struct cri_api *api)
{
	char id[CONTAINER_ID_LEN];
	bool is_waited_for;
	int r = 0;

	while (r == 0) {
		switch (runtime_desk_wait(&api->desk, ATTEND_MS, id, &is_waited_for)) {
		case RUNTIME_QUESTION:
			r = answer(api, id, is_waited_for);
			break;
		case RUNTIME_NO_QUESTION:
			r = http2_attend(api->connection);
			break;
		case RUNTIME_ENDING:
			return -ECANCELED;
		}
	}
	return r;
}

static void set_runtime(struct cri_api *api, char *name)
{
	freep(&api->runtime);
	api->runtime = name;
}

static int identify(struct cri_api *api)
{
	_cleanup_(cri_version_freep) Cri__VersionResponse *version = NULL;
	_cleanup_(freep) char *name = NULL;
	int r = cri_client_init(&api->client, api->connection, &version);

	if (r < 0)
		return r;
	name = strdup(version->runtime_name);
	if (!name)
		return -ENOMEM;
	set_runtime(api, TAKE_PTR(name));
	return 0;
}

static int open_connection(struct cri_api *api, const char *socket)
{
	struct http2 *connection;
	int r = http2_open(socket, &connection);

	if (r < 0)
		return r;
	pthread_mutex_lock(&api->desk.lock);
	api->connection = connection;
	if (api->desk.is_ending)
		http2_cancel(connection);
	pthread_mutex_unlock(&api->desk.lock);
	return 0;
}

static struct http2 *take_connection(struct cri_api *api)
{
	struct http2 *connection;

	pthread_mutex_lock(&api->desk.lock);
	connection = TAKE_PTR(api->connection);
	pthread_mutex_unlock(&api->desk.lock);
	return connection;
}

/* From the first to the last that the runtime says; *ret_was_ready: there was something. */
static int follow(struct cri_api *api, const char *socket, bool *ret_was_ready)
{
	int r = open_connection(api, socket);

	if (r < 0)
		return r;
	r = identify(api);
	if (r == 0)
		r = list_all(api);
	if (r == 0) {
		runtime_desk_set_ready(&api->desk);
		*ret_was_ready = true;
		r = serve(api);
	}
	http2_close(take_connection(api));
	return r;
}

/* -EOPNOTSUPP: there is nobody who speaks CRI; otherwise why it was lost, or cannot be had. */
static int follow_one_of_them(struct cri_api *api, bool *ret_was_ready)
{
	int result = -EOPNOTSUPP;

	for (const char *socket = runtime_desk_find_socket(&api->desk, NULL); socket;
	     socket = runtime_desk_find_socket(&api->desk, socket)) {
		int r = follow(api, socket, ret_was_ready);

		if (*ret_was_ready || r == -ECANCELED)
			return r;
		if (r != -EOPNOTSUPP)
			result = r;
	}
	return result;
}

static void *work(void *ctx)
{
	struct cri_api *api = ctx;
	unsigned int n_failures = 0, ms;

	do {
		bool was_ready = false;
		int r = follow_one_of_them(api, &was_ready);

		ms = LOOK_MS;
		if (r == -EOPNOTSUPP)
			runtime_desk_set_off(&api->desk);
		else
			ms = runtime_desk_lost(&api->desk, r, was_ready, &n_failures);
	} while (runtime_desk_pause(&api->desk, ms));
	return NULL;
}

static void *cri_api_free(void *self)
{
	struct cri_api *api = self;

	if (!api)
		return NULL;
	runtime_desk_end(&api->desk);
	pthread_mutex_lock(&api->desk.lock);
	if (api->connection)
		http2_cancel(api->connection);
	pthread_mutex_unlock(&api->desk.lock);
	if (api->has_thread)
		pthread_join(api->thread, NULL);
	image_digests_done(&api->digests);
	image_digests_done(&api->ids);
	runtime_desk_done(&api->desk);
	free(api->runtime);
	free(api);
	return NULL;
}

static void cri_api_freep(struct cri_api **api)
{
	cri_api_free(*api);
}

int cri_api_new(const char *const *sockets, unsigned int wait_ms, const struct container_sink *sink,
		struct cri_api **ret)
{
	_cleanup_(cri_api_freep) struct cri_api *api = NULL;
	_cleanup_(freep) struct cri_api *raw = calloc(1, sizeof(*raw));
	int r;

	if (!raw)
		return -ENOMEM;
	r = runtime_desk_init(&raw->desk, "cri", sockets, sink);
	if (r < 0)
		return r;
	api = TAKE_PTR(raw);
	api->client.call_ms = runtime_desk_patience_ms(wait_ms);
	image_digests_init(&api->digests);
	image_digests_init(&api->ids);
	r = -pthread_create(&api->thread, NULL, work, api);
	if (r < 0)
		return r;
	api->has_thread = true;
	*ret = TAKE_PTR(api);
	return 0;
}

static void cri_api_ask(void *self, const struct container_facts *known)
{
	runtime_desk_ask(&((struct cri_api *)self)->desk, known->id);
}

static void cri_api_state(void *self, struct source_state *ret)
{
	runtime_desk_get_state(&((struct cri_api *)self)->desk, ret);
}

const struct container_source cri_source = {
	.name = "cri",
	.ask = cri_api_ask,
	.state = cri_api_state,
	.free = cri_api_free,
};
