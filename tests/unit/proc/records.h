/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes records as the kernel side writes them. Each is in memory of exactly its size, to be freed
 * by the caller, and may be changed before it is used. Paths are given as paths and become
 * leaf-first walks.
 */
#pragma once

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "abi/event.h"
#include "base/str.h"
#include "event/image.h"

static inline void *record_new(enum event_type type, size_t fixed, size_t behind)
{
	struct event_head *h = calloc(1, fixed + behind);

	assert(h);
	h->size = (uint32_t)(fixed + behind);
	h->layout = EVENT_LAYOUT;
	h->type = (uint8_t)type;
	h->generation = 1;
	return h;
}

static inline void record_name(struct event_head *h, struct image_key id)
{
	h->start_ns = id.start_ns;
	h->exec_count = id.exec_count;
	h->tgid = h->tid = id.pid;
	h->time_ns = id.start_ns + id.exec_count;
}

static inline struct event_id record_id(struct image_key key)
{
	return (struct event_id){ .start_ns = key.start_ns,
				  .exec_count = key.exec_count,
				  .tgid = key.pid };
}

/* Appends and moves on. */
static inline void record_put(char **to, const void *p, size_t n)
{
	if (n)
		memcpy(*to, p, n);
	*to += n;
}

/* "/a/b" as "b\0a\0"; "/" and NULL as nothing. Returns the length; `to` NULL only measures. */
static inline size_t record_walk(const char *path, char *to)
{
	size_t end = path ? strlen(path) : 0;
	size_t n = 0;

	while (end > 1) {
		size_t begin = end;

		while (path[begin - 1] != '/')
			begin--;
		if (to) {
			memcpy(to + n, path + begin, end - begin);
			to[n + end - begin] = '\0';
		}
		n += end - begin + 1;
		end = begin - 1;
	}
	return n;
}

/* What is known of the container whose id is `digit` throughout: its name, "" for nothing. */
static inline struct event_container *record_container(char digit, const char *name, uint32_t bits)
{
	struct event_container *e = record_new(EVENT_CONTAINER, sizeof(*e), strlen(name));

	memset(e->id, digit, sizeof(e->id));
	memcpy(e + 1, name, strlen(name));
	e->lens[CONTAINER_NAME] = (uint16_t)strlen(name);
	e->bits = bits;
	return e;
}

/* A user of that container; bits 0: this is the name, "": it has none. */
static inline struct event_inner_user *record_inner_user(char digit, uint32_t mnt_ns, uint32_t uid,
							 const char *name, uint32_t bits)
{
	struct event_inner_user *e = record_new(EVENT_INNER_USER, sizeof(*e), strlen(name));

	memset(e->container, digit, sizeof(e->container));
	memcpy(e + 1, name, strlen(name));
	e->mnt_ns = mnt_ns;
	e->uid = uid;
	e->name_len = (uint16_t)strlen(name);
	e->bits = bits;
	return e;
}

static inline struct event_fork *record_fork(struct image_key child, struct image_key forker,
					     uint32_t euid)
{
	struct event_fork *e = record_new(EVENT_FORK, sizeof(*e), 0);

	record_name(&e->head, child);
	e->head.flags = EVENT_F_NEVER_EXEC;
	e->forker = e->parent = record_id(forker);
	e->cred.euid = euid;
	return e;
}

/* An argument list: the bytes with their NULs, as a literal. */
#define RECORD_ARGS(literal)                       \
	{                                          \
		.p = literal, .n = sizeof(literal) \
	}

struct exec_spec {
	struct image_key id, parent;
	uint32_t euid;
	uint16_t flags;
	const char *filename, *interp, *cwd, *exe;
	struct str args;
	struct str env; /* of an exec; the bytes as in args */
	const struct event_task_ext *task_ext;
	const struct event_exe_ext *exe_ext;
	struct event_cgroup cgroup;
};

static inline uint16_t record_ext_flags(const struct exec_spec *s)
{
	return (uint16_t)((s->task_ext ? EVENT_F_TASK_EXT : 0) |
			  (s->exe_ext ? EVENT_F_EXE_EXT : 0));
}

static inline size_t record_behind(const struct exec_spec *s)
{
	return record_walk(s->cwd, NULL) + record_walk(s->exe, NULL) + s->args.n +
	       (s->task_ext ? sizeof(*s->task_ext) : 0) + (s->exe_ext ? sizeof(*s->exe_ext) : 0);
}

static inline void record_put_behind(char *to, const struct exec_spec *s)
{
	to += record_walk(s->cwd, to);
	to += record_walk(s->exe, to);
	record_put(&to, s->task_ext, s->task_ext ? sizeof(*s->task_ext) : 0);
	record_put(&to, s->exe_ext, s->exe_ext ? sizeof(*s->exe_ext) : 0);
	record_put(&to, s->args.p, s->args.n);
}

static inline uint32_t record_argc(struct str args)
{
	uint32_t n = 0;

	for (size_t i = 0; i < args.n; i++)
		n += !args.p[i];
	return n;
}

