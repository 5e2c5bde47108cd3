/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The iterator walks the pid namespace of whoever opens it, and a security policy may hide tasks
 * from it (pid 1, on some virtual machines). What /proc lists and the iterator did not give is read
 * from /proc, with the one thing that /proc cannot say exactly, the identity, taken from the record
 * of a child: it names its real_parent's start and exec counter.
 *
 * Where the kernel has no sleepable iterators, argv is not in the records and is read from /proc as
 * well. And where a process's main thread has ended, it alone has neither directory nor memory any
 * more: what the iterator says of it is empty, and a thread that lives on is asked.
 */
#include "agent/snapshot.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/limits.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"

#define LOG_UNIT "snapshot"

#define PID_MAX (4 * 1024 * 1024) /* the kernel's own limit, PID_MAX_LIMIT */
#define CMDLINE_MAX (32 * 1024)
#define THREAD_FILE_MAX 48     /* task/TID/NAME */
#define HOST_PID_NS 4026531836 /* include/linux/proc_ns.h: PROC_PID_INIT_INO */

/* A process that somebody's record names as the parent. */
struct parent {
	uint32_t pid;
	uint64_t start_ns, exec_count;
};

struct snapshot {
	struct reader *reader;
	uint8_t *seen; /* a bit per pid */
	struct parent *parents;
	size_t n_parents, cap_parents;
	bool has_args;
	struct buf record; /* one that was put together here */
};

static void snapshot_done(struct snapshot *s)
{
	free(s->seen);
	free(s->parents);
	buf_done(&s->record);
}

static bool is_seen(const struct snapshot *s, uint32_t pid)
{
	return pid >= PID_MAX || (s->seen[pid / 8] >> (pid % 8)) & 1;
}

static void remember_parent(struct snapshot *s, const struct event_process *e)
{
	if (!e->parent.tgid || (s->n_parents && s->parents[s->n_parents - 1].pid == e->parent.tgid))
		return;
	if (s->n_parents == s->cap_parents) {
		size_t cap = s->cap_parents ? 2 * s->cap_parents : 256;
		struct parent *p = realloc(s->parents, cap * sizeof(*p));

		if (!p)
			return;
		s->parents = p;
		s->cap_parents = cap;
	}
	s->parents[s->n_parents++] = (struct parent){ .pid = e->parent.tgid,
						      .start_ns = e->parent.start_ns,
						      .exec_count = e->parent_exec_count };
}

