/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What follows when a list or a watch of Kubernetes has ended: when it is tried again, and whether
 * by a list. Pure; the times are drawn by chance, so that ten thousand nodes do not come back at
 * once.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define KUBERNETES_RETRY_FIRST_MS 500
#define KUBERNETES_RETRY_MAX_MS 30000
#define KUBERNETES_RETRY_ASKED_MAX_MS 300000 /* that a server may ask for */

struct kubernetes_retry {
	unsigned int n_failures; /* one after the other, without anything learned between */
};

/* How a try ended. */
struct kubernetes_try {
	int r;			   /* as kubernetes_watch_list_node() and ..._follow() have it */
	bool learned;		   /* something came, if only a bookmark */
	unsigned int asked_wait_s; /* by the server; 0: it did not */
	uint32_t chance;	   /* any number, another one each time */
};

struct kubernetes_next {
	unsigned int wait_ms;
	bool from_list;	 /* what the watch would go on from is of no use any more */
	bool short_list; /* the answer was too long */
};

struct kubernetes_next kubernetes_retry_next(struct kubernetes_retry *retry,
					     const struct kubernetes_try *last);
