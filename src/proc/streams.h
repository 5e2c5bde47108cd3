/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the heads of the records tell of losses. Each stream (generation of programs, CPU) counts
 * what it could not deliver, by type, and says so in every record: the difference to its last one
 * was lost between the two. A stream that is first heard of has lost what its first record says.
 * Reader thread only.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "abi/event.h"
#include "base/hash.h"
#include "base/list.h"

struct streams {
	struct hash index;
	struct list lru; /* heard of longest ago first */
	uint64_t exec, exit, fork, other;
};

void streams_init(struct streams *s);
void streams_done(struct streams *s);

/* Accounts for one record. 0 or -ENOMEM. Records of the agent itself are not in a stream. */
int streams_account(struct streams *s, const struct event_head *head);
