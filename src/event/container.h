/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of a container. proc/ owns and fills these; everybody else reads them, for as long
 * as the batch lives that handed them out. What is learned later is filled in, between two events,
 * and gives it another stamp.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

#define CONTAINER_ID_LEN 64 /* hex digits; never shortened, no NUL behind them */

enum container_text {
	CONTAINER_NAME,	      /* Docker's without its slash, podman's, CRI's metadata.name */
	CONTAINER_RUNTIME,    /* docker, podman, containerd, cri-o */
	CONTAINER_IMAGE_ID,   /* "sha256:" and 64 hex digits */
	CONTAINER_IMAGE_NAME, /* as the container was started from it, tag included */
	CONTAINER_IMAGE_TAG,
	CONTAINER_IMAGE_DIGEST, /* of the repository: "sha256:" and 64 hex digits */
	CONTAINER_NAMESPACE,	/* of Kubernetes, as the rest */
	CONTAINER_POD_NAME,
	CONTAINER_POD_UID,
	CONTAINER_POD_CONTAINER, /* its name in the pod's specification; none for a sandbox */
	CONTAINER_WORKLOAD_NAME,
	CONTAINER_WORKLOAD_KIND,   /* in lower case: deployment, statefulset, cronjob, pod, ... */
	CONTAINER_POD_LABELS,	   /* key=value, sorted, joined and quoted as `arguments` are */
	CONTAINER_POD_ANNOTATIONS, /* those that were chosen, the same way */
	_CONTAINER_TEXT_MAX,
};

#define CONTAINER_IS_PRIVILEGED 0x1
#define CONTAINER_IS_SANDBOX 0x2 /* the pause container of a pod */
#define CONTAINER_IS_KNOWN 0x4	 /* some source knew it */

struct container {
	uint64_t stamp; /* another one with each change; see event/image.h */
	uint32_t refs;
	uint32_t bits;	    /* CONTAINER_* */
	int64_t began_ns;   /* since the epoch: the process that it began with; 0: unknown */
	int64_t started_ns; /* as its runtime has it; 0: unknown */
	char id[CONTAINER_ID_LEN];
	char *text;			    /* all texts, one after the other; owned */
	uint32_t ends[_CONTAINER_TEXT_MAX]; /* each begins where the one before ends */
};

static inline bool container_id_is_valid(struct str id)
{
	return id.n == CONTAINER_ID_LEN && str_is_hex(id);
}

/*
 * Its runtime knows it later, and some ms otherwise: so the first record has what the last one has.
 */
static inline int64_t container_started_ns(const struct container *c)
{
	return c->began_ns ? c->began_ns : c->started_ns;
}

/* "" where it is not known. */
static inline struct str container_text(const struct container *c, enum container_text which)
{
	uint32_t begin = which ? c->ends[which - 1] : 0;

	return (struct str){ .p = c->text ? c->text + begin : "", .n = c->ends[which] - begin };
}
