/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One batch at a time: folded record by record, delivered as a whole. While flushers are behind,
 * reading goes on as long as any has room, so that a slow one holds up nobody else; when none has,
 * records wait in the ring, which is larger than the queues.
 */
#include "agent/reader.h"

#include <errno.h>
#include <time.h>

#include "base/log.h"

#define LOG_UNIT "reader"

/*
 * A batch ends at whichever comes first. Bounds what is repeated after a crash, and what waits in
 * memory.
 */
#define BATCH_RECORDS 2048
#define BATCH_BYTES (1024 * 1024)
#define ROOM_POLL_NS 2000000
#define SNAPSHOT_POLLS 500
/*
 * How much of the ring those may hold who are behind. It is much less than all: a flusher that
 * hangs, whose filter leaves little, would hold up everybody long before its queue is full.
 */
#define HOLD_SHARE 8

#define RECORDS(call, name)                                                                       \
	{                                                                                         \
		"records_total", METRIC_COUNTER, offsetof(struct reader_counters, records[call]), \
			.help = "Events of the process stream, before any pipeline.",             \
			.label = "call", .value = name                                            \
	}

const struct metric reader_metrics[] = {
	RECORDS(CALL_EXECVE, "execve"),
	RECORDS(CALL_EXIT, "exit"),
	RECORDS(CALL_CLONE, "clone"),
	{ "batches_total", METRIC_COUNTER, offsetof(struct reader_counters, batches),
	  .help = "Batches that were folded and delivered." },
	{ .type = METRIC_END },
};

static void tap(void *ctx, const struct event_head *record)
{
	struct reader *r = ctx;

	/* Out of memory shows when the batch is committed. */
	if (r->writer)
		recording_append(r->writer, record);
}

static size_t need(void *ctx, enum need what, uint64_t key, uint32_t hierarchy, void *to,
		   size_t size)
{
	struct reader *r = ctx;

	return facts_answer(r->facts, what, key, hierarchy, to, size);
}

int reader_init(struct reader *r, const struct proc_limits *limits)
{
	const struct fold_hooks hooks = { .need = r->facts ? need : NULL, .tap = tap, .ctx = r };
	int ret;

	ret = fold_new(limits, &hooks, &r->fold);
	if (ret < 0)
		return ret;
	batch_init(&r->batch, fold_release, r->fold);
	if (r->probe)
		r->begin = ring_position(probe_ring(r->probe));
	return 0;
}

void reader_done(struct reader *r)
{
	if (!r->fold)
		return;
	batch_reset(&r->batch);
	batch_done(&r->batch);
	r->fold = fold_free(r->fold);
}

int reader_fold(struct reader *r, const void *record, size_t size, uint64_t seq)
{
	int ret = fold_record(r->fold, record, size, seq, &r->batch);

	r->n_folded++;
	return ret == -EBADMSG || ret == -EPROTO ? 0 : ret; /* counted there; the log goes on */
}

/*
 * Until there is room: somewhere, when the records come from the kernel; everywhere, when they come
 * from a file, which can wait. 0 or -ECANCELED.
 */
static int wait_for_room(struct reader *r)
{
	const struct timespec pause = { .tv_nsec = ROOM_POLL_NS };

	while (r->pipelines &&
	       !(r->probe ? pipelines_any_room(r->pipelines) : pipelines_all_room(r->pipelines))) {
		if (pipelines_are_gone(r->pipelines))
			return 0;
		if (r->give_up && r->give_up(r->give_up_ctx))
			return -ECANCELED;
		nanosleep(&pause, NULL);
	}
	return 0;
}

static void count(struct reader *r)
{
	uint64_t n[_CALL_MAX] = { 0 };

	for (size_t i = 0; i < r->batch.n; i++)
		n[r->batch.events[i].call]++;
	for (size_t call = 0; call < _CALL_MAX; call++)
		metric_add(&r->counters.records[call], n[call]);
	metric_add(&r->counters.batches, 1);
}

/* From where on the ring must be kept for those that are behind. */
static uint64_t held_from(struct reader *r, const struct ring *ring)
{
	uint64_t pending = r->pipelines ? pipelines_pending(r->pipelines) : UINT64_MAX;
	uint64_t most = ring_size(ring) / HOLD_SHARE;

	if (pending >= r->begin || r->begin - pending <= most)
		return pending;
	pipelines_let_go(r->pipelines, r->begin - most);
	return pipelines_pending(r->pipelines);
}

