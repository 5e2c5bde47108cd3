/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One pod, from the JSON object by which Kubernetes describes it. What a pod says of itself is
 * written by whoever may make pods: nothing of it is believed that would give its name to the
 * containers of another. Plain data with one owner.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "base/cleanup.h"
#include "enrich/container_facts.h"
#include "enrich/kubernetes_containers.h"
#include "enrich/kubernetes_owner.h"

/* Which annotations are wanted: names, or beginnings of names that end in '*'. Borrowed. */
struct kubernetes_selection {
	char *const *names;
	size_t n;
};

struct kubernetes_pod {
	/*
	 * Of all its containers, but for the workload. CONTAINER_POD_UID is the one that its
	 * control group is called by: of a static pod the hash of its configuration.
	 */
	struct container_facts facts;
	bool is_mirror; /* of a static pod */
	struct kubernetes_owner owner;
	char *template_hash; /* label pod-template-hash, or NULL */
	struct kubernetes_containers containers;
	char version[64]; /* resourceVersion */
};

/* 0 with *ret, which the caller owns; -EBADMSG: it has no name, namespace or uid; -ENOMEM. */
int kubernetes_pod_parse(const json_t *json, const struct kubernetes_selection *annotations,
			 struct kubernetes_pod **ret);
struct kubernetes_pod *kubernetes_pod_free(struct kubernetes_pod *pod);
DEFINE_CLEANUP(struct kubernetes_pod *, kubernetes_pod_free)

/* Whether both say the same of everything that is told of a pod; its version is not. */
bool kubernetes_pod_is_equal(const struct kubernetes_pod *a, const struct kubernetes_pod *b);

/* About how much memory it takes. */
size_t kubernetes_pod_bytes(const struct kubernetes_pod *pod);
