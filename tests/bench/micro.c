/* SPDX-License-Identifier: Apache-2.0 */
/*
 * micro RECORDING [PASSES [FOLDER]]: what the parts of the reader's work cost, on the records of a
 * file: proving them (decode), the process table (fold), JSON (encode), a condition (filter); with
 * a folder, custody, too: the journal in it, drain by drain, and the table's state each time it is
 * full. One line of JSON for each pass. Every part is a function that is not inlined, stage_NAME(),
 * so that a simulator of the processor may count what happens within it and nothing else.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/transients.h"
#include "base/cleanup.h"
#include "codec/json.h"
#include "journal/format.h"
#include "journal/journal.h"
#include "journal/recording.h"
#include "match/syntax.h"
#include "proc/fold.h"
#include "proc/state.h"

#define OUT_BYTES (256 * 1024) /* then it is as if a flusher had taken them */
#define MAX_ARGS (32 * 1024)
#define STRIDE 128 /* records that are folded before they are encoded, as the reader has it */
#define DRAIN_RECORDS 512 /* of a full storm, between two of the reader's turns */
#define JOURNAL_BYTES (8 * 1024 * 1024)

struct record {
	const struct event_head *head; /* NULL: the batch ends here */
	uint64_t seq;
	size_t at; /* where its frame begins in the log's */
};

/* As in the ring: the records in their frames, one behind the other. */
struct log {
	struct record *records;
	size_t n, cap;
	struct buf frames;
};

/* The journal of all passes, which go on where the one before ended. */
struct custody {
	struct journal *journal; /* NULL: none is wanted */
	struct transients transients;
	uint64_t position;
};

struct micro {
	struct shape shape;
	struct json_schema *schema;
	struct condition *condition;
	struct buf scratch, out;
	struct field_view view;
	struct custody custody;
};

