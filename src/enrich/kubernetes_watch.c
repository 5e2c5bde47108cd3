/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first page is asked for with resourceVersion=0: as the server has it in memory, where it has
 * an index by node. Without that it would read all pods of the cluster from its database, for each
 * of the nodes. What such a list lacks of the last moment the watch then brings.
 */
#include "enrich/kubernetes_watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/chance.h"
#include "enrich/kubernetes_escape.h"
#include "enrich/kubernetes_items.h"
#include "enrich/kubernetes_json.h"

#define PAGE 500
#define PAGE_SHORT 25
#define LIST_MAX_BYTES ((size_t)32 * 1024 * 1024)
#define LIST_MS 30000
#define LINE_MAX_BYTES ((size_t)4 * 1024 * 1024) /* the API's own bound is below 2 MiB */
#define PAGES_MAX 1000

/*
 * How long a watch may last, in seconds: between this and twice as long, so that not all nodes come
 * at once. An API server's own choice is the same (--min-request-timeout).
 */
#define WATCH_S 1800
/* A server sends a bookmark a minute; after so long without anything it has gone. */
#define WATCH_IDLE_MS 150000

int kubernetes_status_error(long status)
{
	switch (status) {
	case 200:
		return 0;
	case 401:
		return -EKEYEXPIRED;
	case 403:
		return -EPERM;
	case 410:
		return -ESTALE;
	case 429:
		return -EBUSY;
	default:
		return -EREMOTEIO;
	}
}

static int on_item(void *ctx, const json_t *item)
{
	const struct kubernetes_watch *w = ctx;

	return w->handler->pod(w->handler->ctx, item);
}

static int get_page(struct kubernetes_watch *w, const char *path, struct kubernetes_page *ret)
{
	_cleanup_(freep) char *url = NULL, *token = NULL;
	_cleanup_(buf_done) struct buf body = { 0 };
	struct http_request q = { .total_ms = LIST_MS, .max_bytes = LIST_MAX_BYTES };
	long status = 0;
	int r;

	r = kubernetes_access_request(w->access, path, &q, &url, &token);
	if (r == 0)
		r = http_get(w->http, &q, &body, &status);
	if (r == 0)
		r = kubernetes_status_error(status);
	return r < 0 ? r : kubernetes_items(buf_str(&body), on_item, w, ret);
}

static void put_version(struct kubernetes_watch *w, const char *version)
{
	if (*version && strlen(version) < sizeof(w->version))
		memcpy(w->version, version, strlen(version) + 1);
}

int kubernetes_watch_list(struct kubernetes_watch *w, const char *path)
{
	struct kubernetes_page page = { 0 };
	int r;

	w->handler->begin_list(w->handler->ctx);
	r = get_page(w, path, &page);
	if (r < 0)
		return r;
	put_version(w, page.version);
	w->handler->end_list(w->handler->ctx);
	return 0;
}

static void put_selector(struct buf *out, const char *node)
{
	buf_put_str(out, STR("/api/v1/pods?fieldSelector=spec.nodeName%3D"));
	kubernetes_escape(out, node);
}

/* With the token of the page before a server wants no version. */
static int make_list_path(const struct kubernetes_watch *w, const char *next, struct buf *out)
{
	buf_clear(out);
	put_selector(out, w->node);
	buf_printf(out, "&limit=%d", w->is_short ? PAGE_SHORT : PAGE);
	if (*next) {
		buf_put_str(out, STR("&continue="));
		kubernetes_escape(out, next);
	} else if (!w->is_short) {
		buf_put_str(out, STR("&resourceVersion=0"));
	}
	buf_put_char(out, '\0');
	return buf_failed(out) ? -ENOMEM : 0;
}

int kubernetes_watch_list_node(struct kubernetes_watch *w)
{
	_cleanup_(buf_done) struct buf path = { 0 };
	struct kubernetes_page page = { 0 };
	size_t n = 0;
	int r;

	w->handler->begin_list(w->handler->ctx);
	do {
		r = make_list_path(w, page.next, &path);
		if (r == 0)
			r = get_page(w, path.data, &page);
	} while (r == 0 && *page.next && ++n < PAGES_MAX);
	if (r < 0)
		return r;
	if (*page.next || !*page.version)
		return -EBADMSG;
	put_version(w, page.version);
	w->handler->end_list(w->handler->ctx);
	return 0;
}

/* {"type":"ERROR","object":{"kind":"Status","code":410,...}} */
static int on_error(const json_t *status)
{
	int r = kubernetes_status_error((long)json_integer_value(json_object_get(status, "code")));

	return r < 0 ? r : -EBADMSG;
}

static int on_event(struct kubernetes_watch *w, const char *type, const json_t *object)
{
	const struct kubernetes_watch_handler *h = w->handler;
	int r;

	if (strcmp(type, "ADDED") == 0 || strcmp(type, "MODIFIED") == 0)
		r = h->pod(h->ctx, object);
	else if (strcmp(type, "DELETED") == 0)
		r = h->gone(h->ctx, object);
	else if (strcmp(type, "BOOKMARK") == 0)
		r = 0;
	else
		return strcmp(type, "ERROR") == 0 ? on_error(object) : -EBADMSG;
	if (r < 0)
		return r;
	put_version(w,
		    kubernetes_json_text(json_object_get(object, "metadata"), "resourceVersion"));
	w->n_events++;
	return 0;
}

static void on_begin(void *ctx)
{
	const struct kubernetes_watch *w = ctx;

	w->handler->followed(w->handler->ctx);
}

static int on_line(void *ctx, struct str line)
{
	_cleanup_(json_unrefp) json_t *event = json_loadb(line.p, line.n, 0, NULL);
	const json_t *object = json_object_get(event, "object");

	if (!json_is_object(object))
		return -EBADMSG;
	return on_event(ctx, kubernetes_json_text(event, "type"), object);
}

static int make_watch_path(const struct kubernetes_watch *w, struct buf *out)
{
	put_selector(out, w->node);
	buf_printf(out, "&watch=true&allowWatchBookmarks=true&timeoutSeconds=%ld&resourceVersion=",
		   WATCH_S + (long)(chance() % WATCH_S));
	kubernetes_escape(out, w->version);
	buf_put_char(out, '\0');
	return buf_failed(out) ? -ENOMEM : 0;
}

int kubernetes_watch_follow(struct kubernetes_watch *w)
{
	_cleanup_(freep) char *url = NULL, *token = NULL;
	_cleanup_(buf_done) struct buf path = { 0 };
	struct http_request q = { .idle_ms = WATCH_IDLE_MS,
				  .max_bytes = LINE_MAX_BYTES,
				  .begin = on_begin };
	long status = 0;
	int r;

	r = make_watch_path(w, &path);
	if (r == 0)
		r = kubernetes_access_request(w->access, path.data, &q, &url, &token);
	if (r == 0)
		r = http_stream(w->http, &q, on_line, w, &status);
	return r < 0 ? r : kubernetes_status_error(status);
}
