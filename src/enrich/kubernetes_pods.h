/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pods of this node as far as they are known, each with its workload, and which of them have
 * changed since somebody was told. Bounded by number and by bytes; what is beyond is left out, the
 * newest first, and counted. Plain data; the caller locks.
 */
#pragma once

#include "enrich/kubernetes_pod.h"
#include "enrich/kubernetes_workload.h"

#define KUBERNETES_PODS_BYTES ((size_t)16 * 1024 * 1024)

struct kubernetes_entry {
	struct kubernetes_pod *pod;
	struct kubernetes_workload *workload; /* NULL: nothing has to be found out */
	bool is_changed;		      /* since kubernetes_pods_next_changed() */
	bool is_listed;			      /* in the list that comes in */
};

struct kubernetes_pods {
	struct kubernetes_entry *entries;
	size_t n, cap, max, bytes;
	bool asks_nobody; /* workloads stay as the pods alone tell them */
	struct kubernetes_workloads workloads;
	uint64_t n_left_out;
	uint64_t n_changes; /* of what is told */
};

void kubernetes_pods_done(struct kubernetes_pods *pods);

/* Takes `pod` in every case. 0; -ENOSPC: it was left out; -ENOMEM. */
int kubernetes_pods_put(struct kubernetes_pods *pods, struct kubernetes_pod *pod);
void kubernetes_pods_remove(struct kubernetes_pods *pods, const char *uid);

/* A list of all pods comes in: whoever is not in it has gone when it ends. */
void kubernetes_pods_begin_list(struct kubernetes_pods *pods);
void kubernetes_pods_end_list(struct kubernetes_pods *pods);

/*
 * The pod that `known` belongs to, by uid, else by namespace and name, else by the container's id;
 * NULL where there is none. Borrowed until the next change.
 */
struct kubernetes_entry *kubernetes_pods_lookup(const struct kubernetes_pods *pods,
						const struct container_facts *known);

/* One that has changed, which is then not changed any more; NULL: none has. */
struct kubernetes_entry *kubernetes_pods_next_changed(struct kubernetes_pods *pods);
/* Something was found out of this workload: its pods have changed. */
void kubernetes_pods_workload_changed(struct kubernetes_pods *pods,
				      const struct kubernetes_workload *w);
