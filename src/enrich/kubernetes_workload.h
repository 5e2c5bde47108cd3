/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose work a pod does: its owner, followed to the top. A ReplicaSet may be a Deployment's and a
 * Job a CronJob's, and which one they alone can say: each of them is asked for once, and known for
 * as long as one of its pods is. Names are never made up: where nobody can be asked the workload is
 * the ReplicaSet or Job itself, but for a ReplicaSet that is called by its Deployment's name and
 * the hash that the pod has as a label. Plain data; the caller locks.
 */
#pragma once

#include "enrich/kubernetes_pod.h"

/* A ReplicaSet or a Job, by whom it is owned. Counted by the pods. */
struct kubernetes_workload {
	unsigned int n_refs;
	char *path;	      /* where it is asked for, below the server */
	char *uid;	      /* of the very one that the pod names */
	bool is_answered;     /* its owner is known: */
	char *kind, *name;    /* as the API has them; NULL: it has none */
	unsigned int n_tries; /* that failed */
	uint64_t due_ns;      /* when to ask (again), monotonic; UINT64_MAX: never */
};

struct kubernetes_workloads {
	struct kubernetes_workload **items;
	size_t n, cap;
};

void kubernetes_workloads_done(struct kubernetes_workloads *ws);

/*
 * What has to be found out of a pod's owner, with one more reference; *ret is NULL where nothing
 * has. 0 or -ENOMEM.
 */
int kubernetes_workload_get(struct kubernetes_workloads *ws, const struct kubernetes_pod *pod,
			    struct kubernetes_workload **ret);
/* Takes a reference away, and w with the last one. NULL is nothing. */
void kubernetes_workload_put(struct kubernetes_workloads *ws, struct kubernetes_workload *w);

/* The one that is due first, or NULL. */
struct kubernetes_workload *kubernetes_workloads_next(const struct kubernetes_workloads *ws);

/* The answer to `path`: an object with metadata. 0, -EBADMSG: it is not; -ENOMEM. */
int kubernetes_workload_answer(struct kubernetes_workload *w, struct str body);
/* There was none; `is_final`: it has gone. */
void kubernetes_workload_failed(struct kubernetes_workload *w, bool is_final, uint64_t now_ns);

/*
 * Sets name and kind, in lower case, of whose work the pod does, by what is known of it in `w`
 * (NULL: nothing had to be found out); neither while that is open. 0 or -ENOMEM.
 */
int kubernetes_workload_describe(const struct kubernetes_workload *w,
				 const struct kubernetes_pod *pod, struct container_facts *f);
/* Whether something can be said of it already, which will hardly change later. */
bool kubernetes_workload_is_settled(const struct kubernetes_workload *w,
				    const struct kubernetes_pod *pod);
