/* SPDX-License-Identifier: Apache-2.0 */
/*
 * floor FILE [FORK,EXEC,EXIT]: the smallest program that collects the kernel facts of the agent's
 * records and writes JSON lines to FILE. No table, so no lineage, no names of users; no checks; no
 * options. What the agent writes beyond that is made up for by padding: so many bytes on the line
 * of a fork, an exec, an exit. One thread; SIGTERM ends it, and it says what was lost.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "floor.h"
#include "floor.skel.h"

#define RING_BYTES (16 * 1024 * 1024)
#define PERIOD_MS 50
#define FLUSH_BYTES (128 * 1024)
#define LINE_MAX (512 * 1024) /* argv of 32 KiB, each byte as \u00HH, and the rest */
#define PAD_MAX 65536
#define ALIGN_UP 7

struct output {
	int fd;
	size_t n;
	size_t pad[FLOOR_EXIT + 1];
	char data[FLUSH_BYTES + LINE_MAX];
};

struct ring {
	volatile uint64_t *consumer;
	const volatile uint64_t *producer;
	const char *data; /* mapped twice in a row: no record wraps */
};

static volatile sig_atomic_t is_told_to_stop;
static char padding[PAD_MAX];

static void stop(int sig)
{
	(void)sig;
	is_told_to_stop = 1;
}

static struct floor_bpf *skeleton_free(struct floor_bpf *s)
{
	floor_bpf__destroy(s);
	return NULL;
}
DEFINE_CLEANUP(struct floor_bpf *, skeleton_free)

static void put(struct output *o, const char *text, size_t n)
{
	memcpy(o->data + o->n, text, n);
	o->n += n;
}

#define PUT(o, text) put(o, text, sizeof(text) - 1)

static void put_number(struct output *o, uint64_t u)
{
	char digits[20], *p = digits + sizeof(digits);

	do
		*--p = (char)('0' + u % 10);
	while (u /= 10);
	put(o, p, (size_t)(digits + sizeof(digits) - p));
}

static void put_hex(struct output *o, uint64_t u)
{
	char digits[16], *p = digits + sizeof(digits);

	do
		*--p = "0123456789abcdef"[u & 15];
	while (u >>= 4);
	put(o, p, (size_t)(digits + sizeof(digits) - p));
}

#define ALL_BYTES(c) (UINT64_C(0x0101010101010101) * (c))

/* Whether none of 8 bytes is a control, a quote, a backslash or above 0x7f. */
static bool is_plain(uint64_t w)
{
	uint64_t quote = w ^ ALL_BYTES('"'), backslash = w ^ ALL_BYTES('\\');

	return !((w | (w - ALL_BYTES(0x20)) | (quote - ALL_BYTES(1)) | (backslash - ALL_BYTES(1))) &
		 ALL_BYTES(0x80));
}

static void put_byte(struct output *o, unsigned char c)
{
	if (c == '"' || c == '\\')
		o->data[o->n++] = '\\';
	if (c >= 0x20) {
		o->data[o->n++] = (char)c;
		return;
	}
	PUT(o, "\\u00");
	o->data[o->n++] = (char)('0' + (c >> 4));
	o->data[o->n++] = "0123456789abcdef"[c & 15];
}

static void put_text(struct output *o, const char *p, size_t n)
{
	uint64_t w;

	while (n) {
		while (n >= sizeof(w)) {
			memcpy(&w, p, sizeof(w));
			if (!is_plain(w))
				break;
			put(o, p, sizeof(w));
			p += sizeof(w);
			n -= sizeof(w);
		}
		for (size_t i = n < sizeof(w) ? n : sizeof(w); i > 0; i--, n--)
			put_byte(o, (unsigned char)*p++);
	}
}

/* argv without its first: one blank between arguments. */
static void put_args(struct output *o, const char *p, size_t n)
{
	const char *end = p + n;

	p += strnlen(p, n) + 1;
	while (p < end) {
		const char *nul = memchr(p, '\0', (size_t)(end - p));
		size_t length = (size_t)((nul ? nul : end) - p);

		put_text(o, p, length);
		p += length + 1;
		if (p < end)
			o->data[o->n++] = ' ';
	}
}

