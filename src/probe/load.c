/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loading the programs: with BTF tracepoints, or raw ones where those do not load, and the task
 * iterator beside them. All are in one object, since parsing the kernel's types takes longer than
 * all else. What the kernel says is in the log at level debug. Reader thread.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>

#include "base/log.h"
#include "probe.skel.h"
#include "probe/internal.h"
#include "probe_raw.skel.h"

#define LOG_UNIT "probe"

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

static const char *const shared_maps[] = {
	[PART_RING] = "pt_ring",
	[PART_KNOBS] = "pt_knobs",
	[PART_STREAMS] = "pt_streams",
	[PART_CLAIM] = "pt_claim",
};

static const char *const program_names[_PART_MAX] = {
	[PART_EXEC] = "pt_exec",
	[PART_CGROUP] = "pt_cgroup_mkdir",
	[PART_FORK] = "pt_fork",
	[PART_EXIT] = "pt_exit",
};

static const char *const iterator_names[] = { "pt_snapshot_old",
					      "pt_snapshot" }; /* by is_sleepable */

struct bpf_program *probe_program(const struct probe *p, enum generation_part part)
{
	return bpf_object__find_program_by_name(p->object, program_names[part]);
}

struct bpf_program *probe_iterator(const struct probe *p)
{
	return bpf_object__find_program_by_name(p->object, iterator_names[p->is_sleepable]);
}

static int object_open(bool is_raw, struct bpf_object **ret)
{
	const void *elf;
	size_t n;

	elf = is_raw ? probe_raw_bpf__elf_bytes(&n) : probe_bpf__elf_bytes(&n);
	*ret = bpf_object__open_mem(elf, n, NULL);
	return *ret ? 0 : -errno;
}

/* The map is there already, or is made where `fd` is -1. */
static int use_map(struct bpf_object *o, const char *name, int fd)
{
	struct bpf_map *map = bpf_object__find_map_by_name(o, name);
	int r = map ? bpf_map__set_autocreate(map, true) : -ENOENT;

	return r < 0 || fd < 0 ? r : bpf_map__reuse_fd(map, fd);
}

static int set_maps(const struct probe *p, struct bpf_object *o, int ring_fd, int claim_fd)
{
	struct bpf_map *ring = bpf_object__find_map_by_name(o, shared_maps[PART_RING]);
	int r;

	if (!p->options.budget)
		bpf_map__set_max_entries(bpf_object__find_map_by_name(o, "pt_budget"), 1);
	bpf_map__set_max_entries(ring, (uint32_t)p->options.ring_bytes);
	r = use_map(o, shared_maps[PART_CLAIM], claim_fd);
	return r < 0 ? r : use_map(o, shared_maps[PART_RING], ring_fd);
}

/* What outlives the object has file descriptors of its own. */
static int keep_fd(int fd, int *ret)
{
	*ret = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return *ret < 0 ? -errno : 0;
}

static int keep_map(const struct bpf_object *o, const char *name, int *ret)
{
	return keep_fd(bpf_object__find_map_fd_by_name(o, name), ret);
}

static int keep_all(struct probe *p, const struct bpf_object *o)
{
	int r = keep_map(o, "pt_budget", &p->budget_fd);

	if (r == 0)
		r = keep_map(o, "pt_snap_stream", &p->snapshot_stream_fd);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(shared_maps); i++)
		r = keep_map(o, shared_maps[i], &p->own.fds[i]);
	for (int i = PART_LINKS; r == 0 && i < _PART_MAX; i++)
		r = keep_fd(bpf_program__fd(bpf_object__find_program_by_name(o, program_names[i])),
			    &p->programs[i]);
	return r < 0 ? r : generation_describe(&p->own);
}

/* What this kernel may take. */
struct way {
	bool is_raw, is_sleepable;
};

static int load(struct probe *p, const struct way *way, int ring_fd, int claim_fd)
{
	_cleanup_(probe_object_closep) struct bpf_object *o = NULL;
	const char *other = iterator_names[!way->is_sleepable];
	int r;

	r = object_open(way->is_raw, &o);
	if (r < 0)
		return r;
	bpf_program__set_autoload(bpf_object__find_program_by_name(o, other), false);
	r = set_maps(p, o, ring_fd, claim_fd);
	if (r == 0)
		r = bpf_object__load(o);
	if (r < 0)
		return r;
	r = keep_all(p, o);
	if (r < 0)
		return r;
	p->object = TAKE_PTR(o);
	p->is_raw = way->is_raw;
	p->is_sleepable = way->is_sleepable;
	return 0;
}

/* With one kind of tracepoints; the plain iterator is for kernels before 5.18. */
static int load_either(struct probe *p, bool is_raw, int ring_fd, int claim_fd)
{
	int r = load(p, &(struct way){ is_raw, true }, ring_fd, claim_fd);

	if (r == 0 || r == -EPERM)
		return r;
	return load(p, &(struct way){ is_raw, false }, ring_fd, claim_fd);
}

const char *probe_load_advice(int r)
{
	if (r == -EPERM || r == -EACCES)
		return geteuid()
			       ? "; run it as root, or with CAP_BPF, CAP_PERFMON and CAP_SYS_RESOURCE"
			       : "; the kernel refuses BPF to this process (lockdown, seccomp, or a container without CAP_BPF)";
	if (r == -ENOENT || r == -ESRCH)
		return "; the kernel has no BTF (/sys/kernel/btf/vmlinux), which it needs: CONFIG_DEBUG_INFO_BTF";
	return "; log level debug shows what the kernel said";
}

int probe_load(struct probe *p, int ring_fd, int claim_fd)
{
	int r = -EOPNOTSUPP;

	libbpf_set_print(print_libbpf);
	if (p->options.hooks != PROBE_HOOKS_RAW)
		r = load_either(p, false, ring_fd, claim_fd);
	if (r < 0 && p->options.hooks == PROBE_HOOKS_AUTO && r != -EPERM)
		log_debug("BTF tracepoints do not load (%s), trying raw ones", strerror(-r));
	if (r < 0 && p->options.hooks != PROBE_HOOKS_BTF && r != -EPERM)
		r = load_either(p, true, ring_fd, claim_fd);
	return r < 0 ? log_err_errno(r, "cannot load the BPF programs%s", probe_load_advice(r)) : 0;
}

/* The iterator alone: its stream goes on where it was, and nothing else is made once more. */
static int choose_iterator(const struct probe *p, struct bpf_object *o)
{
	struct bpf_program *program;
	struct bpf_map *map;
	int r;

	bpf_object__for_each_program(program, o) bpf_program__set_autoload(
		program, !strcmp(bpf_program__name(program), iterator_names[p->is_sleepable]));
	bpf_object__for_each_map(map, o) bpf_map__set_autocreate(map, false);
	r = use_map(o, "pt_snap_scratch", -1);
	if (r == 0)
		r = use_map(o, "pt_snap_stream", p->snapshot_stream_fd);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(shared_maps); i++)
		r = use_map(o, shared_maps[i], p->own.fds[i]);
	return r;
}

int probe_load_iterator(struct probe *p)
{
	_cleanup_(probe_object_closep) struct bpf_object *o = NULL;
	int r;

	if (p->object)
		return 0;
	r = object_open(p->is_raw, &o);
	if (r == 0)
		r = choose_iterator(p, o);
	if (r == 0)
		r = bpf_object__load(o);
	if (r < 0)
		return log_err_errno(r, "cannot load the task iterator");
	p->object = TAKE_PTR(o);
	return 0;
}
