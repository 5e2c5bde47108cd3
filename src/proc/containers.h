/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The containers that the fold knows, by id, each kept once and shared by reference count; and
 * which of them are being looked up, so that their events wait (proc/hold.h). The table holds what
 * was used last, up to its limit; what it lets go lives on while a control group shows it. One that
 * is waited for stays. Reader thread only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/list.h"
#include "event/image.h"
#include "proc/inner_users.h"

struct proc_table;

/* One container; what others see of it comes first. */
struct container_entry {
	struct container container;
	struct list lru;     /* linked while the table has it */
	struct list waiting; /* linked while its events wait */
	struct list held;    /* of struct held_event, in their order */
	size_t n_held;
	uint64_t since_ns;  /* its events wait since then, boot time; 0: they do not */
	bool is_awaited;    /* for what a further record will tell of it; perhaps for users, too */
	bool is_asked;	    /* a record has told of it */
	bool is_complete;   /* nothing more is to be expected */
	bool is_short;	    /* events of it went out that lack something */
	bool is_used;	    /* it had events */
	uint32_t hierarchy; /* of the control group that the last of them named */
	uint32_t entry_pid; /* the process that it began with; 0: unknown */
	uint64_t entry_start_ns;
	struct inner_users users;
};

struct container_table {
	struct hash index;
	struct list lru;     /* used longest ago first */
	struct list waiting; /* waiting longest first */
	size_t max;
	uint64_t *stamp;		    /* the last one that was given to anything; borrowed */
	const int64_t *wall_offset_ns;	    /* from boot time to the wall clock's; borrowed */
	const struct proc_table *processes; /* borrowed; its owner sets it. NULL: none is known */
};

void containers_init(struct container_table *t, size_t max, uint64_t *stamp,
		     const int64_t *wall_offset_ns);
void containers_done(struct container_table *t); /* nothing is held any more */

/* Borrowed, or NULL. */
struct container_entry *containers_lookup(struct container_table *t,
					  const char id[CONTAINER_ID_LEN]);
/* The same; it is made where it is not there. 0 or -ENOMEM. */
int containers_obtain(struct container_table *t, const char id[CONTAINER_ID_LEN],
		      struct container_entry **ret);

/*
 * It is from now on what the record says, but for its events, which are the fold's; what the record
 * does not know stays: whoever told of it may know nothing today. 0 or -ENOMEM: then it is as it
 * was. *ret_changed: it was something else before.
 */
int containers_fill(struct container_table *t, struct container_entry *c,
		    const struct event_container *e, bool *ret_changed);

/*
 * The pod that its control group is in, "" for none; nothing where one is known. 0 or -ENOMEM: then
 * it is as it was.
 */
int containers_set_pod(struct container_table *t, struct container_entry *c, struct str uid);

/* Another one with its id begins, or it is started anew: nothing is known of that yet. */
void containers_restart(struct container_table *t, struct container_entry *c);
/* Its last control group has gone: so does it, unless somebody shows it or its events wait. */
void containers_leave(struct container_table *t, struct container_entry *c);

/*
 * Says of an image whose parent is set where in its container it stands. A runtime's own steps
 * (runc init, which joins the control group before it does anything else) are not inside yet: their
 * mount namespace is that of whoever started them. Who is the first to be in another one is the
 * process that the container began with; who comes in later from outside has entered, and so have
 * his descendants. `adopter`: who has the process now, where its parent has ended; NULL: unknown.
 * Whom somebody inside has adopted comes from inside. A parent of which nothing is known stands
 * where its process stands now, if that is beside the image.
 */
void containers_place(struct container_table *t, struct image *image, const struct image *adopter);
/*
 * The same once more, for images in the order of their age, when all that is above them is known.
 * `may_begin`: nobody has seen it come in, so it may have been there before all who were seen: the
 * oldest from outside is who its container began with.
 */
void containers_place_again(struct container_table *t, struct image *image, bool may_begin);

/* The entry of a container; NULL for NULL. */
static inline struct container_entry *container_entry_of(const struct container *c)
{
	return (struct container_entry *)c;
}

/* Counted through const, as owners are: proc/owner.h. */
const struct container *container_ref(const struct container *c); /* NULL is NULL */
void container_unref(const struct container *c);		  /* NULL is nothing */
