/* SPDX-License-Identifier: Apache-2.0 */
/* The table of all fields. Constant; any thread. */
#include "event/field.h"

#include "base/cleanup.h"
#include "base/nearest.h"
#include "event/getter.h"

#define NAME_MAX_LENGTH 64 /* longer is no field, nor near one */

#define FIELD(in_set, in_calls, field_name, of_type, of_scope, getter, sentence)             \
	{                                                                                    \
		.name = field_name, .type = FIELD_##of_type, .set = FIELD_SET_##in_set,      \
		.scope = FIELD_OF_##of_scope, .in = in_calls, .get = getter, .doc = sentence \
	}
#define IN_ALL (FIELD_IN_LOST | FIELD_IN_CONTAINER)
#define SPEC(...) FIELD(SPEC, 0, __VA_ARGS__)
#define EXTENDED(...) FIELD(EXTENDED, 0, __VA_ARGS__)
#define SPEC_IN_LOST(...) FIELD(SPEC, FIELD_IN_LOST, __VA_ARGS__)
#define SPEC_IN_CONTAINER(...) FIELD(SPEC, FIELD_IN_CONTAINER, __VA_ARGS__)
#define EXTENDED_IN_CONTAINER(...) FIELD(EXTENDED, FIELD_IN_CONTAINER, __VA_ARGS__)
#define SPEC_IN_ALL(...) FIELD(SPEC, IN_ALL, __VA_ARGS__)
#define EXTENDED_IN_ALL(...) FIELD(EXTENDED, IN_ALL, __VA_ARGS__)

