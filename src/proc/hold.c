/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/hold.h"

#include <errno.h>

#include "proc/fold_state.h"

void hold_init(struct hold *h)
{
	*h = (struct hold){ 0 };
	slab_init(&h->events, sizeof(struct held_event), &h->spare);
	list_init(&h->released);
}

static void drop_all(struct fold *f, struct list *events)
{
	while (!list_is_empty(events)) {
		struct held_event *e = LIST_ENTRY(events->next, struct held_event, link);

		list_unlink(&e->link);
		table_unref(&f->table, (struct image *)e->event.image);
		slab_free(&f->hold.events, e);
	}
}

void hold_done(struct fold *f)
{
	struct list *waiting = &f->containers.waiting;

	for (struct list *l = waiting->next; l != waiting; l = l->next)
		drop_all(f, &LIST_ENTRY(l, struct container_entry, waiting)->held);
	hold_trim(f);
	slab_done(&f->hold.events);
}

void hold_trim(struct fold *f)
{
	struct list *released = &f->hold.released;

	while (!list_is_empty(released)) {
		struct list *l = released->next;

		list_unlink(l);
		slab_free(&f->hold.events, LIST_ENTRY(l, struct held_event, link));
	}
}

static int append(struct container_entry *c, const struct event *ev, struct batch *out)
{
	struct event *to = batch_append(out);

	if (!to)
		return -ENOMEM;
	*to = *ev;
	c->is_short |= !c->is_complete;
	return 0;
}

static int keep(struct fold *f, struct container_entry *c, const struct event *ev)
{
	struct held_event *e = slab_alloc(&f->hold.events);

	if (!e)
		return -ENOMEM;
	e->event = *ev;
	if (ev->exit) {
		e->exit = *ev->exit;
		e->event.exit = &e->exit;
	}
	list_append(&c->held, &e->link);
	if (!f->hold.loose_seq)
		f->hold.loose_seq = ev->seq;
	c->n_held++;
	f->hold.counters.now++;
	f->hold.counters.held++;
	return 0;
}

static bool is_full(const struct fold *f, const struct container_entry *c)
{
	return c->n_held >= HOLD_EVENTS || f->hold.counters.now >= HOLD_TOTAL;
}

int hold_event(struct fold *f, const struct event *ev, struct batch *out)
{
	struct container_entry *c = container_entry_of(image_container(ev->image));
	int r = 0;

	c->is_used = true;
	c->hierarchy = ev->image->cgroup->hierarchy;
	if (c->since_ns && is_full(f, c)) {
		f->hold.counters.overflowed++;
		r = hold_end(f, c, ev->seq, out);
	}
	if (r == 0)
		r = c->since_ns ? keep(f, c, ev) : append(c, ev, out);
	if (r < 0)
		table_unref(&f->table, (struct image *)ev->image);
	return r;
}

void hold_passed(const struct image *image)
{
	struct container_entry *c = container_entry_of(image_container(image));

	if (!c)
		return;
	c->is_used = true;
	c->is_short |= !c->is_complete;
}

void hold_begin(struct fold *f, struct container_entry *c, uint64_t now_ns)
{
	if (c->since_ns)
		return;
	c->since_ns = now_ns ? now_ns : 1;
	list_append(&f->containers.waiting, &c->waiting);
}

int hold_end(struct fold *f, struct container_entry *c, uint64_t position, struct batch *out)
{
	while (!list_is_empty(&c->held)) {
		struct held_event *e = LIST_ENTRY(c->held.next, struct held_event, link);
		int r;

		e->event.held_until = position;
		r = append(c, &e->event, out);
		if (r < 0)
			return r;
		/* Its exit is looked at until the batch is through. */
		list_unlink(&e->link);
		list_append(&f->hold.released, &e->link);
		c->n_held--;
		f->hold.counters.now--;
	}
	c->since_ns = 0;
	inner_users_overdue(&c->users);
	list_unlink(&c->waiting);
	return 0;
}
