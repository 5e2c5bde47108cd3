/* SPDX-License-Identifier: Apache-2.0 */
/* What the answers of CRI say of a container or a pod's sandbox. Pure; all of it may be wrong. */
#pragma once

#include <cri.pb-c.h>

#include "enrich/container_facts.h"

/*
 * Each makes *ret, which is the caller's to free: 0, or -EBADMSG where it has no container's id,
 * -ENOMEM.
 */
int cri_facts_of_container(const Cri__Container *c, struct str runtime,
			   struct container_facts *ret);
int cri_facts_of_sandbox(const Cri__PodSandbox *s, struct str runtime, struct container_facts *ret);

/* Of the sandbox to a container of its pod: 0 or -ENOMEM. */
int cri_facts_add_pod(struct container_facts *f, const Cri__PodSandbox *s);

/* As docker_facts_digest(). */
const char *cri_facts_digest(const Cri__Image *image, const char *name);
