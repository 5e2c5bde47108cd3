/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose a process is: the names of user ids and the control groups, each kept once and shared by
 * reference count. The tables hold what was used last, up to their limit; what they let go lives on
 * while an image shows it. Reader thread only.
 */
#pragma once

#include <stdint.h>

#include "base/hash.h"
#include "base/list.h"
#include "event/image.h"
#include "proc/containers.h"

#define USER_NAME_MAX 256 /* longer names are cut: LOGIN_NAME_MAX with its NUL */

struct owner_table {
	struct hash index;
	struct list lru; /* used longest ago first */
	size_t max;
};

void owner_table_init(struct owner_table *t, size_t max);

/* Borrowed, or NULL where it is not known. */
const struct user *users_lookup(struct owner_table *t, uint32_t uid);
/* Adds it, or replaces it where the name differs. 0 or -ENOMEM. */
int users_put(struct owner_table *t, uint32_t uid, struct str name);
/* All of them, the one that was used longest ago first; until one returns a negative errno. */
int users_each(const struct owner_table *t, int (*fn)(void *ctx, const struct user *user),
	       void *ctx);
void users_done(struct owner_table *t);

const struct cgroup *cgroups_lookup(struct owner_table *t, uint32_t hierarchy, uint64_t id);
/* The same, without its being used by that. */
const struct cgroup *cgroups_peek(const struct owner_table *t, uint32_t hierarchy, uint64_t id);
/* The container that the path names, if it does, is made where `containers` does not have it. */
int cgroups_put(struct owner_table *t, struct container_table *containers, uint32_t hierarchy,
		uint64_t id, struct str path);
int cgroups_each(const struct owner_table *t, int (*fn)(void *ctx, const struct cgroup *cgroup),
		 void *ctx);
/* What lies in slot i of the index; NULL: nothing. */
const struct cgroup *cgroups_slot(const struct owner_table *t, size_t i);
void cgroups_done(struct owner_table *t);

/* Nobody shows it any more. */
void user_free(struct user *user);
void cgroup_free(struct cgroup *cgroup);

/* Counted through const: readers of images never write, the reference count is the room's own. */
static inline const struct user *user_ref(const struct user *user) /* NULL is NULL */
{
	if (user)
		((struct user *)user)->refs++;
	return user;
}

static inline const struct cgroup *cgroup_ref(const struct cgroup *cgroup)
{
	if (cgroup)
		((struct cgroup *)cgroup)->refs++;
	return cgroup;
}

static inline void user_unref(const struct user *user) /* NULL is nothing */
{
	if (user && --((struct user *)user)->refs == 0)
		user_free((struct user *)user);
}

static inline void cgroup_unref(const struct cgroup *cgroup)
{
	if (cgroup && --((struct cgroup *)cgroup)->refs == 0)
		cgroup_free((struct cgroup *)cgroup);
}
