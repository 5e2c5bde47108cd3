/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread that asks by whom ReplicaSets and Jobs are owned: for each of them once, for its
 * metadata alone, while a pod of it is on this node.
 */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "enrich/kubernetes_state.h"

#define OWNER_MS 5000
#define OWNER_MAX_BYTES ((size_t)2 * 1024 * 1024)
#define TRIES_MAX 4 /* for one that is not there: the server's memory may be behind */

/* In the API since 1.15: an object's metadata without the rest. */
static const char *const metadata_only[] = {
	"Accept: application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1", NULL
};

/* 0; -ENOENT: there is none; as http_get(). */
static int get(struct kubernetes *k, const char *path, struct buf *body)
{
	_cleanup_(freep) char *url = NULL, *token = NULL;
	struct http_request q = { .headers = metadata_only,
				  .total_ms = OWNER_MS,
				  .max_bytes = OWNER_MAX_BYTES };
	long status = 0;
	int r;

	r = kubernetes_access_request(&k->access, path, &q, &url, &token);
	if (r == 0)
		r = http_get(k->owners_http, &q, body, &status);
	return r < 0 ? r : status == 404 ? -ENOENT : kubernetes_status_error(status);
}

/* `w` is held by a reference of ours: its pods may go meanwhile. Under the lock but for asking. */
static void look_up(struct kubernetes *k, struct kubernetes_workload *w)
{
	_cleanup_(freep) char *path = strdup(w->path);
	_cleanup_(buf_done) struct buf body = { 0 };
	int r;

	w->n_refs++;
	pthread_mutex_unlock(&k->lock);
	r = path ? get(k, path, &body) : -ENOMEM;
	pthread_mutex_lock(&k->lock);
	if (r == 0)
		r = kubernetes_workload_answer(w, buf_str(&body));
	if (r < 0 && !k->is_stopping) {
		k->state.failures++;
		kubernetes_workload_failed(w, r == -ENOENT && w->n_tries + 1 >= TRIES_MAX,
					   clock_now_ns(CLOCK_MONOTONIC));
	}
	kubernetes_pods_workload_changed(&k->pods, w);
	kubernetes_workload_put(&k->pods.workloads, w);
	pthread_cond_broadcast(&k->changed);
}

void *kubernetes_owners(void *kubernetes)
{
	struct kubernetes *k = kubernetes;

	pthread_mutex_lock(&k->lock);
	while (!k->is_stopping) {
		struct kubernetes_workload *w = kubernetes_workloads_next(&k->pods.workloads);

		if (w && w->due_ns <= clock_now_ns(CLOCK_MONOTONIC))
			look_up(k, w);
		else
			kubernetes_wait(k, w ? w->due_ns : UINT64_MAX);
	}
	pthread_mutex_unlock(&k->lock);
	return NULL;
}
