/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The user half of the BPF programs: opening, loading, attaching, the switches they read, and what
 * they count. All on the reader thread.
 *
 * BTF tracepoints are used where the kernel has them, raw ones elsewhere; kernel 5.17 or newer with
 * BTF (bpf_loop), 5.19 or newer for arguments above 8 KiB.
 *
 * What was attached and the ring may be pinned below bpffs, where they outlive the agent. The next
 * agent loads its own programs all the same, as the next generation, which writes into the ring
 * that is there; the older one is let go when the new one is in place.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "probe/ring.h"

enum probe_hooks { PROBE_HOOKS_AUTO, PROBE_HOOKS_BTF, PROBE_HOOKS_RAW };

struct probe_options {
	enum probe_hooks hooks;
	uint64_t ring_bytes; /* a power of two, at least a page */
	/* the folder of this instance on bpffs; it stays the caller's. NULL: nothing is pinned */
	const char *pins;
	uint32_t budget; /* as in abi/knobs.h */
};

/* How often the kernel did not run a program, by what it would have recorded. */
struct probe_misses {
	uint64_t exec, exit, fork, other;
};

struct probe_losses {
	uint64_t exec, exit, fork, other;
	uint64_t budget; /* of exec and fork: what control groups were over their budget */
};

struct probe;

/*
 * Loads everything; nothing is attached. With `pins`: takes the lock on the folder, and the rings
 * that are pinned there. Where bpffs cannot be had it warns and goes on without pins. 0 or a
 * negative errno, after an error was logged; -EBUSY: another agent has this instance.
 */
int probe_new(const struct probe_options *options, struct probe **ret);
/*
 * What was attached is detached, as by probe_detach(), unless probe_keep() was called; what was
 * found and not replaced (nothing was attached) stays for the next agent. Then the ring's pins go,
 * and the lock.
 */
struct probe *probe_free(struct probe *p);
DEFINE_CLEANUP(struct probe *, probe_free)

/* What the programs collect, from now on. */
void probe_demand(struct probe *p, bool wants_ext, uint32_t max_args, uint32_t max_env);

/* A ring of before is there, in which records may wait. */
bool probe_is_adopted(const struct probe *p);
/* All programs of one generation were in place when it was found: no record is missing. */
bool probe_was_complete(const struct probe *p);
/* The newest generation of programs that was found; 0: none was. */
uint16_t probe_found_generation(const struct probe *p);
/* Whether what is attached outlives this process. */
bool probe_is_pinned(const struct probe *p);

/*
 * Exit first, fork last: nothing is seen born whose end is missed. Each is pinned at once. Then the
 * older generations are let go, in the same order. 0 or a negative errno, logged: then nothing of
 * this generation stays, and the older ones are what they were.
 */
int probe_attach(struct probe *p);
/*
 * Nothing is recorded from here on; what is in the ring stays, and stays pinned until
 * probe_free(), so that whoever dies while it is being read loses nothing.
 */
void probe_detach(struct probe *p);
/* What is attached goes on after probe_free(), where it is pinned. */
void probe_keep(struct probe *p);

/* Before a long sleep: the next record wakes the reader. Ask for records once more after it. */
void probe_arm(struct probe *p);

/* The ring that is read: the one that was found first, until probe_next_ring() says 1. */
struct ring *probe_ring(struct probe *p);
int probe_ring_fd(const struct probe *p);      /* readable when a record woke the reader */
uint32_t probe_ring_id(const struct probe *p); /* the id of its map */

/*
 * After the size was changed there are two rings: the old one is read to its end first. 1: all of
 * it is committed and nobody writes to it any more, and probe_ring() is the next; 0: not (yet), or
 * there is no other; or a negative errno.
 */
int probe_next_ring(struct probe *p);
/* There is another one, whether or not its turn has come. */
bool probe_has_next_ring(const struct probe *p);

/* The counters of one stream (abi/event.h), as the map has them. */
struct probe_stream {
	uint16_t generation, cpu;
	uint64_t seq;
	uint32_t lost_exec, lost_exit, lost_fork, lost_other, lost_budget;
};

/*
 * Each stream of this generation and of those that were found, the iterator's and EVENT_CPU_MISSED
 * among them; cheap enough for once a second. An older generation that was let go is given until
 * what it wrote has been committed, and then forgotten: so `fn` must account for all that it is
 * given. 0, or what `fn` returned other than 0, or a negative errno.
 */
typedef int probe_stream_fn(void *ctx, const struct probe_stream *stream);
int probe_streams(struct probe *p, probe_stream_fn *fn, void *ctx);
/* The iterator's alone, if it has ever run. */
int probe_iterator_stream(const struct probe *p, probe_stream_fn *fn, void *ctx);

/*
 * What the ring could not take, so far: the map's counters of this generation, all CPUs together. 0
 * or a negative errno.
 */
int probe_losses(const struct probe *p, struct probe_losses *ret);

/* Those of this generation (bpf_prog_info.recursion_misses). 0 or a negative errno. */
int probe_misses(const struct probe *p, struct probe_misses *ret);

/*
 * Each control group that was over its budget: its id as in struct event_cgroup, and the records
 * that were dropped for it. 0, or what `fn` returned other than 0, or a negative errno.
 */
typedef int probe_budget_fn(void *ctx, uint64_t cgroup, uint64_t dropped);
int probe_budget_each(const struct probe *p, probe_budget_fn *fn, void *ctx);

/* "btf" or "raw". */
const char *probe_hooks_name(const struct probe *p);

/*
 * One pass of the task iterator. `drain` is called whenever the ring has filled to a quarter, and
 * must empty it. *ret_has_args is set before the first record: argv is in the records, or is to be
 * read from /proc. 0 or a negative errno, logged.
 */
typedef int probe_drain_fn(void *ctx);
int probe_snapshot(struct probe *p, probe_drain_fn *drain, void *ctx, bool *ret_has_args);
/* After probe_attach(), when no further pass comes soon: frees what passes need. */
void probe_snapshot_unload(struct probe *p);

/*
 * The inode number of init's mount namespace: the host's. Our own may be another one, but is the
 * best guess where a policy hides init's. 0: unknown.
 */
uint32_t probe_host_mnt_ns(void);
