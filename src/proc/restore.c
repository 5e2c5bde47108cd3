/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reading half of a state: state.c writes it. Hostile like every record: an image that is there
 * already stays as it is, a parent is older than its child or none, and what nobody refers to at
 * the end of the state is gone. Reader thread only.
 */
#include <errno.h>
#include <stdlib.h>

#include "proc/fold_state.h"
#include "proc/program.h"
#include "proc/state_bits.h"

/* Images that are not current would go before a child refers to them. Takes the reference. */
static int hold(struct fold *f, struct image *image)
{
	size_t cap = f->cap_held ? 2 * f->cap_held : 64;
	struct image **grown;

	if (!f->is_restoring || f->n_held >= f->table.limits.max_images) {
		table_unref(&f->table, image);
		return 0;
	}
	if (f->n_held == f->cap_held) {
		grown = reallocarray(f->held, cap, sizeof(*grown));
		if (!grown) {
			table_unref(&f->table, image);
			return -ENOMEM;
		}
		f->held = grown;
		f->cap_held = cap;
	}
	f->held[f->n_held++] = image;
	return 0;
}

void restore_done(struct fold *f)
{
	while (f->n_held)
		table_unref(&f->table, f->held[--f->n_held]);
	free(f->held);
	f->held = NULL;
	f->cap_held = 0;
	f->is_restoring = false;
}

static void begin(struct fold *f, const struct event_state *e)
{
	streams_begin(&f->streams, e->ring_begin_ns);
	f->streams.n_adopted = e->n_adopted;
	f->streams.has_lost_process = e->bits & EVENT_STATE_WANTS_PASS;
	f->streams.has_lost_snapshot = e->bits & EVENT_STATE_NO_PASS;
	f->pass = e->pass;
	f->last_seq = e->head.seq;
	f->is_in_pass = e->bits & EVENT_STATE_IN_PASS;
	tombstones_set_max(&f->tombstones,
			   f->is_in_pass || !f->pass ? TOMBSTONES_PASS : TOMBSTONES_QUIET);
	f->is_restoring = true;
}

void fold_bury(struct fold *f, const struct event_ended *e)
{
	if (!tombstones_has(&f->tombstones, e->tgid, e->start_ns) &&
	    !table_lookup(&f->table, e->tgid, e->start_ns))
		tombstones_add(&f->tombstones, e->tgid, e->start_ns,
			       e->bits & EVENT_ENDED_INFERRED);
}

static void bury(struct fold *f, const struct event_state *e)
{
	const struct event_ended *ended = (const struct event_ended *)(e + 1);

	for (uint32_t i = 0; i < e->n_ended; i++)
		fold_bury(f, &ended[i]);
}

void restore_state(struct fold *f, const struct event_state *e)
{
	if (f->is_restoring)
		restore_done(f);
	if (e->bits & EVENT_STATE_BEGIN)
		begin(f, e);
	else
		bury(f, e);
}

static int fill_program(struct fold *f, struct image *image, const struct event_image *e,
			const struct image_parts *parts)
{
	struct program *program = NULL;
	int r;

	if (e->bits & EVENT_IMAGE_SAME_PROGRAM && image->parent)
		table_set_program(&f->table, image, image->parent->program);
	if (e->bits & (EVENT_IMAGE_SAME_PROGRAM | EVENT_IMAGE_NO_PROGRAM))
		return 0;
	r = program_from_image(&f->table, e, parts, &program);
	if (r < 0)
		return r;
	table_set_program(&f->table, image, program);
	table_program_unref(&f->table, program);
	return 0;
}

/* The table says who is current, and who has ended. */
static uint32_t image_flags(uint32_t bits)
{
	uint32_t flags = state_to_flags(state_image_bits, ARRAY_SIZE(state_image_bits), bits);

	flags &= ~(uint32_t)IMAGE_EXITED;
	return bits & EVENT_IMAGE_CURRENT ? flags & ~(uint32_t)IMAGE_STUB : flags;
}

static int image_fill(struct fold *f, struct image *image, const struct event_image *e)
{
	struct image_parts parts;
	int r;

	image_parts(e, &parts);
	image->flags &= ~(uint32_t)IMAGE_STUB;
	image->flags |= image_flags(e->bits);
	fold_set_owner(f, image, &e->cred, &e->cgroup);
	if (e->bits & EVENT_IMAGE_NO_USER)
		table_set_owner(&f->table, image, NULL, image->cgroup);
	r = image->flags & IMAGE_STUB ? 0 : table_set_cred(&f->table, image, &e->cred);
	if (r == 0)
		r = table_set_ext(&f->table, image, parts.task_ext);
	if (r == 0)
		r = lineage_set(f, image, &e->parent, NULL);
	if (r < 0)
		return r;
	table_set_depth(image, e->depth);
	return fill_program(f, image, e, &parts);
}

/* Takes the reference. */
static int add_current(struct fold *f, struct image *image, const struct event_image *e)
{
	struct process *process = NULL;
	int r;

	r = table_add(&f->table, image, &process);
	if (r < 0) {
		table_unref(&f->table, image);
		return r;
	}
	process->flags =
		state_to_flags(state_process_bits, ARRAY_SIZE(state_process_bits), e->bits);
	process->pass = e->bits & EVENT_IMAGE_SEEN ? f->pass : f->pass - 1;
	f->table.n_dying += !!(process->flags & PROCESS_DYING);
	if (e->bits & EVENT_IMAGE_BARE && !image->program)
		table_set_bare(&f->table, image);
	return 0;
}

static int obtain(struct fold *f, const struct image_key *key, struct image **ret)
{
	struct image *image = table_lookup_image(&f->table, key);

	if (!image)
		return table_stub_new(&f->table, key, ret);
	/* One that is current, or described already. */
	if (!(image->flags & IMAGE_INDEXED) || !(image->flags & IMAGE_STUB) ||
	    image->flags & IMAGE_EXITED || image->parent)
		return -EEXIST;
	*ret = image_ref(image);
	return 0;
}

int restore_image(struct fold *f, const struct event_image *e)
{
	struct image_key key = image_key_from_head(&e->head);
	struct image *image = NULL;
	int r;

	if (e->bits & EVENT_IMAGE_CURRENT && table_lookup(&f->table, key.pid, key.start_ns))
		return 0;
	r = obtain(f, &key, &image);
	if (r < 0)
		return r == -EEXIST ? 0 : r;
	r = image_fill(f, image, e);
	if (r < 0) {
		table_unref(&f->table, image);
		return r;
	}
	if (e->bits & EVENT_IMAGE_CURRENT)
		return add_current(f, image, e);
	if (e->bits & EVENT_IMAGE_EXITED)
		table_set_exited(&f->table, image);
	return hold(f, image);
}
