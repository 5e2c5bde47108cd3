/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server: libmicrohttpd on sockets that we open. A page is written whole when it is asked for,
 * and handed over. What a client can make it hold is bounded: connections, the memory of each, the
 * time that it may be silent. Owns its sockets and threads.
 */
#include "control/control.h"

#include <errno.h>
#include <inttypes.h>
#include <microhttpd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/json_text.h"
#include "base/log.h"
#include "control/listener.h"

#define LOG_UNIT "control"

#define CONNECTIONS_MAX 16u
#define CONNECTION_BYTES ((size_t)16 * 1024)
#define SILENCE_S 10u

/* A socket and the thread that serves it. */
struct server {
	struct control *control;
	struct listener listener;
	struct MHD_Daemon *daemon;
	bool is_private; /* it shows all pages */
};

struct control {
	struct control_options options;
	struct metrics *metrics;
	struct health *health;
	uint64_t started_ns;
	struct server local, remote;
	pthread_mutex_t lock; /* guards the state */
	struct buf state;
};

/* Returns the HTTP status. */
typedef unsigned int page_fn(struct control *c, struct buf *out);

struct page {
	const char *url, *type;
	page_fn *format;
	bool is_private;
};

static unsigned int format_metrics(struct control *c, struct buf *out)
{
	metrics_format_text(c->metrics, out);
	return MHD_HTTP_OK;
}

static unsigned int format_health(struct control *c, struct buf *out)
{
	bool is_healthy = health_judge(c->health, clock_now_ns(CLOCK_MONOTONIC), out);

	buf_put_char(out, '\n');
	return is_healthy ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE;
}

static unsigned int format_life(struct control *c, struct buf *out)
{
	bool is_alive = health_judge_life(c->health, clock_now_ns(CLOCK_MONOTONIC), out);

	buf_put_char(out, '\n');
	return is_alive ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE;
}

static void put_state(struct control *c, struct buf *out)
{
	pthread_mutex_lock(&c->lock);
	buf_put_str(out, c->state.len ? buf_str(&c->state) : STR("{}"));
	pthread_mutex_unlock(&c->lock);
}

static unsigned int format_status(struct control *c, struct buf *out)
{
	uint64_t now_ns = clock_now_ns(CLOCK_MONOTONIC);

	buf_printf(out, "{\"version\":\"%s\",\"pid\":%d,\"instance\":", PROCTRAIL_VERSION,
		   (int)getpid());
	json_text_put(out, str_from(c->options.instance));
	buf_printf(out, ",\"uptime_seconds\":%" PRIu64 ",\"health\":",
		   (now_ns - c->started_ns) / 1000000000u);
	health_judge(c->health, now_ns, out);
	buf_put_str(out, STR(",\"agent\":"));
	put_state(c, out);
	buf_put_str(out, STR(",\"metrics\":"));
	metrics_format_json(c->metrics, out);
	buf_put_str(out, STR("}\n"));
	return MHD_HTTP_OK;
}

static const struct page pages[] = {
	{ .url = "/metrics",
	  .type = "text/plain; version=0.0.4; charset=utf-8",
	  .format = format_metrics },
	{ .url = "/healthz", .type = "application/json", .format = format_health },
	{ .url = "/livez", .type = "application/json", .format = format_life },
	{ .url = "/status",
	  .type = "application/json",
	  .format = format_status,
	  .is_private = true },
};

static const struct page *find_page(const struct server *s, const char *url)
{
	for (size_t i = 0; i < ARRAY_SIZE(pages); i++)
		if (strcmp(pages[i].url, url) == 0 && (s->is_private || !pages[i].is_private))
			return &pages[i];
	return NULL;
}

/* Takes the bytes of `body`. */
static enum MHD_Result reply(struct MHD_Connection *connection, unsigned int status,
			     const char *type, struct buf *body)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(
		body->len, body->data ? body->data : "",
		body->data ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);
	enum MHD_Result result;

	if (!response)
		return MHD_NO;
	*body = (struct buf){ 0 };
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	if (status >= MHD_HTTP_BAD_REQUEST && status < MHD_HTTP_INTERNAL_SERVER_ERROR)
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result refuse(struct MHD_Connection *connection, unsigned int status,
			      const char *why)
{
	_cleanup_(buf_done) struct buf body = { 0 };

	buf_put_str(&body, str_from(why));
	return reply(connection, status, "text/plain; charset=utf-8", &body);
}

