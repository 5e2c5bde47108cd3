/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "proc/fold_state.h"
#include "proc/program.h"

/* The record comes a second time, or after something that it should have come before. */
static int twin(struct fold *f)
{
	f->table.counters.twins++;
	return 0;
}

static bool has_ended(const struct fold *f, const struct event_head *h)
{
	return tombstones_has(&f->tombstones, h->tgid, h->start_ns);
}

/* Who executes a program lives, whatever a pass made of it. */
static bool has_revived(struct fold *f, const struct event_head *h)
{
	return tombstones_revive(&f->tombstones, h->tgid, h->start_ns);
}

/*
 * The image that a record describes: the current one of its process (NULL: there is no process),
 * the stub that was made for it, or a new one. The caller gets a reference. -ESTALE: it has been
 * there and has ended.
 */
static int image_obtain(struct fold *f, struct process *process, const struct event_head *h,
			struct image **ret)
{
	struct image_key key = image_key_from_head(h);
	bool is_current = process && process->image->key.exec_count == key.exec_count;
	struct image *image = is_current ? process->image : table_lookup_other(&f->table, &key);

	if (!image)
		return table_image_new(&f->table, &key, 0, ret);
	if (image->flags & IMAGE_EXITED)
		return -ESTALE;
	*ret = image_ref(image);
	return 0;
}

static void count_parent(struct fold *f, bool is_known)
{
	if (!is_known)
		f->table.counters.unknown_parent++;
}

/* A kernel thread that nobody has described is known by the name that its child still has. */
static int describe_kthread(struct fold *f, struct image *image, const char *comm)
{
	struct program *program = NULL;
	int r;

	r = program_from_comm(&f->table, comm, &program);
	if (r < 0)
		return r;
	table_set_program(&f->table, image, program);
	table_program_unref(&f->table, program);
	table_set_owner(&f->table, image, users_lookup(&f->users, 0), NULL);
	image->flags = (image->flags & ~IMAGE_STUB) | IMAGE_KTHREAD;
	return 0;
}

static int clone_set_parent(struct fold *f, struct image *image, const struct event_fork *e)
{
	bool is_known = true;
	int r;

	r = lineage_set(f, image, &e->parent, &is_known);
	if (r < 0)
		return r;
	count_parent(f, is_known);
	if (e->head.flags & EVENT_F_BY_KTHREAD && image->parent &&
	    image->parent->flags & IMAGE_STUB)
		return describe_kthread(f, image->parent, e->comm);
	return 0;
}

static int clone_set_program(struct fold *f, struct image *image, const struct event_fork *e)
{
	struct image_key key = image_key_from_id(&e->forker);
	struct image *forker = image->parent;
	struct program *program = NULL;
	int r;

	if (!forker || image_key_cmp(&forker->key, &key) != 0)
		forker = table_lookup_image(&f->table, &key);
	if (forker && forker->program)
		table_set_program(&f->table, image, forker->program);
	if (image->program || !(e->head.flags & (EVENT_F_KTHREAD | EVENT_F_BY_KTHREAD)))
		return 0;
	r = program_from_comm(&f->table, e->comm, &program);
	if (r < 0)
		return r;
	table_set_program(&f->table, image, program);
	table_program_unref(&f->table, program);
	return 0;
}

static int clone_fill(struct fold *f, struct image *image, const struct event_fork *e)
{
	int r;

	image->flags = (image->flags & ~IMAGE_STUB) | IMAGE_NEVER_EXEC;
	if (e->head.flags & (EVENT_F_KTHREAD | EVENT_F_BY_KTHREAD))
		image->flags |= IMAGE_KTHREAD;
	fold_set_owner(f, image, &e->cred, &e->cgroup);
	r = table_set_cred(&f->table, image, &e->cred);
	if (r < 0)
		return r;
	r = clone_set_parent(f, image, e);
	if (r < 0)
		return r;
	containers_place(&f->containers, image, NULL);
	r = clone_set_program(f, image, e);
	if (r < 0)
		return r;
	return table_set_ext(&f->table, image, fork_task_ext(e));
}

