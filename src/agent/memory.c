/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/memory.h"

#include <errno.h>
#include <inttypes.h>
#include <link.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "metrics/process.h"

#define LOG_UNIT "memory"

#define MIB (UINT64_C(1) << 20)

/* Code, libraries, batches, chunks that are encoded, the kernel's types while programs load. */
#define FIXED_BYTES (14 * MIB)
#define QUEUE_MOST (8 * MIB)
#define QUEUES_SHARE 4 /* all queues together have one in so many of what is left */

#define MMAP_BYTES (128 * 1024)
#define TRIM_BYTES (2 * 1024 * 1024) /* free at the heap's end: a batch of long argvs takes that */
#define LOOK_NS CLOCK_SECOND_NS

#define M(member) .offset = offsetof(struct memory_counters, member)

const struct metric memory_metrics[] = {
	{ .name = "memory_limit_bytes",
	  .type = METRIC_GAUGE,
	  M(max_bytes),
	  .help = "What the agent may take (MaxMemory)." },
	{ .name = "memory_pressure_total",
	  .type = METRIC_COUNTER,
	  M(pressure),
	  .help = "Times that the agent was found to take more, and gave up a part of the process table." },
	{ .type = METRIC_END },
};

uint64_t memory_plan_least(uint64_t ring_bytes, size_t n_flushers)
{
	return FIXED_BYTES + ring_bytes + n_flushers * MEMORY_QUEUE_LEAST + MEMORY_TABLE_LEAST;
}

static uint64_t clamp(uint64_t v, uint64_t least, uint64_t most)
{
	return v < least ? least : v > most ? most : v;
}

int memory_plan(uint64_t max, uint64_t ring_bytes, size_t n_flushers, struct memory_plan *ret)
{
	uint64_t left, queue = QUEUE_MOST;

	if (max < memory_plan_least(ring_bytes, n_flushers))
		return -ENOSPC;
	left = max - FIXED_BYTES - ring_bytes;
	if (n_flushers)
		queue = clamp((left - MEMORY_TABLE_LEAST) / QUEUES_SHARE / n_flushers,
			      MEMORY_QUEUE_LEAST, QUEUE_MOST);
	*ret = (struct memory_plan){
		.table_bytes = left - n_flushers * queue,
		.queue_bytes = queue,
	};
	return 0;
}

void memory_set_up(void)
{
	mallopt(M_MMAP_THRESHOLD, MMAP_BYTES);
	mallopt(M_TRIM_THRESHOLD, TRIM_BYTES);
	mallopt(M_ARENA_MAX, 1);
}

/* The segments of one program or library that nobody ever writes to. */
static int unmap_pages(struct dl_phdr_info *info, size_t size, void *ctx)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	(void)size;
	(void)ctx;
	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
		uintptr_t begin = info->dlpi_addr + segment->p_vaddr;
		uintptr_t end = begin + segment->p_memsz;

		if (segment->p_type != PT_LOAD || segment->p_flags & PF_W)
			continue;
		begin &= ~(page - 1);
		(void)madvise((void *)begin, end - begin, MADV_DONTNEED);
	}
	return 0;
}

void memory_settle(void)
{
	malloc_trim(0);
	dl_iterate_phdr(unmap_pages, NULL);
}

void memory_watch_init(struct memory_watch *w, uint64_t max)
{
	*w = (struct memory_watch){ 0 };
	metric_set(&w->counters.max_bytes, max);
}

uint64_t memory_watch_judge(struct memory_watch *w, uint64_t resident)
{
	uint64_t max = metric_get(&w->counters.max_bytes);

	if (resident <= max) {
		w->is_told = false;
		return 0;
	}
	metric_add(&w->counters.pressure, 1);
	if (!w->is_told)
		log_warn("the agent takes %" PRIu64 " MiB, more than MaxMemory (%" PRIu64
			 " MiB): what is known of old processes is given up",
			 resident / MIB, max / MIB);
	w->is_told = true;
	return resident - max;
}

void memory_watch_turn(struct memory_watch *w, uint64_t now_ns, struct fold *fold)
{
	uint64_t resident = 0, excess;

	if (now_ns - w->looked_ns < LOOK_NS)
		return;
	w->looked_ns = now_ns;
	if (process_resident_bytes(&resident) < 0)
		return;
	excess = memory_watch_judge(w, resident);
	if (!excess)
		return;
	fold_squeeze(fold, excess);
	malloc_trim(0);
}