static int open_of(uint32_t pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/%s", pid, name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* Appends a file of /proc/PID, at most max bytes; returns how many. */
static size_t put_file(struct buf *to, uint32_t pid, const char *name, size_t max)
{
	_cleanup_(closep) int fd = open_of(pid, name);
	char *room = buf_room(to, max);
	size_t n = 0;
	ssize_t got = 1;

	while (fd >= 0 && room && n < max && got > 0) {
		got = read(fd, room + n, max - n);
		if (got > 0)
			n += (size_t)got;
	}
	buf_advance(to, n);
	return n;
}

/* Appends a link's path the way the iterator would: its names, leaf first, each with its NUL. */
static size_t put_link_as_walk(struct buf *to, uint32_t pid, const char *name)
{
	char link[64], path[PATH_MAX];
	size_t begin = to->len;
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/%" PRIu32 "/%s", pid, name);
	n = readlink(link, path, sizeof(path) - 1);
	if (n <= 0 || path[0] != '/')
		return 0;
	path[n] = '\0';
	for (char *slash = strrchr(path, '/'); slash; slash = strrchr(path, '/')) {
		if (slash[1])
			buf_put(to, slash + 1, strlen(slash + 1) + 1);
		*slash = '\0';
	}
	return to->len - begin;
}

static uint64_t status_number(const char *status, const char *key, int base)
{
	const char *line = strstr(status, key);

	return line ? strtoull(line + strlen(key), NULL, base) : 0;
}

/* proc_pid_status(5): "Uid:" has the real, the effective, the saved and the file system id. */
static void read_cred(uint32_t pid, struct event_cred *ret)
{
	struct buf text = { 0 };
	const char *uid;

	put_file(&text, pid, "status", 8192);
	buf_put_char(&text, '\0');
	if (!buf_failed(&text)) {
		uid = strstr(text.data, "\nUid:");
		if (uid)
			sscanf(uid, "\nUid: %*u %" SCNu32, &ret->euid);
		ret->inheritable = status_number(text.data, "\nCapInh:", 16);
		ret->permitted = status_number(text.data, "\nCapPrm:", 16);
		ret->effective = status_number(text.data, "\nCapEff:", 16);
	}
	buf_done(&text);
}

struct stat_line {
	char state;
	long n_threads; /* the main thread among them, also when it has ended */
	uint64_t ticks; /* when it was started */
};

/* Of /proc/PID/NAME, in the form of proc_pid_stat(5). False: there is none. */
static bool read_stat(uint32_t pid, const char *name, struct stat_line *ret)
{
	struct buf text = { 0 };
	const char *end;
	bool is_read;

	put_file(&text, pid, name, 4096);
	buf_put_char(&text, '\0');
	end = buf_failed(&text) ? NULL : strrchr(text.data, ')');
	is_read = end &&
		  sscanf(end + 1,
			 " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %ld"
			 " %*d %" SCNu64,
			 &ret->state, &ret->n_threads, &ret->ticks) == 3;
	buf_done(&text);
	return is_read;
}

static bool has_ended(const struct stat_line *stat)
{
	return strchr("ZXx", stat->state) != NULL;
}

/* The name of a file below /proc/PID; thread 0: the main one's. */
static const char *of_thread(char to[THREAD_FILE_MAX], uint32_t tid, const char *name)
{
	if (!tid)
		return name;
	snprintf(to, THREAD_FILE_MAX, "task/%" PRIu32 "/%s", tid, name);
	return to;
}

/* One that lives, 0: the main thread does, or nobody. */
static uint32_t living_thread(uint32_t pid)
{
	char path[64], name[THREAD_FILE_MAX];
	_cleanup_(closedirp) DIR *dir = NULL;
	const struct dirent *entry;
	struct stat_line stat;

	if (!read_stat(pid, "stat", &stat) || !has_ended(&stat))
		return 0;
	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/task", pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		uint32_t tid = (uint32_t)strtoul(entry->d_name, NULL, 10);

		if (tid && read_stat(pid, of_thread(name, tid, "stat"), &stat) && !has_ended(&stat))
			return tid;
	}
	return 0;
}

/* The record of `e` into s->record, with what /proc says of its program. */
static void put_record(struct snapshot *s, struct event_process *e, const struct exec_parts *parts)
{
	uint32_t pid = e->head.tgid, tid = living_thread(pid);
	char name[THREAD_FILE_MAX];
	struct buf *to = &s->record;

	buf_clear(to);
	buf_put(to, e, sizeof(*e));
	e->cwd_len = (uint16_t)put_link_as_walk(to, pid, of_thread(name, tid, "cwd"));
	e->exe_len = (uint16_t)put_link_as_walk(to, pid, of_thread(name, tid, "exe"));
	if (parts && parts->task_ext)
		buf_put(to, parts->task_ext, sizeof(*parts->task_ext));
	e->args_len = (uint32_t)put_file(to, pid, of_thread(name, tid, "cmdline"), CMDLINE_MAX);
	e->args_total = e->args_len;
	if (e->args_len == CMDLINE_MAX)
		e->head.flags |= EVENT_F_ARGS_CUT;
	e->head.size = (uint32_t)to->len;
	if (!buf_failed(to))
		memcpy(to->data, e, sizeof(*e));
}

