/* SPDX-License-Identifier: Apache-2.0 */
/*
 * feed [OPTION]... MAP agent|floor: puts records of processes that never were into a collector's
 * ring, as if a storm had made them: all that a storm costs is left out, and so is how quick this
 * machine is at making processes.
 *
 *   MAP  the id of the ring       -n N  execs (10000)        -r N  in a second (16000)
 *   -k MAP  that of the agent's switches, by which it is woken
 *   -f N  number of the first marker (1)                     -l N  processes that stay, before (0)
 *   -s NAME, -t NAME  of the program that forks, and of that which is executed
 *   -d NAME  the one folder on the way to them
 *
 * Each exec is three records: a fork, the exec, the exit, as small as those of the storm. Prints
 * how long it took, in ns, and how many records found no room.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "abi/knobs.h"
#include "base/cleanup.h"
#include "feed.h"
#include "feed.skel.h"
#include "floor.h"

#define SECOND_NS 1000000000ULL
#define WAKE_BYTES (256 * 1024) /* of a collector without switches */
#define RECORDS_EACH 3
#define UID 65534
#define GENERATION \
	0xf000 /* and the pid's last bits: of no agent's programs, and no other feeder's */
#define GROUP_ID (1ULL << 40)
#define GROUP_PATH "/bench-feed"
/* Above what Linux gives to anybody: the agent leaves its own out. */
#define PID_STORM 4200000
#define PID_FIRST 4200001 /* of those that come and go */
#define PID_COUNT 20000
#define PID_STAYING 4300000

struct feeder {
	bool is_floor;
	uint64_t n, rate, first, n_staying;
	uint64_t knobs_id; /* 0: the collector has none */
	const char *storm, *target, *folder;
	uint64_t seq;
	struct event_id parent; /* the storm's image */
	struct feed *out;
	int program_fd;
};

/* A process at one moment of its life. */
struct subject {
	struct event_id id;
	uint64_t time_ns;
	const char *name;
	uint64_t marker; /* 0: none */
};

static uint64_t now_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * SECOND_NS + (uint64_t)ts.tv_nsec;
}

static void hand_over(struct feeder *f)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);

	if (f->out->n)
		bpf_prog_test_run_opts(f->program_fd, &opts);
	f->out->n = 0;
}

/* The next slot, all zeros. */
static struct feed_slot *next_slot(struct feeder *f, size_t size)
{
	struct feed_slot *slot;

	if (f->out->n == FEED_SLOTS)
		hand_over(f);
	slot = &f->out->slots[f->out->n++];
	memset(slot, 0, sizeof(*slot));
	slot->size = (uint32_t)size;
	return slot;
}

static void fill_head(struct feeder *f, struct event_head *h, enum event_type type,
		      const struct subject *s)
{
	*h = (struct event_head){ .layout = EVENT_LAYOUT,
				  .type = (uint8_t)type,
				  .generation = (uint16_t)(GENERATION | (getpid() & 0xfff)),
				  .seq = ++f->seq,
				  .time_ns = s->time_ns,
				  .start_ns = s->id.start_ns,
				  .exec_count = s->id.exec_count,
				  .tgid = s->id.tgid,
				  .tid = s->id.tgid };
}

static void fill_floor_head(const struct feeder *f, struct floor_head *h, enum floor_type type,
			    const struct subject *s)
{
	*h = (struct floor_head){ .type = type,
				  .tgid = s->id.tgid,
				  .tid = s->id.tgid,
				  .euid = UID,
				  .time_ns = s->time_ns,
				  .start_ns = s->id.start_ns,
				  .exec_count = s->id.exec_count,
				  .parent = f->parent,
				  .cgroup = { .id = GROUP_ID } };
}

static void put_group(struct feeder *f)
{
	const struct subject nobody = { .time_ns = now_ns(CLOCK_BOOTTIME) };
	size_t n = strlen(GROUP_PATH);
	struct event_cgroup_made e = { .cgroup = { .id = GROUP_ID }, .path_len = (uint32_t)n };
	struct feed_slot *slot = next_slot(f, sizeof(e) + n);

	fill_head(f, &e.head, EVENT_CGROUP, &nobody);
	e.head.size = slot->size;
	memcpy(slot->data, &e, sizeof(e));
	memcpy(slot->data + sizeof(e), GROUP_PATH, n);
}

