/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client, by libcurl. One question, one answer, at most ANSWER_MAX bytes in at most TIMEOUT_MS.
 */
#include "cli/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/curl_library.h"

#define TIMEOUT_MS 5000L
#define ANSWER_MAX ((size_t)64 * 1024 * 1024)

static size_t take(char *data, size_t size, size_t n, void *ctx)
{
	struct buf *out = ctx;

	if (out->len + size * n > ANSWER_MAX)
		return 0;
	buf_put(out, data, size * n);
	return buf_failed(out) ? 0 : size * n;
}

struct session {
	const struct curl_library *lib;
	CURL *curl;
};

static void session_done(struct session *s)
{
	if (s->curl)
		s->lib->easy_cleanup(s->curl);
}

static int to_errno(const struct session *s, CURLcode code)
{
	long error = 0;

	if (code == CURLE_OK)
		return 0;
	if (code == CURLE_OPERATION_TIMEDOUT)
		return -ETIMEDOUT;
	if (code != CURLE_COULDNT_CONNECT)
		return -EBADMSG;
	s->lib->easy_getinfo(s->curl, CURLINFO_OS_ERRNO, &error);
	return error > 0 ? -(int)error : -ECONNREFUSED;
}

static int ask(const struct session *s, const char *socket, const char *url, struct buf *out)
{
	const struct curl_library *lib = s->lib;
	CURL *curl = s->curl;
	char full[256];

	snprintf(full, sizeof(full), "http://localhost%s", url);
	if (lib->easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket) != CURLE_OK)
		return -ENAMETOOLONG;
	lib->easy_setopt(curl, CURLOPT_URL, full);
	lib->easy_setopt(curl, CURLOPT_PROXY, "");
	lib->easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	lib->easy_setopt(curl, CURLOPT_TIMEOUT_MS, TIMEOUT_MS);
	lib->easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
	lib->easy_setopt(curl, CURLOPT_WRITEDATA, out);
	return to_errno(s, lib->easy_perform(curl));
}

int client_get(const char *socket, const char *url, struct buf *out)
{
	_cleanup_(session_done) struct session s = { 0 };
	int r;

	r = curl_library_load(&s.lib);
	if (r < 0)
		return r;
	s.curl = s.lib->easy_init();
	if (!s.curl)
		return -ENOMEM;
	return ask(&s, socket, url, out);
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
		buf_printf(out, "the agent at '%s' did not answer within %ld s", socket,
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

int client_load_settings(const char *instance, const char *socket, struct agent_settings *ret)
{
	struct agent_flag flags[2];
	struct diag diag = { 0 };
	size_t n = 0;
	int r;

	if (instance)
		flags[n++] = (struct agent_flag){ "Instance", instance };
	if (socket)
		flags[n++] = (struct agent_flag){ "ControlSocket", socket };
	r = agent_settings_load(NULL, flags, n, &diag, ret);
	diag_print(&diag, stderr);
	diag_done(&diag);
	return r;
}
