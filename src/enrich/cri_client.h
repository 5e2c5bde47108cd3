/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls of the Container Runtime Interface: v1, or v1alpha2 where the runtime has no v1; the
 * messages are the same as far as they are used. One thread at a time.
 */
#pragma once

#include <cri.pb-c.h>
#include <errno.h>
#include <stdbool.h>

#include "base/cleanup.h"
#include "event/container.h"
#include "net/grpc.h"

struct cri_client {
	struct http2 *connection;
	unsigned int call_ms; /* about one container or image; set by the owner */
	const char *package;  /* "runtime.v1" or "runtime.v1alpha2" */
};

static inline void cri_version_freep(Cri__VersionResponse **p)
{
	cri__version_response__free_unpacked(*p, NULL);
}

static inline void cri_containers_freep(Cri__ListContainersResponse **p)
{
	cri__list_containers_response__free_unpacked(*p, NULL);
}

static inline void cri_sandboxes_freep(Cri__ListPodSandboxResponse **p)
{
	cri__list_pod_sandbox_response__free_unpacked(*p, NULL);
}

static inline void cri_status_freep(Cri__ContainerStatusResponse **p)
{
	cri__container_status_response__free_unpacked(*p, NULL);
}

static inline void cri_image_freep(Cri__ImageStatusResponse **p)
{
	cri__image_status_response__free_unpacked(*p, NULL);
}

/*
 * Finds out who is there and which version is spoken. `connection` is borrowed for as long as the
 * client is used; *ret_version is the caller's. As grpc_call(); -EOPNOTSUPP: there is no CRI.
 */
int cri_client_init(struct cri_client *c, struct http2 *connection,
		    Cri__VersionResponse **ret_version);

/*
 * The answers are the caller's. As grpc_call(), and -EBADMSG: the answer is no such message. An id
 * of NULL: all of them.
 */
int cri_client_list(const struct cri_client *c, const char *id, Cri__ListContainersResponse **ret);
int cri_client_list_sandboxes(const struct cri_client *c, const char *id,
			      Cri__ListPodSandboxResponse **ret);
int cri_client_status(const struct cri_client *c, const char *id,
		      Cri__ContainerStatusResponse **ret);
/* ret->image is NULL where there is no such image. */
int cri_client_image(const struct cri_client *c, const char *ref, Cri__ImageStatusResponse **ret);

/* What is wrong with the connection rather than with the question: it is of no use any more. */
static inline bool cri_client_is_lost(int r)
{
	return r < 0 && r != -ESRCH && r != -EOPNOTSUPP && r != -EACCES && r != -EREMOTEIO;
}
