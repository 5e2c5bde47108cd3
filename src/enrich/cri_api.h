/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A runtime of Kubernetes (containerd, CRI-O, cri-dockerd), asked over the Container Runtime
 * Interface: a container_source. Its containers and the sandboxes of its pods are listed once;
 * then it is asked when somebody asks, and left alone otherwise. A runtime that is not there is
 * looked for again every few seconds, which costs a look at the paths of the sockets.
 */
#pragma once

#include "enrich/container_source.h"

/* Where they listen by default; ended by NULL. */
extern const char *const cri_sockets[];

struct cri_api;

/*
 * Takes the first of these sockets where CRI is spoken; containerd may be there for Docker alone.
 * What is given is copied; somebody waits `wait_ms` for an answer. 0, -ENOMEM, or another negative
 * errno of a thread that cannot be made. *ret is the caller's, to be freed by cri_source.free.
 */
int cri_api_new(const char *const *sockets, unsigned int wait_ms, const struct container_sink *sink,
		struct cri_api **ret);

extern const struct container_source cri_source;
