/* SPDX-License-Identifier: Apache-2.0 */
/*
 * By libnghttp2, which sees bytes only: the socket is read and written here, with a look at the
 * clock. Not by libcurl: its own libraries would be loaded for this alone.
 */
#include "net/http2.h"

#include <errno.h>
#include <nghttp2/nghttp2.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/clock.h"

#define HEADERS_MAX 65536 /* bytes, of one answer */
#define WINDOW (1024 * 1024)
#define MS_NS 1000000u
#define READ_BYTES 16384
#define READS 64		     /* one after the other */
#define OTHER_MAX (16 * 1024 * 1024) /* bytes of frames that are no answer */

struct exchange {
	const struct http2_request *q;
	struct str head, body; /* what is still to be sent of them */
	struct buf *answer;
	size_t n_headers, n_received, n_body;
	bool has_ended;
	int error;
};

struct http2 {
	nghttp2_session *session;
	int fd, cancel_fd;
	struct exchange *present; /* NULL between two */
	int32_t stream;		  /* its number */
	struct str unsent;	  /* the rest of a piece that libnghttp2 keeps */
	bool is_going_away;
};

static int fail(struct exchange *e, int r)
{
	if (e && e->error == 0)
		e->error = r;
	return NGHTTP2_ERR_CALLBACK_FAILURE;
}

static bool is_present(const struct http2 *h, int32_t stream)
{
	return h->present && h->stream == stream;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
		     size_t n_name, const uint8_t *value, size_t n_value, uint8_t flags, void *ctx)
{
	struct http2 *h = ctx;
	struct exchange *e = h->present;
	struct str key = { .p = (const char *)name, .n = n_name };
	struct str text = { .p = (const char *)value, .n = n_value };

	(void)session;
	(void)flags;
	if (!is_present(h, frame->hd.stream_id))
		return 0;
	e->n_headers += n_name + n_value;
	if (e->n_headers > HEADERS_MAX)
		return fail(e, -EMSGSIZE);
	e->q->header(e->q->ctx, key, text);
	return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream, const uint8_t *data,
		   size_t n, void *ctx)
{
	struct http2 *h = ctx;
	struct exchange *e = h->present;

	(void)session;
	(void)flags;
	if (!is_present(h, stream))
		return 0;
	if (n > e->q->max_bytes - e->n_body)
		return fail(e, -EMSGSIZE);
	e->n_body += n;
	buf_put(e->answer, data, n);
	return buf_failed(e->answer) ? fail(e, -ENOMEM) : 0;
}

static int on_stream_close(nghttp2_session *session, int32_t stream, uint32_t code, void *ctx)
{
	struct http2 *h = ctx;

	(void)session;
	/* A server that has answered may ask, by NO_ERROR, not to be sent the rest. */
	if (is_present(h, stream)) {
		h->present->has_ended = true;
		if (code != NGHTTP2_NO_ERROR)
			(void)fail(h->present,
				   code == NGHTTP2_REFUSED_STREAM ? -ECONNRESET : -EBADMSG);
	}
	return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *ctx)
{
	struct http2 *h = ctx;

	(void)session;
	if (frame->hd.type == NGHTTP2_GOAWAY)
		h->is_going_away = true;
	return 0;
}

static size_t take_part(struct str *from, uint8_t *to, size_t room)
{
	size_t n = from->n < room ? from->n : room;

	if (n)
		memcpy(to, from->p, n);
	from->p += n;
	from->n -= n;
	return n;
}

static ssize_t give_request(nghttp2_session *session, int32_t stream, uint8_t *to, size_t room,
			    uint32_t *flags, nghttp2_data_source *source, void *ctx)
{
	struct http2 *h = ctx;
	struct exchange *e = source->ptr;
	size_t n = 0;

	(void)session;
	if (!is_present(h, stream))
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	n += take_part(&e->head, to, room);
	n += take_part(&e->body, to + n, room - n);
	if (!e->body.n && !e->head.n)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)n;
}

static int make_session(struct http2 *h)
{
	static const nghttp2_settings_entry settings[] = {
		{ NGHTTP2_SETTINGS_ENABLE_PUSH, 0 },
		{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, WINDOW },
		{ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, HEADERS_MAX },
	};
	nghttp2_session_callbacks *callbacks;
	int r = nghttp2_session_callbacks_new(&callbacks);

	if (r != 0)
		return -ENOMEM;
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
	r = nghttp2_session_client_new(&h->session, callbacks, h);
	nghttp2_session_callbacks_del(callbacks);
	if (r == 0)
		r = nghttp2_submit_settings(h->session, NGHTTP2_FLAG_NONE, settings,
					    ARRAY_SIZE(settings));
	if (r == 0)
		r = nghttp2_session_set_local_window_size(h->session, NGHTTP2_FLAG_NONE, 0, WINDOW);
	return r == 0 ? 0 : -ENOMEM;
}

struct http2 *http2_close(struct http2 *h)
{
	if (!h)
		return NULL;
	nghttp2_session_del(h->session);
	if (h->fd >= 0)
		close(h->fd);
	if (h->cancel_fd >= 0)
		close(h->cancel_fd);
	free(h);
	return NULL;
}

static int connect_to(const char *path, int *ret)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_(closep) int fd = -1;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	*ret = TAKE_FD(fd);
	return 0;
}

