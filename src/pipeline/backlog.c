/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A header, then entries, each with its checksum: a header, for each record its end, time, position
 * and call, what the lost ones say, then the bytes. The file's header says where the entries begin
 * and end that are not delivered; the pages before them are given back, and when nothing is left
 * the file is cut to its header. What lies behind that end was being written when a kill came, and
 * was in nobody's custody yet: the ring still has it. A file that is shorter than that was damaged.
 */
#include "pipeline/backlog.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "base/crc32c.h"

#define VERSION 1
#define ENTRY_MAGIC 0x474c4b42 /* "BKLG" */
/* More than a chunk of the largest records has: what claims to be larger is damaged. */
#define ENTRY_RECORDS_MAX (1024 * 1024)
#define ENTRY_BYTES_MAX (256UL * 1024 * 1024)
/* Where pages in front cannot be given back, the file may become this long and no longer. */
#define FILE_BYTES_MAX (32UL * 1024 * 1024)
#define PAGE_BYTES 4096

static const char file_magic[8] = "PTBCKLOG";

struct file_header {
	char magic[8];
	uint32_t version;
	uint32_t reserved0;
	uint8_t boot_id[16];
	struct extent {
		uint64_t front, end; /* of the entries that are not delivered */
		uint64_t check;
	} extent; /* written as a whole */
	uint64_t reserved;
};
_Static_assert(sizeof(struct file_header) == BACKLOG_BLANK_BYTES, "file_header is file format");

struct entry {
	uint32_t magic;
	uint32_t n;
	uint64_t bytes;
	uint64_t begin, bound;
	int64_t wall_offset_ns;
	uint32_t is_report, reason, is_counted, n_losses;
	uint64_t exec, exit, fork, other;
	int64_t since_ns, until_ns;
	uint32_t crc;	  /* of what follows */
	uint32_t own_crc; /* of this up to here */
};
_Static_assert(sizeof(struct entry) == 112, "entry is file format");

struct backlog {
	char *path;
	int fd;
	uint8_t boot_id[16];
	bool is_of_this_boot;  /* what was there when it was opened */
	bool is_bad;	       /* the header that was there says nothing */
	bool keeps_pages;      /* the file system cannot give them back */
	uint64_t read;	       /* backlog_next() has come this far */
	uint64_t front, end;   /* as in the file's header */
	uint64_t n_given_back; /* bytes in front whose pages the file has no more */
};

static struct extent extent_of(uint64_t front, uint64_t end)
{
	struct extent x = { .front = front, .end = end };

	x.check = crc32c(0, &x, offsetof(struct extent, check));
	return x;
}

/* Makes the file empty. */
static int begin_anew(struct backlog *b)
{
	struct file_header h = { .version = VERSION, .extent = extent_of(sizeof(h), sizeof(h)) };
	ssize_t n;

	memcpy(h.magic, file_magic, sizeof(h.magic));
	memcpy(h.boot_id, b->boot_id, sizeof(h.boot_id));
	n = pwrite(b->fd, &h, sizeof(h), 0);
	if (n != (ssize_t)sizeof(h))
		return n < 0 ? -errno : -ENOSPC;
	b->front = b->end = b->read = b->n_given_back = sizeof(h);
	b->is_of_this_boot = true;
	(void)!ftruncate(b->fd, sizeof(h)); /* or what comes overwrites it */
	return 0;
}

static int write_extent(const struct backlog *b, uint64_t front, uint64_t end)
{
	struct extent x = extent_of(front, end);

	return pwrite(b->fd, &x, sizeof(x), offsetof(struct file_header, extent)) ==
			       (ssize_t)sizeof(x)
		       ? 0
		       : -EIO;
}

