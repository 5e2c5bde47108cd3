/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The extended facts of a task and of its executable. The keys are missing where they were not
 * collected: for a process that began before anybody asked. Pure; any thread.
 */
#include "event/getter.h"

#include <ctype.h>

#include "event/capability.h"

/*
 * A thread that has ended has let go of its namespaces. It may be all that a snapshot sees of a
 * process whose first thread ended before the others.
 */
static struct value namespace_id(uint64_t inode)
{
	return inode ? value_u64(inode) : value_safe(STR_EMPTY);
}

/* `expression` of t, the task's extended facts. */
#define TASK(name, expression)                                                         \
	struct value get_##name(const struct event *ev, const struct field_view *view) \
	{                                                                              \
		const struct event_task_ext *t = ev->image->ext;                       \
                                                                                       \
		(void)view;                                                            \
		return t ? expression : value_absent();                                \
	}

TASK(gid, value_u64(t->gid))
TASK(egid, value_u64(t->egid))
TASK(ruid, value_u64(t->ruid))
TASK(suid, value_u64(t->suid))
TASK(loginuid, value_u64(t->loginuid))
TASK(audit_session, value_u64(t->audit_session))
TASK(session_id, value_u64(t->session_id))
TASK(no_new_privs, value_true(t->no_new_privs))
TASK(cap_bounding, value_safe(capability_names(t->bounding)))
TASK(cap_ambient, value_safe(capability_names(t->ambient)))
TASK(ns_mnt, namespace_id(t->ns_mnt))
TASK(ns_pid, namespace_id(t->ns_pid))
TASK(ns_net, namespace_id(t->ns_net))
TASK(ns_user, namespace_id(t->ns_user))
TASK(ns_uts, namespace_id(t->ns_uts))
TASK(ns_ipc, namespace_id(t->ns_ipc))
TASK(ns_cgroup, namespace_id(t->ns_cgroup))
TASK(cgroup_id, value_u64(t->cgroup_id))
TASK(pid_container, value_u64(t->pid_inner))

struct value get_tid(const struct event *ev, const struct field_view *view)
{
	(void)view;
	return value_u64(ev->tid);
}

/* The kernel calls it pts0, the file system pts/0. */
struct value get_tty(const struct event *ev, const struct field_view *view)
{
	const struct event_task_ext *t = ev->image->ext;
	struct str pts = STR("pts");
	struct str name;

	if (!t)
		return value_absent();
	name = (struct str){ .p = t->tty, .n = strnlen(t->tty, sizeof(t->tty)) };
	if (!str_starts_with(name, pts) || name.n == pts.n ||
	    !isdigit((unsigned char)name.p[pts.n]))
		return value_text(name);
	buf_clear(view->scratch);
	buf_put_str(view->scratch, pts);
	buf_put_char(view->scratch, '/');
	buf_put(view->scratch, name.p + pts.n, name.n - pts.n);
	return value_text(buf_str(view->scratch));
}

static struct value text_or_absent(struct str text)
{
	return text.n ? value_text(text) : value_absent();
}

/* `expression` of p, the image's program, where that has all the flags of `has`. */
#define PROGRAM(name, has, expression)                                                 \
	struct value get_##name(const struct event *ev, const struct field_view *view) \
	{                                                                              \
		const struct program *p = ev->image->program;                          \
                                                                                       \
		(void)view;                                                            \
		return p && (p->flags & (has)) == (has) ? expression : value_absent(); \
	}

PROGRAM(exe_path, PROGRAM_HAS_EXE, value_text(program_text(p, PROGRAM_EXE)))
PROGRAM(exe_inode, PROGRAM_HAS_EXE_EXT, value_u64(program_exe_ext(p)->inode))
PROGRAM(exe_nlink, PROGRAM_HAS_EXE_EXT, value_u64(program_exe_ext(p)->nlink))
PROGRAM(exe_deleted, PROGRAM_EXE_DELETED, value_true(true))
PROGRAM(exe_memfd, PROGRAM_EXE_MEMFD, value_true(true))
PROGRAM(exe_upper, PROGRAM_HAS_EXE_EXT, value_true(program_exe_ext(p)->bits &EVENT_EXE_UPPER))
PROGRAM(exec_setuid, PROGRAM_HAS_EXE_EXT, value_true(program_exe_ext(p)->bits &EVENT_EXE_SETUID))
PROGRAM(exec_setgid, PROGRAM_HAS_EXE_EXT, value_true(program_exe_ext(p)->bits &EVENT_EXE_SETGID))
PROGRAM(exec_file_caps, PROGRAM_HAS_EXE_EXT,
	value_true(program_exe_ext(p)->bits &EVENT_EXE_FILE_CAPS))
PROGRAM(interpreter, 0, text_or_absent(program_text(p, PROGRAM_INTERPRETER)))

struct value get_exe_dev(const struct event *ev, const struct field_view *view)
{
	const struct program *p = ev->image->program;

	if (!p || !(p->flags & PROGRAM_HAS_EXE_EXT))
		return value_absent();
	buf_clear(view->scratch);
	buf_put_u64(view->scratch, program_exe_ext(p)->dev_major);
	buf_put_char(view->scratch, ':');
	buf_put_u64(view->scratch, program_exe_ext(p)->dev_minor);
	return value_safe(buf_str(view->scratch));
}