void reader_commit(struct reader *r)
{
	struct ring *ring = r->probe ? probe_ring(r->probe) : NULL;
	uint64_t begin = ring ? held_from(r, ring) : 0;

	if (ring)
		ring_commit(ring, begin < r->begin ? begin : r->begin);
}

int reader_deliver(struct reader *r)
{
	uint64_t end = r->probe ? ring_position(probe_ring(r->probe)) : 0;
	int ret;

	if (!r->n_folded) {
		reader_commit(r);
		return 0;
	}
	ret = wait_for_room(r);
	count(r);
	for (size_t i = 0; r->pipelines && ret == 0 && i < r->pipelines->n; i++)
		pipeline_deliver(r->pipelines->items[i].pipeline, &r->batch, r->begin);
	batch_reset(&r->batch);
	fold_trim(r->fold);
	if (r->writer && ret == 0)
		ret = recording_commit(r->writer, r->begin, end);
	if (ret == 0) {
		r->begin = end;
		r->n_folded = 0;
	}
	reader_commit(r);
	if (ret == 0 && r->pipelines && pipelines_are_gone(r->pipelines))
		ret = -EPIPE;
	return ret;
}

/*
 * A pipeline that has just begun has room; where its flushers are slow it is waited for, up to a
 * second.
 */
static void wait_for_pipeline(struct reader *r, struct pipeline *p)
{
	const struct timespec pause = { .tv_nsec = ROOM_POLL_NS };

	for (int i = 0; i < SNAPSHOT_POLLS && !pipeline_has_room(p); i++) {
		if (r->give_up && r->give_up(r->give_up_ctx))
			return;
		nanosleep(&pause, NULL);
	}
}

int reader_snapshot(struct reader *r, struct pipeline *p, uint64_t boot_ns)
{
	struct batch batch;
	int ret;

	batch_init(&batch, fold_release, r->fold);
	ret = fold_each_living(r->fold, boot_ns, r->begin, &batch);
	for (size_t i = 0; ret == 0 && i < batch.n; i += BATCH_RECORDS) {
		struct batch slice = batch;

		slice.events += i;
		slice.n = batch.n - i < BATCH_RECORDS ? batch.n - i : BATCH_RECORDS;
		wait_for_pipeline(r, p);
		pipeline_deliver(p, &slice, r->begin);
	}
	batch_reset(&batch);
	batch_done(&batch);
	return ret;
}

/* Facts that have changed since the last batch come before its records. */
static int fold_changes(struct reader *r, uint64_t seq)
{
	_Alignas(8) char record[1024];
	size_t n, cursor = 0;
	int ret;

	if (!r->facts)
		return 0;
	n = facts_clock(r->facts, record, sizeof(record));
	if (n) {
		ret = reader_fold(r, record, n, seq);
		if (ret < 0)
			return ret;
	}
	if (!facts_users_changed(r->facts))
		return 0;
	while ((n = facts_next_user(r->facts, &cursor, record, sizeof(record)))) {
		ret = reader_fold(r, record, n, seq);
		if (ret < 0)
			return ret;
	}
	return 0;
}

int64_t reader_drain(struct reader *r)
{
	struct ring *ring = probe_ring(r->probe);
	const void *record;
	int64_t n = 0;
	uint64_t seq;
	size_t size;
	int ret;

	if (!ring_pending(ring))
		return reader_deliver(r);
	ret = fold_changes(r, ring_position(ring));
	if (ret < 0)
		return ret;
	while ((record = ring_next(ring, &size, &seq))) {
		if (r->filter && size >= sizeof(struct event_head)) {
			record = r->filter(r->filter_ctx, record);
			size = ((const struct event_head *)record)->size;
		}
		ret = reader_fold(r, record, size, seq);
		if (ret < 0)
			return ret;
		n++;
		if (r->n_folded >= BATCH_RECORDS || seq + size - r->begin >= BATCH_BYTES) {
			ret = reader_deliver(r);
			if (ret < 0)
				return ret;
		}
	}
	ret = reader_deliver(r);
	return ret < 0 ? ret : n;
}
