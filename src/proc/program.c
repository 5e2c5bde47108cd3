/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "event/environment.h"
#include "proc/program.h"

#define DELETED STR(" (deleted)")
#define DEV_FD STR("/dev/fd/")

/* A program that is being put together: its strings are still somebody else's. */
struct draft {
	struct str texts[_PROGRAM_TEXT_MAX];
	const struct event_exe_ext *exe_ext;
	uint32_t flags, argc, args_total;
};

static int draft_finish(struct proc_table *t, const struct draft *d, struct program **ret)
{
	struct program *program = table_program_new(t, d->texts, d->exe_ext);

	if (!program)
		return -ENOMEM;
	program->flags |= d->flags;
	program->argc = d->argc;
	program->args_total = d->args_total;
	*ret = program;
	return 0;
}

/*
 * Appends to the scratch, which has the room already, so that earlier results stay where they are.
 */
static struct str put_walk(struct buf *scratch, struct str walk, bool cut, bool *ret_cut)
{
	char *to = buf_room(scratch, walk.n + 1);
	size_t n = path_from_walk(walk, cut, to, ret_cut);

	buf_advance(scratch, n);
	return (struct str){ .p = to, .n = n };
}

static struct str put_joined(struct buf *scratch, struct str a, struct str b, struct str c)
{
	char *to = buf_room(scratch, a.n + b.n + c.n);

	buf_put_str(scratch, a);
	buf_put_str(scratch, b);
	buf_put_str(scratch, c);
	return (struct str){ .p = to, .n = a.n + b.n + c.n };
}

/* Room for every string that a draft may need, and some. */
static int scratch_prepare(struct buf *scratch, const struct exec_parts *parts)
{
	buf_clear(scratch);
	return buf_room(scratch,
			3 * parts->cwd.n + parts->exe.n + parts->filename.n + parts->env.n + 64)
		       ? 0
		       : -ENOMEM;
}

/* Sets cwd and returns it as it is without the mark of a removed directory. */
static struct str draft_cwd(struct draft *d, struct buf *scratch, struct str walk, uint16_t flags)
{
	bool cut = false;
	struct str plain = put_walk(scratch, walk, flags & EVENT_F_CWD_CUT, &cut);

	if (cut)
		d->flags |= PROGRAM_CWD_CUT;
	d->texts[PROGRAM_CWD] = flags & EVENT_F_CWD_DELETED
					? put_joined(scratch, plain, DELETED, STR_EMPTY)
					: plain;
	return plain;
}

static void draft_exe(struct draft *d, struct buf *scratch, const struct exec_parts *parts,
		      uint16_t flags)
{
	bool cut = false;

	d->exe_ext = parts->exe_ext;
	if (!parts->exe.n)
		return;
	d->texts[PROGRAM_EXE] = put_walk(scratch, parts->exe, flags & EVENT_F_EXE_CUT, &cut);
	d->flags |= PROGRAM_HAS_EXE;
	if (flags & EVENT_F_EXE_DELETED)
		d->flags |= PROGRAM_EXE_DELETED;
	if (flags & EVENT_F_EXE_ANONYMOUS)
		d->flags |= PROGRAM_EXE_MEMFD;
}

static void draft_args(struct draft *d, struct str args, uint32_t argc, uint32_t total,
		       uint16_t flags)
{
	d->texts[PROGRAM_ARGS] = args;
	d->argc = argc;
	d->args_total = total;
	/* Bytes that could not be read are not the process's own: as good as cut. */
	if (flags & (EVENT_F_ARGS_CUT | EVENT_F_ARGS_BAD))
		d->flags |= PROGRAM_ARGS_CUT;
}

/*
 * /dev/fd/N, or /dev/fd/N/name: what the kernel has where a descriptor was given instead of a path.
 */
static bool is_descriptor(struct str path)
{
	size_t i = DEV_FD.n;

	if (!str_starts_with(path, DEV_FD))
		return false;
	while (i < path.n && path.p[i] >= '0' && path.p[i] <= '9')
		i++;
	return i > DEV_FD.n && (i == path.n || path.p[i] == '/');
}

