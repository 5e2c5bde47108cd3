/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The facts that only user space knows, written as records of the log: the node, the clock, names
 * of users, paths of control groups, processes that the iterator may not show. Runs on the reader
 * thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/event.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "enrich/container_facts.h"
#include "probe/probe.h"
#include "proc/fold.h"

struct facts;

/*
 * node_name: NULL for the machine's own (uname(2)); passwd: the file with the names of users. Both
 * are copied. 0 or a negative errno.
 */
int facts_new(const char *node_name, const char *passwd, struct facts **ret);
struct facts *facts_free(struct facts *f);
DEFINE_CLEANUP(struct facts *, facts_free)

/* The node's name; borrowed. */
const char *facts_node_name(const struct facts *f);

/* Each writes a record into `to` and returns its size, 0 where there is nothing (new) to tell. */
size_t facts_node(struct facts *f, void *to, size_t size);
size_t facts_clock(struct facts *f, void *to, size_t size);
size_t facts_mark(struct facts *f, uint32_t mark, void *to, size_t size);

/* What a stream's map counts. */
size_t facts_stream(struct facts *f, const struct probe_stream *stream, void *to, size_t size);
/* Records may be missing from then (boot time) until now. */
/* `generation` 0: of any programs. */
size_t facts_gap(struct facts *f, enum event_gap_reason reason, uint16_t generation,
		 uint64_t since_ns, void *to, size_t size);

/* What is known of a container, into `to`, which is emptied first. 0 or -ENOMEM. */
int facts_container(struct facts *f, const struct container_facts *known, uint32_t bits,
		    struct buf *to);

/* Whether a control group is certain to have gone, and the record that says so. */
bool facts_group_is_gone(const struct facts *f, uint32_t hierarchy, uint64_t id);
size_t facts_group_gone(struct facts *f, uint32_t hierarchy, uint64_t id, void *to, size_t size);

/* What the host calls a user, "" for none; until the next call of anything here. */
struct str facts_user_name(struct facts *f, uint32_t uid);

/* The name of a user of a container, "" for none; bits: EVENT_INNER_USER_*. */
size_t facts_inner_user(struct facts *f, const struct inner_user_question *q, struct str name,
			uint32_t bits, void *to, size_t size);

/* A fold_need_fn; ctx is a struct facts. */
size_t facts_answer(void *facts, enum need need, uint64_t key, uint32_t hierarchy, void *to,
		    size_t size);

/*
 * When the users' file has changed, everybody whose name was told is told again: call
 * facts_users_changed() before a batch, and where it is true facts_next_user() from *cursor = 0 on
 * until it returns 0.
 */
bool facts_users_changed(struct facts *f);
size_t facts_next_user(struct facts *f, size_t *cursor, void *to, size_t size);