/* clang-format off */
const struct field fields[] = {
	SPEC("exec_id", STRING, IMAGE, get_exec_id,
	     "Names one image: one program in the life of one process. All records of an image "
	     "carry the same id: base64 of `node:ktime:pid`. A clone and the execve that follows "
	     "it in the same process are two images with two ids."),
	SPEC("pid", NUMBER, IMAGE, get_pid, "The process id, in the initial pid namespace."),
	SPEC("uid", NUMBER, OWNER, get_uid, "The effective user id that the program was started with."),
	SPEC("user", STRING, OWNER, get_user, "The name of `uid`; of a process in a container that of `uid.container`, by the "
	     "container's own passwd file. Empty where it has none."),
	SPEC("binary", STRING, PROGRAM, get_binary,
	     "The path that was given to exec; a relative one behind the working directory and "
	     "`/`, not normalised. For fexecve and memfd the resolved executable. Empty where "
	     "only the end of the process was seen."),
	SPEC("arguments", STRING, PROGRAM, get_arguments,
	     "The arguments from the second on, joined by one space. One that is empty or holds a "
	     "blank, a control character, `\"`, `\\` or invalid UTF-8 is in double quotes with "
	     "`\\\"`, `\\\\`, `\\n`, `\\t` and `\\xHH`, so that the list can be recovered."),
	SPEC("cwd", STRING, PROGRAM, get_cwd,
	     "The working directory as the process sees it, below its own root; ` (deleted)` "
	     "follows where it was removed."),
	SPEC("cap.permitted", STRING, OWNER, get_cap_permitted,
	     "The permitted capabilities: `CAP_` names in the order of their bits, one space "
	     "between; empty for none."),
	SPEC("cap.effective", STRING, OWNER, get_cap_effective,
	     "The effective capabilities, written the same way."),
	SPEC("cap.inheritable", STRING, OWNER, get_cap_inheritable,
	     "The inheritable capabilities, written the same way."),
	SPEC_IN_CONTAINER("container.id", STRING, CONTAINER, get_container_id,
	     "The id of the container, 64 hexadecimal digits, from the control group; the key is "
	     "missing outside containers, as all that follow up to `parent.exec_id`. Of these, what "
	     "is not known yet is missing, too; a record `container` tells it later."),
	SPEC_IN_CONTAINER("container.name", STRING, CONTAINER, get_container_name,
	     "The name of the container at its runtime: Docker's without the slash, podman's, CRI's "
	     "`metadata.name`."),
	SPEC_IN_CONTAINER("container.image.id", STRING, CONTAINER, get_container_image_id,
	     "The id of the container's image: `sha256:` and 64 hexadecimal digits."),
	SPEC_IN_CONTAINER("container.image.name", STRING, CONTAINER, get_container_image_name,
	     "The name of the image that the container was made from, its tag included."),
	SPEC_IN_CONTAINER("k8s.namespace", STRING, CONTAINER, get_k8s_namespace,
	     "The Kubernetes namespace of the container's pod; the `k8s.` keys are missing where it "
	     "is in none."),
	SPEC_IN_CONTAINER("k8s.pod.name", STRING, CONTAINER, get_k8s_pod_name, "The name of the pod."),
	SPEC_IN_CONTAINER("k8s.container.name", STRING, CONTAINER, get_k8s_container_name,
	     "The name of the container in the pod's specification; a pod's pause container has "
	     "none."),
	SPEC_IN_CONTAINER("k8s.workload.name", STRING, CONTAINER, get_k8s_workload_name,
	     "The name of the workload that the pod belongs to: what its owner references lead to "
	     "in the end, or the pod itself."),
	SPEC_IN_CONTAINER("k8s.workload.kind", STRING, CONTAINER, get_k8s_workload_kind,
	     "The kind of that workload, in lower case, such as `deployment`, `daemonset`, `cronjob` "
	     "or `pod`."),
	SPEC("parent.exec_id", STRING, PARENT, get_parent_exec_id,
	     "The `exec_id` of the parent: the image that forked this process, or the previous "
	     "image of the same process after a further exec. All `parent.` keys are missing "
	     "where there is no parent or it is not known."),
	SPEC("parent.pid", NUMBER, PARENT, get_parent_pid, "The parent's `pid`."),
	SPEC("parent.uid", NUMBER, PARENT, get_parent_uid, "The parent's `uid`."),
	SPEC("parent.user", STRING, PARENT, get_parent_user, "The parent's `user`."),
	SPEC("parent.binary", STRING, PARENT, get_parent_binary, "The parent's `binary`."),
	SPEC("parent.arguments", STRING, PARENT, get_parent_arguments, "The parent's `arguments`."),
	SPEC("parent.cwd", STRING, PARENT, get_parent_cwd, "The parent's `cwd`."),
	SPEC_IN_ALL("call_name", STRING, CALL, get_call_name,
	     "What happened: `execve` (a process began to execute a program), `exit` (a process "
	     "ended) or `clone` (a process was created). `lost`: records are missing, of which "
	     "the `lost.` keys tell; such a record has no keys of a process. `container`: what was "
	     "learned of a container after records of it had gone out; it has no keys of a process "
	     "either."),
	SPEC_IN_ALL("event_type", STRING, NOTHING, get_event_type,
	     "Always `kprobe`: a constant of the schema, which does not name the hook."),
	SPEC("exit_code", NUMBER, EXIT, get_exit_code,
	     "The exit code; 128 + N where signal N ended the process. Only in exit records; empty "
	     "in an inferred one."),
	SPEC("exit_tid", NUMBER, EXIT, get_exit_tid,
	     "The id of the thread that ended last. Only in exit records; empty in an inferred "
	     "one."),
	SPEC("exit_signal", STRING, EXIT, get_exit_signal,
	     "The signal that ended the process, such as `SIGKILL` or `SIGRTMIN+1`. Only where "
	     "one did."),
	SPEC("core_dumped", BOOLEAN, EXIT, get_core_dumped, "The process left a core dump."),
	SPEC("inferred", BOOLEAN, EXIT, get_inferred,
	     "Nobody saw the process end: its exit was lost, and later it was found to be gone. "
	     "How and when it ended is not known; `__time__` is when that was noticed. Only in "
	     "exit records."),
	SPEC("arguments.truncated", BOOLEAN, PROGRAM, get_arguments_truncated,
	     "The argument list was longer than `MaxArgumentBytes` and is cut."),
	SPEC("cwd.truncated", BOOLEAN, PROGRAM, get_cwd_truncated,
	     "The working directory was longer than 4,096 bytes and `cwd` is its tail."),
	SPEC_IN_LOST("lost.execve", NUMBER, CALL, get_lost_execve,
	     "How many execve records are missing. This and the next three are themselves missing "
	     "where nobody could count. Only in lost records, as all `lost.` keys."),
	SPEC_IN_LOST("lost.exit", NUMBER, CALL, get_lost_exit, "How many exit records are missing."),
	SPEC_IN_LOST("lost.clone", NUMBER, CALL, get_lost_clone,
	     "How many clone records are missing."),
	SPEC_IN_LOST("lost.other", NUMBER, CALL, get_lost_other,
	     "How many records are missing that are none of these, or that nobody could read."),
	SPEC_IN_LOST("lost.since", STRING, CALL, get_lost_since,
	     "Nothing was lost before: seconds since the epoch, with nine decimal places."),
	SPEC_IN_LOST("lost.until", STRING, CALL, get_lost_until,
	     "Nor after it, as far as this record tells; written the same way."),
	SPEC_IN_LOST("lost.reason", STRING, CALL, get_lost_reason,
	     "Why: `ring_full` (the agent was too slow for the kernel's ring), `budget` (a control "
	     "group made more than it may), `skipped` (the kernel did not run the program), "
	     "`not_running` (nothing was attached), `unreadable` (the records were there and "
	     "cannot be read), `queue_full` (a flusher was too slow) or `write_failed` (a flusher "
	     "could not write)."),
	EXTENDED("tid", NUMBER, EVENT, get_tid,
		 "The id of the thread: of the one that ended last in exit records, else the same "
		 "as `pid`."),
	EXTENDED("gid", NUMBER, IMAGE, get_gid, "The real group id."),
	EXTENDED("egid", NUMBER, IMAGE, get_egid, "The effective group id."),
	EXTENDED("ruid", NUMBER, IMAGE, get_ruid, "The real user id."),
	EXTENDED("suid", NUMBER, IMAGE, get_suid, "The saved user id."),
	EXTENDED("loginuid", NUMBER, IMAGE, get_loginuid,
		 "The user id at login, which no later change of user alters; 4294967295 where "
		 "nobody logged in."),
	EXTENDED("audit_session", NUMBER, IMAGE, get_audit_session,
		 "The id of the audit session; 4294967295 where there is none."),
	EXTENDED("session_id", NUMBER, IMAGE, get_session_id,
		 "The id of the session, as setsid(2) makes it."),
	EXTENDED("tty", STRING, IMAGE, get_tty,
		 "The controlling terminal, such as `pts/0`; empty for none."),
	EXTENDED("no_new_privs", BOOLEAN, IMAGE, get_no_new_privs,
		 "The process and what it starts cannot gain privileges by exec."),
	EXTENDED("cap.bounding", STRING, IMAGE, get_cap_bounding,
		 "The capability bounding set, as `cap.permitted`."),
	EXTENDED("cap.ambient", STRING, IMAGE, get_cap_ambient,
		 "The ambient capabilities, as `cap.permitted`."),
	EXTENDED("ns.mnt", NUMBER, IMAGE, get_ns_mnt, "The inode number of the mount namespace."),
	EXTENDED("ns.pid", NUMBER, IMAGE, get_ns_pid, "The inode number of the pid namespace."),
	EXTENDED("ns.net", NUMBER, IMAGE, get_ns_net, "The inode number of the network namespace."),
	EXTENDED("ns.user", NUMBER, IMAGE, get_ns_user, "The inode number of the user namespace."),
	EXTENDED("ns.uts", NUMBER, IMAGE, get_ns_uts, "The inode number of the UTS namespace."),
	EXTENDED("ns.ipc", NUMBER, IMAGE, get_ns_ipc, "The inode number of the IPC namespace."),
	EXTENDED("ns.cgroup", NUMBER, IMAGE, get_ns_cgroup, "The inode number of the cgroup namespace."),
	EXTENDED("cgroup.id", NUMBER, IMAGE, get_cgroup_id,
		 "The id of the control group in the unified hierarchy: the inode number of its "
		 "directory."),
	EXTENDED("pid.container", NUMBER, IMAGE, get_pid_container,
		 "The process id in the process's own pid namespace."),
	EXTENDED("uid.container", NUMBER, OWNER, get_uid_container,
		 "The same as `uid`, as the process's own user namespace has it; empty where that has no "
		 "id for it."),
	EXTENDED("exe.path", STRING, PROGRAM, get_exe_path,
		 "The path of the executed file, links resolved."),
	EXTENDED("exe.inode", NUMBER, PROGRAM, get_exe_inode, "The inode number of the executed file."),
	EXTENDED("exe.dev", STRING, PROGRAM, get_exe_dev, "The device of the executed file, `major:minor`."),
	EXTENDED("exe.nlink", NUMBER, PROGRAM, get_exe_nlink,
		 "The number of names of the executed file at exec; 0: it had been deleted."),
	EXTENDED("exe.deleted", BOOLEAN, PROGRAM, get_exe_deleted, "The executed file had been deleted."),
	EXTENDED("exe.memfd", BOOLEAN, PROGRAM, get_exe_memfd, "The executed file lies in memory alone."),
	EXTENDED("exe.upper", BOOLEAN, PROGRAM, get_exe_upper,
		 "On overlayfs: the executed file is in the upper layer, written after the "
		 "container's image was made."),
	EXTENDED("interpreter", STRING, PROGRAM, get_interpreter,
		 "The interpreter that a script names. Only for scripts."),
	EXTENDED("exec.setuid", BOOLEAN, PROGRAM, get_exec_setuid,
		 "The exec changed the user id by the file's set-user-id bit."),
	EXTENDED("exec.setgid", BOOLEAN, PROGRAM, get_exec_setgid,
		 "The exec changed the group id by the file's set-group-id bit."),
	EXTENDED("exec.file_caps", BOOLEAN, PROGRAM, get_exec_file_caps,
		 "The exec gained capabilities from the file."),
	EXTENDED("argc", NUMBER, PROGRAM, get_argc, "The number of arguments, the program's name included."),
	EXTENDED("argv", LIST, PROGRAM, get_argv,
		 "All arguments, the program's name included, as an array of strings. A byte that "
		 "is not valid UTF-8 is written as `\\xHH`."),
	EXTENDED("arguments.bytes", NUMBER, PROGRAM, get_arguments_bytes,
		 "The length of the whole argument list in bytes, terminating NULs included, "
		 "before any cut."),
	EXTENDED("environment", STRING, PROGRAM, get_environment,
		 "The environment variables that the input's `Environment` names, as they were at exec, "
		 "`NAME=value` each, joined and quoted as `arguments` are. Missing where none of them was "
		 "set, and for processes that were there before the agent."),
	EXTENDED_IN_CONTAINER("container.runtime", STRING, CONTAINER, get_container_runtime,
		 "What runs the container: `docker`, `podman`, `containerd` or `cri-o`."),
	EXTENDED_IN_CONTAINER("container.image.tag", STRING, CONTAINER, get_container_image_tag,
		 "The tag in `container.image.name`."),
	EXTENDED_IN_CONTAINER("container.image.digest", STRING, CONTAINER,
		 get_container_image_digest,
		 "The digest by which the image was pulled: `sha256:` and 64 hexadecimal digits."),
	EXTENDED_IN_CONTAINER("container.privileged", BOOLEAN, CONTAINER, get_container_privileged,
		 "The container was started as a privileged one."),
	EXTENDED_IN_CONTAINER("container.started", STRING, CONTAINER, get_container_started,
		 "When the process that the container began with was started: seconds since the epoch, with "
		 "nine decimal places. Where nobody saw that, when the runtime says that it was."),
	EXTENDED("container.entry", BOOLEAN, IMAGE, get_container_entry,
		 "This is the process that the container began with."),
	EXTENDED("container.exec", BOOLEAN, IMAGE, get_container_exec,
		 "The process came into the running container from outside (`docker exec`, `kubectl "
		 "exec`), or descends from one that did."),
	EXTENDED_IN_CONTAINER("k8s.pod.uid", STRING, CONTAINER, get_k8s_pod_uid, "The uid of the pod."),
	EXTENDED_IN_CONTAINER("k8s.pod.labels", STRING, CONTAINER, get_k8s_pod_labels,
		 "The labels of the pod, `key=value` each, sorted, joined and quoted as `arguments` are."),
	EXTENDED_IN_CONTAINER("k8s.pod.annotations", STRING, CONTAINER, get_k8s_pod_annotations,
		 "Those annotations of the pod that `KubernetesAnnotations` names, written the same way."),
	EXTENDED("duration_ns", NUMBER, EXIT, get_duration_ns,
		 "How long the process lived, in nanoseconds. Only in exit records."),
	EXTENDED("cpu.user_ns", NUMBER, EXIT, get_cpu_user_ns,
		 "Time on a CPU in user mode, of all threads, scaled as wait4(2) does. Short by "
		 "up to a tick and the exit's own work. Only in exit records."),
	EXTENDED("cpu.system_ns", NUMBER, EXIT, get_cpu_system_ns,
		 "Time on a CPU in the kernel, of all threads, as `cpu.user_ns`. Only in exit "
		 "records."),
	EXTENDED("memory.peak_bytes", NUMBER, EXIT, get_memory_peak_bytes,
		 "The largest resident set that the process had. Only in exit records."),
	EXTENDED("ancestors", STRING, EVENT, get_ancestors,
		 "The parent, its parent and so on, at most 32, nearest first: `pid:binary`, "
		 "quoted like `arguments`."),
	EXTENDED("ktime", NUMBER, IMAGE, get_ktime,
		 "The number in `exec_id`: the start of the process in nanoseconds since boot, "
		 "plus the number of its execs as the kernel counts them."),
	EXTENDED("parent.ktime", NUMBER, PARENT, get_parent_ktime, "The parent's `ktime`."),
	EXTENDED("parent.container.id", STRING, PARENT, get_parent_container_id,
		 "The parent's `container.id`."),
	EXTENDED_IN_ALL("__time_ns__", NUMBER, EVENT, get_time_ns,
		 "When it happened, in nanoseconds since the epoch."),
	EXTENDED_IN_ALL("__seq__", NUMBER, EVENT, get_seq,
		 "The position in the log. Records sort by it in the order of cause and effect, "
		 "which times do not give."),
	SPEC_IN_ALL("__time__", TIME, SECOND, get_time,
	     "When it happened, in seconds since the epoch: an integer, but a string from "
	     "`flusher_stdout`."),
};
/* clang-format on */

