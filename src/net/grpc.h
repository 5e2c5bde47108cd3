/* SPDX-License-Identifier: Apache-2.0 */
/* Calls by gRPC: one message there, one back. */
#pragma once

#include "base/buf.h"
#include "net/http2.h"

#define GRPC_MAX_BYTES ((size_t)32 * 1024 * 1024) /* of an answer */

/*
 * Calls a method, "/package.Service/Method", with a message, and appends the answer's. 0; -ESRCH,
 * -EOPNOTSUPP, -EACCES, -EREMOTEIO: the server says that it is not found, that it does not know the
 * method or service, that it is not allowed, or another error; as http2_post(); -EBADMSG also: that
 * is no gRPC.
 */
int grpc_call(struct http2 *connection, const char *method, struct str request, unsigned int ms,
	      struct buf *response);