struct figures {
	uint64_t records, events, kept, record_bytes, json_bytes;
	uint64_t decode_ns, fold_ns, encode_ns, filter_ns, custody_ns;
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

static int log_append(struct log *log, struct record record)
{
	if (log->n == log->cap) {
		size_t cap = log->cap ? 2 * log->cap : 4096;
		void *p = reallocarray(log->records, cap, sizeof(record));

		if (!p)
			return -ENOMEM;
		log->records = p;
		log->cap = cap;
	}
	log->records[log->n++] = record;
	return 0;
}

static int log_append_record(struct log *log, struct record *record)
{
	size_t n = format_frame_size(record->head);
	char *to = buf_room(&log->frames, n);

	if (!to)
		return -ENOMEM;
	record->at = log->frames.len;
	format_frame_make(to, record->head, false);
	buf_advance(&log->frames, n);
	return log_append(log, *record);
}

static int log_append_end(struct log *log)
{
	return log_append(log, (struct record){ .at = log->frames.len });
}

static int log_read(struct recording_reader *reader, struct log *log)
{
	int r = 0;

	while (r == 0) {
		struct record record = { 0 };

		switch (recording_next(reader, &record.head, &record.seq)) {
		case RECORDING_RECORD:
			r = log_append_record(log, &record);
			break;
		case RECORDING_BATCH:
			r = log_append_end(log);
			break;
		case RECORDING_END:
			return log_append_end(log);
		case RECORDING_TORN:
		case RECORDING_BAD:
			return -EBADMSG;
		}
	}
	return r;
}

/* From here on the records are those in the log's own memory. */
static void log_close(struct log *log)
{
	struct frame frame;

	for (struct record *r = log->records; r < log->records + log->n; r++)
		if (r->head &&
		    format_frame(log->frames.data + r->at, log->frames.len - r->at, &frame))
			r->head = frame.data;
}

static int custody_init(struct custody *c, const char *folder)
{
	static const struct journal_id id = { .ring_id = 1 };

	return folder ? journal_open(folder, &id, JOURNAL_BYTES, &c->journal) : 0;
}

static int micro_init(struct micro *m)
{
	static const char text[] = "{any: [{field: binary, prefix: [/usr/bin/, /bin/]}, "
				   "{field: uid, ge: 1000}, {field: arguments, contains: secret}]}";
	_cleanup_(freep) bool *want = calloc(n_fields, sizeof(*want));
	static const struct json_options options;
	struct diag diag = { 0 };
	const struct syntax in = { .shape = &m->shape, .reterr = &diag };
	_cleanup_(conf_node_freep) struct conf_node *node = NULL;
	int r;

	if (!want)
		return -ENOMEM;
	for (size_t i = 0; i < n_fields; i++)
		want[i] = fields[i].set == FIELD_SET_SPEC;
	r = shape_init(&m->shape, want);
	if (r == 0)
		r = json_schema_new(&m->shape, &options, &m->schema);
	if (r == 0)
		r = conf_parse_text("micro", text, strlen(text), &diag, &node);
	if (r == 0)
		r = syntax_parse(&in, node, "", &m->condition);
	m->view = (struct field_view){ .max_args = MAX_ARGS, .scratch = &m->scratch };
	return r;
}

static void micro_done(struct micro *m)
{
	condition_free(m->condition);
	json_schema_free(m->schema);
	shape_done(&m->shape);
	buf_done(&m->scratch);
	buf_done(&m->out);
	journal_free(m->custody.journal);
	transients_done(&m->custody.transients);
}

/* What the linker sees of these is wanted by the simulator. */
void stage_decode(const struct record *begin, const struct record *end, struct figures *f);
void stage_fold(struct fold *fold, const struct record *begin, const struct record *end,
		struct batch *batch);
void stage_encode(struct micro *m, const struct batch *batch, struct figures *f);
void stage_filter(struct micro *m, const struct batch *batch, struct figures *f);
void stage_custody(struct custody *c, struct fold *fold, char *frames, size_t n);

__attribute__((noinline)) void stage_decode(const struct record *begin, const struct record *end,
					    struct figures *f)
{
	for (const struct record *r = begin; r < end; r++)
		if (record_check(r->head, r->head->size) == 0)
			f->record_bytes += r->head->size;
}

__attribute__((noinline)) void stage_fold(struct fold *fold, const struct record *begin,
					  const struct record *end, struct batch *batch)
{
	for (const struct record *r = begin; r < end; r++)
		(void)fold_record(fold, r->head, r->head->size, r->seq, batch);
}

__attribute__((noinline)) void stage_encode(struct micro *m, const struct batch *batch,
					    struct figures *f)
{
	for (size_t i = 0; i < batch->n; i++) {
		size_t before = m->out.len;

		json_encode(m->schema, &batch->events[i], &m->view, &m->out);
		f->json_bytes += m->out.len - before;
		if (m->out.len > OUT_BYTES)
			buf_clear(&m->out);
	}
}

__attribute__((noinline)) void stage_filter(struct micro *m, const struct batch *batch,
					    struct figures *f)
{
	for (size_t i = 0; i < batch->n; i++)
		f->kept += condition_test(m->condition, &batch->events[i], &m->view) == OUTCOME_YES;
}

static int put_state(void *ctx, const struct event_head *record)
{
	return journal_put_state(ctx, record);
}

static int write_state(void *ctx, struct journal *journal)
{
	return fold_state(ctx, put_state, journal);
}

__attribute__((noinline)) void stage_custody(struct custody *c, struct fold *fold, char *frames,
					     size_t n)
{
	const struct iovec piece = { .iov_base = frames, .iov_len = n };
	uint64_t end = c->position + n;

	transients_find(&c->transients, fold, c->position, &piece, 1);
	journal_append(c->journal, c->position, end, &piece, 1, &c->transients.cuts);
	c->position = end;
	if (journal_is_broken(c->journal) || journal_is_full(c->journal))
		journal_rewrite(c->journal, end, write_state, fold);
}

static void end_drain(struct micro *m, struct fold *fold, const struct log *log, size_t begin,
		      size_t end, struct figures *f)
{
	uint64_t t = now_ns();

	stage_custody(&m->custody, fold, log->frames.data + begin, end - begin);
	f->custody_ns += now_ns() - t;
}

/* Records of one drain, through all stages. */
static void run_stride(struct micro *m, struct fold *fold, const struct record *begin,
		       const struct record *end, struct figures *f)
{
	struct batch batch;
	uint64_t t[5];

	batch_init(&batch, fold_release, fold);
	t[0] = now_ns();
	stage_decode(begin, end, f);
	t[1] = now_ns();
	stage_fold(fold, begin, end, &batch);
	t[2] = now_ns();
	stage_encode(m, &batch, f);
	t[3] = now_ns();
	stage_filter(m, &batch, f);
	t[4] = now_ns();
	f->records += (uint64_t)(end - begin);
	f->events += batch.n;
	batch_reset(&batch);
	fold_trim(fold);
	f->fold_ns += now_ns() - t[4] + t[2] - t[1];
	f->decode_ns += t[1] - t[0];
	f->encode_ns += t[3] - t[2];
	f->filter_ns += t[4] - t[3];
	batch_done(&batch);
}

static int run_pass(struct micro *m, const struct log *log)
{
	_cleanup_(fold_freep) struct fold *fold = NULL;
	const struct record *begin = log->records, *drain = begin, *last = begin + log->n - 1;
	struct figures f = { 0 };
	int r = fold_new(NULL, NULL, &fold);

	if (r < 0)
		return r;
	for (const struct record *at = begin; at <= last; at++) {
		if (at->head && at - begin < STRIDE)
			continue;
		run_stride(m, fold, begin, at, &f);
		begin = at->head ? at : at + 1;
		if (m->custody.journal && (at - drain >= DRAIN_RECORDS || at == last)) {
			end_drain(m, fold, log, drain->at, at->at, &f);
			drain = at;
		}
	}
	printf("{\"records\":%" PRIu64 ",\"events\":%" PRIu64 ",\"kept\":%" PRIu64
	       ",\"record_bytes\":%" PRIu64 ",\"json_bytes\":%" PRIu64,
	       f.records, f.events, f.kept, f.record_bytes, f.json_bytes);
	printf(",\"decode_ns\":%" PRIu64 ",\"fold_ns\":%" PRIu64 ",\"encode_ns\":%" PRIu64
	       ",\"filter_ns\":%" PRIu64 ",\"custody_ns\":%" PRIu64 "}\n",
	       f.decode_ns, f.fold_ns, f.encode_ns, f.filter_ns, f.custody_ns);
	if (m->custody.journal && journal_is_broken(m->custody.journal))
		return -EIO;
	return buf_failed(&m->out) || buf_failed(&m->scratch) ? -ENOMEM : 0;
}

int main(int argc, char **argv)
{
	_cleanup_(recording_reader_freep) struct recording_reader *reader = NULL;
	long passes = argc > 2 ? strtol(argv[2], NULL, 10) : 1;
	const char *reason = NULL;
	struct micro m = { 0 };
	struct log log = { 0 };
	int r;

	if (argc < 2) {
		fprintf(stderr, "usage: micro RECORDING [PASSES [FOLDER]]\n");
		return 2;
	}
	r = recording_reader_new(argv[1], &reader, &reason);
	if (r == 0)
		r = log_read(reader, &log);
	if (r == 0)
		r = micro_init(&m);
	if (r == 0)
		r = custody_init(&m.custody, argc > 3 ? argv[3] : NULL);
	log_close(&log);
	for (long i = 0; i < passes && r == 0; i++)
		r = run_pass(&m, &log);
	if (r < 0)
		fprintf(stderr, "micro: %s: %s\n", argv[1], reason ? reason : strerror(-r));
	micro_done(&m);
	free(log.records);
	buf_done(&log.frames);
	return r < 0;
}