const size_t n_fields = ARRAY_SIZE(fields);

static const char *const type_names[] = {
	[FIELD_STRING] = "string", [FIELD_NUMBER] = "number", [FIELD_BOOLEAN] = "boolean",
	[FIELD_LIST] = "list",	   [FIELD_TIME] = "time",
};

static const char *const set_names[] = {
	[FIELD_SET_SPEC] = "spec",
	[FIELD_SET_EXTENDED] = "extended",
};

const char *field_type_to_string(enum field_type type)
{
	return type_names[type];
}

const char *field_set_to_string(enum field_set set)
{
	return set_names[set];
}

const struct field *field_lookup(struct str name)
{
	size_t i;

	for (i = 0; i < n_fields; i++) {
		if (str_eq(name, str_from(fields[i].name)))
			return &fields[i];
	}
	return NULL;
}

const struct field *field_nearest(struct str name)
{
	const char *names[ARRAY_SIZE(fields) + 1] = { NULL };
	char text[NAME_MAX_LENGTH + 1];
	const char *nearest;
	size_t i;

	if (name.n > NAME_MAX_LENGTH)
		return NULL;
	memcpy(text, name.p, name.n);
	text[name.n] = '\0';
	for (i = 0; i < n_fields; i++)
		names[i] = fields[i].name;
	nearest = nearest_name(text, names);
	return nearest ? field_lookup(str_from(nearest)) : NULL;
}
