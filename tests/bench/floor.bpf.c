/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The kernel side of the floor: the same facts as process.bpf.c collects for the fields of the
 * specification, read in the same ways, and nothing else: no numbering, no counters by type, no
 * options. What is lost is counted in one number.
 */
#include "floor.h"
#include "lib/path.h"
#include "lib/task.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define WAKE_BYTES (256 * 1024)
#define ARGS_MAX (32 * 1024)
#define INTERP_MAX 1024

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 16 * 1024 * 1024);
} floor_ring SEC(".maps");

struct exec_scratch {
	struct path_walk walk;
	struct floor_exec e;
	char data[PATH_OFF_MASK + 1 + ARGS_MAX];
};

/* One for each CPU; a per-CPU map takes no values of this size. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct exec_scratch);
} floor_scratch SEC(".maps");

__u64 floor_lost;

static __always_inline void put(void *record, __u32 size)
{
	__u64 filled = bpf_ringbuf_query(&floor_ring, BPF_RB_AVAIL_DATA);
	__u64 wake = filled < WAKE_BYTES && filled + size >= WAKE_BYTES ? BPF_RB_FORCE_WAKEUP
									: BPF_RB_NO_WAKEUP;

	if (bpf_ringbuf_output(&floor_ring, record, size, wake))
		__sync_fetch_and_add(&floor_lost, 1);
}

static __always_inline void fill_head(struct floor_head *h, __u32 type, struct task_struct *t)
{
	const struct knobs k = { .cgroup_v1 = KNOBS_CGROUP_MEMORY };

	h->type = type;
	h->tgid = GET(t, tgid);
	h->tid = GET(t, pid);
	h->euid = GET(t, cred, euid.val);
	h->time_ns = bpf_ktime_get_boot_ns();
	h->start_ns = GET(t, group_leader, start_boottime);
	h->exec_count = GET(t, self_exec_id);
	fill_parent(&h->parent, t);
	fill_cgroup(&h->cgroup, t, &k);
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(floor_fork, struct task_struct *forker, struct task_struct *child)
{
	const struct cred *cred = GET(child, cred);
	struct cap_sets caps;
	struct floor_fork e;

	if (GET(child, pid) != GET(child, tgid) || GET(child, flags) & PF_KTHREAD)
		return 0;
	fill_head(&e.head, FLOOR_FORK, child);
	e.forker.start_ns = GET(forker, group_leader, start_boottime);
	e.forker.exec_count = GET(forker, self_exec_id);
	e.forker.tgid = GET(forker, tgid);
	e.forker.reserved = 0;
	fill_caps(&caps, cred);
	fill_cred(&e.cred, &caps, cred);
	bpf_core_read(e.comm, sizeof(e.comm), &forker->comm);
	put(&e, sizeof(e));
	return 0;
}

/* filename, interp, cwd; returns the bytes that they take. */
static __always_inline __u32 put_names(struct exec_scratch *r, struct linux_binprm *bprm,
				       struct fs_struct *fs)
{
	const char *filename = GET(bprm, filename), *interp = GET(bprm, interp);
	struct path_walk *w = &r->walk;
	long n = bpf_probe_read_kernel_str(r->data, EVENT_PATH_MAX, filename);

	w->off = n > 1 ? n - 1 : 0;
	r->e.filename_len = w->off;
	r->e.interp_len = 0;
	if (interp != filename) {
		n = bpf_probe_read_kernel_str(r->data + (w->off & PATH_OFF_MASK), INTERP_MAX,
					      interp);
		if (n > 1) {
			r->e.interp_len = n - 1;
			w->off += n - 1;
		}
	}
	path_walk(w, r->data, GET(fs, pwd.dentry), GET(fs, pwd.mnt), fs);
	r->e.cwd_len = w->off - w->begin;
	r->e.flags = path_flags(w->flags, false);
	return w->off & PATH_OFF_MASK;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(floor_exec, struct task_struct *t, int old_pid, struct linux_binprm *bprm)
{
	__u32 cpu = bpf_get_smp_processor_id(), off;
	struct exec_scratch *r = bpf_map_lookup_elem(&floor_scratch, &cpu);
	const struct cred *cred = GET(t, cred);
	struct mm_struct *mm = GET(t, mm);
	struct cap_sets caps;
	__u64 n;

	if (!r)
		return 0;
	fill_head(&r->e.head, FLOOR_EXEC, t);
	fill_caps(&caps, cred);
	fill_cred(&r->e.cred, &caps, cred);
	r->e.argc = GET(bprm, argc);
	off = put_names(r, bprm, GET(t, fs));
	n = GET(mm, arg_end) - GET(mm, arg_start);
	r->e.args_total = n;
	BOUND(n, ARGS_MAX);
	r->e.args_len = n;
	r->e.reserved = 0;
	bpf_probe_read_user(r->data + off, n, (void *)GET(mm, arg_start));
	n += sizeof(r->e) + off;
	BOUND(n, sizeof(r->e) + sizeof(r->data));
	put(&r->e, n);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(floor_exit, struct task_struct *t, bool group_dead)
{
	struct signal_struct *signal = GET(t, signal);
	struct floor_exit e;

	if (!group_dead || GET(t, flags) & PF_KTHREAD)
		return 0;
	fill_head(&e.head, FLOOR_EXIT, t);
	e.utime_ns = GET(signal, utime) + GET(t, utime);
	e.stime_ns = GET(signal, stime) + GET(t, stime);
	e.runtime_ns = GET(signal, sum_sched_runtime) + GET(t, se.sum_exec_runtime);
	e.peak_pages = GET(signal, maxrss);
	e.status = GET(signal, flags) & SIGNAL_GROUP_EXIT ? GET(signal, group_exit_code)
							  : GET(t, group_leader, exit_code);
	e.reserved = 0;
	bpf_core_read(e.comm, sizeof(e.comm), &t->comm);
	put(&e, sizeof(e));
	return 0;
}
