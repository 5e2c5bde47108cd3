/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A list as Kubernetes answers with it, taken apart item by item, so that never more than one of
 * them is there as a tree. Pure.
 */
#pragma once

#include <jansson.h>

#include "base/str.h"

/* One item, borrowed for the call. A negative errno ends it. */
typedef int kubernetes_item_fn(void *ctx, const json_t *item);

/* Where the list is, and where it goes on. */
struct kubernetes_page {
	char version[64]; /* resourceVersion; "" where there is none */
	char next[4096];  /* the token by which to go on; "" at the end */
};

/*
 * Hands on all items of `body`, an object with `items`, in their order. 0 with *ret; -EBADMSG: this
 * is no list, or it ends too early, after those items that were whole; what fn returned.
 */
int kubernetes_items(struct str body, kubernetes_item_fn *fn, void *ctx,
		     struct kubernetes_page *ret);
