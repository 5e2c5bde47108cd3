/* SPDX-License-Identifier: Apache-2.0 */
/* What is the same is made once, and only that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "pipeline/encoder.h"

#include "../event/sample.h"

static bool alloc_fails;

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size)
{
	return alloc_fails ? NULL : __real_calloc(n, size);
}

void *__real_realloc(void *p, size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__wrap_realloc(void *p, size_t size)
{
	return alloc_fails ? NULL : __real_realloc(p, size);
}

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

static struct text take(struct encoder *e, uint64_t stride_id, size_t i, struct sample *s)
{
	struct text text = { 0 };

	assert_true(encoder_take(e, stride_id, i, &s->event, &s->view, &text));
	assert_true(text.n > 0);
	return text;
}

static bool has(const struct text *text, const char *part)
{
	return memmem(text->sheet->bytes.data + text->begin, text->n, part, strlen(part));
}

/* The second who wants it is shown the same bytes for nothing; not so in another stride. */
static void test_shared(void **state)
{
	static const struct want plain = { .max_args = 100 };
	_cleanup_(encoder_unrefp) struct encoder *e = make(&plain), *other = encoder_ref(e);
	_cleanup_(sample_done) struct sample s;
	struct text first, second;
	uint64_t work = 0;

	(void)state;
	sample_init(&s);
	first = take(e, 7, 3, &s);
	assert_true(work_since(e, &work) > 0);
	second = take(other, 7, 3, &s);
	assert_int_equal(work_since(e, &work), 0);
	assert_memory_equal(&first, &second, sizeof(first));
	second = take(other, 7, 2, &s); /* filtered out for the first */
	assert_true(work_since(e, &work) > 0);
	assert_ptr_equal(second.sheet, first.sheet);
	assert_int_equal(second.begin, first.begin + first.n);
	s.image.key.pid = 4711;
	s.image.stamp = 4711;
	first = take(e, 8, 3, &s);
	assert_true(work_since(e, &work) > 0);
	assert_true(has(&first, "\"4711\""));
	second = take(other, 8, 3, &s);
	assert_int_equal(work_since(e, &work), 0);
	assert_memory_equal(&first, &second, sizeof(first));
}

/* Where there is nothing to gain, or no room, each record is made anew. */
static void test_not_kept(void **state)
{
	static const struct want plain = { .max_args = 100 };
	_cleanup_(encoder_unrefp) struct encoder *e = make(&plain), *other = NULL;
	_cleanup_(buf_done) struct buf out = { 0 };
	_cleanup_(sample_done) struct sample s;
	struct text text;
	uint64_t work = 0;

	(void)state;
	sample_init(&s);
	for (int i = 0; i < 2; i++) { /* nobody shares it */
		take(e, 7, 3, &s);
		assert_true(work_since(e, &work) > 0);
	}
	other = encoder_ref(e);
	for (int i = 0; i < 2; i++) { /* too many; nobody else is shown it */
		text = take(e, 7, 1000, &s);
		assert_true(work_since(e, &work) > 0);
		buf_clear(&out);
		encoder_put(e, &s.event, &s.view, &out);
		assert_true(work_since(e, &work) > 0);
		assert_int_equal(out.len, text.n);
		assert_memory_equal(out.data, text.sheet->bytes.data + text.begin, out.len);
	}
}

