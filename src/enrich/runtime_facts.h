/* SPDX-License-Identifier: Apache-2.0 */
/* What the answers of all container runtimes have in common. Pure. */
#pragma once

#include "enrich/container_facts.h"

/*
 * Begins *f, of a container that a runtime knows. 0, -EBADMSG: that is no container's id; -ENOMEM.
 */
int runtime_facts_begin(struct container_facts *f, struct str id, struct str runtime);

/*
 * Takes what a label says of the container's pod, if it is one of those that kubelet makes. "POD"
 * is the name of the container that holds a pod's namespaces. 0 or -ENOMEM.
 */
int runtime_facts_take_label(struct container_facts *f, const char *key, struct str value);