static void put_fork(struct feeder *f, const struct subject *s)
{
	struct event_fork e = { .forker = f->parent,
				.parent = f->parent,
				.cred = { .euid = UID },
				.cgroup = { .id = GROUP_ID } };
	struct floor_fork floor = { .forker = f->parent, .cred = { .euid = UID } };

	snprintf(e.comm, sizeof(e.comm), "%s", f->storm);
	memcpy(floor.comm, e.comm, sizeof(e.comm));
	if (f->is_floor) {
		fill_floor_head(f, &floor.head, FLOOR_FORK, s);
		memcpy(next_slot(f, sizeof(floor))->data, &floor, sizeof(floor));
		return;
	}
	fill_head(f, &e.head, EVENT_FORK, s);
	e.head.size = sizeof(e);
	memcpy(next_slot(f, sizeof(e))->data, &e, sizeof(e));
}

static void put_exit(struct feeder *f, const struct subject *s)
{
	struct event_exit e = { .parent = f->parent,
				.cgroup = { .id = GROUP_ID },
				.euid = UID,
				.stime_ns = 60000,
				.runtime_ns = 60000,
				.peak_bytes = 4096 };
	struct floor_exit floor = { .stime_ns = 60000, .runtime_ns = 60000, .peak_pages = 1 };

	snprintf(e.comm, sizeof(e.comm), "%s", s->name);
	memcpy(floor.comm, e.comm, sizeof(e.comm));
	if (f->is_floor) {
		fill_floor_head(f, &floor.head, FLOOR_EXIT, s);
		memcpy(next_slot(f, sizeof(floor))->data, &floor, sizeof(floor));
		return;
	}
	fill_head(f, &e.head, EVENT_EXIT, s);
	e.head.size = sizeof(e);
	memcpy(next_slot(f, sizeof(e))->data, &e, sizeof(e));
}

/* What stands behind an exec record: ./NAME, a walk of two names, NAME and its marker. */
struct texts {
	char bytes[FEED_BYTES / 2];
	uint16_t filename_len, cwd_len;
	uint32_t argc, args_len;
	size_t n;
};

static void fill_texts(const struct feeder *f, const struct subject *s, struct texts *to)
{
	const size_t max = sizeof(to->bytes);
	int n = snprintf(to->bytes, max, "./%s", s->name), cwd, args, marker = 0;

	cwd = snprintf(to->bytes + n, max - (size_t)n, "%s%cvar", f->folder, 0) + 1;
	args = snprintf(to->bytes + n + cwd, max - (size_t)(n + cwd), "%s", s->name) + 1;
	if (s->marker)
		marker = snprintf(to->bytes + n + cwd + args, max - (size_t)(n + cwd + args),
				  "m%" PRIu64, s->marker) +
			 1;
	to->filename_len = (uint16_t)n;
	to->cwd_len = (uint16_t)cwd;
	to->argc = s->marker ? 2 : 1;
	to->args_len = (uint32_t)(args + marker);
	to->n = (size_t)(n + cwd + args + marker);
}

static void put_behind(struct feed_slot *slot, const void *head, size_t size, const struct texts *t)
{
	memcpy(slot->data, head, size);
	memcpy(slot->data + size, t->bytes, t->n);
}

static void put_exec(struct feeder *f, const struct subject *s)
{
	struct texts t;
	struct event_exec e = { .parent = f->parent,
				.cred = { .euid = UID },
				.cgroup = { .id = GROUP_ID } };
	struct floor_exec floor = { .cred = { .euid = UID } };

	fill_texts(f, s, &t);
	if (f->is_floor) {
		fill_floor_head(f, &floor.head, FLOOR_EXEC, s);
		floor.argc = t.argc;
		floor.args_total = floor.args_len = t.args_len;
		floor.filename_len = t.filename_len;
		floor.cwd_len = t.cwd_len;
		put_behind(next_slot(f, sizeof(floor) + t.n), &floor, sizeof(floor), &t);
		return;
	}
	fill_head(f, &e.head, EVENT_EXEC, s);
	e.head.size = (uint32_t)(sizeof(e) + t.n);
	e.argc = t.argc;
	e.args_total = e.args_len = t.args_len;
	e.filename_len = t.filename_len;
	e.cwd_len = t.cwd_len;
	put_behind(next_slot(f, e.head.size), &e, sizeof(e), &t);
}

static void begin(struct feeder *f, struct subject *s, uint32_t pid)
{
	s->time_ns = now_ns(CLOCK_BOOTTIME);
	s->id = (struct event_id){ .start_ns = s->time_ns,
				   .exec_count = f->parent.exec_count,
				   .tgid = pid };
	put_fork(f, s);
	s->id.exec_count++;
	put_exec(f, s);
}

/* Not before exec number i is due. */
static void wait_for(const struct feeder *f, uint64_t begin_ns, uint64_t i)
{
	uint64_t due = begin_ns + i * SECOND_NS / f->rate;
	struct timespec ts = { .tv_sec = (time_t)(due / SECOND_NS),
			       .tv_nsec = (long)(due % SECOND_NS) };

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
}

