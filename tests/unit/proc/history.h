/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A machine of its own: processes that fork, execute programs, end and are adopted, by chance but
 * the same for the same seed, the records that the kernel side would write of them, and the truth
 * to compare the table with. Anybody may be lost on the way.
 */
#pragma once

#include <stdio.h>

#include "event/field.h"
#include "proc/fold_state.h"
#include "world.h"

#define HISTORY_PROCESSES 64
#define HISTORY_CPUS 2
#define HISTORY_INIT 0 /* never ends, and was there before everybody */

struct actor {
	bool is_alive, is_orphan, has_execed;
	struct image_key key;	    /* of the current image */
	struct image_key parent;    /* of the current image: what a table may say, or nothing */
	struct image_key forker;    /* what the records say: real_parent, parent_exec_id */
	uint32_t real_parent, euid; /* real_parent: which actor */
	bool was_told;		    /* a record of its own, or a pass, was delivered */
};

struct history {
	uint64_t random;
	struct actor actors[HISTORY_PROCESSES];
	uint64_t now;
	uint32_t next_pid;
	struct event_head cpus[HISTORY_CPUS]; /* the counters of its stream */
	uint32_t loss_percent;
	struct lost generated, delivered;
	bool is_lost; /* the last record was */
};

static inline uint32_t history_random(struct history *h, uint32_t below)
{
	h->random = h->random * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(h->random >> 33) % below;
}

static inline void history_init(struct history *h, uint64_t seed)
{
	struct actor init = { .is_alive = true, .has_execed = true, .key = KEY(1, 1, 0) };

	*h = (struct history){ .random = seed * 2 + 1, .now = 1000, .next_pid = 100 };
	h->actors[HISTORY_INIT] = init;
	history_random(h, 2);
}

static inline uint16_t history_orphan_flag(const struct history *h, const struct actor *a)
{
	uint64_t count = h->actors[a->real_parent].key.exec_count;

	return a->is_orphan && a->forker.exec_count > count ? EVENT_F_ADOPTED : 0;
}

/* The actors that hold for one way of asking: alive or not, a seat that is free. -1: none. */
static inline int history_pick(struct history *h, bool is_alive)
{
	uint32_t first = history_random(h, HISTORY_PROCESSES);

	for (uint32_t i = 0; i < HISTORY_PROCESSES; i++) {
		uint32_t at = (first + i) % HISTORY_PROCESSES;

		if (h->actors[at].is_alive == is_alive)
			return (int)at;
	}
	return -1;
}

/* Numbers it, as the programs do; or loses it, which frees it and gives NULL. */
static inline void *history_emit(struct history *h, void *record)
{
	struct event_head *head = record, *cpu = &h->cpus[history_random(h, HISTORY_CPUS)];
	uint64_t *generated = head->type == EVENT_FORK	 ? &h->generated.fork
			      : head->type == EVENT_EXEC ? &h->generated.exec
							 : &h->generated.exit;
	uint32_t *lost = head->type == EVENT_FORK   ? &cpu->lost_fork
			 : head->type == EVENT_EXEC ? &cpu->lost_exec
						    : &cpu->lost_exit;

	++*generated;
	head->cpu = (uint16_t)(cpu - h->cpus);
	head->seq = ++cpu->seq;
	head->time_ns = ++h->now;
	head->lost_exec = cpu->lost_exec;
	head->lost_exit = cpu->lost_exit;
	head->lost_fork = cpu->lost_fork;
	h->is_lost = history_random(h, 100) < h->loss_percent;
	if (!h->is_lost)
		return record;
	++*lost;
	free(record);
	return NULL;
}

static inline struct event_cgroup history_group(const struct actor *a)
{
	return (struct event_cgroup){ .id = 7 + a->euid,
				      .hierarchy = 2,
				      .mnt_ns = a->euid % 2 ? 4026532100 : 0 };
}

static inline void *history_fork(struct history *h)
{
	int by = history_pick(h, true), at = history_pick(h, false);
	struct actor *forker = &h->actors[by], *child = at < 0 ? NULL : &h->actors[at];
	struct event_fork *e;

	if (!child || !forker->has_execed)
		return NULL;
	*child = (struct actor){ .is_alive = true,
				 .key = KEY(h->next_pid++, ++h->now, forker->key.exec_count),
				 .parent = forker->key,
				 .forker = forker->key,
				 .real_parent = (uint32_t)by,
				 .euid = history_random(h, 3) ? forker->euid
							      : history_random(h, 4) };
	e = record_fork(child->key, forker->key, child->euid);
	e->cgroup = history_group(child);
	e = history_emit(h, e);
	child->was_told = !h->is_lost;
	return e;
}

