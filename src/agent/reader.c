/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One batch at a time: folded record by record, delivered as a whole. Runs on the reader thread,
 * which also delivers.
 */
#include "agent/reader.h"

#include <errno.h>

#include "base/log.h"

#define LOG_UNIT "reader"

/*
 * A batch ends at whichever comes first. Bounds what is repeated after a crash, and what waits in
 * memory.
 */
#define BATCH_RECORDS 2048
#define BATCH_BYTES (1024 * 1024)

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

	r->n_uncommitted++;
	return ret == -EBADMSG || ret == -EPROTO ? 0 : ret; /* counted there; the log goes on */
}

/* One pipeline takes the batch: 0, or why it never will. */
static int deliver_to(struct reader *r, struct pipeline *p)
{
	int ret = pipeline_deliver(p, &r->batch);

	while (ret == -EAGAIN) {
		if (r->give_up && r->give_up(r->give_up_ctx)) {
			pipeline_abandon(p);
			return -ECANCELED;
		}
		ret = pipeline_resume(p);
	}
	return ret;
}

int reader_deliver(struct reader *r)
{
	uint64_t end = r->probe ? ring_position(probe_ring(r->probe)) : 0;
	size_t n_gone = 0;
	int ret = 0;

	if (!r->n_uncommitted)
		return 0;
	for (size_t i = 0; i < r->n_pipelines; i++) {
		int one = deliver_to(r, r->pipelines[i]);

		if (one == -EPIPE)
			n_gone++;
		else if (one == -ECANCELED)
			ret = one;
	}
	batch_reset(&r->batch);
	fold_trim(r->fold);
	if (r->writer && ret == 0)
		ret = recording_commit(r->writer, r->begin, end);
	if (r->probe)
		ring_commit(probe_ring(r->probe));
	r->begin = end;
	r->n_uncommitted = 0;
	if (ret == 0 && r->n_pipelines && n_gone == r->n_pipelines)
		ret = -EPIPE;
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
		if (r->n_uncommitted >= BATCH_RECORDS || seq + size - r->begin >= BATCH_BYTES) {
			ret = reader_deliver(r);
			if (ret < 0)
				return ret;
		}
	}
	ret = reader_deliver(r);
	return ret < 0 ? ret : n;
}