/* False: it says nothing. */
static bool read_header(struct backlog *b)
{
	struct file_header h;
	struct extent want;

	if (pread(b->fd, &h, sizeof(h), 0) != (ssize_t)sizeof(h))
		return false;
	want = extent_of(h.extent.front, h.extent.end);
	if (memcmp(h.magic, file_magic, sizeof(h.magic)) != 0 || h.version != VERSION ||
	    memcmp(&h.extent, &want, sizeof(want)) != 0 || want.front < sizeof(h) ||
	    want.front > want.end)
		return false;
	b->is_of_this_boot = memcmp(h.boot_id, b->boot_id, sizeof(h.boot_id)) == 0;
	b->front = b->read = b->n_given_back = want.front;
	b->end = want.end;
	return true;
}

static int make_path(struct backlog *b, const struct backlog_at *at)
{
	_cleanup_(freep) char *folder = NULL;
	char *name;
	int n;

	if (asprintf(&folder, "%s/backlog", at->folder) < 0) {
		folder = NULL;
		return -ENOMEM;
	}
	if (mkdir(folder, 0700) < 0 && errno != EEXIST)
		return -errno;
	n = asprintf(&b->path, "%s/%s.%s", folder, at->pipeline, at->flusher);
	if (n < 0) {
		b->path = NULL;
		return -ENOMEM;
	}
	name = b->path + strlen(folder) + 1;
	for (char *p = name; *p; p++)
		*p = *p == '/' ? '-' : *p;
	return strlen(name) <= NAME_MAX ? 0 : -ENAMETOOLONG;
}

