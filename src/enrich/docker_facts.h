/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the answers of the Docker Engine API say of a container, be they Docker's or podman's.
 * Pure; all of it comes from a peer that may be wrong.
 */
#pragma once

#include <jansson.h>

#include "enrich/container_facts.h"
#include "enrich/json_file.h"

enum docker_event {
	DOCKER_CREATED,
	DOCKER_STARTED,
	DOCKER_RENAMED,
	DOCKER_DESTROYED,
	DOCKER_OTHER, /* of no interest here */
	_DOCKER_EVENT_MAX,
};

/*
 * Each makes *ret, which is the caller's to free: 0, or -EBADMSG where there is no container's id
 * in it, -ENOMEM. Texts that are missing or have the wrong type are unknown.
 */
/* An element of GET /containers/json. */
int docker_facts_of_item(const json_t *item, struct str runtime, struct container_facts *ret);
/* GET /containers/ID/json. */
int docker_facts_of_inspect(const json_t *answer, struct str runtime, struct container_facts *ret);
/* An event of GET /events. */
int docker_facts_of_event(const json_t *event, struct str runtime, enum docker_event *ret_what,
			  struct container_facts *ret);

/*
 * The digest in `repo_digests` ("REPOSITORY@sha256:...") of the repository that the image's name
 * has, or of the first one; "" where there is none. Borrowed.
 */
const char *docker_facts_digest(const json_t *repo_digests, const char *image_name);
