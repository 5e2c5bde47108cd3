/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread that brings the pods: from the API server by a list and a watch, which is taken up
 * again where it ended; from kubelet by asking again and again, seldom while nothing changes.
 */
#include <errno.h>
#include <string.h>

#include "base/chance.h"
#include "base/clock.h"
#include "base/log.h"
#include "enrich/kubernetes_json.h"
#include "enrich/kubernetes_retry.h"
#include "enrich/kubernetes_state.h"

#define LOG_UNIT "kubernetes"

#define MS_NS 1000000u
#define LASTED_NS (10 * (uint64_t)CLOCK_SECOND_NS) /* a watch without events that worked */
#define POLL_FIRST_MS 2000			   /* kubelet, after a change */
#define POLL_MAX_MS 30000
#define POLL_ASKED_MS 500 /* between two, though somebody asks */

struct feed {
	struct kubernetes *k;
	struct kubernetes_selection annotations;
	struct kubernetes_watch watch;
	struct kubernetes_retry retry;
	unsigned int poll_ms;
	uint64_t n_changes; /* when kubelet was asked before */
	bool was_told;	    /* that it fails */
};

static void begin_list(void *ctx)
{
	struct kubernetes *k = ((struct feed *)ctx)->k;

	pthread_mutex_lock(&k->lock);
	kubernetes_pods_begin_list(&k->pods);
	pthread_mutex_unlock(&k->lock);
}

/* One that cannot be understood or kept is left out; the others are of use all the same. */
static int on_pod(void *ctx, const json_t *json)
{
	struct feed *f = ctx;
	struct kubernetes *k = f->k;
	struct kubernetes_pod *pod;
	int r = kubernetes_pod_parse(json, &f->annotations, &pod);

	pthread_mutex_lock(&k->lock);
	if (r == 0)
		r = kubernetes_pods_put(&k->pods, pod);
	if (r < 0)
		k->state.failures++;
	pthread_cond_broadcast(&k->changed);
	pthread_mutex_unlock(&k->lock);
	return r == -ENOMEM ? r : 0;
}

static int on_gone(void *ctx, const json_t *json)
{
	struct feed *f = ctx;
	_cleanup_(kubernetes_pod_freep) struct kubernetes_pod *pod = NULL;
	int r = kubernetes_pod_parse(json, &f->annotations, &pod);

	if (r < 0)
		return r == -ENOMEM ? r : 0;
	pthread_mutex_lock(&f->k->lock);
	kubernetes_pods_remove(&f->k->pods, pod->facts.texts[CONTAINER_POD_UID]);
	pthread_mutex_unlock(&f->k->lock);
	return 0;
}

static void set_ready(struct feed *f, bool is_list)
{
	struct kubernetes *k = f->k;
	bool is_news;
	size_t n;

	pthread_mutex_lock(&k->lock);
	if (is_list)
		kubernetes_pods_end_list(&k->pods);
	is_news = k->state.status != SOURCE_READY;
	k->state.status = SOURCE_READY;
	k->state.error = 0;
	n = k->pods.n;
	pthread_cond_broadcast(&k->changed);
	pthread_mutex_unlock(&k->lock);
	if (is_news && (is_list || f->was_told))
		log_info("'%s' is reached, %zu pods", k->access.server, n);
	f->was_told = false;
}

static void end_list(void *ctx)
{
	set_ready(ctx, true);
}

static void on_followed(void *ctx)
{
	set_ready(ctx, false);
}

static const char *explain(int r)
{
	switch (r) {
	case -EKEYEXPIRED:
		return "it does not accept who we are (401): see the service account's token";
	case -EPERM:
		return "we may not list and watch pods (403): see the ClusterRole";
	case -ESTALE:
		return "the version is too old (410)";
	case -EBUSY:
		return "it has too much to do (429)";
	case -EREMOTEIO:
		return "it answers with an error";
	case -EKEYREJECTED:
		return "its certificate is not of the authority that we know";
	case -EBADMSG:
		return "what it answers is cut off or not understood";
	case -EMSGSIZE:
		return "what it answers is too long";
	default:
		return strerror(-r);
	}
}

