/* SPDX-License-Identifier: Apache-2.0 */
/* Within the source: what its threads share, and the threads. */
#pragma once

#include <pthread.h>

#include "enrich/kubernetes.h"
#include "enrich/kubernetes_pods.h"
#include "enrich/kubernetes_watch.h"

#define KUBERNETES_QUESTIONS_MAX 16384 /* that wait; whoever asks more is left to himself */

struct kubernetes_question {
	struct container_facts known; /* its id, the pod's uid, namespace and name */
	uint64_t until_ns;	      /* then it is answered whatever is known; monotonic */
};

struct kubernetes {
	/* Set before the threads begin. */
	struct container_sink sink;
	enum kubernetes_mode mode; /* never KUBERNETES_AUTO */
	char *node;
	char **annotations;
	size_t n_annotations;
	struct kubernetes_access access;
	struct http *feed_http, *owners_http;
	pthread_t threads[3];
	size_t n_threads;

	pthread_mutex_t lock;
	pthread_cond_t changed; /* anything of what follows */
	bool is_stopping;
	struct source_state state;
	struct kubernetes_pods pods;
	bool wants_poll; /* somebody asked for a pod that is not known */
	struct kubernetes_question *questions;
	size_t n_questions, cap_questions;
};

/* Threads; each takes the struct kubernetes and ends when it is stopping. */
void *kubernetes_feed(void *kubernetes);    /* lists, watches, polls */
void *kubernetes_owners(void *kubernetes);  /* asks by whom ReplicaSets and Jobs are owned */
void *kubernetes_answers(void *kubernetes); /* tells and answers */

/* Waits for a change, until then at most (monotonic; UINT64_MAX: for ever). Under the lock. */
void kubernetes_wait(struct kubernetes *k, uint64_t until_ns);
