/* SPDX-License-Identifier: Apache-2.0 */
#include "journal/scan.h"

#include <errno.h>
#include <string.h>

static enum format_verdict check_at(const struct scan *s, size_t at)
{
	return format_batch_check(s->map.data + at, s->size - at);
}

static const struct format_batch *batch_at(const struct scan *s, size_t at)
{
	return (const struct format_batch *)(s->map.data + at);
}

static void found_damage(struct scan *s, const char *why)
{
	s->found.is_damaged = true;
	s->found.why = why;
}

/*
 * The place behind the state, all batches of which are whole. 0: they are not. No kill leaves a
 * file so, since it gets its name when all of the state is in it.
 */
static size_t behind_state(const struct scan *s)
{
	size_t at = sizeof(struct format_file);

	while (check_at(s, at) == FORMAT_WHOLE) {
		const struct format_batch *h = batch_at(s, at);

		at += sizeof(*h) + h->length;
		if (h->kind == FORMAT_STATE_END)
			return at;
		if (h->kind != FORMAT_STATE)
			return 0;
	}
	return 0;
}

/* Takes the batches of the log from `at` on, as long as they are whole. */
static void scan_log(struct scan *s, size_t at)
{
	while (check_at(s, at) == FORMAT_WHOLE && batch_at(s, at)->kind == FORMAT_LOG) {
		s->found.end = batch_at(s, at)->end;
		at += sizeof(struct format_batch) + batch_at(s, at)->length;
	}
	s->found.size = at;
	if (check_at(s, at) != FORMAT_NOTHING)
		found_damage(s, "its bytes are damaged");
}

static void scan_batches(struct scan *s)
{
	size_t at = behind_state(s);

	if (!at) {
		found_damage(s, "the process table that it begins with is damaged");
		return;
	}
	s->found.end = batch_at(s, sizeof(struct format_file))->begin;
	scan_log(s, at);
}

/* How much of the file counts. False: nobody knows. */
static bool find_end(struct scan *s)
{
	uint64_t size = format_tail_size(((const struct format_file *)s->map.data)->tail);

	if (size < sizeof(struct format_file)) {
		found_damage(s, "its header is damaged");
		return false;
	}
	s->size = size;
	if (size > s->map.size) {
		s->size = s->map.size;
		found_damage(s, "it was cut");
	}
	return true;
}

static void scan_map(struct scan *s, const struct journal_id *id)
{
	const struct format_file *file = (const struct format_file *)s->map.data;
	const char *why = NULL;

	if (format_file_check(file, s->map.size, &why) < 0) {
		found_damage(s, why);
		return;
	}
	if (memcmp(file->boot_id, id->boot_id, sizeof(id->boot_id)) != 0) {
		s->found.outcome = JOURNAL_OTHER_BOOT;
		s->found.why = "it is from before the machine was started";
		return;
	}
	if (find_end(s))
		scan_batches(s);
	if (s->found.size)
		s->found.outcome = file->ring_id == id->ring_id ? JOURNAL_SAME_RING
								: JOURNAL_OTHER_RING;
}

void scan_journal(int dir_fd, const struct journal_id *id, struct scan *ret)
{
	int r;

	*ret = (struct scan){ 0 };
	r = format_map(dir_fd, SCAN_JOURNAL, &ret->map);
	if (r == -ENOENT)
		return;
	if (r < 0)
		found_damage(ret, strerrordesc_np(-r));
	else
		scan_map(ret, id);
	ret->found.skipped = (ret->size ? ret->size : ret->map.size) - ret->found.size;
}

void scan_done(struct scan *s)
{
	format_unmap(&s->map);
}

static int visit_record(struct scan *s, const struct event_head *record, uint64_t seq,
			journal_visit_fn *visit, void *ctx)
{
	s->found.n_records++;
	if (record->time_ns > s->found.last_ns)
		s->found.last_ns = record->time_ns;
	return visit(ctx, record, seq);
}

static int visit_batch(struct scan *s, size_t at, journal_visit_fn *visit, void *ctx)
{
	const struct format_batch *h = batch_at(s, at);
	const char *p = (const char *)(h + 1), *end = p + h->length;
	uint64_t position = h->begin;
	struct frame frame;
	int r = 0;

	for (; r == 0 && p < end && format_frame(p, (size_t)(end - p), &frame); p += frame.size) {
		const struct event_head *record = format_record(&frame);

		if (record)
			r = visit_record(s, record, position, visit, ctx);
		position += format_span(&frame, record);
	}
	return r;
}

int scan_visit(struct scan *s, journal_visit_fn *visit, void *ctx)
{
	size_t at = sizeof(struct format_file);
	int r = 0;

	while (r == 0 && at < s->found.size) {
		r = visit_batch(s, at, visit, ctx);
		at += sizeof(struct format_batch) + batch_at(s, at)->length;
	}
	return r;
}
