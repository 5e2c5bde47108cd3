/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Docker and podman, asked over the Docker Engine API: a container_source. Their containers are
 * listed once, then their events are followed; of each container more is asked when it is made,
 * when it is started, and when somebody asks. Where somebody else reads the daemon's files, which
 * say as much and sooner, only what changes later is followed. A daemon that is not there is looked
 * for again every few seconds, which costs a look at the path of its socket; libcurl is loaded when
 * there is one.
 */
#pragma once

#include "enrich/container_files.h"
#include "enrich/container_source.h"

/* Where they listen by default; ended by NULL. */
extern const char *const docker_sockets[], *const podman_sockets[];

struct docker_api;

struct docker_options {
	const char *const *sockets;  /* ended by NULL: the first that is there; copied */
	struct container_roots read; /* of files that somebody reads; borrowed while it lives */
	const char *host_root;	     /* they are below it; borrowed as well */
	unsigned int wait_ms;	     /* how long somebody waits for an answer */
};

/*
 * 0, -ENOMEM, or another negative errno of a thread that cannot be made. *ret is the caller's, to
 * be freed by docker_source.free or podman_source.free.
 */
int docker_api_new_docker(const struct docker_options *options, const struct container_sink *sink,
			  struct docker_api **ret);
int docker_api_new_podman(const struct docker_options *options, const struct container_sink *sink,
			  struct docker_api **ret);

extern const struct container_source docker_source, podman_source;