int backlog_open(const struct backlog_at *at, struct backlog **ret)
{
	_cleanup_(backlog_closep) struct backlog *b = calloc(1, sizeof(*b));
	struct stat st;
	int r;

	if (!b)
		return -ENOMEM;
	b->fd = -1; /* until it is open */
	memcpy(b->boot_id, at->boot_id, sizeof(b->boot_id));
	r = make_path(b, at);
	if (r < 0)
		return r;
	b->fd = open(b->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (b->fd < 0 || fstat(b->fd, &st) < 0)
		return -errno;
	(void)flock(b->fd, LOCK_EX | LOCK_NB); /* tells backlog_is_in_use(), and keeps nobody out */
	b->is_bad = st.st_size && !read_header(b);
	if (!st.st_size || b->is_bad)
		r = begin_anew(b);
	if (r < 0)
		return r;

	*ret = TAKE_PTR(b);
	return 0;
}

struct backlog *backlog_close(struct backlog *b)
{
	if (!b)
		return NULL;
	if (b->fd >= 0 && b->end && b->front == b->end && !b->is_bad)
		(void)unlink(b->path);
	closep(&b->fd);
	free(b->path);
	free(b);
	return NULL;
}

bool backlog_is_in_use(int folder_fd, const char *name)
{
	_cleanup_(closep) int fd = openat(folder_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

const char *backlog_path(const struct backlog *b)
{
	return b->path;
}

uint64_t backlog_bytes(const struct backlog *b)
{
	return b->end - b->front;
}

static size_t arrays_size(size_t n)
{
	return n * (3 * sizeof(uint64_t) + 1);
}

static size_t losses_size(size_t n)
{
	return n * sizeof(struct chunk_loss);
}

static uint64_t size_of(const struct entry *e)
{
	return sizeof(*e) + arrays_size(e->n) + losses_size(e->n_losses) + e->bytes;
}

static int read_entry_header(const struct backlog *b, uint64_t at, struct entry *ret)
{
	struct entry e;

	if (pread(b->fd, &e, sizeof(e), (off_t)at) != (ssize_t)sizeof(e) ||
	    e.magic != ENTRY_MAGIC || e.own_crc != crc32c(0, &e, offsetof(struct entry, own_crc)))
		return -EBADMSG;
	if (!e.n || e.n > ENTRY_RECORDS_MAX || e.n_losses > e.n || e.bytes > ENTRY_BYTES_MAX ||
	    e.reason >= _LOSS_MAX || size_of(&e) > b->end - at)
		return -EBADMSG;
	*ret = e;
	return 0;
}

/* What is in the file behind an entry's header: the arrays, and the bytes. */
static int read_records(struct backlog *b, const struct entry *e, struct chunk *c)
{
	struct iovec parts[] = {
		{ c->ends, e->n * sizeof(*c->ends) },
		{ c->times_ns, e->n * sizeof(*c->times_ns) },
		{ c->seqs, e->n * sizeof(*c->seqs) },
		{ c->calls, e->n },
		{ c->losses, losses_size(e->n_losses) },
		{ c->own.data, e->bytes },
	};
	uint32_t crc = 0;

	if (preadv(b->fd, parts, ARRAY_SIZE(parts), (off_t)(b->read + sizeof(*e))) !=
	    (ssize_t)(size_of(e) - sizeof(*e)))
		return -EBADMSG;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		crc = crc32c(crc, parts[i].iov_base, parts[i].iov_len);
	if (crc != e->crc || c->ends[e->n - 1] != e->bytes)
		return -EBADMSG;
	for (size_t i = 1; i < e->n; i++)
		if (c->ends[i] < c->ends[i - 1])
			return -EBADMSG;
	return 0;
}

static struct chunk *chunk_of(const struct backlog *b, const struct entry *e)
{
	_cleanup_(chunk_unrefp) struct chunk *c = chunk_new(NULL, e->begin);

	if (!c || !chunk_grow(c, e->n) || !chunk_grow_losses(c, e->n_losses) ||
	    !buf_room(&c->own, e->bytes + 1))
		return NULL;
	c->bound = b->is_of_this_boot ? e->bound : 0;
	c->wall_offset_ns = e->wall_offset_ns;
	c->is_report = e->is_report;
	c->loss = (struct loss){
		.reason = e->reason,
		.is_counted = e->is_counted,
		.exec = e->exec,
		.exit = e->exit,
		.fork = e->fork,
		.other = e->other,
		.since_ns = e->since_ns,
		.until_ns = e->until_ns,
	};
	return TAKE_PTR(c);
}

static int read_entry(struct backlog *b, const struct entry *e, struct chunk **ret)
{
	_cleanup_(chunk_unrefp) struct chunk *c = chunk_of(b, e);
	int r;

	if (!c)
		return -ENOMEM;
	r = read_records(b, e, c);
	if (r < 0)
		return r;
	c->n = e->n;
	c->n_losses = e->n_losses;
	buf_advance(&c->own, e->bytes);
	if (!b->is_of_this_boot)
		memset(c->seqs, 0, e->n * sizeof(*c->seqs));
	*ret = TAKE_PTR(c);
	return 0;
}

/* Cuts off what cannot be read. */
static void cut(struct backlog *b)
{
	if (b->read <= b->front)
		(void)begin_anew(b);
	else if (write_extent(b, b->front, b->read) == 0)
		b->end = b->read;
}

int64_t backlog_next(struct backlog *b, struct chunk **ret, enum backlog_next *ret_next)
{
	struct entry e = { 0 };
	int r = TAKE(b->is_bad, false) ? -EBADMSG : 0;

	if (r == 0 && b->read >= b->end) {
		*ret_next = BACKLOG_END;
		return 0;
	}
	if (r == 0)
		r = read_entry_header(b, b->read, &e);
	if (r == 0)
		r = read_entry(b, &e, ret);
	if (r == -EBADMSG) {
		cut(b);
		*ret_next = BACKLOG_BAD;
		return 0;
	}
	if (r < 0)
		return r;
	b->read += size_of(&e);
	*ret_next = BACKLOG_CHUNK;
	return (int64_t)size_of(&e);
}

static struct entry entry_of(const struct chunk *c, size_t n, size_t n_losses, size_t bytes)
{
	return (struct entry){
		.magic = ENTRY_MAGIC,
		.n = (uint32_t)n,
		.bytes = bytes,
		.begin = c->begin,
		.bound = c->bound,
		.wall_offset_ns = c->wall_offset_ns,
		.is_report = c->is_report,
		.reason = c->is_report ? c->loss.reason : 0,
		.is_counted = c->loss.is_counted,
		.n_losses = (uint32_t)n_losses,
		.exec = c->loss.exec,
		.exit = c->loss.exit,
		.fork = c->loss.fork,
		.other = c->loss.other,
		.since_ns = c->loss.since_ns,
		.until_ns = c->loss.until_ns,
	};
}

static int64_t write_entry(struct backlog *b, struct iovec *parts, size_t n)
{
	struct entry *e = parts[0].iov_base;
	uint64_t end = b->end + size_of(e);
	ssize_t done;

	for (size_t i = 1; i < n; i++)
		e->crc = crc32c(e->crc, parts[i].iov_base, parts[i].iov_len);
	e->own_crc = crc32c(0, e, offsetof(struct entry, own_crc));
	if (b->keeps_pages && end > FILE_BYTES_MAX)
		return -ENOSPC;
	done = pwritev(b->fd, parts, (int)n, (off_t)b->end);
	if (done != (ssize_t)size_of(e) || write_extent(b, b->front, end) < 0) {
		int r = done < 0 ? -errno : -ENOSPC;

		(void)!ftruncate(b->fd, (off_t)b->end); /* or the next entry overwrites it */
		return r;
	}
	b->end = end;
	b->read = end;
	return (int64_t)size_of(e);
}

/* What of a chunk begins with its record `first`, as if that were the first of all. */
struct tail {
	size_t *ends;
	struct chunk_loss *losses;
	size_t n, n_losses;
};

static void tail_done(struct tail *t)
{
	free(t->ends);
	free(t->losses);
}

static int tail_init(struct tail *t, const struct chunk *c, size_t first)
{
	size_t skipped = c->ends[first - 1], n_before = 0;

	while (n_before < c->n_losses && c->losses[n_before].at < first)
		n_before++;
	t->n = c->n - first;
	t->n_losses = c->n_losses - n_before;
	t->ends = calloc(t->n, sizeof(*t->ends));
	t->losses = calloc(t->n_losses ? t->n_losses : 1, sizeof(*t->losses));
	if (!t->ends || !t->losses)
		return -ENOMEM;
	for (size_t i = 0; i < t->n; i++)
		t->ends[i] = c->ends[first + i] - skipped;
	for (size_t i = 0; i < t->n_losses; i++) {
		t->losses[i] = c->losses[n_before + i];
		t->losses[i].at -= first;
	}
	return 0;
}

int64_t backlog_append(struct backlog *b, const struct chunk *c, size_t first)
{
	size_t skipped = first ? c->ends[first - 1] : 0;
	struct tail t = { c->ends, c->losses, c->n, c->n_losses };
	_cleanup_(tail_done) struct tail own = { 0 };
	struct entry e;
	int r;

	if (first) {
		r = tail_init(&own, c, first);
		if (r < 0)
			return r;
		t = own;
	}
	e = entry_of(c, t.n, t.n_losses, chunk_size(c) - skipped);
	struct iovec parts[] = {
		{ &e, sizeof(e) },
		{ t.ends, t.n * sizeof(*t.ends) },
		{ c->times_ns + first, t.n * sizeof(*c->times_ns) },
		{ c->seqs + first, t.n * sizeof(*c->seqs) },
		{ c->calls + first, t.n },
		{ t.losses, losses_size(t.n_losses) },
		{ (char *)chunk_bytes(c).p + skipped, e.bytes },
	};

	return write_entry(b, parts, ARRAY_SIZE(parts));
}

static void give_back_pages(struct backlog *b)
{
	uint64_t to = b->front / PAGE_BYTES * PAGE_BYTES;
	uint64_t from = (b->n_given_back + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;

	if (to <= from)
		return;
	if (fallocate(b->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)from,
		      (off_t)(to - from)) < 0)
		b->keeps_pages = true;
	b->n_given_back = to;
}

void backlog_forget(struct backlog *b, uint64_t bytes)
{
	b->front += bytes;
	if (b->front >= b->end && begin_anew(b) == 0)
		return;
	(void)write_extent(b, b->front, b->end); /* or it is delivered twice after a crash */
	give_back_pages(b);
}
