/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One batch at a time: folded record by record, and handed over stride by stride, so that what was
 * folded is encoded, and let go of, before the cache has lost it. While flushers are behind,
 * reading goes on as long as any has room, so that a slow one holds up nobody else; when none has,
 * records wait in the ring, which is larger than the queues.
 */
#include "agent/reader.h"

#include <errno.h>
#include <time.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "event/decode.h"

#define LOG_UNIT "reader"

/*
 * A batch ends at whichever comes first: it is as much as is still in the cache when it is written.
 */
#define BATCH_RECORDS 384
#define BATCH_BYTES (256 * 1024)
#define COMMIT_BYTES (1024 * 1024) /* bounds what is read again after a crash */
#define STRIDE_EVENTS 128 /* they, their images and their bytes fit into the first cache but one */
#define ROOM_POLL_NS 2000000
#define SNAPSHOT_POLLS 500
/*
 * How much of the ring those may hold who are behind; what is older goes to their backlogs. It is
 * much less than all: a flusher that hangs, whose filter leaves little, would hold up everybody
 * long before its queue is full.
 */
#define HOLD_SHARE 8
#define SECURE_NS 20000000 /* flushers get this long to finish before a backlog is written */
#define SECURE_POLL_NS 200000
#define CHECKPOINT_RETRY_NS 1000000000ULL /* where they and their backlogs were not able to */

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
	RECORDS(CALL_LOST, "lost"),
	RECORDS(CALL_CONTAINER, "container"),
	{ "batches_total", METRIC_COUNTER, offsetof(struct reader_counters, batches),
	  .help = "Batches that were folded and delivered." },
	{ .type = METRIC_END },
};

/* What is folded goes into a recording; of the journal, only what it cannot take from the ring. */
static void tap(void *ctx, const struct event_head *record)
{
	struct reader *r = ctx;

	if (r->is_recovering)
		return;
	/* Out of memory shows when the batch is committed. */
	if (r->writer)
		recording_append(r->writer, record);
	if (record != r->current)
		store_note(r->store, record, r->position);
}

static size_t need(void *ctx, enum need what, uint64_t key, uint32_t hierarchy, void *to,
		   size_t size)
{
	struct reader *r = ctx;

	return r->is_recovering ? 0 : facts_answer(r->facts, what, key, hierarchy, to, size);
}

static size_t need_container(void *ctx, const struct container_question *q, void *to, size_t size)
{
	struct reader *r = ctx;

	return r->is_recovering ? 0 : enrichment_answer(r->enrichment, q, to, size);
}

static size_t need_inner_user(void *ctx, const struct inner_user_question *q, void *to, size_t size)
{
	struct reader *r = ctx;

	return r->is_recovering ? 0 : naming_answer(r->naming, q, to, size);
}

/* What has been folded is in everybody's custody. */
static void forget_batch(struct reader *r)
{
	batch_reset(&r->batch);
	fold_trim(r->fold);
	r->n_folded = 0;
	r->room = 0;
}

int reader_init(struct reader *r, const struct proc_limits *limits)
{
	const struct fold_hooks hooks = { .need = r->facts ? need : NULL,
					  .container = r->enrichment ? need_container : NULL,
					  .inner_user = r->naming ? need_inner_user : NULL,
					  .tap = tap,
					  .ctx = r };
	int ret;

	ret = fold_new(limits, &hooks, &r->fold);
	if (ret < 0)
		return ret;
	batch_init(&r->batch, fold_release, r->fold);
	reader_go_on(r, false);
	return 0;
}

void reader_go_on(struct reader *r, bool is_next)
{
	if (!is_next)
		forget_batch(r);
	if (TAKE(r->is_recovering, false)) {
		fold_losses(r->fold, &r->told);
		fold_is_journaled(r->fold, UINT64_MAX);
	}
	r->begin = r->probe ? ring_position(probe_ring(r->probe)) : 0;
	r->position = r->begin;
}

void reader_done(struct reader *r)
{
	if (!r->fold)
		return;
	batch_reset(&r->batch);
	batch_done(&r->batch);
	r->fold = fold_free(r->fold);
}

static int fold(struct reader *r, const void *record, size_t size, uint64_t seq)
{
	int ret = fold_record(r->fold, record, size, seq, &r->batch);

	r->n_folded++;
	return ret == -EBADMSG || ret == -EPROTO ? 0 : ret; /* counted there; the log goes on */
}

int reader_fold(struct reader *r, const void *record, size_t size)
{
	return fold(r, record, size, r->position);
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
		pipelines_serve(r->pipelines, NULL); /* theirs is what is to be written meanwhile */
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
}

