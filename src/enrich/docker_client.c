/* SPDX-License-Identifier: Apache-2.0 */
#include "enrich/docker_client.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* {"type":["container"],"event":["rename","destroy","remove", as a part of an URL */
#define LATER_EVENTS                                                \
	"%7B%22type%22%3A%5B%22container%22%5D%2C%22event%22%3A%5B" \
	"%22rename%22%2C%22destroy%22%2C%22remove%22"
#define EARLIER_EVENTS "%2C%22create%22%2C%22start%22"
#define EVENTS_END "%5D%7D"

#define LIST_MS 10000
#define PING_MS 2000
#define INFO_MS 60000 /* podman asks the package manager about its own packages */
#define LIST_MAX ((size_t)32 * 1024 * 1024)
#define INSPECT_MAX ((size_t)4 * 1024 * 1024)
#define EVENT_MAX ((size_t)256 * 1024)
#define PING_MAX 1024
#define NOT_FOUND 404

static json_t *parse(struct str text)
{
	return json_loadb(text.p, text.n, 0, NULL);
}

static int get(struct http *http, const struct http_request *q, json_t **ret)
{
	_cleanup_(buf_done) struct buf body = { 0 };
	json_t *answer;
	long status;
	int r = http_get(http, q, &body, &status);

	if (r < 0)
		return r;
	if (status != 200)
		return status == NOT_FOUND ? -ESRCH : -EREMOTEIO;
	answer = parse(buf_str(&body));
	if (!answer)
		return -EBADMSG;
	*ret = answer;
	return 0;
}

static int ping(struct http *http, const char *socket, const char *url)
{
	const struct http_request q = {
		.url = url, .socket = socket, .total_ms = PING_MS, .max_bytes = PING_MAX
	};
	_cleanup_(buf_done) struct buf body = { 0 };
	long status;
	int r = http_get(http, &q, &body, &status);

	if (r < 0)
		return r;
	if (status != 200)
		return status == NOT_FOUND ? -ESRCH : -EREMOTEIO;
	return str_starts_with(buf_str(&body), STR("OK")) ? 0 : -EBADMSG;
}

int docker_client_identify(struct http *http, const char *socket, const char **ret)
{
	int r = ping(http, socket, "http://localhost/libpod/_ping");

	if (r == 0) {
		*ret = "podman";
		return 0;
	}
	if (r != -ESRCH)
		return r;
	r = ping(http, socket, "http://localhost/_ping");
	if (r == 0)
		*ret = "docker";
	return r;
}

int docker_client_list(struct http *http, const char *socket, json_t **ret)
{
	const struct http_request q = { .url = "http://localhost/containers/json?all=1",
					.socket = socket,
					.total_ms = LIST_MS,
					.max_bytes = LIST_MAX };

	return get(http, &q, ret);
}

int docker_client_inspect(struct http *http, const char *socket, unsigned int ms,
			  const char id[CONTAINER_ID_LEN], json_t **ret)
{
	char url[256];
	const struct http_request q = {
		.url = url, .socket = socket, .total_ms = ms, .max_bytes = INSPECT_MAX
	};

	snprintf(url, sizeof(url), "http://localhost/containers/%.*s/json", CONTAINER_ID_LEN, id);
	return get(http, &q, ret);
}

int docker_client_image(struct http *http, const char *socket, unsigned int ms,
			const char *image_id, json_t **ret)
{
	char url[256];
	const struct http_request q = {
		.url = url, .socket = socket, .total_ms = ms, .max_bytes = INSPECT_MAX
	};

	snprintf(url, sizeof(url), "http://localhost/images/%s/json", image_id);
	return get(http, &q, ret);
}

int docker_client_info(struct http *http, const char *socket, json_t **ret)
{
	const struct http_request q = { .url = "http://localhost/info",
					.socket = socket,
					.total_ms = INFO_MS,
					.max_bytes = INSPECT_MAX };

	return get(http, &q, ret);
}

struct events {
	docker_client_event_fn *fn;
	void *ctx;
};

static int hand_on(void *ctx, struct str line)
{
	const struct events *e = ctx;
	json_t *event = parse(line);

	if (!event)
		return -EBADMSG;
	e->fn(e->ctx, event);
	json_decref(event);
	return 0;
}

int docker_client_events(struct http *http, const char *socket,
			 const struct docker_client_wish *wish, docker_client_event_fn *fn,
			 void *ctx)
{
	struct events e = { .fn = fn, .ctx = ctx };
	char url[320];
	const struct http_request q = { .url = url, .socket = socket, .max_bytes = EVENT_MAX };
	long status;
	int r;

	snprintf(url, sizeof(url), "http://localhost/events?since=%" PRId64 "&filters=%s%s%s",
		 wish->since_s, LATER_EVENTS, wish->is_later_alone ? "" : EARLIER_EVENTS,
		 EVENTS_END);
	r = http_stream(http, &q, hand_on, &e, &status);
	return r == 0 && status != 200 ? -EREMOTEIO : r;
}
