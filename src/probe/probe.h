/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The user half of the BPF programs: opening, loading, attaching, the switches they read, and what
 * they count. All on the reader thread.
 *
 * BTF tracepoints are used where the kernel has them, raw ones elsewhere; kernel 5.17 or newer with
 * BTF (bpf_loop), 5.19 or newer for arguments above 8 KiB.
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
};

struct probe_losses {
	uint64_t exec, exit, fork, other;
};

struct probe;

/* Loads everything; nothing is attached. 0 or a negative errno, after an error was logged. */
int probe_new(const struct probe_options *options, struct probe **ret);
struct probe *probe_free(struct probe *p);
DEFINE_CLEANUP(struct probe *, probe_free)

/* What the programs collect, from now on. */
void probe_demand(struct probe *p, bool wants_ext, uint32_t max_args, uint32_t max_env);

/*
 * Exit first, fork last: nothing is seen born whose end is missed. 0 or a negative errno, logged.
 */
int probe_attach(struct probe *p);
/* Nothing is recorded from here on; what is in the ring stays. */
void probe_detach(struct probe *p);

/* Before a long sleep: the next record wakes the reader. Ask for records once more after it. */
void probe_arm(struct probe *p);

struct ring *probe_ring(struct probe *p);
int probe_ring_fd(const struct probe *p); /* readable when a record woke the reader */

/*
 * What the ring could not take, so far: the map's counters, all CPUs together. 0 or a negative
 * errno.
 */
int probe_losses(const struct probe *p, struct probe_losses *ret);

/* "btf" or "raw". */
const char *probe_hooks_name(const struct probe *p);

/*
 * One pass of the task iterator. `drain` is called whenever the ring has filled to a quarter, and
 * must empty it. *ret_has_args is set before the first record: argv is in the records, or is to be
 * read from /proc. 0 or a negative errno, logged.
 */
typedef int probe_drain_fn(void *ctx);
int probe_snapshot(struct probe *p, probe_drain_fn *drain, void *ctx, bool *ret_has_args);
/* No further pass comes soon: frees what passes need. */
void probe_snapshot_unload(struct probe *p);
