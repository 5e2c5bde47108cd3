/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this room share. */
#pragma once

#include <bpf/libbpf.h>

#include "abi/knobs.h"
#include "probe/probe.h"

/* What has to be known of this kernel before the programs are loaded. */
struct kernel_facts {
	bool has_group_dead; /* the exit tracepoint has the argument group_dead */
	int cgroup_v1_index; /* as in abi/knobs.h */
	int cgroup_v1_hierarchy;
};

/* Reads the kernel's BTF and /proc/cgroups. 0 or a negative errno. */
int kernel_facts_read(struct kernel_facts *ret);

struct probe {
	struct probe_options options;
	struct kernel_facts kernel;
	bool is_raw;
	struct bpf_object *process, *cgroup;
	struct bpf_object *snapshot; /* NULL: not loaded */
	bool is_sleepable;	     /* the iterator that is loaded */
	struct bpf_link *links[4];   /* in the order of attaching */
	size_t n_links;
	int ring_fd, knobs_fd, streams_fd; /* owned by `process` */
	struct knobs *knobs;		   /* shared with the programs */
	struct ring *ring;
};

/*
 * Lets the shared maps of an object that is not loaded yet be those that exist. 0 or a negative
 * errno.
 */
int probe_share_maps(const struct probe *p, struct bpf_object *object);

struct bpf_object *probe_object_close(struct bpf_object *object);
DEFINE_CLEANUP(struct bpf_object *, probe_object_close)
