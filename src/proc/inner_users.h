/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The users of a container, by the mount namespace whose files name them and the uid that their
 * user namespace has for them. One that is being looked up stands there without a name, images show
 * it already, and the name is filled in when it comes. Each container keeps its own, since the
 * number of a mount namespace is given again as soon as one is gone. Bounded: INNER_USERS_MAX of a
 * container; the one used longest ago goes first. Reader thread only.
 */
#pragma once

#include "base/list.h"
#include "event/image.h"

#define INNER_USERS_MAX 256
#define INNER_USERS_AGAIN 4 /* times that one who is awaited is asked for again */

struct inner_users {
	struct list lru; /* used longest ago first */
	size_t n;
};

void inner_users_init(struct inner_users *u);
void inner_users_done(struct inner_users *u); /* what an image shows lives on */

/* Borrowed, or NULL where it is not known that it is looked up. */
const struct user *inner_users_lookup(struct inner_users *u, uint32_t mnt_ns, uint32_t uid);
/* Whether one that is there is to be asked for again: while it has no name, and a few times. */
bool inner_users_may_ask_again(struct inner_users *u, uint32_t mnt_ns, uint32_t uid);
/* It has no name yet, and is waited for or not; nothing where its name is known. 0 or -ENOMEM. */
int inner_users_await(struct inner_users *u, uint32_t mnt_ns, uint32_t uid, bool is_overdue);
/* That is its name; "": it has none, or nobody knows. 0 or -ENOMEM. */
int inner_users_put(struct inner_users *u, uint32_t mnt_ns, uint32_t uid, struct str name);

/* Whether events wait for the name of one. */
bool inner_users_are_awaited(const struct inner_users *u);
/* They wait no longer; the names are still to come. */
void inner_users_overdue(struct inner_users *u);

/* All of them, the one that was used longest ago first; until one returns a negative errno. */
int inner_users_each(const struct inner_users *u, int (*fn)(void *ctx, const struct user *user),
		     void *ctx);