int http2_open(const char *socket, struct http2 **ret)
{
	_cleanup_(http2_closep) struct http2 *h = calloc(1, sizeof(*h));
	int r;

	if (!h)
		return -ENOMEM;
	h->fd = h->cancel_fd = -1;
	r = connect_to(socket, &h->fd);
	if (r < 0)
		return r;
	h->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (h->cancel_fd < 0)
		return -errno;
	r = make_session(h);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(h);
	return 0;
}

void http2_cancel(struct http2 *h)
{
	/* Never read: it stays. */
	(void)eventfd_write(h->cancel_fd, 1);
}

/* Sends what is left of a piece. 0, also where the socket does not take all of it. */
static int send_rest(struct http2 *h)
{
	while (h->unsent.n) {
		ssize_t n = send(h->fd, h->unsent.p, h->unsent.n, MSG_NOSIGNAL);

		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? 0
			       : errno == EPIPE			 ? -ECONNRESET
								 : -errno;
		h->unsent.p += n;
		h->unsent.n -= (size_t)n;
	}
	return 0;
}

/* A piece stays where it is until the next one is asked for. */
static int flush(struct http2 *h)
{
	for (;;) {
		const uint8_t *piece;
		ssize_t n;
		int r = send_rest(h);

		if (r < 0 || h->unsent.n)
			return r;
		n = nghttp2_session_mem_send(h->session, &piece);
		if (n < 0)
			return n == NGHTTP2_ERR_NOMEM ? -ENOMEM : -EBADMSG;
		if (n == 0)
			return 0;
		h->unsent = (struct str){ .p = (const char *)piece, .n = (size_t)n };
	}
}

static int take(struct http2 *h, struct str piece)
{
	struct exchange *e = h->present;
	ssize_t taken;

	if (e) {
		e->n_received += piece.n;
		if (e->n_received - e->n_body > OTHER_MAX)
			return -EMSGSIZE;
	}
	taken = nghttp2_session_mem_recv(h->session, (const uint8_t *)piece.p, piece.n);
	if (e && e->error < 0)
		return e->error;
	if (taken == (ssize_t)piece.n)
		return 0;
	return taken == NGHTTP2_ERR_NOMEM ? -ENOMEM : -EBADMSG;
}

/* Takes what has come, up to a limit: somebody else looks at the clock. */
static int receive(struct http2 *h)
{
	int r = 0;

	for (int i = 0; r == 0 && i < READS && !(h->present && h->present->has_ended); i++) {
		char data[READ_BYTES];
		ssize_t n = recv(h->fd, data, sizeof(data), 0);

		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -errno;
		r = n ? take(h, (struct str){ .p = data, .n = (size_t)n }) : -ECONNRESET;
	}
	return r;
}

/* Until the socket can be used, or the time is over. */
static int wait_for_socket(const struct http2 *h, uint64_t deadline_ns)
{
	uint64_t now = clock_now_ns(CLOCK_MONOTONIC);
	struct pollfd fds[] = {
		{ .fd = h->fd, .events = (short)(POLLIN | (h->unsent.n ? POLLOUT : 0)) },
		{ .fd = h->cancel_fd, .events = POLLIN },
	};

	if (now >= deadline_ns)
		return -ETIMEDOUT;
	if (poll(fds, ARRAY_SIZE(fds), (int)((deadline_ns - now) / MS_NS) + 1) < 0)
		return errno == EINTR ? 0 : -errno;
	return fds[1].revents ? -ECANCELED : 0;
}

static int drive(struct http2 *h, unsigned int ms)
{
	uint64_t deadline_ns = clock_now_ns(CLOCK_MONOTONIC) + (uint64_t)ms * MS_NS;

	for (;;) {
		int r = flush(h);

		if (r == 0)
			r = wait_for_socket(h, deadline_ns);
		if (r == 0)
			r = receive(h);
		if (r < 0 || h->present->has_ended)
			return r;
		/* After what breaks the protocol there is no more to come. */
		if (!nghttp2_session_want_read(h->session))
			return -EBADMSG;
	}
}

static int submit(struct http2 *h, const struct http2_request *q)
{
#define HEADER(key, text)                                                                     \
	{                                                                                     \
		.name = (uint8_t *)(key), .namelen = strlen(key), .value = (uint8_t *)(text), \
		.valuelen = strlen(text)                                                      \
	}
	const nghttp2_nv headers[] = {
		HEADER(":method", "POST"),
		HEADER(":scheme", "http"),
		HEADER(":path", q->path),
		HEADER(":authority", "localhost"),
		HEADER("content-type", q->content_type),
		HEADER("te", "trailers"),
	};
#undef HEADER
	const nghttp2_data_provider provider = { .source.ptr = h->present,
						 .read_callback = give_request };

	h->stream = nghttp2_submit_request(h->session, NULL, headers, ARRAY_SIZE(headers),
					   &provider, NULL);
	if (h->stream >= 0)
		return 0;
	return h->stream == NGHTTP2_ERR_NOMEM ? -ENOMEM : -ECONNRESET;
}

int http2_post(struct http2 *h, const struct http2_request *q, struct buf *answer)
{
	struct exchange e = { .q = q, .head = q->head, .body = q->body, .answer = answer };
	int r;

	if (h->is_going_away)
		return -ECONNRESET;
	h->present = &e;
	r = submit(h, q);
	if (r == 0)
		r = drive(h, q->ms);
	h->present = NULL;
	return r;
}

int http2_attend(struct http2 *h)
{
	int r = receive(h);

	if (r == 0)
		r = flush(h);
	return r == 0 && h->is_going_away ? -ECONNRESET : r;
}