static void give(const struct reader *r, const struct batch *events)
{
	if (r->pipelines)
		pipelines_take(r->pipelines, events, r->begin, fold_next_owed(r->fold));
}

/*
 * The events that there are go through the pipelines. Nobody gets any while nobody has room; what
 * one record let go of may be more than that.
 */
static int hand_over(struct reader *r)
{
	struct batch slice;

	count(r);
	for (size_t i = 0; i < r->batch.n; i += slice.n) {
		size_t left = r->batch.n - i;
		int ret = r->room ? 0 : wait_for_room(r);

		if (ret < 0)
			return ret;
		r->room = r->room ? r->room : STRIDE_EVENTS;
		slice = batch_slice(&r->batch, i, left < r->room ? left : r->room);
		give(r, &slice);
		r->room -= slice.n;
	}
	batch_reset(&r->batch);
	return 0;
}

static int end_stride(struct reader *r)
{
	return r->batch.n < STRIDE_EVENTS ? 0 : hand_over(r);
}

int reader_replay(struct reader *r, const void *record, size_t size, uint64_t seq)
{
	int ret;

	r->position = seq;
	ret = fold(r, record, size, seq);
	return ret < 0 ? ret : end_stride(r);
}

int reader_mark(struct reader *r, uint32_t mark)
{
	_Alignas(8) char record[sizeof(struct event_mark)];
	size_t n = facts_mark(r->facts, mark, record, sizeof(record));

	return reader_fold(r, record, n);
}

/* Of the facts that reader_tell() is for; no other one is in a journal before its custody. */
static bool is_told_late(const struct event_head *head)
{
	return head->type == EVENT_STREAM || head->type == EVENT_MARK;
}

int reader_recover(struct reader *r, const struct event_head *record, uint64_t seq)
{
	int ret;

	r->is_recovering = true;
	ret = fold(r, record, record->size, seq);
	if (!is_told_late(record) || !r->batch.n)
		forget_batch(r);
	return ret;
}

/* From where on the ring must be kept for those that are behind. */
static uint64_t held_from(struct reader *r, const struct ring *ring)
{
	uint64_t pending = r->pipelines ? pipelines_pending(r->pipelines) : UINT64_MAX;
	uint64_t most = ring_size(ring) / HOLD_SHARE;

	if (pending >= r->begin || r->begin - pending <= most)
		return pending;
	pipelines_secure(r->pipelines, r->begin - most);
	return pipelines_pending(r->pipelines);
}

void reader_commit(struct reader *r)
{
	struct ring *ring = r->probe ? probe_ring(r->probe) : NULL;
	uint64_t held, end;

	if (!ring)
		return;
	held = held_from(r, ring);
	end = held < r->begin ? held : r->begin;
	store_append(r->store, ring, end, r->fold);
	if (store_is_broken(r->store) && fold_holds(r->fold))
		return; /* until they are out, nothing but the ring has them for the next agent */
	fold_is_journaled(r->fold, end);
	FAULT("position_before");
	ring_commit(ring, end);
}

void reader_losses(const struct reader *r, struct fold_losses *ret)
{
	fold_losses(r->fold, ret);
	ret->exec -= r->told.exec;
	ret->exit -= r->told.exit;
	ret->fork -= r->told.fork;
	ret->other -= r->told.other;
	for (int i = 0; i < _LOSS_MAX; i++)
		ret->by_reason[i] -= r->told.by_reason[i];
}

static bool is_all_in_custody(struct reader *r)
{
	return !r->pipelines || pipelines_pending(r->pipelines) == UINT64_MAX;
}

bool reader_secure(struct reader *r)
{
	const struct timespec pause = { .tv_nsec = SECURE_POLL_NS };
	uint64_t until = clock_now_ns(CLOCK_MONOTONIC) + SECURE_NS;

	while (!is_all_in_custody(r) && clock_now_ns(CLOCK_MONOTONIC) < until)
		nanosleep(&pause, NULL);
	if (!is_all_in_custody(r))
		pipelines_secure(r->pipelines, UINT64_MAX);
	reader_commit(r);
	return is_all_in_custody(r);
}

void reader_leave(struct reader *r)
{
	if (!r->n_folded && !fold_holds(r->fold) && reader_secure(r))
		store_rewrite(r->store, r->fold, r->begin);
}

void reader_checkpoint(struct reader *r)
{
	uint64_t now = clock_now_ns(CLOCK_MONOTONIC);

	if (r->n_folded || !store_wants_rewrite(r->store) || now < r->checkpoint_ns)
		return;
	reader_leave(r);
	r->checkpoint_ns = store_wants_rewrite(r->store) ? now + CHECKPOINT_RETRY_NS : 0;
}