/* The record that the iterator would have written for this process, into s->record. */
static void build_process(struct snapshot *s, const struct parent *p)
{
	struct event_process e = {
		.head = { .layout = EVENT_LAYOUT,
			  .type = EVENT_PROCESS,
			  .cpu = EVENT_CPU_AGENT,
			  .start_ns = p->start_ns,
			  .exec_count = p->exec_count,
			  .tgid = p->pid,
			  .tid = p->pid },
		.exec_count_after = p->exec_count,
		.live = 1,
	};
	struct buf comm = { 0 };
	size_t n;

	read_cred(p->pid, &e.cred);
	n = put_file(&comm, p->pid, "comm", sizeof(e.comm));
	if (n > 1)
		memcpy(e.comm, comm.data, n - 1); /* ends in a line feed */
	buf_done(&comm);

	put_record(s, &e, NULL);
}

/* Its main thread has ended, and others have not. */
static bool has_no_leader(const struct event_process *e)
{
	return e->live && e->exit_state && !e->exe_len && !(e->head.flags & EVENT_F_KTHREAD);
}

static const struct event_head *with_texts(struct snapshot *s, const struct event_process *e)
{
	struct event_process to = *e;
	struct exec_parts parts;

	process_parts(e, &parts);
	put_record(s, &to, &parts);
	return buf_failed(&s->record) ? &e->head : (const struct event_head *)s->record.data;
}

/* For kernels whose iterator could not copy argv. */
static const struct event_head *with_args(struct snapshot *s, const struct event_process *e)
{
	struct event_process *to;
	size_t n;

	buf_clear(&s->record);
	buf_put(&s->record, e, e->head.size);
	n = put_file(&s->record, e->head.tgid, "cmdline", CMDLINE_MAX);
	if (buf_failed(&s->record) || n == 0)
		return &e->head;
	to = (struct event_process *)s->record.data;
	to->args_len = (uint32_t)n;
	to->head.size = (uint32_t)s->record.len;
	if (n < CMDLINE_MAX)
		to->head.flags &= (uint16_t)~EVENT_F_ARGS_CUT;
	return &to->head;
}

static const struct event_head *filter(void *ctx, const struct event_head *record)
{
	struct snapshot *s = ctx;
	const struct event_process *e = (const struct event_process *)record;

	if (record->type != EVENT_PROCESS || record->size < sizeof(*e))
		return record;
	if (record->tgid < PID_MAX)
		s->seen[record->tgid / 8] |= (uint8_t)(1 << (record->tgid % 8));
	remember_parent(s, e);
	if (has_no_leader(e) && record_check(record, record->size) == 0)
		return with_texts(s, e);
	if (!s->has_args && !e->args_len && !(record->flags & EVENT_F_KTHREAD))
		return with_args(s, e);
	return record;
}

static int drain(void *ctx)
{
	struct snapshot *s = ctx;
	int64_t r = reader_drain(s->reader);

	return r < 0 ? (int)r : 0;
}

static const struct parent *find_parent(const struct snapshot *s, uint32_t pid)
{
	for (size_t i = s->n_parents; i > 0; i--)
		if (s->parents[i - 1].pid == pid)
			return &s->parents[i - 1];
	return NULL;
}

/* What /proc lists and the iterator did not give. */
static int complete(struct snapshot *s)
{
	DIR *dir = opendir("/proc");
	const struct dirent *entry;
	int r = 0;

	if (!dir)
		return -errno;
	while (r >= 0 && (entry = readdir(dir))) {
		uint32_t pid = (uint32_t)strtoul(entry->d_name, NULL, 10);
		const struct parent *p = pid && !is_seen(s, pid) ? find_parent(s, pid) : NULL;

		if (!p)
			continue;
		build_process(s, p);
		if (!buf_failed(&s->record))
			r = reader_fold(s->reader, s->record.data, s->record.len);
	}
	closedir(dir);
	return r;
}

/* The iterator's start, in ticks; 0: it runs no more. */
static uint64_t start_ticks(uint32_t pid)
{
	struct stat_line stat;

	if (!read_stat(pid, "stat", &stat) || (has_ended(&stat) && stat.n_threads < 2))
		return 0;
	return stat.ticks;
}

