/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loading the live programs: with BTF tracepoints, or raw ones where those do not load. What the
 * kernel says is in the log at level debug. Reader thread.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>

#include "base/log.h"
#include "live.skel.h"
#include "live_raw.skel.h"
#include "probe/internal.h"

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

int probe_share_maps(const struct probe *p, struct bpf_object *object)
{
	for (size_t i = 0; i < PART_CLAIM; i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(object, shared_maps[i]);
		int r = map ? bpf_map__reuse_fd(map, p->own.fds[i]) : -ENOENT;

		if (r < 0)
			return r;
	}
	return 0;
}

struct bpf_program *probe_program(const struct probe *p, enum generation_part part)
{
	static const char *const names[_PART_MAX] = {
		[PART_EXEC] = "pt_exec",
		[PART_CGROUP] = "pt_cgroup_mkdir",
		[PART_FORK] = "pt_fork",
		[PART_EXIT] = "pt_exit",
	};

	return bpf_object__find_program_by_name(p->live, names[part]);
}

static int set_maps(const struct probe *p, struct bpf_object *o, int ring_fd, int claim_fd)
{
	struct bpf_map *ring = bpf_object__find_map_by_name(o, "pt_ring");
	int r = 0;

	if (!p->options.budget)
		bpf_map__set_max_entries(bpf_object__find_map_by_name(o, "pt_budget"), 1);
	if (claim_fd >= 0)
		r = bpf_map__reuse_fd(bpf_object__find_map_by_name(o, "pt_claim"), claim_fd);
	if (r < 0)
		return r;
	if (ring_fd >= 0)
		return bpf_map__reuse_fd(ring, ring_fd);
	return bpf_map__set_max_entries(ring, (uint32_t)p->options.ring_bytes);
}

/* What outlives the object has file descriptors of its own. */
static int take_maps(struct probe *p, const struct bpf_object *o)
{
	for (size_t i = 0; i < ARRAY_SIZE(shared_maps); i++) {
		int fd = bpf_object__find_map_fd_by_name(o, shared_maps[i]);

		p->own.fds[i] = fcntl(fd, F_DUPFD_CLOEXEC, 0);
		if (p->own.fds[i] < 0)
			return -errno;
	}
	return generation_describe(&p->own);
}

static int load(struct probe *p, bool is_raw, int ring_fd, int claim_fd)
{
	_cleanup_(probe_object_closep) struct bpf_object *o = NULL;
	const void *elf;
	size_t n;
	int r;

	elf = is_raw ? live_raw_bpf__elf_bytes(&n) : live_bpf__elf_bytes(&n);
	o = bpf_object__open_mem(elf, n, NULL);
	if (!o)
		return -errno;
	r = set_maps(p, o, ring_fd, claim_fd);
	if (r == 0)
		r = bpf_object__load(o);
	if (r < 0)
		return r;
	r = take_maps(p, o);
	if (r < 0)
		return r;
	p->live = TAKE_PTR(o);
	p->is_raw = is_raw;
	return 0;
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
		r = load(p, false, ring_fd, claim_fd);
	if (r < 0 && p->options.hooks == PROBE_HOOKS_AUTO && r != -EPERM)
		log_debug("BTF tracepoints do not load (%s), trying raw ones", strerror(-r));
	if (r < 0 && p->options.hooks != PROBE_HOOKS_BTF && r != -EPERM)
		r = load(p, true, ring_fd, claim_fd);
	return r < 0 ? log_err_errno(r, "cannot load the BPF programs%s", probe_load_advice(r)) : 0;
}