/* Execs of a millisecond, as far as there are slots. */
static uint32_t count_at_once(const struct feeder *f)
{
	uint64_t n = f->rate / 1000;

	return n < 1 ? 1 : n < FEED_SLOTS / RECORDS_EACH ? (uint32_t)n : FEED_SLOTS / RECORDS_EACH;
}

static void run(struct feeder *f)
{
	const uint32_t at_once = count_at_once(f);
	struct subject storm = { .name = f->storm };
	uint64_t begin_ns;

	if (!f->is_floor)
		put_group(f);
	begin(f, &storm, PID_STORM);
	f->parent = storm.id;
	begin_ns = now_ns(CLOCK_MONOTONIC);
	for (uint64_t i = 0; i < f->n_staying + f->n; i++) {
		bool stays = i < f->n_staying;
		uint64_t pid = stays ? PID_STAYING + i : PID_FIRST + i % PID_COUNT;
		struct subject s = { .name = f->target,
				     .marker = stays ? 0 : f->first + i - f->n_staying };

		if (f->out->n + RECORDS_EACH > at_once * RECORDS_EACH) {
			hand_over(f);
			wait_for(f, begin_ns, i);
		}
		begin(f, &s, (uint32_t)pid);
		if (!stays)
			put_exit(f, &s);
	}
	hand_over(f);
	printf("{\"wall_ns\":%" PRIu64, now_ns(CLOCK_MONOTONIC) - begin_ns);
}

static struct feed_bpf *skeleton_free(struct feed_bpf *s)
{
	feed_bpf__destroy(s);
	return NULL;
}
DEFINE_CLEANUP(struct feed_bpf *, skeleton_free)

static int use_map(struct bpf_map *map, uint32_t id)
{
	_cleanup_(closep) int fd = bpf_map_get_fd_by_id(id);

	return fd < 0 ? fd : bpf_map__reuse_fd(map, fd);
}

static int start(struct feeder *f, uint32_t map_id)
{
	_cleanup_(skeleton_freep) struct feed_bpf *s = feed_bpf__open();
	const struct knobs knobs = { .wake_bytes = WAKE_BYTES };
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint32_t zero = 0;

	if (!s || use_map(s->maps.feed_ring, map_id) < 0)
		return -errno;
	if (f->knobs_id && use_map(s->maps.feed_knobs, (uint32_t)f->knobs_id) < 0)
		return -errno;
	if (feed_bpf__load(s) < 0)
		return -errno;
	if (!f->knobs_id &&
	    bpf_map_update_elem(bpf_map__fd(s->maps.feed_knobs), &zero, &knobs, BPF_ANY) < 0)
		return -errno;
	f->out = mmap(NULL, (sizeof(*f->out) + page - 1) / page * page, PROT_READ | PROT_WRITE,
		      MAP_SHARED, bpf_map__fd(s->maps.feed_slots), 0);
	if (f->out == MAP_FAILED)
		return -errno;
	f->program_fd = bpf_program__fd(s->progs.feed_out);
	run(f);
	printf(",\"lost\":%llu}\n", (unsigned long long)s->bss->feed_lost);
	return 0;
}

static int parse(struct feeder *f, int argc, char **argv)
{
	uint64_t *numbers[128] = {
		['n'] = &f->n,	       ['r'] = &f->rate,     ['f'] = &f->first,
		['l'] = &f->n_staying, ['k'] = &f->knobs_id,
	};
	const char **texts[128] = { ['s'] = &f->storm, ['t'] = &f->target, ['d'] = &f->folder };
	int c, r = 0;

	while (r == 0 && (c = getopt(argc, argv, "n:r:f:l:k:s:t:d:")) >= 0) {
		if (c > 0 && c < 128 && numbers[c])
			*numbers[c] = strtoull(optarg, NULL, 10);
		else if (c > 0 && c < 128 && texts[c])
			*texts[c] = optarg;
		else
			r = -EINVAL;
	}
	return r < 0 || optind + 2 != argc || !f->rate ? -EINVAL : 0;
}

int main(int argc, char **argv)
{
	struct feeder f = { .n = 10000,
			    .rate = 16000,
			    .first = 1,
			    .storm = "storm",
			    .target = "target",
			    .folder = "tmp" };
	int r = parse(&f, argc, argv);

	if (r < 0) {
		fprintf(stderr, "usage: feed [OPTION]... MAP agent|floor\n");
		return 2;
	}
	f.is_floor = strcmp(argv[optind + 1], "floor") == 0;
	r = start(&f, (uint32_t)strtoul(argv[optind], NULL, 10));
	if (r < 0)
		fprintf(stderr, "feed: %s\n", strerror(-r));
	return r < 0;
}