/* Told once until it works again; that a watch ends for once is part of the protocol. */
static void set_failed(struct feed *f, int r)
{
	struct kubernetes *k = f->k;
	bool is_stopping, is_first;

	pthread_mutex_lock(&k->lock);
	is_first = k->state.status == SOURCE_READY;
	k->state.failures++;
	k->state.reconnects += is_first;
	k->state.status = SOURCE_CONNECTING;
	k->state.error = r;
	is_stopping = k->is_stopping;
	pthread_cond_broadcast(&k->changed);
	pthread_mutex_unlock(&k->lock);
	if (f->was_told || is_stopping || is_first)
		return;
	f->was_told = true;
	log_warn("cannot follow the pods by '%s', trying again; what is known stays: %s (%s)",
		 k->access.server, explain(r), http_explain(k->feed_http));
}

/* Returns when it is to be tried again, in ms. */
static unsigned int follow_api(struct feed *f)
{
	struct kubernetes_watch *w = &f->watch;
	uint64_t n_events = w->n_events;
	bool is_list = !*w->version;
	uint64_t began = clock_now_ns(CLOCK_MONOTONIC);
	struct kubernetes_try last = { .r = is_list ? kubernetes_watch_list_node(w)
						    : kubernetes_watch_follow(w) };
	struct kubernetes_next next;

	last.learned = is_list ? last.r == 0
			       : w->n_events > n_events ||
					 clock_now_ns(CLOCK_MONOTONIC) - began > LASTED_NS;
	last.asked_wait_s = http_retry_after(f->k->feed_http);
	last.chance = chance();
	next = kubernetes_retry_next(&f->retry, &last);
	if (next.from_list)
		*w->version = '\0';
	w->is_short |= next.short_list;
	if (last.r < 0)
		set_failed(f, last.r);
	return next.wait_ms;
}

static bool has_changed(struct feed *f)
{
	uint64_t before = f->n_changes;

	pthread_mutex_lock(&f->k->lock);
	f->n_changes = f->k->pods.n_changes;
	pthread_mutex_unlock(&f->k->lock);
	return f->n_changes != before;
}

static unsigned int poll_kubelet(struct feed *f)
{
	struct kubernetes_try last = { .r = kubernetes_watch_list(&f->watch, "/pods"),
				       .chance = chance() };

	last.learned = last.r == 0;
	last.asked_wait_s = http_retry_after(f->k->feed_http);
	if (last.r < 0) {
		unsigned int wait_ms = kubernetes_retry_next(&f->retry, &last).wait_ms;

		set_failed(f, last.r);
		return wait_ms;
	}
	f->retry.n_failures = 0;
	f->poll_ms = has_changed(f) ? POLL_FIRST_MS : 2 * f->poll_ms;
	f->poll_ms = f->poll_ms < POLL_MAX_MS ? f->poll_ms : POLL_MAX_MS;
	return f->poll_ms;
}

/* Kubelet is asked before its time where somebody wants a pod that is not known. */
static void rest(struct kubernetes *k, unsigned int ms)
{
	uint64_t now = clock_now_ns(CLOCK_MONOTONIC), until = now + ms * (uint64_t)MS_NS;
	uint64_t asked = now + POLL_ASKED_MS * (uint64_t)MS_NS;

	pthread_mutex_lock(&k->lock);
	while (!k->is_stopping && now < until && !(k->wants_poll && now >= asked)) {
		kubernetes_wait(k, k->wants_poll && asked < until ? asked : until);
		now = clock_now_ns(CLOCK_MONOTONIC);
	}
	k->wants_poll = false;
	pthread_mutex_unlock(&k->lock);
}

static bool is_stopping(struct kubernetes *k)
{
	bool stopping;

	pthread_mutex_lock(&k->lock);
	stopping = k->is_stopping;
	pthread_mutex_unlock(&k->lock);
	return stopping;
}

void *kubernetes_feed(void *kubernetes)
{
	struct kubernetes *k = kubernetes;
	struct feed f = { .k = k,
			  .annotations = { .names = k->annotations, .n = k->n_annotations },
			  .poll_ms = POLL_FIRST_MS };
	const struct kubernetes_watch_handler handler = { .begin_list = begin_list,
							  .pod = on_pod,
							  .gone = on_gone,
							  .end_list = end_list,
							  .followed = on_followed,
							  .ctx = &f };

	f.watch = (struct kubernetes_watch){
		.http = k->feed_http, .access = &k->access, .handler = &handler, .node = k->node
	};
	while (!is_stopping(k))
		rest(k, k->mode == KUBERNETES_KUBELET ? poll_kubelet(&f) : follow_api(&f));
	return NULL;
}