static inline void *history_exec(struct history *h)
{
	static const char *const programs[] = { "/bin/sh", "ls", "/usr/bin/python3", "/x" };
	struct actor *a = &h->actors[history_pick(h, true)];
	struct event_task_ext ext = { .gid = a->euid + 5 };
	struct event_exe_ext exe = { .inode = a->key.pid };
	uint32_t which = history_random(h, ARRAY_SIZE(programs));
	struct exec_spec spec = { .euid = a->euid,
				  .filename = programs[which],
				  .cwd = "/home",
				  .exe = programs[which][0] == '/' ? programs[which] : "/bin/ls",
				  .interp = which == 2 ? "/bin/env" : NULL,
				  .args = RECORD_ARGS("prog\0an argument\0-x"),
				  .env = RECORD_ARGS("PATH=/bin\0SECRET=1"),
				  .cgroup = history_group(a) };
	struct event_exec *e;

	if (a == &h->actors[HISTORY_INIT])
		return NULL;
	if (a->has_execed)
		a->parent = a->key;
	a->key.exec_count++;
	a->has_execed = true;
	spec.id = a->key;
	spec.parent = a->forker;
	spec.parent.pid = h->actors[a->real_parent].key.pid;
	spec.parent.start_ns = h->actors[a->real_parent].key.start_ns;
	spec.flags = history_orphan_flag(h, a);
	spec.task_ext = which ? &ext : NULL;
	spec.exe_ext = which > 1 ? &exe : NULL;
	e = history_emit(h, record_exec(&spec));
	a->was_told |= !h->is_lost;
	return e;
}

static inline void *history_exit(struct history *h)
{
	int at = history_pick(h, true);
	struct actor *a = &h->actors[at];
	struct event_exit *e;

	if (at == HISTORY_INIT)
		return NULL;
	a->is_alive = false;
	for (size_t i = 0; i < HISTORY_PROCESSES; i++) {
		if (h->actors[i].real_parent != (uint32_t)at || !h->actors[i].is_alive)
			continue;
		h->actors[i].real_parent = HISTORY_INIT;
		h->actors[i].is_orphan = true;
	}
	e = record_exit(a->key, a->forker, 0);
	e->parent.tgid = h->actors[a->real_parent].key.pid;
	e->parent.start_ns = h->actors[a->real_parent].key.start_ns;
	e->euid = a->euid;
	e->cgroup = history_group(a);
	e->head.flags = history_orphan_flag(h, a);
	if (!a->has_execed)
		e->head.flags |= EVENT_F_NEVER_EXEC;
	return history_emit(h, e);
}

/* What happens next, or NULL where nothing did that anybody hears of. */
static inline void *history_next(struct history *h)
{
	switch (history_random(h, 5)) {
	case 0:
	case 1:
		return history_fork(h);
	case 2:
	case 3:
		return history_exec(h);
	default:
		return history_exit(h);
	}
}

/* What the iterator writes of it. */
static inline void *history_visit(const struct history *h, const struct actor *a)
{
	struct exec_spec spec = { .id = a->key,
				  .parent = a->forker,
				  .euid = a->euid,
				  .exe = "/bin/visited",
				  .args = RECORD_ARGS("visited"),
				  .flags = history_orphan_flag(h, a) };

	spec.parent.pid = h->actors[a->real_parent].key.pid;
	spec.parent.start_ns = h->actors[a->real_parent].key.start_ns;
	if (!a->has_execed)
		spec.flags |= EVENT_F_NEVER_EXEC;
	return record_process(&spec, "x");
}

/* All of an event that any pipeline could show, a line. */
static inline void history_show(const struct event *ev, struct buf *to)
{
	static const char *const environment[] = { "PATH", "SECRET", NULL };
	struct buf scratch = { 0 };
	struct field_view view = { .max_args = 4096,
				   .environment = environment,
				   .scratch = &scratch };

	buf_printf(to, "%d", ev->call);
	for (size_t i = 0; i < n_fields; i++) {
		struct value v;

		buf_clear(&scratch);
		v = field_get(&fields[i], ev, &view);
		if (v.kind == VALUE_ABSENT)
			continue;
		buf_printf(to, " %s=", fields[i].name);
		if (v.kind == VALUE_U64 || v.kind == VALUE_I64)
			buf_put_u64(to, v.u64);
		else
			buf_put_str(to, v.text);
	}
	buf_put_char(to, '\n');
	buf_done(&scratch);
}
