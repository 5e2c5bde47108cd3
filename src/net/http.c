/* SPDX-License-Identifier: Apache-2.0 */
/*
 * By libcurl's "multi" interface, one transfer at a time: it can be woken from another thread,
 * which curl_easy_perform() can not.
 */
#include "net/http.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "net/curl_library.h"

#define HEADERS_MAX ((size_t)256 * 1024)
#define LONGEST_MS 60000 /* without a look around: what comes, libcurl's timers, an end wake it */
#define MS_NS 1000000u

struct http {
	const struct curl_library *lib;
	CURLM *multi;
	CURL *curl;
	atomic_bool is_cancelled;
	unsigned int retry_after_s;
	char explanation[CURL_ERROR_SIZE];
};

/* An answer that is coming in. */
struct transfer {
	struct http *http;
	struct buf *body;   /* or */
	struct lines lines; /* where its fn is set */
	void (*begin)(void *ctx);
	size_t max_bytes, n_body, n_headers;
	uint64_t last_ns; /* when the last piece came */
	int error;	  /* why we gave up; 0: we did not */
};

int http_new(struct http **ret)
{
	_cleanup_(http_freep) struct http *h = calloc(1, sizeof(*h));
	int r;

	if (!h)
		return -ENOMEM;
	r = curl_library_load(&h->lib);
	if (r < 0)
		return r;
	h->multi = h->lib->multi_init();
	h->curl = h->lib->easy_init();
	if (!h->multi || !h->curl)
		return -ENOMEM;
	*ret = TAKE_PTR(h);
	return 0;
}

struct http *http_free(struct http *h)
{
	if (!h)
		return NULL;
	if (h->curl)
		h->lib->easy_cleanup(h->curl);
	if (h->multi)
		h->lib->multi_cleanup(h->multi);
	free(h);
	return NULL;
}

void http_cancel(struct http *h)
{
	atomic_store(&h->is_cancelled, true);
	h->lib->multi_wakeup(h->multi);
}

unsigned int http_retry_after(const struct http *h)
{
	return h->retry_after_s;
}

static unsigned int retry_after_of(const struct http *h)
{
	curl_off_t seconds = 0;

	h->lib->easy_getinfo(h->curl, CURLINFO_RETRY_AFTER, &seconds);
	return seconds > 0 && seconds < UINT_MAX ? (unsigned int)seconds : 0;
}

const char *http_explain(const struct http *h)
{
	return h->explanation;
}