/* What the pipelines have been given of the batch is all. */
static void push_batch(struct reader *r)
{
	metric_add(&r->counters.batches, 1);
	if (r->pipelines)
		pipelines_push(r->pipelines, fold_next_owed(r->fold));
}

static int end_batch(struct reader *r)
{
	uint64_t end = r->position;
	int ret;

	if (!r->n_folded)
		return 0;
	ret = hand_over(r);
	if (ret == 0)
		push_batch(r);
	batch_reset(&r->batch);
	fold_trim(r->fold);
	r->room = 0;
	if (r->writer && ret == 0)
		ret = recording_commit(r->writer, r->begin, end);
	if (ret < 0)
		return ret; /* the ring and the journal stay where they are */
	r->begin = end;
	r->n_folded = 0;
	/* From here on another may have taken our place, and gone on. */
	if (r->pipelines)
		pipelines_serve(r->pipelines, r->post);
	return r->pipelines && pipelines_are_gone(r->pipelines) ? -EPIPE : 0;
}

int reader_deliver(struct reader *r)
{
	int ret = end_batch(r);

	if (ret < 0 && ret != -EPIPE)
		return ret;
	reader_commit(r);
	reader_checkpoint(r);
	return ret;
}

int reader_tell(struct reader *r)
{
	if (r->n_folded && r->position == r->begin)
		store_append_facts(r->store, r->begin);
	return reader_deliver(r);
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
	ret = fold_each_living(r->fold, boot_ns, r->position, &batch);
	for (size_t i = 0; ret == 0 && i < batch.n; i += BATCH_RECORDS) {
		size_t left = batch.n - i, n = left < BATCH_RECORDS ? left : BATCH_RECORDS;
		struct batch slice = batch_slice(&batch, i, n);

		wait_for_pipeline(r, p);
		pipeline_deliver(p, &slice, r->begin, fold_next_owed(r->fold));
	}
	batch_reset(&batch);
	batch_done(&batch);
	return ret;
}

/* Facts that have changed since the last batch come before its records. */
static int fold_changes(struct reader *r)
{
	_Alignas(8) char record[1024];
	size_t n, cursor = 0;
	int ret;

	if (!r->facts)
		return 0;
	n = facts_clock(r->facts, record, sizeof(record));
	if (n) {
		ret = reader_fold(r, record, n);
		if (ret < 0)
			return ret;
	}
	if (!facts_users_changed(r->facts))
		return 0;
	while ((n = facts_next_user(r->facts, &cursor, record, sizeof(record)))) {
		ret = reader_fold(r, record, n);
		if (ret < 0)
			return ret;
	}
	return 0;
}

int reader_end_replay(struct reader *r)
{
	int ret = fold_end_waiting(r->fold, &r->batch);

	r->n_folded++;
	return ret < 0 ? ret : reader_deliver(r);
}

/*
 * Between two batches of a drain. What is in custody may wait a while until it is committed; not
 * while events are held that only the ring has, since with them all that came later comes again.
 */
static int end_batch_of_drain(struct reader *r, const struct ring *ring)
{
	bool may_wait = r->position - ring_committed(ring) < COMMIT_BYTES &&
			fold_next_owed(r->fold) == fold_next_seq(r->fold);

	return may_wait ? end_batch(r) : reader_deliver(r);
}

static bool is_batch_full(const struct reader *r)
{
	return r->n_folded >= BATCH_RECORDS || r->position - r->begin >= BATCH_BYTES;
}

static int fold_from_ring(struct reader *r, const void *record, size_t size)
{
	const struct event_head *head = record;
	int ret;

	if (r->filter && size >= sizeof(*head)) {
		head = r->filter(r->filter_ctx, record);
		size = head == record ? size : head->size;
	}
	r->current = head;
	ret = fold(r, head, size, r->position);
	r->current = NULL;
	r->position = ring_position(probe_ring(r->probe));
	return ret < 0 ? ret : end_stride(r);
}

int64_t reader_drain(struct reader *r)
{
	struct ring *ring = probe_ring(r->probe);
	const void *record;
	int64_t n = 0;
	size_t size;
	int ret;

	if (!ring_pending(ring))
		return reader_deliver(r);
	ret = fold_changes(r);
	if (ret < 0)
		return ret;
	while ((record = ring_next(ring, &size, &r->position))) {
		ret = fold_from_ring(r, record, size);
		if (ret < 0)
			return ret;
		n++;
		ret = is_batch_full(r) ? end_batch_of_drain(r, ring) : 0;
		if (ret < 0)
			return ret;
	}
	r->position = ring_position(ring); /* behind what was discarded, too */
	if (!r->n_folded)
		r->begin = r->position;
	ret = reader_deliver(r);
	return ret < 0 ? ret : n;
}
