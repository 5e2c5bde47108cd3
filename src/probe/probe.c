/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From what is pinned and what is loaded to what runs. The generations that are found are kept in
 * their order, which is that of their rings: the first one's ring is read first. Everything here
 * runs on the reader thread.
 */
#include "probe/probe.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>

#include "abi/event.h"
#include "base/clock.h"
#include "base/log.h"
#include "probe/internal.h"

#define LOG_UNIT "probe"

#define WAKE_BYTES (256 * 1024)

/* Without pins everything works but surviving. */
static int open_pins(struct probe *p)
{
	const char *why = NULL;
	int r;

	if (!p->options.pins)
		return 0;
	r = pins_new(p->options.pins, &p->pins, &why);
	if (r == -EBUSY || r == -ENOMEM)
		return r;
	if (r < 0)
		log_warn_errno(
			r,
			"nothing is pinned below '%s' (%s): events between a crash of the agent and its next start will be missing",
			p->options.pins, why);
	return 0;
}

/* Takes up one generation, or removes it; the number is used up either way. */
static int adopt_one(struct probe *p, uint16_t number)
{
	const char *why = NULL;
	int r = generation_read(probe_folder(p), number, &p->old[p->n_old], &why);

	if (r == 0) {
		p->was_complete |= generation_is_complete(&p->old[p->n_old]);
		p->n_old++;
		p->is_adopted = true;
		return 0;
	}
	if (r != -ENODATA && r != -EBADMSG)
		return log_err_errno(r, "cannot read what is pinned in '%s'", probe_folder(p));
	if (r == -EBADMSG)
		log_warn(
			"what is pinned in '%s/g%" PRIu16
			"' is not what an agent leaves (%s): it is removed, and records that may wait in it are lost",
			probe_folder(p), number, why);
	generation_remove(probe_folder(p), number);
	return 0;
}

static int adopt(struct probe *p)
{
	uint16_t numbers[PINS_GENERATIONS_MAX], last = 0;
	int n = p->pins ? pins_list(probe_folder(p), numbers) : 0, r = 0;

	if (n < 0)
		return log_err_errno(n, "cannot read '%s'", probe_folder(p));
	for (int i = 0; r == 0 && i < n; i++) {
		r = adopt_one(p, numbers[i]);
		last = numbers[i];
	}
	generation_init(&p->own, pins_next(last));
	return r;
}

static int load(struct probe *p)
{
	const struct generation *last = p->n_old ? &p->old[p->n_old - 1] : NULL;
	bool is_same = last && last->ring_bytes == p->options.ring_bytes;
	int r;

	kernel_facts_read(&p->kernel);
	/* Before the ring is mapped: what libbpf takes and gives back is as large as that. */
	r = probe_load(p, is_same ? last->fds[PART_RING] : -1, last ? last->fds[PART_CLAIM] : -1);
	if (r < 0)
		return r;
	p->own.ring_bytes = (uint32_t)p->options.ring_bytes;
	p->own.ring_base = is_same ? last->ring_base : clock_now_ns(CLOCK_BOOTTIME) & ~(uint64_t)7;
	if (last && !is_same)
		log_info("the ring of %" PRIu32 " bytes is read to its end, then one of %" PRIu32,
			 last->ring_bytes, p->own.ring_bytes);
	return 0;
}

static int map_knobs(struct probe *p)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *m = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, p->own.fds[PART_KNOBS], 0);

	if (m == MAP_FAILED)
		return -errno;
	p->knobs = m;
	p->knobs->ring_base = p->own.ring_base;
	p->knobs->ring_bytes = p->own.ring_bytes;
	p->knobs->generation = p->own.number;
	p->knobs->wake_bytes = p->own.ring_bytes / 8 < WAKE_BYTES ? p->own.ring_bytes / 8
								  : WAKE_BYTES;
	p->knobs->page_size = (uint32_t)page;
	p->knobs->cgroup_v1 = p->kernel.cgroup_v1;
	p->knobs->cgroup_v1_hierarchy = p->kernel.cgroup_v1_hierarchy;
	p->knobs->host_mnt_ns = p->kernel.host_mnt_ns;
	p->knobs->budget = p->options.budget;
	return 0;
}

