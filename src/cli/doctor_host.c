/* SPDX-License-Identifier: Apache-2.0 */
/* The host: what the agent needs of it, what for, and what to do where it is not there. */
#include <errno.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/vfs.h>

#include "agent/snapshot.h"
#include "base/cleanup.h"
#include "base/rooted_path.h"
#include "cli/doctor.h"
#include "probe/trial.h"

#define KERNEL(major, minor) ((major) << 16 | (minor))

static void check_realtime(struct diagnosis *d, unsigned int kernel, const char *version)
{
	if (!strstr(version, "PREEMPT_RT"))
		return;
	if (kernel < KERNEL(7, 0))
		diagnosis_add(d, FINDING_OK, "realtime", NULL, "PREEMPT_RT");
	else
		diagnosis_add(d, FINDING_WARNING, "realtime",
			      "use a kernel without PREEMPT_RT where no event may be missed",
			      "PREEMPT_RT: an event that interrupts another on its CPU is skipped");
}

void doctor_kernel(struct diagnosis *d, const char *release, const char *version)
{
	unsigned int major, minor, kernel;

	if (sscanf(release, "%u.%u", &major, &minor) != 2) {
		diagnosis_add(d, FINDING_WARNING, "kernel", "the rest of this page says what works",
			      "'%s' is no version that we know", release);
		return;
	}
	kernel = KERNEL(major, minor);
	if (kernel < KERNEL(5, 17))
		diagnosis_add(d, FINDING_FAILURE, "kernel", "install a kernel of 5.17 or newer",
			      "%s is too old", release);
	else if (kernel < KERNEL(5, 19))
		diagnosis_add(d, FINDING_WARNING, "kernel",
			      "install a kernel of 5.19 or newer to have them whole",
			      "%s cuts arguments above 8 KiB", release);
	else
		diagnosis_add(d, FINDING_OK, "kernel", NULL, "%s", release);
	check_realtime(d, kernel, version);
}

static void check_btf(struct diagnosis *d)
{
	if (access("/sys/kernel/btf/vmlinux", R_OK) == 0)
		diagnosis_add(d, FINDING_OK, "BTF", NULL, "/sys/kernel/btf/vmlinux");
	else
		diagnosis_add(
			d, FINDING_FAILURE, "BTF",
			"use a kernel that was built with CONFIG_DEBUG_INFO_BTF, as those of the distributions are; in a container, mount /sys",
			"cannot read /sys/kernel/btf/vmlinux: %s", strerror(errno));
}

struct capability_use {
	int bit;
	bool is_needed;	 /* nothing works without */
	bool is_implied; /* by CAP_SYS_ADMIN */
	const char *name, *use;
};

static const struct capability_use uses[] = {
	{ CAP_BPF, true, true, "CAP_BPF", "to load programs and make the ring" },
	{ CAP_PERFMON, true, true, "CAP_PERFMON",
	  "to read the kernel's structures and attach to its tracepoints" },
	{ CAP_SYS_PTRACE, false, false, "CAP_SYS_PTRACE",
	  "to read executable and working directory of processes that were there before the agent" },
	{ CAP_DAC_READ_SEARCH, false, false, "CAP_DAC_READ_SEARCH",
	  "to read what other users own below /proc and in containers" },
};

static bool has(uint64_t set, int bit)
{
	return set >> bit & 1;
}

void doctor_capabilities(struct diagnosis *d, uint64_t effective)
{
	for (size_t i = 0; i < ARRAY_SIZE(uses); i++) {
		const struct capability_use *u = &uses[i];
		bool is_there = has(effective, u->bit) ||
				(u->is_implied && has(effective, CAP_SYS_ADMIN));

		diagnosis_add(d,
			      is_there	     ? FINDING_OK
			      : u->is_needed ? FINDING_FAILURE
					     : FINDING_WARNING,
			      u->name, "run as root, or give this capability to the service",
			      is_there ? "there, %s" : "missing: it is needed %s", u->use);
	}
	/*
	 * Memory of maps was held against RLIMIT_MEMLOCK before 5.11: CAP_SYS_RESOURCE raises it.
	 */
	diagnosis_add(d, FINDING_OK, "CAP_SYS_RESOURCE", NULL,
		      "%s, and not needed on kernels that we run on",
		      has(effective, CAP_SYS_RESOURCE) ? "there" : "missing");
}

static int read_effective(uint64_t *ret)
{
	_cleanup_(fclosep) FILE *f = fopen("/proc/self/status", "re");
	char line[256];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "CapEff: %" SCNx64, ret) == 1)
			return 0;
	return -ENOENT;
}

static void check_capabilities(struct diagnosis *d)
{
	uint64_t effective;

	if (read_effective(&effective) == 0)
		doctor_capabilities(d, effective);
	else
		diagnosis_add(d, FINDING_FAILURE, "capabilities", "mount /proc",
			      "cannot read /proc/self/status");
}

