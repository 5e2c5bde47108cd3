/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The getters of the field table; for field.c alone. Each says what its key holds for one event.
 * They come in files by what they look at: the image and its parent, the end of a process, what
 * is missing, the extended facts.
 */
#pragma once

#include "event/field.h"

static inline struct value value_absent(void)
{
	return (struct value){ .kind = VALUE_ABSENT };
}

static inline struct value value_text(struct str text)
{
	return (struct value){ .kind = VALUE_TEXT, .text = text };
}

static inline struct value value_safe(struct str text)
{
	return (struct value){ .kind = VALUE_SAFE, .text = text };
}

static inline struct value value_u64(uint64_t v)
{
	return (struct value){ .kind = VALUE_U64, .u64 = v };
}

static inline struct value value_i64(int64_t v)
{
	return (struct value){ .kind = VALUE_I64, .i64 = v };
}

static inline struct value value_true(bool b)
{
	return b ? value_safe(STR("true")) : value_absent();
}

/* Absent where it is in none. */
static inline struct value value_container_id(const struct container *c)
{
	return c ? value_safe((struct str){ .p = c->id, .n = CONTAINER_ID_LEN }) : value_absent();
}

/* Seconds since the epoch, with nine decimal places; made in scratch. */
struct value value_moment(int64_t ns, struct buf *scratch);

/* getter_image.c */
field_get_fn get_exec_id, get_pid, get_uid, get_user, get_binary, get_arguments, get_cwd;
field_get_fn get_cap_permitted, get_cap_effective, get_cap_inheritable;
field_get_fn get_parent_exec_id, get_parent_pid, get_parent_uid, get_parent_user, get_parent_binary;
field_get_fn get_parent_arguments, get_parent_cwd, get_parent_ktime, get_parent_container_id;
field_get_fn get_arguments_truncated, get_cwd_truncated, get_argc, get_argv, get_arguments_bytes;
field_get_fn get_ancestors, get_ktime, get_environment, get_uid_container;

/* getter_container.c */
field_get_fn get_container_id, get_container_name, get_container_image_id;
field_get_fn get_container_image_name, get_container_image_tag, get_container_image_digest;
field_get_fn get_container_runtime, get_container_privileged, get_container_started;
field_get_fn get_container_entry, get_container_exec;
field_get_fn get_k8s_namespace, get_k8s_pod_name, get_k8s_pod_uid, get_k8s_container_name;
field_get_fn get_k8s_workload_name, get_k8s_workload_kind;
field_get_fn get_k8s_pod_labels, get_k8s_pod_annotations;

/* getter_event.c */
field_get_fn get_call_name, get_event_type, get_time, get_time_ns, get_seq;
field_get_fn get_exit_code, get_exit_tid, get_exit_signal, get_core_dumped;
field_get_fn get_duration_ns, get_cpu_user_ns, get_cpu_system_ns, get_memory_peak_bytes;

/* getter_loss.c */
field_get_fn get_inferred, get_lost_execve, get_lost_exit, get_lost_clone, get_lost_other;
field_get_fn get_lost_since, get_lost_until, get_lost_reason;

/* getter_extended.c */
field_get_fn get_tid, get_gid, get_egid, get_ruid, get_suid, get_loginuid, get_audit_session;
field_get_fn get_session_id, get_tty, get_no_new_privs, get_cap_bounding, get_cap_ambient;
field_get_fn get_ns_mnt, get_ns_pid, get_ns_net, get_ns_user, get_ns_uts, get_ns_ipc, get_ns_cgroup;
field_get_fn get_cgroup_id, get_pid_container;
field_get_fn get_exe_path, get_exe_inode, get_exe_dev, get_exe_nlink, get_exe_deleted,
	get_exe_memfd;
field_get_fn get_exe_upper, get_interpreter, get_exec_setuid, get_exec_setgid, get_exec_file_caps;
