/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The containers of a pod that its status has: those that were made, with the ids that the runtime
 * gave them. Plain data with one owner.
 */
#pragma once

#include <jansson.h>

#include "enrich/container_facts.h"

#define KUBERNETES_CONTAINERS_MAX 128 /* of a pod; further ones are left out */

struct kubernetes_containers {
	struct container_facts *items;
	size_t n;
};

/* Of the pod with this uid; *ret is the caller's. 0 or -ENOMEM. */
int kubernetes_containers_parse(const json_t *pod, const char *uid,
				struct kubernetes_containers *ret);
void kubernetes_containers_done(struct kubernetes_containers *all);
