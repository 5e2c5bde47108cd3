/* SPDX-License-Identifier: Apache-2.0 */
/* Text within the URLs by which Kubernetes is asked. */
#pragma once

#include <string.h>

#include "base/buf.h"

/* Appends text so that it is one part of a path or one value of a query (RFC 3986, 2.3). */
static inline void kubernetes_escape(struct buf *out, const char *text)
{
	for (const char *p = text; *p; p++) {
		bool is_plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
				(*p >= '0' && *p <= '9') || strchr("-._~", *p);

		if (is_plain)
			buf_put_char(out, *p);
		else
			buf_printf(out, "%%%02X", (unsigned char)*p);
	}
}