/* What others read is not written to; a sheet that nobody shows is begun anew. */
static void test_turn(void **state)
{
	static const struct want plain = { .max_args = 100 };
	_cleanup_(encoder_unrefp) struct encoder *e = make(&plain), *other = encoder_ref(e);
	_cleanup_(sample_done) struct sample s;
	struct text first, second, third;
	struct sheet *shown;
	uint64_t work = 0;

	(void)state;
	sample_init(&s);
	first = take(e, 7, 0, &s);
	shown = sheet_ref(first.sheet);
	encoder_turn(e);
	second = take(e, 7, 1, &s);
	assert_ptr_not_equal(second.sheet, shown);
	assert_int_equal(shown->bytes.len, first.n);
	work_since(e, &work);
	third = take(other, 7, 0, &s); /* of the one before, for who is behind */
	assert_int_equal(work_since(e, &work), 0);
	assert_memory_equal(&third, &first, sizeof(first));
	sheet_unref(shown);
	encoder_turn(e);
	third = take(e, 7, 2, &s); /* over it: nobody shows it */
	assert_ptr_equal(third.sheet, shown);
	assert_int_equal(third.begin, 0);
	work_since(e, &work);
	take(other, 7, 0, &s); /* so that is no more */
	assert_true(work_since(e, &work) > 0);
}

/* However many are shown at a time, each keeps what it has. */
static void test_burst(void **state)
{
	static const struct want plain = { .max_args = 100 };
	_cleanup_(encoder_unrefp) struct encoder *e = make(&plain);
	_cleanup_(sample_done) struct sample s;
	struct text texts[20];

	(void)state;
	sample_init(&s);
	for (unsigned int i = 0; i < ARRAY_SIZE(texts); i++) {
		s.image.key.pid = 4000 + i;
		s.image.stamp = 4000 + i;
		texts[i] = take(e, 7, i, &s);
		sheet_ref(texts[i].sheet);
		encoder_turn(e);
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(texts); i++) {
		char pid[16];

		snprintf(pid, sizeof(pid), "\"%u\"", 4000 + i);
		assert_true(has(&texts[i], pid));
		sheet_unref(texts[i].sheet);
	}
}

/* A sheet that a huge record made large is not kept. */
static void test_huge(void **state)
{
	static const struct want plain = { .max_args = 2 << 20 };
	_cleanup_(encoder_unrefp) struct encoder *e = make(&plain);
	_cleanup_(freep) char *args = calloc(1, 2 << 20);
	_cleanup_(sample_done) struct sample s;
	struct text text;

	(void)state;
	sample_init(&s);
	memset(args, 'a', (2 << 20) - 1);
	args[1] = '\0';
	s.view.max_args = 2 << 20;
	sample_set_text(&s, PROGRAM_ARGS, (struct str){ args, 2 << 20 });
	text = take(e, 7, 0, &s);
	assert_true(text.sheet->bytes.cap > 2 << 20);
	encoder_turn(e);
	sample_set_text(&s, PROGRAM_ARGS, STR("a\0"));
	text = take(e, 8, 0, &s);
	assert_true(text.sheet->bytes.cap < 1 << 20);
}

/* Without memory there is no record; the next try may have more luck. */
static void test_no_memory(void **state)
{
	static const struct want plain = { .max_args = 1 << 20 };
	_cleanup_(encoder_unrefp) struct encoder *e = make(&plain);
	_cleanup_(freep) char *args = calloc(1, 1 << 20);
	_cleanup_(sample_done) struct sample s;
	struct text text = { 0 }, first;

	(void)state;
	sample_init(&s);
	alloc_fails = true;
	assert_false(encoder_take(e, 7, 0, &s.event, &s.view, &text));
	alloc_fails = false;
	first = take(e, 7, 0, &s);
	memset(args, 'a', (1 << 20) - 1);
	args[1] = '\0';
	s.view.max_args = 1 << 20;
	sample_set_text(&s, PROGRAM_ARGS, (struct str){ args, 1 << 20 });
	alloc_fails = true;
	assert_false(encoder_take(e, 7, 1, &s.event, &s.view, &text));
	alloc_fails = false;
	text = take(e, 7, 1, &s);
	assert_ptr_equal(text.sheet, first.sheet);
	assert_int_equal(text.begin, first.n);
	assert_true(text.n > 1 << 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same),	  cmocka_unit_test(test_shared),
		cmocka_unit_test(test_not_kept),  cmocka_unit_test(test_turn),
		cmocka_unit_test(test_burst),	  cmocka_unit_test(test_huge),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
