/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Three threads, so that none waits for another: kubernetes_feed.c lists and watches, or polls
 * kubelet; kubernetes_owners.c asks for ReplicaSets and Jobs; kubernetes_answers.c tells and
 * answers. What they share lies under one lock, which nobody holds while he asks the network, and
 * nobody while he tells: whoever is told may be asking us at that moment.
 */
#include "enrich/kubernetes.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "enrich/kubernetes_config.h"
#include "enrich/kubernetes_state.h"

#define LOG_UNIT "kubernetes"

#define QUESTION_NS 150000000u /* a pod may come to us this much later than to kubelet */

void kubernetes_wait(struct kubernetes *k, uint64_t until_ns)
{
	struct timespec until = { .tv_sec = (time_t)(until_ns / CLOCK_SECOND_NS),
				  .tv_nsec = (long)(until_ns % CLOCK_SECOND_NS) };

	if (k->is_stopping)
		return;
	if (until_ns == UINT64_MAX)
		pthread_cond_wait(&k->changed, &k->lock);
	else
		pthread_cond_timedwait(&k->changed, &k->lock, &until);
}

static void stop(struct kubernetes *k)
{
	pthread_mutex_lock(&k->lock);
	k->is_stopping = true;
	pthread_cond_broadcast(&k->changed);
	pthread_mutex_unlock(&k->lock);
	if (k->feed_http)
		http_cancel(k->feed_http);
	if (k->owners_http)
		http_cancel(k->owners_http);
	for (size_t i = 0; i < k->n_threads; i++)
		pthread_join(k->threads[i], NULL);
}

static struct kubernetes *kubernetes_free(struct kubernetes *k)
{
	if (!k)
		return NULL;
	stop(k);
	http_free(k->feed_http);
	http_free(k->owners_http);
	kubernetes_access_done(&k->access);
	kubernetes_pods_done(&k->pods);
	for (size_t i = 0; i < k->n_questions; i++)
		container_facts_done(&k->questions[i].known);
	free(k->questions);
	for (size_t i = 0; i < k->n_annotations; i++)
		free(k->annotations[i]);
	free(k->annotations);
	free(k->node);
	pthread_cond_destroy(&k->changed);
	pthread_mutex_destroy(&k->lock);
	free(k);
	return NULL;
}

DEFINE_CLEANUP(struct kubernetes *, kubernetes_free)

static void *source_free(void *self)
{
	return kubernetes_free(self);
}

static int copy_options(struct kubernetes *k, const struct kubernetes_options *o)
{
	k->node = strdup(o->node_name);
	k->annotations = calloc(o->n_annotations + 1, sizeof(*k->annotations));
	if (!k->node || !k->annotations)
		return -ENOMEM;
	for (; k->n_annotations < o->n_annotations; k->n_annotations++) {
		k->annotations[k->n_annotations] = strdup(o->annotations[k->n_annotations]);
		if (!k->annotations[k->n_annotations])
			return -ENOMEM;
	}
	return 0;
}

static enum kubernetes_mode mode_of(const struct kubernetes_options *o, const char *account)
{
	if (o->mode != KUBERNETES_AUTO)
		return o->mode;
	return o->kubeconfig || kubernetes_access_is_in_cluster(account) ? KUBERNETES_API
									 : KUBERNETES_OFF;
}

static int load_config(struct kubernetes *k, const char *path)
{
	struct diag diag = { 0 };
	int r = kubernetes_config_load(path, &diag, &k->access);

	for (size_t i = 0; i < diag.n; i++)
		log_err("%s:%u:%u: %s%s%s", diag.entries[i].file, diag.entries[i].line,
			diag.entries[i].column, diag.entries[i].path,
			*diag.entries[i].path ? ": " : "", diag.entries[i].message);
	diag_done(&diag);
	return r < 0 && r != -EINVAL ? log_err_errno(r, "cannot use the kubeconfig '%s'", path) : r;
}

static int find_access(struct kubernetes *k, const struct kubernetes_options *o,
		       const char *account)
{
	const char *server = o->server			     ? o->server
			     : k->mode == KUBERNETES_KUBELET ? KUBERNETES_KUBELET_URL
							     : NULL;
	int r;

	if (o->kubeconfig) {
		r = load_config(k, o->kubeconfig);
		if (r == 0 && server)
			r = kubernetes_access_set_server(&k->access, str_from(server));
	} else {
		r = kubernetes_access_from_account(&k->access, account, server);
	}
	if (r == -ENOENT)
		log_err("the environment does not say where the API server is: run in a pod, or give a kubeconfig or a server");
	else if (r == -EINVAL && server)
		log_err("expected https://HOST:PORT as the address of Kubernetes, not '%s'",
			server);
	k->access.is_insecure |= o->is_insecure;
	return r == -ENOENT ? -EINVAL : r;
}