struct unseen {
	struct parent *items;
	size_t n;
	bool is_full; /* memory ran out: those that are missing here must not be ended */
};

static void unseen_done(struct unseen *u)
{
	free(u->items);
}

static void gather_unseen(void *ctx, const struct image_key *key)
{
	struct unseen *u = ctx;
	struct parent *grown = reallocarray(u->items, u->n + 1, sizeof(*grown));

	if (!grown) {
		u->is_full = true;
		return;
	}
	u->items = grown;
	u->items[u->n++] = (struct parent){ .pid = key->pid,
					    .start_ns = key->start_ns,
					    .exec_count = key->exec_count };
}

/*
 * What the table has and the pass did not show has ended, unless /proc still has it: a policy may
 * hide it from the iterator.
 */
static int confirm_unseen(struct snapshot *s)
{
	const uint64_t tick_ns = CLOCK_SECOND_NS / (uint64_t)sysconf(_SC_CLK_TCK);
	_cleanup_(unseen_done) struct unseen unseen = { 0 };
	int r = 0;

	fold_each_unseen(s->reader->fold, gather_unseen, &unseen);
	if (unseen.is_full)
		r = -ENOMEM;
	for (size_t i = 0; r == 0 && i < unseen.n; i++) {
		const struct parent *p = &unseen.items[i];

		if (start_ticks(p->pid) != p->start_ns / tick_ns)
			continue;
		build_process(s, p);
		r = buf_failed(&s->record) ? -ENOMEM
					   : reader_fold(s->reader, s->record.data, s->record.len);
	}
	return r;
}

/* What the iterator itself has lost, so that a pass which lacks some of its records ends nobody. */
static int tell_iterator(void *ctx, const struct probe_stream *stream)
{
	_Alignas(8) char record[sizeof(struct event_stream)];
	struct reader *r = ctx;
	size_t n;

	n = facts_stream(r->facts, stream, record, sizeof(record));
	return reader_fold(r, record, n);
}

/* The pass that counts, between its marks. */
static int pass(struct snapshot *s)
{
	struct reader *r = s->reader;
	int ret;

	ret = reader_mark(r, EVENT_MARK_PASS_BEGIN);
	if (ret < 0)
		return ret;
	ret = probe_snapshot(r->probe, drain, s, &s->has_args);
	if (ret < 0)
		return ret;
	ret = complete(s);
	if (ret == 0)
		ret = confirm_unseen(s);
	if (ret == 0)
		ret = reader_deliver(r);
	if (ret < 0)
		return log_err_errno(ret, "cannot complete the snapshot from /proc");
	(void)reader_secure(r); /* or a crash may tell of what follows twice */
	ret = probe_iterator_stream(r->probe, tell_iterator, r);
	if (ret < 0)
		return log_err_errno(ret, "cannot tell what the task iterator has lost");
	ret = reader_mark(r, EVENT_MARK_PASS_END);
	return ret < 0 ? ret : reader_tell(r);
}

static int pass_and_attach(struct snapshot *s)
{
	int r = probe_snapshot(s->reader->probe, drain, s, &s->has_args);

	return r < 0 ? r : probe_attach(s->reader->probe);
}

static int take(struct reader *r, bool is_first)
{
	_cleanup_(snapshot_done) struct snapshot s = { .reader = r, .has_args = true };
	int ret = 0;

	s.seen = calloc(1, PID_MAX / 8);
	if (!s.seen)
		return -ENOMEM;
	r->filter = filter;
	r->filter_ctx = &s;
	if (is_first)
		ret = pass_and_attach(&s);
	if (ret == 0)
		ret = pass(&s);
	probe_snapshot_unload(r->probe);
	r->filter = NULL;
	return ret;
}

int snapshot_first(struct reader *r)
{
	return take(r, true);
}

int snapshot_again(struct reader *r)
{
	return take(r, false);
}

bool snapshot_sees_all(void)
{
	struct stat st;

	return stat("/proc/self/ns/pid", &st) == 0 && st.st_ino == HOST_PID_NS;
}
