/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trials. An object is opened once for each program of it, with the others left out, so that one
 * that is refused does not hide the rest. The ring of a trial is small and nobody reads it.
 */
#include "probe/trial.h"

#include <bpf/bpf.h>
#include <errno.h>

#include "probe.skel.h"
#include "probe/internal.h"
#include "probe_raw.skel.h"

#define TRIAL_RING_BYTES (64 * 1024)

typedef const void *elf_fn(size_t *ret_size);

/* One way to do a hook. */
struct way {
	const char *kind;
	elf_fn *elf;
	const char *program;
};

static struct bpf_link *link_close(struct bpf_link *link)
{
	bpf_link__destroy(link);
	return NULL;
}
DEFINE_CLEANUP(struct bpf_link *, link_close)

static void choose_program(struct bpf_object *o, const char *name)
{
	struct bpf_map *ring = bpf_object__find_map_by_name(o, "pt_ring");
	struct bpf_program *program;

	bpf_object__for_each_program(program, o)
		bpf_program__set_autoload(program, strcmp(bpf_program__name(program), name) == 0);
	if (ring)
		bpf_map__set_max_entries(ring, TRIAL_RING_BYTES);
}

static int try_way(const struct way *way)
{
	_cleanup_(probe_object_closep) struct bpf_object *o = NULL;
	_cleanup_(link_closep) struct bpf_link *link = NULL;
	const void *elf;
	size_t n;
	int r;

	elf = way->elf(&n);
	o = bpf_object__open_mem(elf, n, NULL);
	if (!o)
		return -errno;
	choose_program(o, way->program);
	r = bpf_object__load(o);
	if (r < 0)
		return r;
	link = bpf_program__attach(bpf_object__find_program_by_name(o, way->program));
	return link ? 0 : -errno;
}

static struct trial try_hook(const char *hook, const struct way ways[2])
{
	struct trial trial = { .hook = hook };

	for (int i = 0; i < 2; i++) {
		trial.kind = ways[i].kind;
		trial.r = try_way(&ways[i]);
		if (trial.r == 0)
			break;
	}
	return trial;
}

void trial_run(struct trial trials[TRIAL_MAX])
{
	static const struct {
		const char *hook;
		struct way ways[2];
	} hooks[] = {
		{ "sched_process_exit",
		  { { "btf", probe_bpf__elf_bytes, "pt_exit" },
		    { "raw", probe_raw_bpf__elf_bytes, "pt_exit" } } },
		{ "sched_process_exec",
		  { { "btf", probe_bpf__elf_bytes, "pt_exec" },
		    { "raw", probe_raw_bpf__elf_bytes, "pt_exec" } } },
		{ "cgroup_mkdir",
		  { { "btf", probe_bpf__elf_bytes, "pt_cgroup_mkdir" },
		    { "raw", probe_raw_bpf__elf_bytes, "pt_cgroup_mkdir" } } },
		{ "sched_process_fork",
		  { { "btf", probe_bpf__elf_bytes, "pt_fork" },
		    { "raw", probe_raw_bpf__elf_bytes, "pt_fork" } } },
		{ "task iterator",
		  { { "sleepable", probe_bpf__elf_bytes, "pt_snapshot" },
		    { "plain", probe_bpf__elf_bytes, "pt_snapshot_old" } } },
	};

	_Static_assert(ARRAY_SIZE(hooks) == TRIAL_MAX, "a trial for each hook");
	libbpf_set_print(NULL); /* the errors are the answer */
	for (size_t i = 0; i < ARRAY_SIZE(hooks); i++)
		trials[i] = try_hook(hooks[i].hook, hooks[i].ways);
}

uint32_t trial_cgroup_hierarchy(void)
{
	struct kernel_facts facts;

	kernel_facts_read(&facts);
	return facts.cgroup_v1_hierarchy;
}