/* Room for the counters of all CPUs, of whichever generation has most. */
static int make_room_for_streams(struct probe *p)
{
	size_t size = p->own.streams_size;

	for (size_t i = 0; i < p->n_old; i++)
		if (p->old[i].streams_size > size)
			size = p->old[i].streams_size;
	p->n_cpus = libbpf_num_possible_cpus();
	if (p->n_cpus < 0)
		return p->n_cpus;
	p->streams = calloc((size_t)p->n_cpus, size);
	return p->streams ? 0 : -ENOMEM;
}

/* Reads the ring of this generation from now on. */
static int read_ring(struct probe *p, const struct generation *g)
{
	struct ring *ring = NULL;
	int r = ring_new(g->fds[PART_RING], g->ring_bytes, g->ring_base, &ring);

	if (r < 0)
		return r;
	ring_free(p->ring);
	p->ring = ring;
	p->reads = g;
	return 0;
}

/* The first generation after the one whose ring is read that has another, or NULL. */
static const struct generation *next_ring(const struct probe *p)
{
	const struct generation *end = p->old + p->n_old, *g = p->reads;

	while (g != &p->own && g < end && g->ring_id == p->reads->ring_id)
		g++;
	if (g != &p->own && g < end)
		return g;
	return p->own.ring_id != p->reads->ring_id ? &p->own : NULL;
}

bool probe_has_next_ring(const struct probe *p)
{
	return next_ring(p);
}

/* Nobody writes into the ring that is read, and all of it is committed. */
static bool is_ring_done(const struct probe *p)
{
	for (size_t i = 0; i < p->n_old; i++)
		if (p->old[i].ring_id == p->reads->ring_id && generation_is_attached(&p->old[i]))
			return false;
	return ring_fill(p->ring) == 0;
}

int probe_next_ring(struct probe *p)
{
	const struct generation *next = next_ring(p);
	int r;

	if (!next || !is_ring_done(p))
		return 0;
	r = read_ring(p, next);
	return r < 0 ? log_err_errno(r, "cannot map the next ring") : 1;
}

/* A ring of which nothing is left is not begun with: somebody died who was about to remove it. */
static int map_all(struct probe *p)
{
	int r = map_knobs(p);

	if (r == 0)
		r = make_room_for_streams(p);
	if (r == 0)
		r = read_ring(p, p->n_old ? &p->old[0] : &p->own);
	if (r < 0)
		return log_err_errno(r, "cannot map the ring");
	do {
		r = probe_next_ring(p);
	} while (r > 0);
	return r;
}

int probe_new(const struct probe_options *options, struct probe **ret)
{
	_cleanup_(probe_freep) struct probe *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return -ENOMEM;
	p->options = *options;
	p->budget_fd = p->snapshot_stream_fd = -1;
	for (int part = 0; part < _PART_MAX; part++)
		p->programs[part] = -1;
	generation_init(&p->own, 0);
	r = open_pins(p);
	if (r == 0)
		r = adopt(p);
	if (r == 0)
		r = load(p);
	if (r == 0)
		r = map_all(p);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(p);
	return 0;
}

static void remove_pins(struct probe *p)
{
	for (size_t i = 0; i < p->n_old; i++)
		generation_remove(probe_folder(p), p->old[i].number);
	generation_remove(probe_folder(p), p->own.number);
}

static void close_fds(struct probe *p)
{
	for (int part = 0; part < _PART_MAX; part++)
		if (p->programs[part] >= 0)
			close(p->programs[part]);
	if (p->budget_fd >= 0)
		close(p->budget_fd);
	if (p->snapshot_stream_fd >= 0)
		close(p->snapshot_stream_fd);
}

struct probe *probe_free(struct probe *p)
{
	if (!p)
		return NULL;
	if (p->is_attached)
		probe_detach(p);
	if (p->is_detached && p->pins)
		remove_pins(p);
	p->ring = ring_free(p->ring);
	if (p->knobs)
		munmap(p->knobs, (size_t)sysconf(_SC_PAGESIZE));
	probe_snapshot_unload(p);
	close_fds(p);
	for (size_t i = 0; i < p->n_old; i++)
		generation_done(&p->old[i]);
	generation_done(&p->own);
	p->pins = pins_free(p->pins);
	free(p->streams);
	free(p);
	return NULL;
}

