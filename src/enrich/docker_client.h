/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests to the Docker Engine API, of whatever version the daemon has. The unversioned paths are
 * used: an old version in the path is refused by new daemons, a new one by old daemons, and what is
 * read here has been the same since 1.24. One thread at a time.
 */
#pragma once

#include <jansson.h>

#include "event/container.h"
#include "net/http.h"

/*
 * What a request comes to besides the errors of http_get(): -ESRCH: there is no such container or
 * image; -EREMOTEIO: another status than 200; -EBADMSG: it is no JSON. *ret is the caller's.
 */
/*
 * "podman" or "docker", whoever it is that answers; it lives for ever. Not by /version: podman
 * takes seconds to find out about its own packages.
 */
int docker_client_identify(struct http *http, const char *socket, const char **ret);
/* All containers, also those that do not run: an array. */
int docker_client_list(struct http *http, const char *socket, json_t **ret);
/* They take at most so long. */
int docker_client_inspect(struct http *http, const char *socket, unsigned int ms,
			  const char id[CONTAINER_ID_LEN], json_t **ret);
int docker_client_image(struct http *http, const char *socket, unsigned int ms,
			const char *image_id, json_t **ret);
/* What the daemon says of itself. */
int docker_client_info(struct http *http, const char *socket, json_t **ret);

/* Borrowed for the call. */
typedef void docker_client_event_fn(void *ctx, const json_t *event);

struct docker_client_wish {
	int64_t since_s;     /* since the epoch */
	bool is_later_alone; /* of the life of a container what comes after its start */
};

/*
 * Hands on the events of containers that are of use here, for as long as they come; the daemon
 * sends no others. 0: it has ended it.
 */
int docker_client_events(struct http *http, const char *socket,
			 const struct docker_client_wish *wish, docker_client_event_fn *fn,
			 void *ctx);