static inline struct event_exec *record_exec(const struct exec_spec *s)
{
	size_t n_filename = s->filename ? strlen(s->filename) : 0;
	size_t n_interp = s->interp ? strlen(s->interp) : 0;
	struct event_exec *e = record_new(EVENT_EXEC, sizeof(*e),
					  n_filename + n_interp + record_behind(s) + s->env.n);
	char *to = (char *)(e + 1);

	record_name(&e->head, s->id);
	e->head.flags = (uint16_t)(s->flags | record_ext_flags(s));
	e->parent = record_id(s->parent);
	e->cred.euid = s->euid;
	e->cgroup = s->cgroup;
	e->argc = record_argc(s->args);
	e->args_total = e->args_len = (uint32_t)s->args.n;
	e->filename_len = (uint16_t)n_filename;
	e->interp_len = (uint16_t)n_interp;
	e->cwd_len = (uint16_t)record_walk(s->cwd, NULL);
	e->exe_len = (uint16_t)record_walk(s->exe, NULL);
	record_put(&to, s->filename, n_filename);
	record_put(&to, s->interp, n_interp);
	record_put_behind(to, s);
	to += record_behind(s);
	e->env_len = (uint32_t)s->env.n;
	record_put(&to, s->env.p, s->env.n);
	return e;
}

/* filename and interp are not used; comm is that of the snapshot. Alive. */
static inline struct event_process *record_process(const struct exec_spec *s, const char *comm)
{
	struct event_process *e = record_new(EVENT_PROCESS, sizeof(*e), record_behind(s));

	record_name(&e->head, s->id);
	e->head.cpu = EVENT_CPU_SNAPSHOT;
	e->head.flags = (uint16_t)(s->flags | record_ext_flags(s));
	e->parent = record_id(s->parent);
	e->cred.euid = s->euid;
	e->cgroup = s->cgroup;
	memcpy(e->comm, comm, strlen(comm));
	e->exec_count_after = s->id.exec_count;
	e->parent_exec_count = s->parent.exec_count;
	e->live = 1;
	e->args_total = e->args_len = (uint32_t)s->args.n;
	e->cwd_len = (uint16_t)record_walk(s->cwd, NULL);
	e->exe_len = (uint16_t)record_walk(s->exe, NULL);
	record_put_behind((char *)(e + 1), s);
	return e;
}

static inline struct event_exit *record_exit(struct image_key id, struct image_key parent,
					     uint32_t status)
{
	struct event_exit *e = record_new(EVENT_EXIT, sizeof(*e), 0);

	record_name(&e->head, id);
	e->parent = record_id(parent);
	e->status = status;
	return e;
}

static inline struct event_cgroup_made *record_cgroup(uint32_t hierarchy, uint64_t id,
						      const char *path)
{
	struct event_cgroup_made *e = record_new(EVENT_CGROUP, sizeof(*e), strlen(path));

	e->cgroup = (struct event_cgroup){ .id = id, .hierarchy = hierarchy };
	e->path_len = (uint32_t)strlen(path);
	memcpy(e + 1, path, strlen(path));
	return e;
}

static inline struct event_user *record_user(uint32_t uid, const char *name)
{
	struct event_user *e = record_new(EVENT_USER, sizeof(*e), strlen(name));

	e->head.cpu = EVENT_CPU_AGENT;
	e->uid = uid;
	e->name_len = (uint16_t)strlen(name);
	memcpy(e + 1, name, strlen(name));
	return e;
}

static inline struct event_node *record_node(const char *name, const char *address)
{
	struct event_node *e = record_new(EVENT_NODE, sizeof(*e), strlen(name) + strlen(address));
	char *to = (char *)(e + 1);

	e->head.cpu = EVENT_CPU_AGENT;
	e->name_len = (uint16_t)strlen(name);
	e->address_len = (uint16_t)strlen(address);
	record_put(&to, name, strlen(name));
	record_put(&to, address, strlen(address));
	return e;
}

static inline struct event_clock *record_clock(int64_t offset_ns)
{
	struct event_clock *e = record_new(EVENT_CLOCK, sizeof(*e), 0);

	e->head.cpu = EVENT_CPU_AGENT;
	e->offset_ns = offset_ns;
	return e;
}

static inline struct event_mark *record_mark(uint32_t mark)
{
	struct event_mark *e = record_new(EVENT_MARK, sizeof(*e), 0);

	e->head.cpu = EVENT_CPU_AGENT;
	e->mark = mark;
	return e;
}

/* The counters of a stream as its map has them; exec, exit and fork are lost so far. */
static inline struct event_stream *record_stream(uint16_t generation, uint16_t cpu, uint32_t exec,
						 uint32_t exit, uint32_t fork)
{
	struct event_stream *e = record_new(EVENT_STREAM, sizeof(*e), 0);

	e->head.generation = generation;
	e->head.cpu = cpu;
	e->head.lost_exec = exec;
	e->head.lost_exit = exit;
	e->head.lost_fork = fork;
	return e;
}

static inline struct event_gap *record_gap(uint32_t reason, uint64_t since_ns, uint64_t until_ns)
{
	struct event_gap *e = record_new(EVENT_GAP, sizeof(*e), 0);

	e->head.cpu = EVENT_CPU_AGENT;
	e->since_ns = since_ns;
	e->until_ns = until_ns;
	e->reason = reason;
	return e;
}
