/* SPDX-License-Identifier: Apache-2.0 */
/*
 * micro RECORDING [PASSES]: what the parts of the reader's work cost, on the records of a file:
 * proving them (decode), the process table (fold), JSON (encode), a condition (filter). One line of
 * JSON for each pass. Every part is a function that is not inlined, stage_NAME(), so that a
 * simulator of the processor may count what happens within it and nothing else.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "codec/json.h"
#include "journal/recording.h"
#include "match/syntax.h"
#include "proc/fold.h"

#define OUT_BYTES (256 * 1024) /* then it is as if a flusher had taken them */
#define MAX_ARGS (32 * 1024)
#define STRIDE 128 /* records that are folded before they are encoded, as the reader has it */

struct record {
	const struct event_head *head; /* NULL: the batch ends here */
	uint64_t seq;
};

struct log {
	struct record *records;
	size_t n, cap;
};

struct micro {
	struct shape shape;
	struct json_schema *schema;
	struct condition *condition;
	struct buf scratch, out;
	struct field_view view;
};

struct figures {
	uint64_t records, events, kept, record_bytes, json_bytes;
	uint64_t decode_ns, fold_ns, encode_ns, filter_ns;
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

static int log_read(struct recording_reader *reader, struct log *log)
{
	int r = 0;

	while (r == 0) {
		struct record record = { 0 };

		switch (recording_next(reader, &record.head, &record.seq)) {
		case RECORDING_RECORD:
			r = log_append(log, record);
			break;
		case RECORDING_BATCH:
			r = log_append(log, (struct record){ 0 });
			break;
		case RECORDING_END:
			return log_append(log, (struct record){ 0 });
		case RECORDING_TORN:
		case RECORDING_BAD:
			return -EBADMSG;
		}
	}
	return r;
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
}

/* What the linker sees of these is wanted by the simulator. */
void stage_decode(const struct record *begin, const struct record *end, struct figures *f);
void stage_fold(struct fold *fold, const struct record *begin, const struct record *end,
		struct batch *batch);
void stage_encode(struct micro *m, const struct batch *batch, struct figures *f);
void stage_filter(struct micro *m, const struct batch *batch, struct figures *f);

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

/* Records of one drain, through all stages. */
static void run_batch(struct micro *m, struct fold *fold, const struct record *begin,
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
	const struct record *begin = log->records;
	struct figures f = { 0 };
	int r = fold_new(NULL, NULL, &fold);

	if (r < 0)
		return r;
	for (const struct record *at = begin; at < log->records + log->n; at++) {
		if (at->head && at - begin < STRIDE)
			continue;
		run_batch(m, fold, begin, at, &f);
		begin = at->head ? at : at + 1;
	}
	printf("{\"records\":%" PRIu64 ",\"events\":%" PRIu64 ",\"kept\":%" PRIu64
	       ",\"record_bytes\":%" PRIu64 ",\"json_bytes\":%" PRIu64,
	       f.records, f.events, f.kept, f.record_bytes, f.json_bytes);
	printf(",\"decode_ns\":%" PRIu64 ",\"fold_ns\":%" PRIu64 ",\"encode_ns\":%" PRIu64
	       ",\"filter_ns\":%" PRIu64 "}\n",
	       f.decode_ns, f.fold_ns, f.encode_ns, f.filter_ns);
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
		fprintf(stderr, "usage: micro RECORDING [PASSES]\n");
		return 2;
	}
	r = recording_reader_new(argv[1], &reader, &reason);
	if (r == 0)
		r = log_read(reader, &log);
	if (r == 0)
		r = micro_init(&m);
	for (long i = 0; i < passes && r == 0; i++)
		r = run_pass(&m, &log);
	if (r < 0)
		fprintf(stderr, "micro: %s: %s\n", argv[1], reason ? reason : strerror(-r));
	micro_done(&m);
	free(log.records);
	return r < 0;
}
