/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Passes of the task iterator, from mark to mark: a process that the table has and that a whole
 * pass has not seen has ended, though nobody saw it end. Of one that the pipelines know of, that is
 * an event. Reader thread only.
 */
#include <errno.h>
#include <stdlib.h>

#include "proc/fold_state.h"

#define PROCESS_KNOWN (PROCESS_LIVE | PROCESS_TOLD) /* the pipelines know of it */

static bool is_unseen(const struct fold *f, const struct process *process)
{
	return process->pass != f->pass;
}

static int compare_age(const void *a, const void *b)
{
	struct process *const *x = a, *const *y = b;

	return image_key_cmp(&(*x)->image->key, &(*y)->image->key);
}

static bool is_in_container(const struct fold *f, const struct process *process)
{
	(void)f;
	return image_container(process->image);
}

/* The processes of which that holds, oldest first. */
static int gather(const struct fold *f, bool (*holds)(const struct fold *, const struct process *),
		  struct process ***ret, size_t *ret_n)
{
	const struct hash *processes = &f->table.processes;
	_cleanup_(freep) struct process **found = NULL;
	size_t n = 0;

	found = calloc(processes->n + 1, sizeof(*found));
	if (!found)
		return -ENOMEM;
	for (size_t i = 0; i < processes->cap; i++) {
		struct process *process = processes->slots[i].item;

		if (process && holds(f, process))
			found[n++] = process;
	}
	qsort(found, n, sizeof(struct process *), compare_age);
	*ret = TAKE_PTR(found);
	*ret_n = n;
	return 0;
}

static int end_unseen(struct fold *f, struct process *process, const struct event_mark *mark,
		      const struct step *step)
{
	struct image *image = process->image;
	struct event_head end = { .time_ns = mark->head.time_ns, .tid = image->key.pid };
	int r = 0;

	if (process->flags & PROCESS_KNOWN) {
		r = fold_emit(f, CALL_EXIT, image, &end, step);
		tombstones_add(&f->tombstones, image->key.pid, image->key.start_ns, true);
	}
	table_remove(&f->table, process);
	return r;
}

static void note_told(struct fold *f)
{
	const struct hash *processes = &f->table.processes;

	for (size_t i = 0; i < processes->cap; i++) {
		struct process *process = processes->slots[i].item;

		if (process)
			process->flags |= PROCESS_TOLD;
	}
}

/* All ends that are inferred have one number. */
static int end_pass(struct fold *f, const struct event_mark *mark, const struct step *step)
{
	const struct step own = { .seq = fold_seq_before(f, step->seq), .out = step->out };
	_cleanup_(freep) struct process **unseen = NULL;
	size_t n = 0;
	int r;

	/* Who is not there may be among the lost. */
	if (f->streams.has_lost_snapshot)
		return 0;
	r = gather(f, is_unseen, &unseen, &n);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = end_unseen(f, unseen[i], mark, &own);
	if (r < 0) {
		f->streams.has_lost_process = true; /* the next pass does what is left */
		return r;
	}
	f->last_seq = own.seq;
	note_told(f);
	return 0;
}

static int place_found(struct fold *f)
{
	_cleanup_(freep) struct process **found = NULL;
	size_t n = 0;
	int r;

	r = gather(f, is_in_container, &found, &n);
	for (size_t i = 0; r == 0 && i < n; i++)
		fold_place_found(f, found[i]);
	return r;
}

int fold_mark(struct fold *f, const struct event_mark *e, const struct step *step)
{
	int r = 0;

	switch (e->mark) {
	case EVENT_MARK_PASS_BEGIN:
		f->pass++;
		f->is_in_pass = true;
		tombstones_set_max(&f->tombstones, TOMBSTONES_PASS);
		streams_begin_pass(&f->streams);
		break;
	case EVENT_MARK_PASS_END:
		if (f->is_in_pass)
			r = place_found(f);
		if (r == 0 && f->is_in_pass)
			r = end_pass(f, e, step);
		f->is_in_pass = false;
		tombstones_set_max(&f->tombstones, TOMBSTONES_QUIET);
		break;
	case EVENT_MARK_RING_BEGIN:
		streams_begin(&f->streams, e->head.time_ns);
		break;
	default:
		break;
	}
	return r;
}

bool fold_wants_pass(const struct fold *f)
{
	return f->streams.has_lost_process || f->streams.has_lost_snapshot || f->table.n_dying;
}

void fold_each_unseen(const struct fold *f, fold_unseen_fn *fn, void *ctx)
{
	const struct hash *processes = &f->table.processes;

	for (size_t i = 0; f->is_in_pass && i < processes->cap; i++) {
		const struct process *process = processes->slots[i].item;

		if (process && is_unseen(f, process))
			fn(ctx, &process->image->key);
	}
}
