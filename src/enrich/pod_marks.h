/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What kubelet and the CRI runtimes write on a container about its pod: as labels (kubelet, Docker)
 * or as annotations of the OCI bundle (containerd, CRI-O). Pure.
 */
#pragma once

#include <jansson.h>

#include "enrich/container_facts.h"

#define POD_MARK_SANDBOX "POD" /* the name of the container that holds a pod's namespaces */

struct pod_mark {
	const char *name;
	enum container_text which;
};

/* What kubelet's label of this name says; NULL: it is none of them. */
const struct pod_mark *pod_marks_lookup_label(const char *name);

/*
 * Takes from a JSON object, whose values are texts, what it says of a pod; the rest is not looked
 * at. A sandbox has no name of a container. 0 or -ENOMEM.
 */
int pod_marks_take(const json_t *marks, struct container_facts *f);