/* A walk from the leaf to the root, turned round. */
static void put_path(struct output *o, const char *walk, size_t n)
{
	const char *end = walk + n;

	if (n == 0)
		PUT(o, "/");
	while (end > walk) {
		const char *name = memrchr(walk, '\0', (size_t)(end - walk - 1));

		name = name ? name + 1 : walk;
		PUT(o, "/");
		put_text(o, name, (size_t)(end - 1 - name));
		end = name;
	}
}

static void put_id(struct output *o, uint64_t start_ns, uint64_t exec_count, uint32_t tgid)
{
	put_number(o, start_ns);
	PUT(o, ".");
	put_number(o, exec_count);
	PUT(o, ".");
	put_number(o, tgid);
}

static void put_cred(struct output *o, const struct event_cred *cred)
{
	PUT(o, "\",\"cap.permitted\":\"");
	put_hex(o, cred->permitted);
	PUT(o, "\",\"cap.effective\":\"");
	put_hex(o, cred->effective);
	PUT(o, "\",\"cap.inheritable\":\"");
	put_hex(o, cred->inheritable);
}

static void put_comm(struct output *o, const char *comm)
{
	PUT(o, "\",\"comm\":\"");
	put_text(o, comm, strnlen(comm, EVENT_COMM_MAX));
}

static void put_fork(struct output *o, const struct floor_fork *e)
{
	PUT(o, "\",\"forker.id\":\"");
	put_id(o, e->forker.start_ns, e->forker.exec_count, e->forker.tgid);
	put_cred(o, &e->cred);
	put_comm(o, e->comm);
}

static void put_exec(struct output *o, const struct floor_exec *e)
{
	const char *p = (const char *)(e + 1);

	PUT(o, "\",\"binary\":\"");
	put_text(o, p, e->filename_len);
	p += e->filename_len;
	PUT(o, "\",\"interpreter\":\"");
	put_text(o, p, e->interp_len);
	p += e->interp_len;
	PUT(o, "\",\"cwd\":\"");
	put_path(o, p, e->cwd_len);
	p += e->cwd_len;
	PUT(o, "\",\"arguments\":\"");
	put_args(o, p, e->args_len);
	put_cred(o, &e->cred);
}

static void put_exit(struct output *o, const struct floor_exit *e)
{
	PUT(o, "\",\"status\":\"");
	put_number(o, e->status);
	PUT(o, "\",\"utime\":\"");
	put_number(o, e->utime_ns);
	PUT(o, "\",\"stime\":\"");
	put_number(o, e->stime_ns);
	PUT(o, "\",\"runtime\":\"");
	put_number(o, e->runtime_ns);
	PUT(o, "\",\"peak\":\"");
	put_number(o, e->peak_pages);
	put_comm(o, e->comm);
}

static const struct str calls
	[] = { [FLOOR_FORK] = STR("clone"), [FLOOR_EXEC] = STR("execve"), [FLOOR_EXIT] = STR("exit") };

static void put_record(struct output *o, const struct floor_head *h)
{
	PUT(o, "{\"id\":\"");
	put_id(o, h->start_ns, h->exec_count, h->tgid);
	PUT(o, "\",\"tid\":\"");
	put_number(o, h->tid);
	PUT(o, "\",\"uid\":\"");
	put_number(o, h->euid);
	PUT(o, "\",\"parent.id\":\"");
	put_id(o, h->parent.start_ns, h->parent.exec_count, h->parent.tgid);
	PUT(o, "\",\"cgroup\":\"");
	put_number(o, h->cgroup.id);
	PUT(o, "\",\"time\":\"");
	put_number(o, h->time_ns);
	if (h->type == FLOOR_FORK)
		put_fork(o, (const struct floor_fork *)h);
	else if (h->type == FLOOR_EXEC)
		put_exec(o, (const struct floor_exec *)h);
	else
		put_exit(o, (const struct floor_exit *)h);
	PUT(o, "\",\"call_name\":\"");
	put(o, calls[h->type].p, calls[h->type].n);
	PUT(o, "\",\"_\":\"");
	put(o, padding, o->pad[h->type]);
	PUT(o, "\"}\n");
}