/* Capabilities count in the first user namespace only. */
static void check_user_namespace(struct diagnosis *d)
{
	_cleanup_(fclosep) FILE *f = fopen("/proc/self/uid_map", "re");
	uint32_t inner = 1, outer = 1, n = 0;

	if (f && fscanf(f, "%" SCNu32 " %" SCNu32 " %" SCNu32, &inner, &outer, &n) == 3 && !inner &&
	    !outer && n == UINT32_MAX)
		diagnosis_add(d, FINDING_OK, "user namespace", NULL, "the host's");
	else
		diagnosis_add(
			d, FINDING_FAILURE, "user namespace",
			"run in the user namespace of the host: no rootless container, no userns remapping",
			"not the host's: capabilities have no effect on BPF here");
}

static void check_pid_namespace(struct diagnosis *d, const char *host_root)
{
	static const char advice[] = "run it with the host's: docker run --pid=host, hostPID: true";

	if (snapshot_sees_all())
		diagnosis_add(d, FINDING_OK, "pid namespace", NULL, "the host's");
	else if (*host_root)
		diagnosis_add(d, FINDING_FAILURE, "pid namespace", advice,
			      "not the host's, as HostRoot '%s' needs it: the agent does not start",
			      host_root);
	else
		diagnosis_add(
			d, FINDING_WARNING, "pid namespace", advice,
			"not the host's: processes that were there before the agent are not known");
}

void doctor_bpffs(struct diagnosis *d, bool is_mounted, uint64_t effective)
{
	if (is_mounted)
		diagnosis_add(d, FINDING_OK, "bpffs", NULL, "mounted on /sys/fs/bpf");
	else if (has(effective, CAP_SYS_ADMIN))
		diagnosis_add(d, FINDING_OK, "bpffs", NULL,
			      "not mounted on /sys/fs/bpf; the agent mounts it");
	else
		diagnosis_add(
			d, FINDING_WARNING, "bpffs", "mount -t bpf bpf /sys/fs/bpf",
			"not mounted on /sys/fs/bpf: nothing can be kept in the kernel over a restart of the agent");
}

static void check_bpffs(struct diagnosis *d)
{
	uint64_t effective = 0;
	struct statfs fs;

	(void)read_effective(&effective);
	doctor_bpffs(d, statfs("/sys/fs/bpf", &fs) == 0 && fs.f_type == BPF_FS_MAGIC, effective);
}

/* The controllers of a hierarchy, with a comma between. */
static void put_controllers(const char *cgroups, uint32_t hierarchy, struct buf *out)
{
	const char *line = cgroups;

	for (; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		char name[64];
		uint32_t number;

		if (sscanf(line, "%63s %" SCNu32, name, &number) == 2 && number == hierarchy &&
		    *name != '#')
			buf_printf(out, "%s%s", out->len ? "," : "", name);
	}
	buf_put_char(out, '\0');
}

void doctor_cgroups(struct diagnosis *d, const char *cgroups, uint32_t hierarchy)
{
	_cleanup_(buf_done) struct buf controllers = { 0 };
	struct statfs fs = { 0 };
	bool is_v2 = statfs("/sys/fs/cgroup", &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC;
	bool is_hybrid = statfs("/sys/fs/cgroup/unified", &fs) == 0 &&
			 fs.f_type == CGROUP2_SUPER_MAGIC;
	bool is_mounted = is_v2 || is_hybrid || statfs("/sys/fs/cgroup", &fs) == 0;
	const char *mode = is_v2 ? "v2" : is_hybrid ? "hybrid" : "v1";

	if (!is_mounted) {
		diagnosis_add(
			d, FINDING_WARNING, "control groups",
			"mount /sys/fs/cgroup, in a container the host's",
			"/sys/fs/cgroup is not there: containers that were there before the agent are not known");
		return;
	}
	put_controllers(cgroups, hierarchy, &controllers);
	if (hierarchy)
		diagnosis_add(d, FINDING_OK, "control groups", NULL,
			      "%s: containers are told by the v1 hierarchy %" PRIu32 " (%s)", mode,
			      hierarchy, buf_failed(&controllers) ? "" : controllers.data);
	else
		diagnosis_add(d, FINDING_OK, "control groups", NULL,
			      "%s: containers are told by the unified hierarchy", mode);
}

static void check_cgroups(struct diagnosis *d)
{
	_cleanup_(fclosep) FILE *f = fopen("/proc/cgroups", "re");
	uint32_t hierarchy = trial_cgroup_hierarchy();
	char text[4096];
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

	text[n] = '\0';
	doctor_cgroups(d, text, hierarchy);
}

static void check_users(struct diagnosis *d, const char *host_root)
{
	_cleanup_(freep) char *path = NULL;

	if (rooted_path_resolve(host_root, "/etc/passwd", &path) < 0)
		return;
	if (access(path, R_OK) == 0)
		diagnosis_add(d, FINDING_OK, "names of users", NULL, "%s", path);
	else
		diagnosis_add(
			d, FINDING_WARNING, "names of users",
			"make it readable; in a container, mount the host's and say where by HostRoot",
			"cannot read %s: %s; the field user will be empty", path, strerror(errno));
}

void doctor_host(struct diagnosis *d, const char *host_root)
{
	struct utsname uts = { 0 };

	uname(&uts);
	doctor_kernel(d, uts.release, uts.version);
	check_btf(d);
	check_user_namespace(d);
	check_capabilities(d);
	check_pid_namespace(d, host_root);
	check_bpffs(d);
	check_cgroups(d);
	check_users(d, host_root);
}