static long status_of(const struct http *h)
{
	long status = 0;

	h->lib->easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

static int take(struct transfer *t, struct str piece)
{
	t->last_ns = clock_now_ns(CLOCK_MONOTONIC);
	if (t->lines.fn)
		return status_of(t->http) == 200 ? lines_put(&t->lines, piece) : 0;
	if (piece.n > t->max_bytes - t->n_body)
		return -EMSGSIZE;
	t->n_body += piece.n;
	buf_put_str(t->body, piece);
	return buf_failed(t->body) ? -ENOMEM : 0;
}

static size_t on_body(char *data, size_t size, size_t n, void *ctx)
{
	struct transfer *t = ctx;

	t->error = take(t, (struct str){ .p = data, .n = size * n });
	return t->error == 0 ? size * n : 0;
}

static size_t on_header(char *data, size_t size, size_t n, void *ctx)
{
	struct transfer *t = ctx;

	t->last_ns = clock_now_ns(CLOCK_MONOTONIC);
	if (t->begin && size * n == 2 && *data == '\r' && status_of(t->http) == 200)
		t->begin(t->lines.ctx);
	t->n_headers += size * n;
	if (t->n_headers <= HEADERS_MAX)
		return size * n;
	t->error = -EMSGSIZE;
	return 0;
}

static int from_curl(const struct http *h, CURLcode code)
{
	long error = 0;

	if (code == CURLE_OK)
		return 0;
	if (code == CURLE_OUT_OF_MEMORY)
		return -ENOMEM;
	if (code == CURLE_OPERATION_TIMEDOUT)
		return -ETIMEDOUT;
	if (code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_RESOLVE_PROXY)
		return -EHOSTUNREACH;
	if (code == CURLE_URL_MALFORMAT)
		return -EINVAL;
	if (code == CURLE_PEER_FAILED_VERIFICATION)
		return -EKEYREJECTED;
	if (code == CURLE_SSL_CERTPROBLEM || code == CURLE_SSL_CACERT_BADFILE)
		return -ENOKEY;
	if (code != CURLE_COULDNT_CONNECT)
		return -EBADMSG;
	h->lib->easy_getinfo(h->curl, CURLINFO_OS_ERRNO, &error);
	return error > 0 ? -(int)error : -ECONNREFUSED;
}

/* A line break would begin a header of its own. */
static bool is_one_line(const char *text)
{
	return !text || !strpbrk(text, "\r\n");
}

static bool is_http(struct str url)
{
	return str_starts_with(url, STR("http://")) || str_starts_with(url, STR("https://"));
}

static int make_headers(const struct http *h, const struct http_request *q,
			struct curl_slist **headers)
{
	for (const char *const *p = q->headers; p && *p; p++) {
		struct curl_slist *longer;

		if (!is_one_line(*p))
			return -EINVAL;
		longer = h->lib->slist_append(*headers, *p);
		if (!longer)
			return -ENOMEM;
		*headers = longer;
	}
	return 0;
}

static void set_trust(const struct http *h, const struct http_request *q)
{
	const struct curl_library *lib = h->lib;

	if (q->ca_file)
		lib->easy_setopt(h->curl, CURLOPT_CAINFO, q->ca_file);
	if (q->certificate) {
		lib->easy_setopt(h->curl, CURLOPT_SSLCERT, q->certificate);
		lib->easy_setopt(h->curl, CURLOPT_SSLKEY, q->key ? q->key : q->certificate);
	}
	if (q->is_insecure) {
		lib->easy_setopt(h->curl, CURLOPT_SSL_VERIFYPEER, 0L);
		lib->easy_setopt(h->curl, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	if (q->token) {
		lib->easy_setopt(h->curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
		lib->easy_setopt(h->curl, CURLOPT_XOAUTH2_BEARER, q->token);
	}
}

static void set_limits(const struct http *h, const struct http_request *q, const struct transfer *t)
{
	unsigned int total = q->total_ms || t->lines.fn ? q->total_ms : HTTP_TOTAL_MS;

	h->lib->easy_setopt(h->curl, CURLOPT_CONNECTTIMEOUT_MS,
			    (long)(q->connect_ms ? q->connect_ms : HTTP_CONNECT_MS));
	h->lib->easy_setopt(h->curl, CURLOPT_TIMEOUT_MS, (long)total);
	h->lib->easy_setopt(h->curl, CURLOPT_TCP_KEEPALIVE, 1L);
	/* A look-up that hangs is left to itself, not waited for. */
	h->lib->easy_setopt(h->curl, CURLOPT_QUICK_EXIT, 1L);
	h->lib->easy_setopt(h->curl, CURLOPT_NOSIGNAL, 1L);
}

static int prepare(struct http *h, const struct http_request *q, struct transfer *t,
		   struct curl_slist **headers)
{
	const struct curl_library *lib = h->lib;
	int r = make_headers(h, q, headers);

	if (r < 0)
		return r;
	if (!is_one_line(q->token) || !is_http(str_from(q->url)))
		return -EINVAL;
	h->retry_after_s = 0;
	h->explanation[0] = '\0';
	lib->easy_reset(h->curl);
	lib->easy_setopt(h->curl, CURLOPT_ERRORBUFFER, h->explanation);
	lib->easy_setopt(h->curl, CURLOPT_PROTOCOLS_STR, "http,https");
	if (q->socket) {
		lib->easy_setopt(h->curl, CURLOPT_PROXY, "");
		if (lib->easy_setopt(h->curl, CURLOPT_UNIX_SOCKET_PATH, q->socket) != CURLE_OK)
			return -ENAMETOOLONG;
	}
	if (lib->easy_setopt(h->curl, CURLOPT_URL, q->url) != CURLE_OK)
		return -EINVAL;
	lib->easy_setopt(h->curl, CURLOPT_HTTPHEADER, *headers);
	lib->easy_setopt(h->curl, CURLOPT_WRITEFUNCTION, on_body);
	lib->easy_setopt(h->curl, CURLOPT_WRITEDATA, t);
	lib->easy_setopt(h->curl, CURLOPT_HEADERFUNCTION, on_header);
	lib->easy_setopt(h->curl, CURLOPT_HEADERDATA, t);
	set_trust(h, q);
	set_limits(h, q, t);
	return 0;
}

/* How long to wait at most; 0: the silence has lasted too long. */
static int wait_ms(const struct transfer *t, unsigned int idle_ms)
{
	uint64_t silent_ms = (clock_now_ns(CLOCK_MONOTONIC) - t->last_ns) / MS_NS;

	if (!idle_ms)
		return LONGEST_MS;
	if (silent_ms >= idle_ms)
		return 0;
	return idle_ms - silent_ms < LONGEST_MS ? (int)(idle_ms - silent_ms) : LONGEST_MS;
}

static int result(struct http *h, const struct transfer *t)
{
	int n_left;
	const CURLMsg *message = h->lib->multi_info_read(h->multi, &n_left);

	if (t->error < 0)
		return t->error;
	return message ? from_curl(h, message->data.result) : -EBADMSG;
}

static int drive(struct http *h, const struct transfer *t, unsigned int idle_ms)
{
	while (!atomic_load(&h->is_cancelled)) {
		int n_running = 0, ms;

		if (h->lib->multi_perform(h->multi, &n_running) != CURLM_OK)
			return -ENOMEM;
		if (!n_running)
			return result(h, t);
		ms = wait_ms(t, idle_ms);
		if (!ms)
			return -ETIMEDOUT;
		h->lib->multi_poll(h->multi, NULL, 0, ms, NULL);
	}
	return -ECANCELED;
}

static int ask(struct http *h, const struct http_request *q, struct transfer *t, long *ret_status)
{
	struct curl_slist *headers = NULL;
	int r = prepare(h, q, t, &headers);

	t->last_ns = clock_now_ns(CLOCK_MONOTONIC);
	if (r == 0 && h->lib->multi_add_handle(h->multi, h->curl) != CURLM_OK)
		r = -ENOMEM;
	if (r == 0) {
		r = drive(h, t, q->idle_ms);
		*ret_status = status_of(h);
		h->retry_after_s = retry_after_of(h);
		h->lib->multi_remove_handle(h->multi, h->curl);
	}
	h->lib->slist_free_all(headers);
	return r;
}

int http_get(struct http *h, const struct http_request *q, struct buf *body, long *ret_status)
{
	struct transfer t = { .http = h,
			      .body = body,
			      .max_bytes = q->max_bytes ? q->max_bytes : HTTP_MAX_BYTES };

	*ret_status = 0;
	return ask(h, q, &t, ret_status);
}

int http_stream(struct http *h, const struct http_request *q, lines_fn *fn, void *ctx,
		long *ret_status)
{
	struct transfer t = { .http = h,
			      .begin = q->begin,
			      .lines = { .fn = fn,
					 .ctx = ctx,
					 .max_bytes = q->max_bytes ? q->max_bytes
								   : HTTP_MAX_BYTES } };
	int r;

	*ret_status = 0;
	r = ask(h, q, &t, ret_status);
	lines_done(&t.lines);
	return r;
}
