/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes that came and went and left nothing behind: most of a storm. A journal needs no more of
 * them than that they have ended, and where the streams stood then.
 */
#include "event/decode.h"
#include "proc/fold_state.h"

#define IMAGES_MAX 8 /* of one process that are looked for */

bool fold_is_steady(const struct fold *f)
{
	return !f->is_in_pass && !fold_holds(f);
}

static bool is_of_beginning(const struct fold *f, const struct event_exit *e)
{
	const struct cgroup *cgroup;
	const struct container_entry *c;

	if (!e->cgroup.id)
		return false;
	cgroup = cgroups_peek(&f->cgroups, e->cgroup.hierarchy, e->cgroup.id);
	if (!cgroup)
		return e->cgroup.mnt_ns; /* its group may have gone already */
	if (!cgroup->container)
		return false;
	c = container_entry_of(cgroup->container);
	return !c->entry_pid ||
	       (c->entry_pid == e->head.tgid && c->entry_start_ns == e->head.start_ns);
}

bool fold_has_trace(const struct fold *f, const struct event_exit *e, uint64_t first)
{
	struct image_key key = image_key_from_head(&e->head);
	uint64_t n = e->head.exec_count - first;

	if (n >= IMAGES_MAX || is_of_beginning(f, e) ||
	    table_lookup(&f->table, key.pid, key.start_ns))
		return true;
	for (uint64_t i = 0; i <= n; i++) {
		key.exec_count = first + i;
		if (table_lookup_other(&f->table, &key))
			return true;
	}
	return false;
}

int fold_account_transients(struct fold *f, const struct event_transients *e)
{
	const struct event_stream_step *steps = transients_steps(e);
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < e->n_steps; i++)
		r = streams_step(&f->streams, &steps[i]);
	return r;
}

/* Who was born before, and again by a twin of his fork, may be among them. */
static void end(struct fold *f, const struct event_ended *e)
{
	struct process *process = table_lookup(&f->table, e->tgid, e->start_ns);

	if (process)
		table_remove(&f->table, process);
	fold_bury(f, e);
}

void fold_transients(struct fold *f, const struct event_transients *e)
{
	const struct event_ended *ended = transients_ended(e);

	if (e->head.seq > f->last_seq)
		f->last_seq = e->head.seq;
	for (uint32_t i = 0; i < e->n_ended; i++)
		end(f, &ended[i]);
}