void probe_demand(struct probe *p, bool wants_ext, uint32_t max_args, uint32_t max_env)
{
	p->knobs->max_env = max_env;
	p->knobs->max_args = max_args;
	p->knobs->want = wants_ext ? KNOBS_WANT_EXT : 0;
}

bool probe_is_adopted(const struct probe *p)
{
	return p->is_adopted;
}

uint16_t probe_found_generation(const struct probe *p)
{
	return p->n_old ? p->old[p->n_old - 1].number : 0;
}

bool probe_was_complete(const struct probe *p)
{
	return p->was_complete;
}

bool probe_is_pinned(const struct probe *p)
{
	return p->pins != NULL;
}

/* The link's file descriptor is all that is kept of it. */
static int attach(struct probe *p, enum generation_part part)
{
	struct bpf_program *program = probe_program(p, part);
	struct bpf_link *link = bpf_program__attach(program);
	int r = 0;

	if (!link)
		return log_err_errno(-errno, "cannot attach the BPF program %s",
				     bpf_program__name(program));
	p->own.fds[part] = fcntl(bpf_link__fd(link), F_DUPFD_CLOEXEC, 0);
	if (p->own.fds[part] < 0)
		r = log_err_errno(-errno, "cannot keep the BPF program %s",
				  bpf_program__name(program));
	bpf_link__destroy(link);
	return r;
}

/* The maps first; the first pin of all shows whether it is allowed. */
static int pin_maps(struct probe *p)
{
	int r = 0;

	for (int part = 0; p->pins && r == 0 && part < PART_LINKS; part++)
		r = generation_pin(&p->own, probe_folder(p), part);
	if (r == 0)
		return 0;
	generation_remove(probe_folder(p), p->own.number);
	if (p->n_old)
		return log_err_errno(r, "cannot pin the ring in '%s'", probe_folder(p));
	log_warn_errno(
		r,
		"nothing can be pinned in '%s': events between a crash of the agent and its next start will be missing",
		probe_folder(p));
	p->pins = pins_free(p->pins);
	return 0;
}

static int attach_all(struct probe *p)
{
	int r = pin_maps(p);

	for (int part = PART_LINKS; r == 0 && part < _PART_MAX; part++) {
		r = attach(p, part);
		if (r < 0 || !p->pins)
			continue;
		r = generation_pin(&p->own, probe_folder(p), part);
		if (r < 0)
			return log_err_errno(r, "cannot pin the BPF program %s in '%s'",
					     bpf_program__name(probe_program(p, part)),
					     probe_folder(p));
	}
	return r;
}

int probe_attach(struct probe *p)
{
	int r = attach_all(p);

	if (r < 0) {
		generation_let_go(&p->own, 1, probe_folder(p));
		if (p->pins)
			generation_remove(probe_folder(p), p->own.number);
		return r;
	}
	p->is_attached = true;
	for (size_t i = 0; i < p->n_old; i++)
		(void)generation_read_misses(&p->old[i], &p->old[i].misses);
	generation_let_go(p->old, p->n_old, probe_folder(p));
	return 0;
}

void probe_detach(struct probe *p)
{
	if (p->is_kept && p->pins)
		return;
	generation_let_go(p->old, p->n_old, probe_folder(p));
	generation_let_go(&p->own, 1, probe_folder(p));
	p->is_attached = false;
	p->is_detached = true;
}

void probe_keep(struct probe *p)
{
	p->is_kept = true;
}

void probe_arm(struct probe *p)
{
	__atomic_store_n(&p->knobs->armed, 1, __ATOMIC_SEQ_CST);
}

struct ring *probe_ring(struct probe *p)
{
	return p->ring;
}

int probe_ring_fd(const struct probe *p)
{
	return p->reads->fds[PART_RING];
}

uint32_t probe_ring_id(const struct probe *p)
{
	return p->reads->ring_id;
}

void probe_forget(struct probe *p, size_t i)
{
	generation_remove(probe_folder(p), p->old[i].number);
	generation_done(&p->old[i]);
	p->n_old--;
	memmove(&p->old[i], &p->old[i + 1], (p->n_old - i) * sizeof(p->old[0]));
	if (p->reads == &p->own)
		return;
	if (p->reads > &p->old[i])
		p->reads--;
	else if (p->reads == &p->old[p->n_old])
		p->reads = &p->own;
}

const char *probe_hooks_name(const struct probe *p)
{
	return p->is_raw ? "raw" : "btf";
}