static struct str exec_binary(struct buf *scratch, struct str filename, struct str cwd,
			      struct str exe)
{
	if (is_descriptor(filename) && exe.n)
		return exe;
	if (!filename.n || filename.p[0] == '/')
		return filename;
	return put_joined(scratch, cwd, cwd.n && cwd.p[cwd.n - 1] == '/' ? STR_EMPTY : STR("/"),
			  filename);
}

/*
 * Of an environment, the variables with one of these names. Room for all of it is in the scratch.
 */
static struct str pick_variables(struct buf *scratch, struct str env, const char *const *names)
{
	size_t begin = scratch->len;
	struct str variable;

	while (environment_next(&env, &variable)) {
		if (!environment_is_named(variable, names))
			continue;
		buf_put_str(scratch, variable);
		buf_put_char(scratch, '\0');
	}
	return (struct str){ .p = scratch->data + begin, .n = scratch->len - begin };
}

int program_from_exec(struct proc_table *t, struct buf *scratch, const struct event_exec *e,
		      const char *const *environment, struct program **ret)
{
	struct exec_parts parts;
	struct draft d = { 0 };
	struct str cwd;
	int r;

	exec_parts(e, &parts);
	r = scratch_prepare(scratch, &parts);
	if (r < 0)
		return r;
	cwd = draft_cwd(&d, scratch, parts.cwd, e->head.flags);
	draft_exe(&d, scratch, &parts, e->head.flags);
	draft_args(&d, parts.args, e->argc, e->args_total, e->head.flags);
	d.texts[PROGRAM_BINARY] = exec_binary(scratch, parts.filename, cwd, d.texts[PROGRAM_EXE]);
	d.texts[PROGRAM_INTERPRETER] = parts.interp;
	d.texts[PROGRAM_ENV] = pick_variables(scratch, parts.env, environment);
	return draft_finish(t, &d, ret);
}

int program_from_comm(struct proc_table *t, const char *comm, struct program **ret)
{
	struct draft d = { .texts[PROGRAM_BINARY] = { .p = comm,
						      .n = strnlen(comm, EVENT_COMM_MAX) } };

	return draft_finish(t, &d, ret);
}

int program_from_process(struct proc_table *t, struct buf *scratch, const struct event_process *e,
			 struct program **ret)
{
	struct exec_parts parts;
	struct draft d = { 0 };
	int r;

	if (e->head.flags & EVENT_F_KTHREAD)
		return program_from_comm(t, e->comm, ret);
	process_parts(e, &parts);
	r = scratch_prepare(scratch, &parts);
	if (r < 0)
		return r;
	/* A leader that has gone has no directory any more: an empty walk of it is not "/". */
	if (parts.cwd.n || !e->exit_state)
		(void)draft_cwd(&d, scratch, parts.cwd, e->head.flags);
	draft_exe(&d, scratch, &parts, e->head.flags);
	draft_args(&d, parts.args, e->argc, e->args_total, e->head.flags);
	d.texts[PROGRAM_BINARY] = d.texts[PROGRAM_EXE];
	return draft_finish(t, &d, ret);
}

int program_from_image(struct proc_table *t, const struct event_image *e,
		       const struct image_parts *parts, struct program **ret)
{
	struct draft d = { .texts = { [PROGRAM_BINARY] = parts->binary,
				      [PROGRAM_CWD] = parts->cwd,
				      [PROGRAM_ARGS] = parts->args,
				      [PROGRAM_INTERPRETER] = parts->interpreter,
				      [PROGRAM_EXE] = parts->exe,
				      [PROGRAM_ENV] = parts->env },
			   .exe_ext = parts->exe_ext,
			   .flags = e->program_flags & ~(uint32_t)PROGRAM_HAS_EXE_EXT,
			   .argc = e->argc,
			   .args_total = e->args_total };

	return draft_finish(t, &d, ret);
}
