/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The snapshot: records of the task iterator. It runs beside the live stream, so what it says of a
 * process may be older or newer than what the table has; the exec counter tells. It makes processes
 * and fills gaps, and never emits an event.
 */
#include "proc/fold_state.h"
#include "proc/program.h"

/* Discarded where an exec came between: they may be of the one image or of the other. */
static bool has_strings(const struct event_process *e)
{
	return e->exec_count_after == e->head.exec_count;
}

static int fill_program(struct fold *f, struct image *image, const struct event_process *e)
{
	struct program *program = NULL;
	int r;

	if (!has_strings(e))
		return 0;
	r = program_from_process(&f->table, &f->scratch, e, &program);
	if (r < 0)
		return r;
	table_set_program(&f->table, image, program);
	table_program_unref(&f->table, program);
	return 0;
}

static uint32_t image_flags(const struct event_process *e)
{
	uint32_t flags = 0;

	if (e->head.flags & EVENT_F_NEVER_EXEC)
		flags |= IMAGE_NEVER_EXEC;
	if (e->head.flags & (EVENT_F_KTHREAD | EVENT_F_BY_KTHREAD))
		flags |= IMAGE_KTHREAD;
	return flags;
}

/* All but the parent. */
static int image_fill(struct fold *f, struct image *image, const struct event_process *e)
{
	struct exec_parts parts;
	int r;

	image->flags = (image->flags & ~(uint32_t)(IMAGE_STUB | IMAGE_KTHREAD)) | image_flags(e);
	fold_set_owner(f, image, &e->cred, &e->cgroup);
	r = table_set_cred(&f->table, image, &e->cred);
	if (r < 0)
		return r;
	r = fill_program(f, image, e);
	if (r < 0)
		return r;
	process_parts(e, &parts);
	return table_set_ext(&f->table, image, parts.task_ext);
}

/* A new image, or the stub that a child of it has as its parent; the caller gets a reference. */
static int image_obtain(struct fold *f, const struct event_process *e, struct image **ret)
{
	struct image_key key = image_key_from_head(&e->head);
	struct image *image = table_lookup_image(&f->table, &key);

	if (!image)
		return table_image_new(&f->table, &key, 0, ret);
	*ret = image_ref(image);
	return 0;
}

static int process_begin(struct fold *f, struct image *image, const struct event_process *e)
{
	const struct process *adopter = table_lookup(&f->table, e->parent.tgid, e->parent.start_ns);
	struct process *process = NULL;
	int r;

	r = image_fill(f, image, e);
	if (r == 0)
		r = lineage_set_first(f, image, &e->head, &e->parent, NULL);
	if (r == 0) {
		containers_place(&f->containers, image, adopter ? adopter->image : NULL);
		r = table_add(&f->table, image, &process);
	}
	if (r < 0)
		return r;
	image_ref(image);
	process->pass = f->pass;
	return 0;
}

/* An exec of it that the live stream has not told of yet: its record will find the image here. */
static int process_advance(struct fold *f, struct process *process, struct image *image,
			   const struct event_process *e)
{
	int r;

	r = image_fill(f, image, e);
	if (r == 0)
		r = lineage_set_next(f, image, process->image, NULL);
	if (r < 0)
		return r;
	containers_place(&f->containers, image, NULL);
	table_advance(&f->table, process, image_ref(image));
	process->flags &= ~(uint32_t)PROCESS_LIVE_IMAGE;
	return 0;
}

/* The image that the table has; what it lacks is filled in. */
static int process_confirm(struct fold *f, struct process *process, const struct event_process *e)
{
	struct image *image = process->image;
	int r;

	if (!image->program)
		r = process->flags & PROCESS_LIVE_IMAGE ? fill_program(f, image, e)
							: image_fill(f, image, e);
	else
		r = 0;
	if (r < 0 || image->parent)
		return r;
	return lineage_set_first(f, image, &e->head, &e->parent, NULL);
}

static int process_of_unknown(struct fold *f, struct process *process,
			      const struct event_process *e)
{
	struct image *image = NULL;
	int r;

	r = image_obtain(f, e, &image);
	if (r < 0)
		return r;
	if (image->flags & IMAGE_EXITED)
		r = 0; /* seen before it ended, told of afterwards */
	else if (process)
		r = process_advance(f, process, image, e);
	else
		r = process_begin(f, image, e);
	table_unref(&f->table, image);
	return r;
}

/*
 * On its way out: what the record says cannot be relied on, and its exit may still be told of. Not
 * confirmed by the next pass, which finds it so again, it has ended.
 */
static void process_dying(struct fold *f, struct process *process)
{
	if (process->flags & PROCESS_DYING && process->pass != f->pass)
		return;
	table_set_dying(&f->table, process, true);
	process->pass = f->pass;
}

/* One that a pass did not see and declared ended may be seen by another: it lives. */
static bool has_ended(struct fold *f, const struct event_head *h)
{
	struct image_key key = image_key_from_head(h);
	struct image *image;

	if (!tombstones_has(&f->tombstones, h->tgid, h->start_ns))
		return false;
	if (!tombstones_revive(&f->tombstones, h->tgid, h->start_ns))
		return true;
	image = table_lookup_image(&f->table, &key);
	if (image)
		image->flags &= ~(uint32_t)IMAGE_EXITED;
	return false;
}

int fold_process(struct fold *f, const struct event_process *e)
{
	struct process *process = table_lookup(&f->table, e->head.tgid, e->head.start_ns);

	if (!e->live && process)
		process_dying(f, process);
	if (!e->live)
		return 0;
	if (!process && has_ended(f, &e->head))
		return 0;
	if (process) {
		process->pass = f->pass;
		table_set_dying(&f->table, process, false);
	}
	if (process && process->image->key.exec_count == e->head.exec_count)
		return process_confirm(f, process, e);
	if (process && process->image->key.exec_count > e->head.exec_count)
		return 0;
	return process_of_unknown(f, process, e);
}
