/* SPDX-License-Identifier: Apache-2.0 */
/* Who made an object of Kubernetes, as its owner references say. Plain data with one owner. */
#pragma once

#include <jansson.h>

/* All texts are NULL where it is nobody's. */
struct kubernetes_owner {
	char *api; /* its apiVersion: apps/v1 */
	char *kind, *name, *uid;
};

/* By an object's `metadata`: who controls it, else the first of its owners. 0 or -ENOMEM. */
int kubernetes_owner_parse(const json_t *metadata, struct kubernetes_owner *ret);
void kubernetes_owner_done(struct kubernetes_owner *owner);
