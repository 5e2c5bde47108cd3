/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What all sources together know of this node's containers. Whoever reads the log asks here and
 * never waits: what is known is given at once; what is not is looked up by the sources, the files
 * first, then whoever may know what they do not say; and told when nobody owes an answer any more,
 * or all is known. What is learned later is told as well.
 *
 * Bounds: REGISTRY_MAX containers; those used longest ago go first. It locks itself, and calls no
 * source while it does.
 */
#pragma once

#include "enrich/container_inquiry.h"
#include "enrich/container_source.h"

#define REGISTRY_MAX 4096
#define REGISTRY_SOURCES INQUIRY_SOURCES

struct container_registry;

/* 0 or a negative errno. */
int container_registry_new(struct container_registry **ret);
/* Ends the sources first. */
struct container_registry *container_registry_free(struct container_registry *c);
DEFINE_CLEANUP(struct container_registry *, container_registry_free)

/*
 * What the next source is to be made with. Then it is added, or not, before anybody asks. The
 * registry owns it from then on. At most REGISTRY_SOURCES.
 */
struct container_sink container_registry_sink(struct container_registry *c);
void container_registry_add(struct container_registry *c, const struct container_source *source,
			    void *self, enum source_stage stage);

/* Readable while container_registry_next() has something. */
int container_registry_fd(const struct container_registry *c);

enum registry_answer {
	REGISTRY_LATER,	   /* it is looked up: container_registry_next() will have it */
	REGISTRY_KNOWN,	   /* all that anybody knows now; more may come */
	REGISTRY_COMPLETE, /* nothing more is to be expected */
};

/*
 * Before it is asked for: it is in the pod with this uid. Nothing where one is known. Reader's
 * thread, like what follows. 0 or -ENOMEM.
 */
int container_registry_set_pod(struct container_registry *c, const char id[CONTAINER_ID_LEN],
			       struct str uid);
/*
 * *ret is the caller's: what is known so far. 0, or -ENOMEM:
 * nothing is.
 */
int container_registry_ask(struct container_registry *c, const char id[CONTAINER_ID_LEN],
			   struct container_facts *ret, enum registry_answer *ret_answer);
/*
 * The same, of one that has waited long enough: what is still owed is news when it comes, and who
 * was to be asked behind it is asked now.
 */
int container_registry_give_up(struct container_registry *c, const char id[CONTAINER_ID_LEN],
			       struct container_facts *ret);
/*
 * The next container that was asked for, and of which there is an answer, or news. true: *ret is
 * the caller's; the answer is not REGISTRY_LATER.
 */
bool container_registry_next(struct container_registry *c, struct container_facts *ret,
			     enum registry_answer *ret_answer);

/* Nothing that is known of it holds any longer. */
void container_registry_forget(struct container_registry *c, const char id[CONTAINER_ID_LEN]);

/* The state of source i; false: there are fewer. Any thread. */
bool container_registry_source(struct container_registry *c, size_t i, const char **ret_name,
			       struct source_state *ret);
size_t container_registry_n(struct container_registry *c); /* known now; any thread */