static bool has_body(struct MHD_Connection *connection)
{
	const char *length = MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
							 MHD_HTTP_HEADER_CONTENT_LENGTH);

	return (length && strcmp(length, "0") != 0) ||
	       MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
					   MHD_HTTP_HEADER_TRANSFER_ENCODING);
}

/* Answered as soon as the head of the request is there: libmicrohttpd then takes no body. */
static enum MHD_Result on_request(void *ctx, struct MHD_Connection *connection, const char *url,
				  const char *method, const char *version, const char *upload,
				  size_t *n_upload, void **request)
{
	struct server *s = ctx;
	const struct page *page = find_page(s, url);
	_cleanup_(buf_done) struct buf body = { 0 };
	unsigned int status;

	(void)version, (void)upload, (void)n_upload, (void)request;
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return refuse(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "Only GET and HEAD.\n");
	if (has_body(connection))
		return refuse(connection, MHD_HTTP_CONTENT_TOO_LARGE, "No bodies.\n");
	if (!page)
		return refuse(connection, MHD_HTTP_NOT_FOUND,
			      s->is_private ? "There are /metrics, /healthz, /livez and /status.\n"
					    : "There are /metrics, /healthz and /livez.\n");
	status = page->format(s->control, &body);
	if (buf_failed(&body))
		return refuse(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, "Out of memory.\n");
	return reply(connection, status, page->type, &body);
}

static void on_log(void *ctx, const char *fmt, va_list ap)
{
	char text[512];

	(void)ctx;
	vsnprintf(text, sizeof(text), fmt, ap);
	text[strcspn(text, "\n")] = '\0';
	log_debug("libmicrohttpd: %s", text);
}

/* The signals are for the threads that wait for them: the new one takes none. */
static int serve(struct server *s)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	s->daemon = MHD_start_daemon(MHD_USE_POLL_INTERNAL_THREAD | MHD_USE_ERROR_LOG, 0, NULL,
				     NULL, on_request, s, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL,
				     MHD_OPTION_LISTEN_SOCKET, s->listener.fd,
				     MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX,
				     MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_BYTES,
				     MHD_OPTION_CONNECTION_TIMEOUT, SILENCE_S, MHD_OPTION_END);
	error = errno;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!s->daemon)
		return log_err_errno(error ? -error : -ENOMEM, "cannot start the control server");
	return 0;
}

static void server_done(struct server *s)
{
	if (s->daemon) {
		MHD_stop_daemon(s->daemon); /* which closes the socket */
		s->listener.fd = -1;
	}
	listener_done(&s->listener);
}

static int start_local(struct control *c)
{
	int r = listener_open_unix(c->options.socket, &c->local.listener);

	return r < 0 ? r : serve(&c->local);
}

static int start_remote(struct control *c)
{
	int r = listener_open_tcp(c->options.listen, c->options.allow_remote, &c->remote.listener);
	const union MHD_DaemonInfo *info;

	if (r < 0)
		return r;
	r = serve(&c->remote);
	if (r < 0)
		return r;
	info = MHD_get_daemon_info(c->remote.daemon, MHD_DAEMON_INFO_BIND_PORT);
	log_info("metrics are on '%s', port %u", c->options.listen, info ? info->port : 0u);
	return 0;
}

int control_new(const struct control_options *options, struct metrics *m, struct health *h,
		struct control **ret)
{
	_cleanup_(control_freep) struct control *c = NULL;
	int r;

	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->options = *options;
	c->metrics = m;
	c->health = h;
	c->started_ns = clock_now_ns(CLOCK_MONOTONIC);
	c->local = (struct server){ .control = c, .listener = LISTENER_NONE, .is_private = true };
	c->remote = (struct server){ .control = c, .listener = LISTENER_NONE };
	pthread_mutex_init(&c->lock, NULL);

	r = options->socket ? start_local(c) : 0;
	if (r < 0)
		return r;
	r = options->listen ? start_remote(c) : 0;
	if (r < 0)
		return r;
	*ret = TAKE_PTR(c);
	return 0;
}

struct control *control_free(struct control *c)
{
	if (!c)
		return NULL;
	server_done(&c->local);
	server_done(&c->remote);
	pthread_mutex_destroy(&c->lock);
	buf_done(&c->state);
	free(c);
	return NULL;
}

int control_set_state(struct control *c, struct str json)
{
	_cleanup_(buf_done) struct buf next = { 0 };

	buf_put_str(&next, json);
	if (buf_failed(&next))
		return -ENOMEM;
	pthread_mutex_lock(&c->lock);
	buf_done(&c->state);
	c->state = TAKE(next, (struct buf){ 0 });
	pthread_mutex_unlock(&c->lock);
	return 0;
}
