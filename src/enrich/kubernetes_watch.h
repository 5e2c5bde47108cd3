/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The protocol by which Kubernetes tells of the pods of one node: a list in pages, then a watch
 * from the list's version on, one JSON object a line. What has to happen when one of them fails,
 * kubernetes_retry.h says. Used by one thread, which it blocks.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "enrich/kubernetes_access.h"
#include "net/http.h"

/*
 * What was learned. A negative errno ends the list or watch that it is told of; what is wrong with
 * a single pod should not.
 */
struct kubernetes_watch_handler {
	void (*begin_list)(void *ctx);
	int (*pod)(void *ctx, const json_t *pod); /* of a list, or it is new or has changed */
	int (*gone)(void *ctx, const json_t *pod);
	void (*end_list)(void *ctx); /* only of one that was whole */
	void (*followed)(void *ctx); /* a watch has begun */
	void *ctx;
};

struct kubernetes_watch {
	struct http *http;
	const struct kubernetes_access *access;
	const struct kubernetes_watch_handler *handler;
	const char *node;
	/*
	 * From where a watch goes on; "": there has to be a list first. Opaque; it moves on with
	 * each event and bookmark.
	 */
	char version[64];
	/*
	 * Short pages, which a server gives only from its database: a list as it is in its memory
	 * was too large. Costs the server more.
	 */
	bool is_short;
	uint64_t n_events; /* that were told, bookmarks included */
};

/*
 * Both return 0; -ESTALE: the version is too old (410); -EKEYEXPIRED: who we are was not accepted
 * (401); -EPERM: we may not ask for this (403); -EBUSY: later, please (429); -EREMOTEIO: another
 * status; -EBADMSG: not what the protocol says; or as http_get().
 */

/* Pods of `path`, one whole list of them; then `version` is set, where the answer has one. */
int kubernetes_watch_list(struct kubernetes_watch *w, const char *path);
/* The API server's list of the node's pods, in pages. */
int kubernetes_watch_list_node(struct kubernetes_watch *w);
/* From `version` on; 0 when the server has ended it, which it does from time to time. */
int kubernetes_watch_follow(struct kubernetes_watch *w);

/* What a status of HTTP means, as above; 0 for 200. */
int kubernetes_status_error(long status);
