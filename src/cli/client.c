/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One question, one answer, at most ANSWER_MAX bytes in at most TIMEOUT_MS.
 */
#include "cli/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/http.h"

#define TIMEOUT_MS 5000
#define ANSWER_MAX ((size_t)64 * 1024 * 1024)

int client_get(const char *socket, const char *url, struct buf *out)
{
	_cleanup_(http_freep) struct http *http = NULL;
	char full[256];
	const struct http_request q = {
		.url = full, .socket = socket, .total_ms = TIMEOUT_MS, .max_bytes = ANSWER_MAX
	};
	long status;
	int r = http_new(&http);

	if (r < 0)
		return r;
	snprintf(full, sizeof(full), "http://localhost%s", url);
	return http_get(http, &q, out, &status);
}

int client_get_status(const char *socket, json_t **ret)
{
	_cleanup_(buf_done) struct buf body = { 0 };
	json_t *status;
	int r = client_get(socket, "/status", &body);

	if (r < 0)
		return r;
	status = json_loadb(body.data ? body.data : "", body.len, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(status)) {
		json_decref(status);
		return -EBADMSG;
	}
	*ret = status;
	return 0;
}

void client_explain(const char *socket, int r, struct buf *out)
{
	switch (r) {
	case -ENOENT:
		buf_printf(
			out,
			"no agent runs here: there is no '%s'; start one with proctrail run, or name it by --instance or --socket",
			socket);
		break;
	case -ECONNREFUSED:
		buf_printf(
			out,
			"no agent runs here: the one that made '%s' has gone; start it with proctrail run",
			socket);
		break;
	case -EACCES:
	case -EPERM:
		buf_printf(out, "only root may ask the agent at '%s'", socket);
		break;
	case -ETIMEDOUT:
		buf_printf(out, "the agent at '%s' did not answer within %d s", socket,
			   TIMEOUT_MS / 1000);
		break;
	case -EBADMSG:
		buf_printf(out, "what answers at '%s' is no agent, or one of another version",
			   socket);
		break;
	case -ELIBACC:
		buf_put_str(out, STR("asking the agent needs libcurl: install libcurl4"));
		break;
	default:
		buf_printf(out, "cannot ask the agent at '%s': %s", socket, strerror(-r));
	}
}
