/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loads the programs and holds what keeps them running. The process object creates the shared maps;
 * the others are given them. Everything here runs on the reader thread.
 */
#include "probe/probe.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "abi/event.h"
#include "base/log.h"
#include "cgroup.skel.h"
#include "cgroup_raw.skel.h"
#include "probe/internal.h"
#include "process.skel.h"
#include "process_raw.skel.h"

#define LOG_UNIT "probe"

#define WAKE_BYTES (256 * 1024)

/* libbpf's words help only when something failed: they are for debugging. */
static int print_libbpf(enum libbpf_print_level level, const char *fmt, va_list args)
{
	char text[1024];

	if (level == LIBBPF_DEBUG || log_get_level() < LOG_LEVEL_DEBUG)
		return 0;
	vsnprintf(text, sizeof(text), fmt, args);
	text[strcspn(text, "\n")] = '\0';
	log_debug("libbpf: %s", text);
	return 0;
}

struct bpf_object *probe_object_close(struct bpf_object *object)
{
	bpf_object__close(object);
	return NULL;
}

int probe_share_maps(const struct probe *p, struct bpf_object *object)
{
	const struct {
		const char *name;
		int fd;
	} maps[] = { { "pt_ring", p->ring_fd },
		     { "pt_knobs", p->knobs_fd },
		     { "pt_streams", p->streams_fd } };

	for (size_t i = 0; i < ARRAY_SIZE(maps); i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(object, maps[i].name);
		int r = map ? bpf_map__reuse_fd(map, maps[i].fd) : -ENOENT;

		if (r < 0)
			return r;
	}
	return 0;
}

static void autoload(struct bpf_object *object, const char *program, bool is_wanted)
{
	bpf_program__set_autoload(bpf_object__find_program_by_name(object, program), is_wanted);
}

/* The object that creates the shared maps. */
static int load_process(struct probe *p, bool is_raw)
{
	_cleanup_(probe_object_closep) struct bpf_object *o = NULL;
	const void *elf;
	size_t n;
	int r;

	elf = is_raw ? process_raw_bpf__elf_bytes(&n) : process_bpf__elf_bytes(&n);
	o = bpf_object__open_mem(elf, n, NULL);
	if (!o)
		return -errno;
	autoload(o, "pt_exit", p->kernel.has_group_dead);
	autoload(o, "pt_exit_old", !p->kernel.has_group_dead);
	bpf_map__set_max_entries(bpf_object__find_map_by_name(o, "pt_ring"),
				 (uint32_t)p->options.ring_bytes);
	r = bpf_object__load(o);
	if (r < 0)
		return r;
	p->ring_fd = bpf_object__find_map_fd_by_name(o, "pt_ring");
	p->knobs_fd = bpf_object__find_map_fd_by_name(o, "pt_knobs");
	p->streams_fd = bpf_object__find_map_fd_by_name(o, "pt_streams");
	p->process = TAKE_PTR(o);
	p->is_raw = is_raw;
	return 0;
}

static int load_cgroup(struct probe *p)
{
	_cleanup_(probe_object_closep) struct bpf_object *o = NULL;
	const void *elf;
	size_t n;
	int r;

	elf = p->is_raw ? cgroup_raw_bpf__elf_bytes(&n) : cgroup_bpf__elf_bytes(&n);
	o = bpf_object__open_mem(elf, n, NULL);
	if (!o)
		return -errno;
	r = probe_share_maps(p, o);
	if (r == 0)
		r = bpf_object__load(o);
	if (r < 0)
		return r;
	p->cgroup = TAKE_PTR(o);
	return 0;
}

/* What to do about it, for the errors that have one usual cause. */
static const char *load_advice(int r)
{
	if (r == -EPERM || r == -EACCES)
		return geteuid()
			       ? "; run it as root, or with CAP_BPF, CAP_PERFMON and CAP_SYS_RESOURCE"
			       : "; the kernel refuses BPF to this process (lockdown, seccomp, or a container without CAP_BPF)";
	if (r == -ENOENT || r == -ESRCH)
		return "; the kernel has no BTF (/sys/kernel/btf/vmlinux), which it needs: CONFIG_DEBUG_INFO_BTF";
	return "; log level debug shows what the kernel said";
}

