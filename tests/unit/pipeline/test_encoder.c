/* SPDX-License-Identifier: Apache-2.0 */
/* What is the same is made once, and only that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "pipeline/encoder.h"

#include "../event/sample.h"

struct want {
	const char *add;   /* a constant key; NULL: none */
	const char *value; /* of it */
	bool tags;
	uint32_t max_args;
	const char *variable; /* NULL: none */
};

static struct encoder *make(const struct want *want)
{
	const struct encoding encoding = { .tags = want->tags };
	char *names[] = { (char *)want->variable };
	const struct string_list list = { .items = names, .n = want->variable ? 1 : 0 };
	const struct demand demand = { .max_args = want->max_args, .environment = &list };
	_cleanup_(freep) bool *fields_wanted = calloc(n_fields, sizeof(bool));
	_cleanup_(shape_done) struct shape shape = { 0 };
	struct encoder *e = NULL;

	for (size_t i = 0; i < n_fields; i++)
		fields_wanted[i] = fields[i].set == FIELD_SET_SPEC;
	assert_int_equal(shape_init(&shape, fields_wanted), 0);
	if (want->add)
		assert_int_equal(shape_add(&shape, want->add, want->value), 0);
	assert_int_equal(encoder_new(&shape, &encoding, &demand, &e), 0);
	return e;
}

static void test_same(void **state)
{
	static const struct want plain = { .max_args = 100 };
	static const struct {
		struct want want;
		bool is_same;
	} rows[] = {
		{ { .max_args = 100 }, true },
		{ { .max_args = 101 }, false },
		{ { .max_args = 100, .tags = true }, false },
		{ { .max_args = 100, .variable = "PATH" }, false },
		{ { .max_args = 100, .add = "cluster", .value = "one" }, false },
	};
	_cleanup_(encoder_unrefp) struct encoder *e = make(&plain);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(encoder_unrefp) struct encoder *other = make(&rows[i].want);
		_cleanup_(encoder_unrefp) struct encoder *twin = make(&rows[i].want);

		assert_int_equal(encoder_is_same(e, other), rows[i].is_same);
		assert_true(encoder_is_same(other, twin));
	}
}

/* Pieces that were copied or made since. */
static uint64_t work_since(const struct encoder *e, uint64_t *before)
{
	uint64_t now = encoder_counters(e)->copied + encoder_counters(e)->made;
	uint64_t more = now - *before;

	*before = now;
	return more;
}

static void put(struct encoder *e, uint64_t stride_id, size_t i, struct sample *s, struct buf *out)
{
	encoder_put(e, stride_id, i, &s->event, &s->view, out);
	assert_false(buf_failed(out));
}

/* The second who wants it gets the same bytes for nothing; not so in another stride. */
static void test_shared(void **state)
{
	static const struct want plain = { .max_args = 100 };
	_cleanup_(encoder_unrefp) struct encoder *e = make(&plain), *other = encoder_ref(e);
	_cleanup_(buf_done) struct buf first = { 0 }, second = { 0 };
	_cleanup_(sample_done) struct sample s;
	uint64_t work = 0;

	(void)state;
	sample_init(&s);
	put(e, 7, 3, &s, &first);
	assert_true(work_since(e, &work) > 0);
	put(other, 7, 3, &s, &second);
	assert_int_equal(work_since(e, &work), 0);
	assert_int_equal(first.len, second.len);
	assert_memory_equal(first.data, second.data, first.len);
	put(other, 7, 2, &s, &second); /* filtered out for the first */
	assert_true(work_since(e, &work) > 0);
	s.image.key.pid = 4711;
	s.image.stamp = 4711;
	put(e, 8, 3, &s, &first);
	assert_true(work_since(e, &work) > 0);
	assert_non_null(memmem(first.data, first.len, "\"4711\"", 6));
	put(other, 8, 3, &s, &second);
	assert_int_equal(work_since(e, &work), 0);
	assert_non_null(memmem(second.data, second.len, "\"4711\"", 6));
}

/* Where there is nothing to gain, or no room, each record is made anew. */
static void test_not_kept(void **state)
{
	static const struct want plain = { .max_args = 1 << 20 };
	_cleanup_(encoder_unrefp) struct encoder *e = make(&plain), *other = NULL;
	_cleanup_(buf_done) struct buf out = { 0 };
	_cleanup_(sample_done) struct sample s;
	_cleanup_(freep) char *args = calloc(1, 600 * 1024);
	uint64_t work = 0;

	(void)state;
	sample_init(&s);
	for (int i = 0; i < 2; i++) { /* nobody shares it */
		put(e, 7, 3, &s, &out);
		assert_true(work_since(e, &work) > 0);
	}
	other = encoder_ref(e);
	for (int i = 0; i < 2; i++) { /* nobody else sees it; too many */
		put(e, 0, 3, &s, &out);
		assert_true(work_since(e, &work) > 0);
		put(e, 7, 1000, &s, &out);
		assert_true(work_since(e, &work) > 0);
	}
	memset(args, 'a', 600 * 1024 - 1);
	args[1] = '\0';
	s.view.max_args = 1 << 20;
	sample_set_text(&s, PROGRAM_ARGS, (struct str){ args, 600 * 1024 });
	for (int i = 0; i < 2; i++) { /* too large */
		put(e, 8, 3, &s, &out);
		assert_true(work_since(e, &work) > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_shared),
		cmocka_unit_test(test_not_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
