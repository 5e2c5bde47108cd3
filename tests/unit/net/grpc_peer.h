/* SPDX-License-Identifier: Apache-2.0 */
/* A gRPC server for a struct peer that is raw: gives each call's message to a function. */
#pragma once

#include <nghttp2/nghttp2.h>
#include <stdlib.h>

#include "base/buf.h"

#include "peer.h"

#define GRPC_PEER_PREFIX 5

/* Appends the answer; returns what grpc-status is to be. */
typedef int grpc_peer_fn(void *ctx, const char *path, struct str message, struct buf *answer);

struct grpc_peer_stream {
	char path[256];
	struct buf request, answer;
	size_t sent;
	char status[16];
};

struct grpc_peer {
	grpc_peer_fn *fn;
	void *ctx;
	struct grpc_peer_stream stream; /* the present one */
};

static inline int grpc_peer_header(nghttp2_session *session, const nghttp2_frame *frame,
				   const uint8_t *name, size_t n_name, const uint8_t *value,
				   size_t n_value, uint8_t flags, void *ctx)
{
	struct grpc_peer *p = ctx;

	(void)session;
	(void)frame;
	(void)flags;
	if (n_name == 5 && memcmp(name, ":path", 5) == 0)
		snprintf(p->stream.path, sizeof(p->stream.path), "%.*s", (int)n_value,
			 (const char *)value);
	return 0;
}

static inline int grpc_peer_data(nghttp2_session *session, uint8_t flags, int32_t id,
				 const uint8_t *data, size_t n, void *ctx)
{
	struct grpc_peer *p = ctx;

	(void)session;
	(void)flags;
	(void)id;
	buf_put(&p->stream.request, data, n);
	return 0;
}

static inline void grpc_peer_trailer(nghttp2_session *session, int32_t id, struct grpc_peer *p)
{
	const nghttp2_nv trailer = { .name = (uint8_t *)"grpc-status",
				     .namelen = 11,
				     .value = (uint8_t *)p->stream.status,
				     .valuelen = strlen(p->stream.status) };

	nghttp2_submit_trailer(session, id, &trailer, 1);
}

static inline ssize_t grpc_peer_read(nghttp2_session *session, int32_t id, uint8_t *to, size_t room,
				     uint32_t *flags, nghttp2_data_source *source, void *ctx)
{
	struct grpc_peer_stream *s = source->ptr;
	size_t n = s->answer.len - s->sent;

	n = n < room ? n : room;
	if (n)
		memcpy(to, s->answer.data + s->sent, n);
	s->sent += n;
	if (s->sent == s->answer.len) {
		*flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
		grpc_peer_trailer(session, id, ctx);
	}
	return (ssize_t)n;
}

static inline void grpc_peer_answer(nghttp2_session *session, int32_t id, struct grpc_peer *p)
{
	struct grpc_peer_stream *s = &p->stream;
	struct str message = { .p = s->request.data + GRPC_PEER_PREFIX,
			       .n = s->request.len - GRPC_PEER_PREFIX };
	const nghttp2_nv headers[] = {
		{ (uint8_t *)":status", (uint8_t *)"200", 7, 3, 0 },
		{ (uint8_t *)"content-type", (uint8_t *)"application/grpc", 12, 16, 0 },
	};
	const nghttp2_data_provider provider = { .source.ptr = s, .read_callback = grpc_peer_read };
	uint32_t n;

	buf_put(&s->answer, "\0\0\0\0\0", GRPC_PEER_PREFIX);
	snprintf(s->status, sizeof(s->status), "%d", p->fn(p->ctx, s->path, message, &s->answer));
	n = (uint32_t)(s->answer.len - GRPC_PEER_PREFIX);
	for (int i = 0; i < 4; i++)
		s->answer.data[1 + i] = (char)(n >> (24 - 8 * i));
	nghttp2_submit_response(session, id, headers, 2, &provider);
}

static inline int grpc_peer_frame(nghttp2_session *session, const nghttp2_frame *frame, void *ctx)
{
	if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM && frame->hd.stream_id)
		grpc_peer_answer(session, frame->hd.stream_id, ctx);
	return 0;
}

static inline void grpc_peer_end_stream(struct grpc_peer *p)
{
	buf_done(&p->stream.request);
	buf_done(&p->stream.answer);
	p->stream = (struct grpc_peer_stream){ 0 };
}

static inline int grpc_peer_close(nghttp2_session *session, int32_t id, uint32_t code, void *ctx)
{
	(void)session;
	(void)id;
	(void)code;
	grpc_peer_end_stream(ctx);
	return 0;
}

static inline void grpc_peer_flush(nghttp2_session *session, int fd)
{
	const uint8_t *data;

	for (ssize_t n; (n = nghttp2_session_mem_send(session, &data)) > 0;)
		peer_send(fd, data, (size_t)n);
}

/* Serves a connection until the client goes. */
static inline bool grpc_peer_serve(int fd, grpc_peer_fn *fn, void *ctx)
{
	struct grpc_peer p = { .fn = fn, .ctx = ctx };
	nghttp2_session_callbacks *callbacks;
	nghttp2_session *session;
	uint8_t data[4096];
	ssize_t n;

	nghttp2_session_callbacks_new(&callbacks);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, grpc_peer_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, grpc_peer_data);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, grpc_peer_frame);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, grpc_peer_close);
	nghttp2_session_server_new(&session, callbacks, &p);
	nghttp2_session_callbacks_del(callbacks);
	nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, NULL, 0);
	do {
		grpc_peer_flush(session, fd);
		n = read(fd, data, sizeof(data));
	} while (n > 0 && nghttp2_session_mem_recv(session, data, (size_t)n) == n);
	nghttp2_session_del(session);
	grpc_peer_end_stream(&p);
	return false;
}
