/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this room share. */
#pragma once

#include <bpf/libbpf.h>
#include <stdio.h>

#include "abi/knobs.h"
#include "probe/generation.h"
#include "probe/pins.h"
#include "probe/probe.h"

/* What has to be known of this kernel before the programs are loaded. */
struct kernel_facts {
	enum knobs_cgroup_v1 cgroup_v1; /* as in abi/knobs.h, and so are these */
	uint32_t cgroup_v1_hierarchy;	/* 0: the unified one */
	uint32_t host_mnt_ns;
};

/* Reads /proc/cgroups and /proc/1; what they do not say is 0. */
void kernel_facts_read(struct kernel_facts *ret);
/*
 * The part about control groups, of a table as in cgroups(7), /proc/cgroups: lines of a controller,
 * the number of its hierarchy (0: the unified one), ... `ret` is set.
 */
void kernel_facts_cgroups(FILE *table, struct kernel_facts *ret);

struct probe {
	struct probe_options options;
	struct kernel_facts kernel;
	/* All programs until they are attached, later the iterator; NULL: no pass is near. */
	struct bpf_object *object;
	bool is_raw;		 /* what the kernel takes: raw tracepoints, and */
	bool is_sleepable;	 /* this iterator */
	int programs[_PART_MAX]; /* of the parts that have one, and -1 */
	int budget_fd;
	int snapshot_stream_fd; /* goes on from one time that it is loaded to the next */

	struct pins *pins; /* NULL: nothing is pinned */
	struct generation own;
	struct generation old[PINS_GENERATIONS_MAX]; /* the oldest first */
	size_t n_old;
	bool is_adopted, was_complete;
	bool is_attached, is_detached, is_kept;

	struct knobs *knobs;		/* shared with the programs */
	struct ring *ring;		/* that is read */
	const struct generation *reads; /* whose ring that is */
	char *streams;			/* room for what a map of streams has of all CPUs */
	int n_cpus;
};

/*
 * Opens and loads all programs, which write into `ring_fd` and share `claim_fd` with those before
 * them, or new maps where these are -1. 0 or a negative errno, logged.
 */
int probe_load(struct probe *p, int ring_fd, int claim_fd);
/* The task iterator alone, once more, unless it is there. 0 or a negative errno, logged. */
int probe_load_iterator(struct probe *p);
/* What to do about it, for the errors of loading that have one usual cause. */
const char *probe_load_advice(int r);
/* Owned by the object. */
struct bpf_program *probe_program(const struct probe *p, enum generation_part part);
struct bpf_program *probe_iterator(const struct probe *p);

struct bpf_object *probe_object_close(struct bpf_object *object);
DEFINE_CLEANUP(struct bpf_object *, probe_object_close)

/* The folder on bpffs, or NULL. */
static inline const char *probe_folder(const struct probe *p)
{
	return p->pins ? pins_folder(p->pins) : NULL;
}

/* Forgets an older generation, and its pins. Its ring is not read, or is this generation's too. */
void probe_forget(struct probe *p, size_t i);
