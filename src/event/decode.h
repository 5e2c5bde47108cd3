/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Raw records are hostile: a ring may be shared with another version, a recording may come from
 * anybody. record_check() proves once that the head, the type and every length of a record agree
 * with the bytes there are; what follows may then be read through the accessors without further
 * checks.
 */
#pragma once

#include "abi/event.h"
#include "base/str.h"
#include "event/container.h"

/*
 * `data` is aligned to 8 bytes. 0, or
 *   -EBADMSG  it is no record: sizes that do not add up, an unknown type, strings without their NUL
 *   -EPROTO   a record of a layout that this version does not know
 */
int record_check(const void *data, size_t size);

/* Whether it was in the ring, else it is a fact that the agent wrote. */
static inline bool record_is_of_ring(const struct event_head *head)
{
	return head->cpu != EVENT_CPU_AGENT && head->type != EVENT_STREAM;
}

/* The name of a type, "invalid" for what is none. */
const char *event_type_to_string(unsigned int type);

/* The variable parts of an EXEC or a PROCESS; filename and interp are empty for a PROCESS. */
struct exec_parts {
	struct str filename, interp;
	struct str cwd, exe; /* leaf-first walks; see path_from_walk() */
	struct str args;
	struct str env; /* NAME=value, each with its NUL but perhaps the last */
	const struct event_task_ext *task_ext; /* or NULL; not aligned: copy it with memcpy() */
	const struct event_exe_ext *exe_ext;   /* the same */
};

/* The variable parts of an IMAGE. */
struct image_parts {
	const struct event_task_ext *task_ext; /* as above */
	const struct event_exe_ext *exe_ext;
	struct str binary, cwd, interpreter, exe, args, env;
};

void image_parts(const struct event_image *e, struct image_parts *ret);
void exec_parts(const struct event_exec *e, struct exec_parts *ret);
void process_parts(const struct event_process *e, struct exec_parts *ret);
const struct event_task_ext *fork_task_ext(const struct event_fork *e); /* or NULL */
struct str cgroup_made_path(const struct event_cgroup_made *e);
struct str node_name(const struct event_node *e);
struct str node_address(const struct event_node *e);
struct str user_name(const struct event_user *e);

/* The arrays behind a TRANSIENTS. */
static inline const struct event_stream_step *transients_steps(const struct event_transients *e)
{
	return (const struct event_stream_step *)(e + 1);
}

static inline const struct event_ended *transients_ended(const struct event_transients *e)
{
	return (const struct event_ended *)(transients_steps(e) + e->n_steps);
}

struct str inner_user_name(const struct event_inner_user *e);

/* Each text of a CONTAINER, "" where its length is 0. */
void container_texts(const struct event_container *e, struct str ret[_CONTAINER_TEXT_MAX]);

/*
 * Writes the path that a leaf-first walk describes, "/" and the names from the root on, to `to`,
 * which has room for walk.n + 1 bytes. Longer than EVENT_PATH_MAX: the tail. `cut` says that the
 * walk itself lacks its head; *ret_cut is set where the result does. Returns the length.
 */
size_t path_from_walk(struct str walk, bool cut, char *to, bool *ret_cut);