/* Signals are for the main thread. */
static int start(struct kubernetes *k, void *(*run)(void *))
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	r = -pthread_create(&k->threads[k->n_threads], NULL, run, k);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r == 0)
		k->n_threads++;
	return r;
}

static int begin(struct kubernetes *k)
{
	bool asks_api = k->mode == KUBERNETES_API;
	int r;

	r = http_new(&k->feed_http);
	if (r == 0 && asks_api)
		r = http_new(&k->owners_http);
	if (r < 0)
		return r;
	k->pods.asks_nobody = !asks_api;
	k->state.status = SOURCE_CONNECTING;
	r = start(k, kubernetes_answers);
	if (r == 0)
		r = start(k, kubernetes_feed);
	if (r == 0 && asks_api)
		r = start(k, kubernetes_owners);
	return r;
}

static int set_up(struct kubernetes *k, const struct kubernetes_options *o)
{
	const char *account = o->account ? o->account : KUBERNETES_ACCOUNT;
	int r;

	k->mode = mode_of(o, account);
	k->pods.max = o->max_pods ? o->max_pods : KUBERNETES_MAX_PODS;
	if (k->mode == KUBERNETES_OFF) {
		/* the one who answers is needed all the same */
		return start(k, kubernetes_answers);
	}
	r = copy_options(k, o);
	if (r == 0)
		r = find_access(k, o, account);
	if (r == 0)
		r = begin(k);
	if (r == -ELIBACC) {
		log_warn(
			"libcurl is not installed, nothing is asked of Kubernetes; install libcurl4");
		k->state = (struct source_state){ .status = SOURCE_OFF, .error = r };
		return start(k, kubernetes_answers);
	}
	return r;
}

int kubernetes_new(const struct kubernetes_options *options, const struct container_sink *sink,
		   struct kubernetes **ret)
{
	_cleanup_(kubernetes_freep) struct kubernetes *k = calloc(1, sizeof(*k));
	pthread_condattr_t attributes;
	int r;

	if (!k)
		return -ENOMEM;
	pthread_mutex_init(&k->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&k->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	kubernetes_access_init(&k->access);
	k->sink = *sink;
	r = set_up(k, options);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(k);
	return 0;
}

static int copy_known(const struct container_facts *known, struct container_facts *ret)
{
	static const enum container_text wanted[] = { CONTAINER_POD_UID, CONTAINER_NAMESPACE,
						      CONTAINER_POD_NAME };
	int r = 0;

	container_facts_init(ret, known->id);
	for (size_t i = 0; i < ARRAY_SIZE(wanted) && r == 0; i++)
		if (known->texts[wanted[i]])
			r = container_facts_set(ret, wanted[i], str_from(known->texts[wanted[i]]));
	if (r < 0)
		container_facts_done(ret);
	return r;
}

/* Takes `known` when it returns 0. */
static int put_question(struct kubernetes *k, struct container_facts *known)
{
	size_t cap = k->cap_questions ? 2 * k->cap_questions : 16;

	if (k->n_questions == k->cap_questions) {
		struct kubernetes_question *grown =
			cap <= KUBERNETES_QUESTIONS_MAX
				? reallocarray(k->questions, cap, sizeof(*grown))
				: NULL;

		if (!grown)
			return -ENOMEM;
		k->questions = grown;
		k->cap_questions = cap;
	}
	k->questions[k->n_questions++] = (struct kubernetes_question){
		.known = *known,
		.until_ns = clock_now_ns(CLOCK_MONOTONIC) + QUESTION_NS,
	};
	return 0;
}

/* Out of memory there is no answer: whoever asks does not wait for ever. */
static void ask(void *self, const struct container_facts *known)
{
	struct kubernetes *k = self;
	struct container_facts copy = { 0 };
	int r = copy_known(known, &copy);

	pthread_mutex_lock(&k->lock);
	k->state.questions++;
	if (r == 0)
		r = put_question(k, &copy);
	k->state.failures += r < 0;
	pthread_cond_broadcast(&k->changed);
	pthread_mutex_unlock(&k->lock);
	if (r < 0)
		container_facts_done(&copy);
}

static void get_state(void *self, struct source_state *ret)
{
	struct kubernetes *k = self;

	pthread_mutex_lock(&k->lock);
	*ret = k->state;
	ret->items = k->pods.n;
	pthread_mutex_unlock(&k->lock);
}

const struct container_source kubernetes_source = {
	.name = "kubernetes",
	.ask = ask,
	.state = get_state,
	.free = source_free,
};