static int load_all(struct probe *p)
{
	int r = -EOPNOTSUPP;

	if (p->options.hooks != PROBE_HOOKS_RAW) {
		r = load_process(p, false);
		if (r < 0 && p->options.hooks == PROBE_HOOKS_AUTO && r != -EPERM)
			log_debug("BTF tracepoints do not load (%s), trying raw ones",
				  strerror(-r));
		else if (r < 0)
			return log_err_errno(r, "cannot load the BPF programs%s", load_advice(r));
	}
	if (r < 0) {
		r = load_process(p, true);
		if (r < 0)
			return log_err_errno(r, "cannot load the BPF programs%s", load_advice(r));
	}
	r = load_cgroup(p);
	if (r < 0)
		return log_err_errno(r, "cannot load the BPF program for control groups%s",
				     load_advice(r));
	return 0;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static int map_shared(struct probe *p)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *m = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, p->knobs_fd, 0);

	if (m == MAP_FAILED)
		return -errno;
	p->knobs = m;
	p->knobs->ring_bytes = (uint32_t)p->options.ring_bytes;
	p->knobs->wake_bytes = p->options.ring_bytes / 8 < WAKE_BYTES
				       ? (uint32_t)(p->options.ring_bytes / 8)
				       : WAKE_BYTES;
	p->knobs->page_size = (uint32_t)page;
	p->knobs->ring_base = now_ns() & ~(uint64_t)7;
	p->knobs->budget = p->options.budget;
	p->knobs->generation = 1;
	p->knobs->cgroup_v1_index = p->kernel.cgroup_v1_index;
	p->knobs->cgroup_v1_hierarchy = (uint32_t)p->kernel.cgroup_v1_hierarchy;
	return ring_new(p->ring_fd, p->options.ring_bytes, p->knobs->ring_base, &p->ring);
}

int probe_new(const struct probe_options *options, struct probe **ret)
{
	_cleanup_(probe_freep) struct probe *p = NULL;
	int r;

	libbpf_set_print(print_libbpf);
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->options = *options;

	r = kernel_facts_read(&p->kernel);
	if (r < 0)
		return log_err_errno(r, "cannot read the kernel's BTF%s", load_advice(-ENOENT));
	r = load_all(p);
	if (r < 0)
		return r;
	r = map_shared(p);
	if (r < 0)
		return log_err_errno(r, "cannot map the ring");
	*ret = TAKE_PTR(p);
	return 0;
}

struct probe *probe_free(struct probe *p)
{
	if (!p)
		return NULL;
	probe_detach(p);
	p->ring = ring_free(p->ring);
	if (p->knobs)
		munmap(p->knobs, (size_t)sysconf(_SC_PAGESIZE));
	probe_snapshot_unload(p);
	probe_object_close(p->cgroup);
	probe_object_close(p->process);
	free(p);
	return NULL;
}

void probe_demand(struct probe *p, bool wants_ext, uint32_t max_args, uint32_t max_env)
{
	p->knobs->max_env = max_env;
	p->knobs->max_args = max_args;
	p->knobs->want = wants_ext ? KNOBS_WANT_EXT : 0;
}

static int attach(struct probe *p, const struct bpf_object *object, const char *program)
{
	struct bpf_link *link =
		bpf_program__attach(bpf_object__find_program_by_name(object, program));

	if (!link)
		return log_err_errno(-errno, "cannot attach the BPF program %s", program);
	p->links[p->n_links++] = link;
	return 0;
}

int probe_attach(struct probe *p)
{
	const struct {
		const struct bpf_object *object;
		const char *program;
	} order[] = {
		{ p->process, p->kernel.has_group_dead ? "pt_exit" : "pt_exit_old" },
		{ p->process, "pt_exec" },
		{ p->cgroup, "pt_cgroup_mkdir" },
		{ p->process, "pt_fork" },
	};

	_Static_assert(ARRAY_SIZE(order) == ARRAY_SIZE(p->links), "a link for each program");
	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		int r = attach(p, order[i].object, order[i].program);

		if (r < 0)
			return r;
	}
	return 0;
}

void probe_detach(struct probe *p)
{
	for (size_t i = 0; i < p->n_links; i++)
		bpf_link__destroy(p->links[i]);
	p->n_links = 0;
}

void probe_arm(struct probe *p)
{
	__atomic_store_n(&p->knobs->armed, 1, __ATOMIC_SEQ_CST);
}

struct ring *probe_ring(struct probe *p)
{
	return p->ring;
}

int probe_ring_fd(const struct probe *p)
{
	return p->ring_fd;
}

const char *probe_hooks_name(const struct probe *p)
{
	return p->is_raw ? "raw" : "btf";
}

/* The value of the map pt_streams: struct stream of bpf/lib/maps.h. */
struct stream {
	uint64_t seq;
	uint32_t lost_exec, lost_exit, lost_fork, lost_other;
};

int probe_losses(const struct probe *p, struct probe_losses *ret)
{
	int n = libbpf_num_possible_cpus();
	_cleanup_(freep) struct stream *streams = NULL;
	struct probe_losses sum = { 0 };
	uint32_t zero = 0;

	if (n < 0)
		return n;
	streams = calloc((size_t)n, sizeof(*streams));
	if (!streams)
		return -ENOMEM;
	if (bpf_map_lookup_elem(p->streams_fd, &zero, streams) < 0)
		return -errno;
	for (int i = 0; i < n; i++) {
		sum.exec += streams[i].lost_exec;
		sum.exit += streams[i].lost_exit;
		sum.fork += streams[i].lost_fork;
		sum.other += streams[i].lost_other;
	}
	*ret = sum;
	return 0;
}
