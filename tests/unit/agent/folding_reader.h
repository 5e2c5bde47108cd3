/* SPDX-License-Identifier: Apache-2.0 */
/* A reader without a probe, and the records that a test has it fold. */
#pragma once

#include <stdlib.h>

#include "agent/reader.h"
#include <cmocka.h>

#define FOLDING_RECORDS 64

struct folding_reader {
	struct reader reader;
	void *records[FOLDING_RECORDS]; /* until the end: events point into them */
	size_t n_records;
};

/* Takes a record, and has it folded. */
static inline void folding_reader_fold(struct folding_reader *f, void *record)
{
	assert_true(f->n_records < FOLDING_RECORDS);
	f->records[f->n_records++] = record;
	assert_int_equal(reader_fold(&f->reader, record, ((struct event_head *)record)->size), 0);
}

/* When nothing looks at events any more. */
static inline void folding_reader_done(struct folding_reader *f)
{
	reader_done(&f->reader);
	while (f->n_records)
		free(f->records[--f->n_records]);
}