/*
 * The snapshot saw the child before its fork record came: it may have gone on to its next image
 * already.
 */
static int fork_of_known(struct fold *f, struct process *process, const struct event_fork *e,
			 const struct step *step)
{
	struct image *image = NULL;
	bool is_current = process->image->key.exec_count == e->head.exec_count;
	int r;

	if (process->flags & PROCESS_LIVE || process->image->key.exec_count < e->head.exec_count)
		return twin(f);
	r = image_obtain(f, process, &e->head, &image);
	if (r < 0)
		return r == -ESTALE ? twin(f) : r;
	process->flags |= is_current ? PROCESS_LIVE | PROCESS_LIVE_IMAGE : PROCESS_LIVE;
	r = clone_fill(f, image, e);
	if (!is_current)
		image->flags |= IMAGE_EXITED;
	if (r == 0)
		r = fold_emit(f, CALL_CLONE, image, &e->head, step);
	table_unref(&f->table, image);
	return r;
}

/* Makes a process of an image that was just filled; the caller's reference goes in any case. */
static int begin(struct fold *f, struct image *image, struct process **ret)
{
	struct process *process = NULL;
	int r;

	r = table_add(&f->table, image, &process);
	if (r < 0) {
		table_unref(&f->table, image);
		return r;
	}
	process->flags |= PROCESS_LIVE | PROCESS_LIVE_IMAGE;
	process->pass = f->pass;
	*ret = process;
	return 0;
}

int fold_fork(struct fold *f, const struct event_fork *e, const struct step *step)
{
	struct process *process = table_lookup(&f->table, e->head.tgid, e->head.start_ns);
	struct image *image = NULL;
	int r;

	if (process)
		return fork_of_known(f, process, e, step);
	if (has_ended(f, &e->head))
		return twin(f);
	r = image_obtain(f, NULL, &e->head, &image);
	if (r < 0)
		return r == -ESTALE ? twin(f) : r;
	r = clone_fill(f, image, e);
	if (r < 0) {
		table_unref(&f->table, image);
		return r;
	}
	r = begin(f, image, &process);
	return r < 0 ? r : fold_emit(f, CALL_CLONE, image, &e->head, step);
}

static int exec_fill(struct fold *f, struct image *image, const struct event_exec *e)
{
	struct program *program = NULL;
	struct exec_parts parts;
	int r;

	r = program_from_exec(&f->table, &f->scratch, e, f->environment, &program);
	if (r < 0)
		return r;
	table_set_program(&f->table, image, program);
	table_program_unref(&f->table, program);
	image->flags &= ~(uint32_t)(IMAGE_STUB | IMAGE_KTHREAD | IMAGE_NEVER_EXEC);
	r = table_set_cred(&f->table, image, &e->cred);
	if (r < 0)
		return r;
	fold_set_owner(f, image, &e->cred, &e->cgroup);
	if (!(e->head.flags & EVENT_F_TASK_EXT))
		return table_set_ext(&f->table, image, NULL);
	exec_parts(e, &parts);
	return table_set_ext(&f->table, image, parts.task_ext);
}

/* The snapshot saw this image before its exec record came: the record knows better, and is news. */
static int exec_of_current(struct fold *f, struct process *process, const struct event_exec *e,
			   const struct step *step)
{
	bool is_known = true;
	int r;

	if (process->flags & PROCESS_LIVE_IMAGE)
		return twin(f);
	process->flags |= PROCESS_LIVE | PROCESS_LIVE_IMAGE;
	r = exec_fill(f, process->image, e);
	if (r == 0 && !process->image->parent)
		r = lineage_set_first(f, process->image, &e->head, &e->parent, &is_known);
	if (r < 0)
		return r;
	containers_place(&f->containers, process->image, NULL);
	count_parent(f, is_known);
	return fold_emit(f, CALL_EXECVE, process->image, &e->head, step);
}

