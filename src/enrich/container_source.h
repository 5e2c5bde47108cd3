/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A source of what is known of containers: the runtimes' files, Docker's and podman's API, CRI,
 * Kubernetes. Each works on threads of its own, so that one that hangs holds up no other, and tells
 * what it learns to whoever started it (enrich/containers.h), by the functions of struct
 * container_sink. No source ever blocks its caller.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "enrich/container_facts.h"

/*
 * How a source tells. All of it may be called on any thread, and returns at once; the facts are
 * copied.
 */
struct container_sink {
	/* Of one container; what is told again replaces what this source said before. */
	void (*tell)(void *ctx, unsigned int source, const struct container_facts *facts);
	/* Of all containers of a pod: its texts, CONTAINER_POD_UID among them; not facts->id. */
	void (*tell_pod)(void *ctx, unsigned int source, const struct container_facts *facts);
	/* A question is answered: all that this source knows now was told, if anything. */
	void (*answered)(void *ctx, unsigned int source, const char id[CONTAINER_ID_LEN]);
	/* The runtime says that it is gone. */
	void (*gone)(void *ctx, unsigned int source, const char id[CONTAINER_ID_LEN]);
	void *ctx;
	unsigned int source; /* to be given back in each call */
};

enum source_status {
	SOURCE_OFF,	   /* switched off, or there is nothing to ask on this machine */
	SOURCE_CONNECTING, /* not there yet, or lost, and tried again */
	SOURCE_READY,
	_SOURCE_STATUS_MAX,
};

/* How a source does; counters only grow. */
struct source_state {
	enum source_status status;
	int error;	     /* the last failure, a negative errno; 0: none since it is ready */
	uint64_t questions;  /* that it was asked */
	uint64_t answers;    /* of those, that it knew something of */
	uint64_t failures;   /* requests that failed or timed out */
	uint64_t reconnects; /* connections that were lost and made anew */
	uint64_t items;	     /* containers or pods that it knows now */
};

struct container_source {
	const char *name; /* "files", "docker", "podman", "cri", "kubernetes" */
	/*
	 * Notes that something is wanted of this container; so far `known` was found out by other
	 * sources (a pod's uid, for one). Must not block: the answer comes by the sink, also when
	 * nothing is known or nobody can be asked.
	 */
	void (*ask)(void *self, const struct container_facts *known);
	void (*state)(void *self, struct source_state *ret); /* any thread */
	/* Ends its threads, within a second whatever its peer does, and frees it; returns NULL. */
	void *(*free)(void *self);
};
