/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of containers: asking for it, and what it changes. Reader thread only. */
#include <errno.h>
#include <stdlib.h>

#include "proc/container_id.h"
#include "proc/fold_state.h"

#define SHOWN_MIN 16

void fold_forget_shown(struct fold *f)
{
	while (f->n_shown)
		container_unref(f->shown[--f->n_shown]);
}

/* It stays as long as the batch shows it. */
static int show(struct fold *f, const struct container *c)
{
	size_t cap = f->cap_shown ? 2 * f->cap_shown : SHOWN_MIN;
	const struct container **grown;

	if (f->n_shown == f->cap_shown) {
		grown = reallocarray(f->shown, cap, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		f->shown = grown;
		f->cap_shown = cap;
	}
	f->shown[f->n_shown++] = container_ref(c);
	return 0;
}

/* Events of it went out without what the record says. */
static int tell(struct fold *f, const struct container *c, const struct event_container *e,
		const struct step *step)
{
	struct event *ev;
	int r = show(f, c);

	if (r < 0)
		return r;
	ev = batch_append(step->out);
	if (!ev)
		return -ENOMEM;
	*ev = (struct event){
		.call = CALL_CONTAINER,
		.container = c,
		.node = &f->node,
		.boot_ns = e->head.time_ns,
		.seq = step->seq,
		.time_ns = (int64_t)(e->head.time_ns + (uint64_t)f->wall_offset_ns),
	};
	return 0;
}

/* In a state: what it had come to, whatever records it had been. */
static void restore(struct fold *f, struct container_entry *c, const struct event_container *e)
{
	c->is_short = e->bits & EVENT_CONTAINER_SHORT;
	c->is_asked = e->bits & EVENT_CONTAINER_ASKED;
	c->is_used = e->bits & EVENT_CONTAINER_USED;
	c->hierarchy = e->hierarchy;
	if (e->head.time_ns)
		hold_begin(f, c, e->head.time_ns);
}

int fold_container(struct fold *f, const struct event_container *e, const struct step *step)
{
	const struct step own = { .seq = fold_seq_before(f, step->seq), .out = step->out };
	struct container_entry *c = NULL;
	bool was_short, was_awaited, changed;
	int r;

	r = containers_obtain(&f->containers, e->id, &c);
	if (r < 0)
		return r;
	was_short = c->is_short;
	was_awaited = c->is_awaited;
	r = containers_fill(&f->containers, c, e, &changed);
	if (r < 0)
		return r;
	if (f->is_restoring) {
		restore(f, c, e);
		return 0;
	}
	if (e->bits & EVENT_CONTAINER_AWAITED) {
		hold_begin(f, c, e->head.time_ns);
		return 0;
	}
	if (!step->out)
		return 0;
	if (changed && was_short)
		r = tell(f, &c->container, e, &own);
	/* Who says again what is known has no patience with users either. */
	if (r == 0 && c->since_ns &&
	    (!inner_users_are_awaited(&c->users) || (!was_awaited && !changed)))
		r = hold_end(f, c, own.seq, own.out);
	if (c->is_complete)
		c->is_short = false;
	f->last_seq = own.seq;
	return r;
}

/* Once; and once more before its first event, where nobody knew of it when its group was made. */
static bool wants_answer(const struct container_entry *c)
{
	return !c->is_asked || !(c->is_used || c->is_complete || c->since_ns ||
				 c->container.bits & CONTAINER_IS_KNOWN);
}

static int ask(struct fold *f, const struct container_question *q)
{
	const struct event_container *answer = (const struct event_container *)f->answer;
	size_t size;

	size = f->hooks.container(f->hooks.ctx, q, f->answer, ANSWER_MAX);
	if (size >= sizeof(*answer) && memcmp(answer->id, q->id, CONTAINER_ID_LEN) != 0)
		return 0;
	return fold_answer(f, EVENT_CONTAINER, size);
}

int fold_ask_container(struct fold *f, const struct event_cgroup *cgroup)
{
	struct container_question q = { .is_anew = false };
	const struct cgroup *known;

	if (!f->hooks.container)
		return 0;
	known = cgroups_lookup(&f->cgroups, cgroup->hierarchy, cgroup->id);
	if (!known || !known->container || !wants_answer(container_entry_of(known->container)))
		return 0;
	q.id = known->container->id;
	q.pod_uid = container_text(known->container, CONTAINER_POD_UID);
	return ask(f, &q);
}

/*
 * A container that had events gets another control group of its own, in the hierarchy that they
 * named: in the others a runtime may still be making the first one.
 */
static bool is_restart(struct fold *f, const struct container_entry *c,
		       const struct event_cgroup_made *e)
{
	return c && c->is_used && c->hierarchy == e->cgroup.hierarchy && !c->since_ns &&
	       container_id_is_last(cgroup_made_path(e)) &&
	       !cgroups_lookup(&f->cgroups, e->cgroup.hierarchy, e->cgroup.id);
}

int fold_group_made(struct fold *f, const struct event_cgroup_made *e)
{
	struct str path = cgroup_made_path(e);
	char id[CONTAINER_ID_LEN], uid[CONTAINER_POD_UID_MAX];
	struct container_question q = { .id = id, .pod_uid = { .p = uid } };
	struct container_entry *c;

	if (e->head.cpu == EVENT_CPU_AGENT || !container_id_from_cgroup(path, id))
		return 0;
	c = containers_lookup(&f->containers, id);
	q.is_anew = is_restart(f, c, e);
	if (q.is_anew)
		containers_restart(&f->containers, c);
	if (!f->hooks.container || (c && !wants_answer(c)))
		return 0;
	q.pod_uid.n = container_id_pod_uid(path, uid);
	return ask(f, &q);
}

/* It was forked before anybody looked, or its fork was lost, and no pass has found it before. */
static bool is_found(const struct fold *f, const struct process *process)
{
	return !(process->flags & PROCESS_TOLD) &&
	       (!(process->flags & PROCESS_LIVE) ||
		process->image->key.start_ns < f->streams.ring_begin_ns);
}

void fold_place_found(struct fold *f, const struct process *process)
{
	struct image *image = process->image;
	const uint32_t before = image->flags;

	containers_place_again(&f->containers, image, is_found(f, process));
	if (image->flags != before)
		table_set_parent(&f->table, image, image->parent);
}

bool fold_waits_longest(const struct fold *f, char ret_id[CONTAINER_ID_LEN], uint64_t *ret_since_ns)
{
	const struct list *waiting = &f->containers.waiting;
	const struct container_entry *c =
		LIST_ENTRY(waiting->next, struct container_entry, waiting);

	if (list_is_empty(waiting))
		return false;
	memcpy(ret_id, c->container.id, CONTAINER_ID_LEN);
	*ret_since_ns = c->since_ns;
	return true;
}

int fold_end_waiting(struct fold *f, struct batch *out)
{
	const struct list *waiting = &f->containers.waiting;
	int r = 0;

	while (r == 0 && !list_is_empty(waiting))
		r = hold_end(f, LIST_ENTRY(waiting->next, struct container_entry, waiting),
			     fold_next_seq(f), out);
	return r;
}

void fold_each_container_group(const struct fold *f, size_t *cursor, size_t n,
			       fold_each_group_fn *fn, void *ctx)
{
	const size_t cap = f->cgroups.index.cap, end = *cursor + n < cap ? *cursor + n : cap;

	for (size_t i = *cursor; i < end; i++) {
		const struct cgroup *cgroup = cgroups_slot(&f->cgroups, i);

		if (cgroup && cgroup->container)
			fn(ctx, cgroup);
	}
	*cursor = end < cap ? end : 0;
}

bool fold_holds(const struct fold *f)
{
	return f->hold.counters.now;
}

bool fold_waits_for(struct fold *f, const char id[CONTAINER_ID_LEN])
{
	const struct container_entry *c = containers_lookup(&f->containers, id);

	return c && c->since_ns;
}

bool fold_knows_container(struct fold *f, const char id[CONTAINER_ID_LEN])
{
	return containers_lookup(&f->containers, id);
}

void fold_each_container(const struct fold *f, fold_each_container_fn *fn, void *ctx)
{
	const struct list *all = &f->containers.lru;

	for (const struct list *l = all->next; l != all; l = l->next) {
		const struct container_entry *c = LIST_ENTRY(l, struct container_entry, lru);

		fn(ctx, &c->container);
	}
}

void fold_hold_counters(const struct fold *f, struct hold_counters *ret)
{
	const struct list *waiting = &f->containers.waiting;

	*ret = f->hold.counters;
	for (const struct list *l = waiting->next; l != waiting; l = l->next)
		ret->containers++;
}
