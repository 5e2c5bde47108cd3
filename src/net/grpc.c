/* SPDX-License-Identifier: Apache-2.0 */
/* A message has a prefix; how a call ended is in the trailers, behind the answer. */
#include "net/grpc.h"

#include <errno.h>
#include <stdint.h>

#define PREFIX 5 /* a byte that says whether the message is compressed, four of its length */

/* What grpc-status says (https://grpc.github.io/grpc/core/md_doc_statuscodes.html). */
enum {
	STATUS_NONE = -1,
	STATUS_OK = 0,
	STATUS_NOT_FOUND = 5,
	STATUS_PERMISSION_DENIED = 7,
	STATUS_UNIMPLEMENTED = 12,
	STATUS_UNAUTHENTICATED = 16,
};

/* What the headers say. */
struct outcome {
	bool is_http_ok, is_grpc;
	int status;
};

static int parse_status(struct str value)
{
	int status = 0;

	if (!value.n || value.n > 3)
		return STATUS_NONE;
	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] < '0' || value.p[i] > '9')
			return STATUS_NONE;
		status = status * 10 + value.p[i] - '0';
	}
	return status;
}

static void on_header(void *ctx, struct str key, struct str value)
{
	struct outcome *o = ctx;

	if (str_eq(key, STR(":status")))
		o->is_http_ok = str_eq(value, STR("200"));
	else if (str_eq(key, STR("content-type")))
		o->is_grpc = str_starts_with(value, STR("application/grpc"));
	else if (str_eq(key, STR("grpc-status")))
		o->status = parse_status(value);
}

static int from_status(int status)
{
	switch (status) {
	case STATUS_OK:
		return 0;
	case STATUS_NOT_FOUND:
		return -ESRCH;
	case STATUS_UNIMPLEMENTED:
		return -EOPNOTSUPP;
	case STATUS_PERMISSION_DENIED:
	case STATUS_UNAUTHENTICATED:
		return -EACCES;
	case STATUS_NONE:
		return -EBADMSG;
	default:
		return -EREMOTEIO;
	}
}

static uint32_t length_of(const uint8_t prefix[PREFIX])
{
	return (uint32_t)prefix[1] << 24 | (uint32_t)prefix[2] << 16 | (uint32_t)prefix[3] << 8 |
	       prefix[4];
}

static int judge(const struct outcome *o, const struct buf *answer, struct str *ret_message)
{
	int r;

	if (!o->is_http_ok || !o->is_grpc)
		return -EBADMSG;
	r = from_status(o->status);
	if (r < 0)
		return r;
	if (answer->len < PREFIX || answer->data[0] != 0 ||
	    length_of((const uint8_t *)answer->data) != answer->len - PREFIX)
		return -EBADMSG;
	*ret_message = (struct str){ .p = answer->data + PREFIX, .n = answer->len - PREFIX };
	return 0;
}

int grpc_call(struct http2 *connection, const char *method, struct str request, unsigned int ms,
	      struct buf *response)
{
	const uint8_t prefix[PREFIX] = { 0, (uint8_t)(request.n >> 24), (uint8_t)(request.n >> 16),
					 (uint8_t)(request.n >> 8), (uint8_t)request.n };
	_cleanup_(buf_done) struct buf answer = { 0 };
	struct outcome outcome = { .status = STATUS_NONE };
	const struct http2_request q = { .path = method,
					 .content_type = "application/grpc",
					 .head = { .p = (const char *)prefix, .n = PREFIX },
					 .body = request,
					 .ms = ms,
					 .max_bytes = GRPC_MAX_BYTES + PREFIX,
					 .header = on_header,
					 .ctx = &outcome };
	struct str message = STR_EMPTY;
	int r = http2_post(connection, &q, &answer);

	if (r == 0)
		r = judge(&outcome, &answer, &message);
	if (r < 0)
		return r;
	buf_put_str(response, message);
	return buf_failed(response) ? -ENOMEM : 0;
}