static int flush(struct output *o)
{
	size_t done = 0;

	while (done < o->n) {
		ssize_t n = write(o->fd, o->data + done, o->n - done);

		if (n < 0)
			return -errno;
		done += (size_t)n;
	}
	o->n = 0;
	return 0;
}

/* All that is there; the room is given back after each write. */
static int drain(struct ring *r, struct output *o)
{
	uint64_t at = *r->consumer, end = __atomic_load_n(r->producer, __ATOMIC_ACQUIRE);
	int error;

	while (at < end) {
		const char *p = r->data + (at & (RING_BYTES - 1));
		uint32_t n = __atomic_load_n((const uint32_t *)p, __ATOMIC_ACQUIRE);

		if (n & BPF_RINGBUF_BUSY_BIT)
			break;
		put_record(o, (const struct floor_head *)(p + BPF_RINGBUF_HDR_SZ));
		at += (n + BPF_RINGBUF_HDR_SZ + ALIGN_UP) / 8 * 8;
		if (o->n < FLUSH_BYTES)
			continue;
		error = flush(o);
		if (error < 0)
			return error;
		__atomic_store_n(r->consumer, at, __ATOMIC_RELEASE);
	}
	error = flush(o);
	__atomic_store_n(r->consumer, at, __ATOMIC_RELEASE);
	return error;
}

static int ring_map(int fd, struct ring *ret)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *rw = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), *ro;

	if (rw == MAP_FAILED)
		return -errno;
	ro = mmap(NULL, page + 2 * RING_BYTES, PROT_READ, MAP_SHARED | MAP_POPULATE, fd,
		  (off_t)page);
	if (ro == MAP_FAILED)
		return -errno;
	*ret = (struct ring){ .consumer = rw, .producer = ro, .data = (char *)ro + page };
	return 0;
}

static int run(struct floor_bpf *s, struct output *o)
{
	_cleanup_(closep) int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };
	int fd = bpf_map__fd(s->maps.floor_ring), r;
	struct ring ring;

	r = ring_map(fd, &ring);
	if (r < 0)
		return r;
	if (epoll_fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0)
		return -errno;
	fprintf(stderr, "ready\n");
	while (!is_told_to_stop && r == 0) {
		epoll_wait(epoll_fd, &ev, 1, PERIOD_MS);
		r = drain(&ring, o);
	}
	floor_bpf__detach(s);
	if (r == 0)
		r = drain(&ring, o);
	fprintf(stderr, "lost %llu\n", (unsigned long long)s->bss->floor_lost);
	return r;
}

static int start(const char *path, struct output *o)
{
	_cleanup_(skeleton_freep) struct floor_bpf *s = floor_bpf__open();
	_cleanup_(closep) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (!s || fd < 0)
		return -errno;
	bpf_map__set_max_entries(s->maps.floor_scratch, (uint32_t)libbpf_num_possible_cpus());
	if (floor_bpf__load(s) < 0 || floor_bpf__attach(s) < 0)
		return -errno;
	o->fd = fd;
	return run(s, o);
}

int main(int argc, char **argv)
{
	static struct output output;
	int r;

	if (argc < 2 ||
	    (argc > 2 && sscanf(argv[2], "%zu,%zu,%zu", &output.pad[FLOOR_FORK],
				&output.pad[FLOOR_EXEC], &output.pad[FLOOR_EXIT]) != 3)) {
		fprintf(stderr, "usage: floor FILE [FORK,EXEC,EXIT]\n");
		return 2;
	}
	for (size_t i = 0; i < ARRAY_SIZE(output.pad); i++)
		if (output.pad[i] > PAD_MAX)
			output.pad[i] = PAD_MAX;
	memset(padding, '.', sizeof(padding));
	signal(SIGTERM, stop);
	signal(SIGINT, stop);
	r = start(argv[1], &output);
	if (r < 0)
		fprintf(stderr, "floor: %s\n", strerror(-r));
	return r < 0;
}
