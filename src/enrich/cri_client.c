/* SPDX-License-Identifier: Apache-2.0 */
#include "enrich/cri_client.h"

#include <stdio.h>

#define LIST_MS 10000
#define VERSION_MS 2000

static int pack(const ProtobufCMessage *message, struct buf *to)
{
	size_t n = protobuf_c_message_get_packed_size(message);
	char *room = buf_room(to, n ? n : 1);

	if (!room)
		return -ENOMEM;
	buf_advance(to, protobuf_c_message_pack(message, (uint8_t *)room));
	return 0;
}

static int call(const struct cri_client *c, const char *method, unsigned int ms,
		const ProtobufCMessage *request, const ProtobufCMessageDescriptor *answer,
		ProtobufCMessage **ret)
{
	_cleanup_(buf_done) struct buf in = { 0 }, out = { 0 };
	char path[128];
	int r = pack(request, &out);

	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "/%s.%s", c->package, method);
	r = grpc_call(c->connection, path, buf_str(&out), ms, &in);
	if (r < 0)
		return r;
	*ret = protobuf_c_message_unpack(answer, NULL, in.len, (const uint8_t *)buf_str(&in).p);
	return *ret ? 0 : -EBADMSG;
}

int cri_client_init(struct cri_client *c, struct http2 *connection,
		    Cri__VersionResponse **ret_version)
{
	static const char *const packages[] = { "runtime.v1", "runtime.v1alpha2" };
	Cri__VersionRequest request = CRI__VERSION_REQUEST__INIT;
	ProtobufCMessage *answer = NULL;
	int r = -EOPNOTSUPP;

	c->connection = connection;
	for (size_t i = 0; r == -EOPNOTSUPP && i < ARRAY_SIZE(packages); i++) {
		c->package = packages[i];
		r = call(c, "RuntimeService/Version", VERSION_MS, &request.base,
			 &cri__version_response__descriptor, &answer);
	}
	if (r == 0)
		*ret_version = (Cri__VersionResponse *)answer;
	return r;
}

int cri_client_list(const struct cri_client *c, const char *id, Cri__ListContainersResponse **ret)
{
	Cri__ContainerFilter filter = CRI__CONTAINER_FILTER__INIT;
	Cri__ListContainersRequest request = CRI__LIST_CONTAINERS_REQUEST__INIT;
	ProtobufCMessage *answer = NULL;
	int r;

	if (id) {
		filter.id = (char *)id;
		request.filter = &filter;
	}
	r = call(c, "RuntimeService/ListContainers", id ? c->call_ms : LIST_MS, &request.base,
		 &cri__list_containers_response__descriptor, &answer);
	if (r == 0)
		*ret = (Cri__ListContainersResponse *)answer;
	return r;
}

int cri_client_list_sandboxes(const struct cri_client *c, const char *id,
			      Cri__ListPodSandboxResponse **ret)
{
	Cri__PodSandboxFilter filter = CRI__POD_SANDBOX_FILTER__INIT;
	Cri__ListPodSandboxRequest request = CRI__LIST_POD_SANDBOX_REQUEST__INIT;
	ProtobufCMessage *answer = NULL;
	int r;

	if (id) {
		filter.id = (char *)id;
		request.filter = &filter;
	}
	r = call(c, "RuntimeService/ListPodSandbox", id ? c->call_ms : LIST_MS, &request.base,
		 &cri__list_pod_sandbox_response__descriptor, &answer);
	if (r == 0)
		*ret = (Cri__ListPodSandboxResponse *)answer;
	return r;
}

int cri_client_status(const struct cri_client *c, const char *id,
		      Cri__ContainerStatusResponse **ret)
{
	Cri__ContainerStatusRequest request = CRI__CONTAINER_STATUS_REQUEST__INIT;
	ProtobufCMessage *answer = NULL;
	int r;

	request.container_id = (char *)id;
	r = call(c, "RuntimeService/ContainerStatus", c->call_ms, &request.base,
		 &cri__container_status_response__descriptor, &answer);
	if (r == 0)
		*ret = (Cri__ContainerStatusResponse *)answer;
	return r;
}

int cri_client_image(const struct cri_client *c, const char *ref, Cri__ImageStatusResponse **ret)
{
	Cri__ImageSpec spec = CRI__IMAGE_SPEC__INIT;
	Cri__ImageStatusRequest request = CRI__IMAGE_STATUS_REQUEST__INIT;
	ProtobufCMessage *answer = NULL;
	int r;

	spec.image = (char *)ref;
	request.image = &spec;
	r = call(c, "ImageService/ImageStatus", c->call_ms, &request.base,
		 &cri__image_status_response__descriptor, &answer);
	if (r == 0)
		*ret = (Cri__ImageStatusResponse *)answer;
	return r;
}
