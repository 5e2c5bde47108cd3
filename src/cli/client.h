/* SPDX-License-Identifier: Apache-2.0 */
/* Asks a running agent, over its control socket. */
#pragma once

#include <jansson.h>

#include "base/buf.h"
#include "base/cleanup.h"

static inline json_t *client_json_unref(json_t *json)
{
	json_decref(json);
	return NULL;
}
DEFINE_CLEANUP(json_t *, client_json_unref)

/*
 * Appends the page at `url` ("/status"). 0; -ENOENT or -ECONNREFUSED where no agent runs, -EACCES
 * where we may not ask; another negative errno where it does not answer as it should.
 * -ELIBACC where this machine has no libcurl.
 */
int client_get(const char *socket, const char *url, struct buf *out);

/*
 * The status of the agent; *ret is the caller's. As client_get(); -EBADMSG where it is not
 * understood.
 */
int client_get_status(const char *socket, json_t **ret);

/* What a failure of the above means, in a sentence that ends with what to do. */
void client_explain(const char *socket, int r, struct buf *out);
