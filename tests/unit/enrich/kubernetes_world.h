/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state that the threads of the Kubernetes source share, without any thread but the one that a
 * test begins, and a server that nobody listens at.
 */
#pragma once

#include "enrich/kubernetes_state.h"
#include "listener_sink.h"

#define NOBODYS_SERVER "http://127.0.0.1:1"

struct kubernetes_world {
	struct kubernetes k;
	struct listener_sink sink;
	pthread_t thread;
};

static inline void kubernetes_world_init(struct kubernetes_world *w)
{
	pthread_condattr_t attributes;

	*w = (struct kubernetes_world){ .k = { .mode = KUBERNETES_API, .pods = { .max = 10 } } };
	listener_sink_init(&w->sink);
	w->k.sink = listener_sink_of(&w->sink);
	pthread_mutex_init(&w->k.lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&w->k.changed, &attributes);
	pthread_condattr_destroy(&attributes);
	kubernetes_access_init(&w->k.access);
	assert_int_equal(kubernetes_access_set_server(&w->k.access, STR(NOBODYS_SERVER)), 0);
}

static inline void kubernetes_world_begin(struct kubernetes_world *w, void *(*run)(void *))
{
	assert_int_equal(pthread_create(&w->thread, NULL, run, &w->k), 0);
}

static inline void kubernetes_world_lock(struct kubernetes_world *w)
{
	pthread_mutex_lock(&w->k.lock);
}

/* Something was changed under the lock. */
static inline void kubernetes_world_unlock(struct kubernetes_world *w)
{
	pthread_cond_broadcast(&w->k.changed);
	pthread_mutex_unlock(&w->k.lock);
}

/* Ends the thread. */
static inline void kubernetes_world_done(struct kubernetes_world *w)
{
	kubernetes_world_lock(w);
	w->k.is_stopping = true;
	kubernetes_world_unlock(w);
	pthread_join(w->thread, NULL);
	http_free(w->k.feed_http);
	http_free(w->k.owners_http);
	kubernetes_access_done(&w->k.access);
	kubernetes_pods_done(&w->k.pods);
	free(w->k.questions);
	pthread_cond_destroy(&w->k.changed);
	pthread_mutex_destroy(&w->k.lock);
	listener_sink_done(&w->sink);
}