/* Of an image that follows the process's, or is the first of an unknown one. */
static int set_parent(struct fold *f, const struct process *process, struct image *image,
		      const struct event_head *head, const struct event_id *parent)
{
	bool is_known = true;
	int r;

	if (process)
		r = lineage_set_next(f, image, process->image, &is_known);
	else
		r = lineage_set_first(f, image, head, parent, &is_known);
	if (r < 0)
		return r;
	containers_place(&f->containers, image, NULL);
	count_parent(f, is_known);
	return 0;
}

/* An image that the table does not have as current yet; the caller's reference to it goes. */
static int exec_of_next(struct fold *f, struct process *process, struct image *image,
			const struct event_exec *e, const struct step *step)
{
	int r;

	r = exec_fill(f, image, e);
	if (r == 0)
		r = set_parent(f, process, image, &e->head, &e->parent);
	if (r < 0) {
		table_unref(&f->table, image);
		return r;
	}
	if (process) {
		table_advance(&f->table, process, image);
		process->flags |= PROCESS_LIVE | PROCESS_LIVE_IMAGE;
		process->pass = f->pass;
	} else {
		f->table.counters.unknown_process++;
		r = begin(f, image, &process);
	}
	return r < 0 ? r : fold_emit(f, CALL_EXECVE, process->image, &e->head, step);
}

int fold_exec(struct fold *f, const struct event_exec *e, const struct step *step)
{
	struct process *process = table_lookup(&f->table, e->head.tgid, e->head.start_ns);
	struct image *image = NULL;
	int r;

	if (process && process->image->key.exec_count == e->head.exec_count)
		return exec_of_current(f, process, e, step);
	if (process ? process->image->key.exec_count > e->head.exec_count
		    : has_ended(f, &e->head) && !has_revived(f, &e->head))
		return twin(f);
	r = image_obtain(f, process, &e->head, &image);
	if (r < 0)
		return r == -ESTALE ? twin(f) : r;
	return exec_of_next(f, process, image, e, step);
}

/* All that is known of the image is what its exit says. */
static int exit_fill(struct fold *f, const struct process *process, struct image *image,
		     const struct event_exit *e)
{
	struct event_cred cred = exit_cred(e);
	int r;

	r = table_set_cred(&f->table, image, &cred);
	if (r < 0)
		return r;
	image->flags &= ~(uint32_t)(IMAGE_STUB | IMAGE_NEVER_EXEC);
	if (e->head.flags & EVENT_F_NEVER_EXEC)
		image->flags |= IMAGE_NEVER_EXEC;
	if (e->head.flags & EVENT_F_KTHREAD)
		image->flags |= IMAGE_KTHREAD;
	fold_set_owner(f, image, &cred, &e->cgroup);
	return set_parent(f, process, image, &e->head, &e->parent);
}

/* Its last exec, or all of it but its end, was not seen: the image is made so that it can end. */
static int exit_of_unknown(struct fold *f, struct process **process, const struct event_exit *e)
{
	struct image *image = NULL;
	int r;

	r = image_obtain(f, *process, &e->head, &image);
	if (r < 0)
		return r;
	r = exit_fill(f, *process, image, e);
	if (r < 0) {
		table_unref(&f->table, image);
		return r;
	}
	f->table.counters.unknown_process++;
	if (!*process)
		return begin(f, image, process);
	table_advance(&f->table, *process, image);
	return 0;
}

int fold_exit(struct fold *f, const struct event_exit *e, const struct step *step)
{
	struct process *process = table_lookup(&f->table, e->head.tgid, e->head.start_ns);
	int r;

	if (!process && has_ended(f, &e->head))
		return twin(f);
	tombstones_expect(&f->tombstones, e->head.tgid, e->head.start_ns);
	if (!process || process->image->key.exec_count < e->head.exec_count) {
		r = exit_of_unknown(f, &process, e);
		if (r < 0)
			return r == -ESTALE ? twin(f) : r;
	}
	r = fold_emit(f, CALL_EXIT, process->image, &e->head, step);
	table_remove(&f->table, process);
	tombstones_add(&f->tombstones, e->head.tgid, e->head.start_ns, false);
	return r;
}
