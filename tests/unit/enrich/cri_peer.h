/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A runtime of Kubernetes that the test plays: its containers and sandboxes have ids of one digit;
 * what it answers is in `messages`, made when it is asked.
 */
#pragma once

#include <cri.pb-c.h>
#include <string.h>

#include "../net/grpc_peer.h"
#include "container_ids.h"

#define CRI_NOT_FOUND 5
#define CRI_UNIMPLEMENTED 12

struct cri_peer {
	struct peer peer;
	const char *containers; /* digits */
	const char *sandboxes;
	const char *package; /* "runtime.v1", ...; NULL: no CRI at all */
	const char *image_ref;
	bool is_garbage; /* answers are no messages */
	atomic_int n_image_questions, n_status_questions;
};

static inline void cri_peer_pack(const ProtobufCMessage *m, struct buf *out)
{
	size_t n = protobuf_c_message_get_packed_size(m);
	char *room = buf_room(out, n + 1);

	buf_advance(out, protobuf_c_message_pack(m, (uint8_t *)room));
}

/* Whether a filter lets one with this digit through. */
static inline bool cri_peer_matches(const char *filter, char digit)
{
	return !*filter || *filter == digit;
}

static inline void cri_peer_list(const struct cri_peer *p, const char *filter, struct buf *out)
{
	Cri__ListContainersResponse answer = CRI__LIST_CONTAINERS_RESPONSE__INIT;
	Cri__ContainerMetadata metadata = CRI__CONTAINER_METADATA__INIT;
	Cri__Container items[16], *list[16];

	metadata.name = "main";
	answer.containers = list;
	for (const char *d = p->containers; *d; d++) {
		Cri__Container *c = &items[answer.n_containers];

		if (!cri_peer_matches(filter, *d))
			continue;
		cri__container__init(c);
		c->id = (char *)container_id(*d);
		c->pod_sandbox_id = "f";
		c->metadata = &metadata;
		c->image_ref = (char *)p->image_ref;
		list[answer.n_containers++] = c;
	}
	cri_peer_pack(&answer.base, out);
}

static inline void cri_peer_sandboxes(const struct cri_peer *p, const char *filter, struct buf *out)
{
	Cri__ListPodSandboxResponse answer = CRI__LIST_POD_SANDBOX_RESPONSE__INIT;
	Cri__PodSandboxMetadata metadata = CRI__POD_SANDBOX_METADATA__INIT;
	Cri__PodSandbox items[16], *list[16];

	metadata.name = "pod";
	metadata.uid = "uid";
	answer.items = list;
	for (const char *d = p->sandboxes; *d; d++) {
		Cri__PodSandbox *s = &items[answer.n_items];

		if (!cri_peer_matches(filter, *d))
			continue;
		cri__pod_sandbox__init(s);
		s->id = (char *)container_id(*d);
		s->metadata = &metadata;
		list[answer.n_items++] = s;
	}
	cri_peer_pack(&answer.base, out);
}

static inline void cri_peer_image(struct cri_peer *p, struct buf *out)
{
	static char id[8 + CONTAINER_ID_LEN] = "sha256:",
			   digest[16 + CONTAINER_ID_LEN] = "a@sha256:";
	char *digests[] = { digest };
	Cri__Image image = CRI__IMAGE__INIT;
	Cri__ImageStatusResponse answer = CRI__IMAGE_STATUS_RESPONSE__INIT;

	atomic_fetch_add(&p->n_image_questions, 1);
	memset(id + 7, '1', CONTAINER_ID_LEN);
	memset(digest + 9, '2', CONTAINER_ID_LEN);
	image.id = id;
	image.repo_digests = digests;
	image.n_repo_digests = 1;
	answer.image = &image;
	cri_peer_pack(&answer.base, out);
}

static inline void cri_peer_version(struct buf *out)
{
	Cri__VersionResponse answer = CRI__VERSION_RESPONSE__INIT;

	answer.runtime_name = "containerd";
	cri_peer_pack(&answer.base, out);
}

static inline void cri_peer_status(struct cri_peer *p, struct buf *out)
{
	Cri__ContainerStatus status = CRI__CONTAINER_STATUS__INIT;
	Cri__ContainerStatusResponse answer = CRI__CONTAINER_STATUS_RESPONSE__INIT;

	atomic_fetch_add(&p->n_status_questions, 1);
	status.started_at = 7;
	answer.status = &status;
	cri_peer_pack(&answer.base, out);
}

/* The id that a listing is filtered by; "" for all. */
static inline void cri_peer_filter(struct str message, char ret[CONTAINER_ID_LEN + 1])
{
	Cri__ListContainersRequest *request =
		cri__list_containers_request__unpack(NULL, message.n, (const uint8_t *)message.p);

	ret[0] = '\0';
	if (request && request->filter)
		snprintf(ret, CONTAINER_ID_LEN + 1, "%s", request->filter->id);
	cri__list_containers_request__free_unpacked(request, NULL);
}

static inline int cri_peer_answer(void *ctx, const char *path, struct str message, struct buf *out)
{
	struct cri_peer *p = ctx;
	const char *method = strrchr(path, '/');
	char filter[CONTAINER_ID_LEN + 1];

	if (!p->package || strncmp(path + 1, p->package, strlen(p->package)) != 0 ||
	    path[1 + strlen(p->package)] != '.')
		return CRI_UNIMPLEMENTED;
	if (p->is_garbage) {
		buf_put_str(out, STR("\377\377\377garbage"));
		return 0;
	}
	cri_peer_filter(message, filter);
	if (strcmp(method, "/Version") == 0)
		cri_peer_version(out);
	else if (strcmp(method, "/ListContainers") == 0)
		cri_peer_list(p, filter, out);
	else if (strcmp(method, "/ListPodSandbox") == 0)
		cri_peer_sandboxes(p, filter, out);
	else if (strcmp(method, "/ContainerStatus") == 0)
		cri_peer_status(p, out);
	else if (strcmp(method, "/ImageStatus") == 0)
		cri_peer_image(p, out);
	else
		return CRI_NOT_FOUND;
	return 0;
}

static inline bool cri_peer_serve(struct peer *peer, int fd, const char *request)
{
	(void)request;
	return grpc_peer_serve(fd, cri_peer_answer, peer->ctx);
}

static inline void cri_peer_start(struct cri_peer *p)
{
	p->peer.is_raw = true;
	peer_start(&p->peer, cri_peer_serve, p);
}
