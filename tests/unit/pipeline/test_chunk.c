/* SPDX-License-Identifier: Apache-2.0 */
/* Chunks: room for records, which of them lie within so many bytes, who frees them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/chunk.h"

/* The allocation that fails, counted down; 0: none does. */
static unsigned int fail_at;

static bool fails(void)
{
	return fail_at && --fail_at == 0;
}

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *__real_reallocarray(void *p, size_t n, size_t size);
void *__wrap_reallocarray(void *p, size_t n, size_t size);
void *__wrap_reallocarray(void *p, size_t n, size_t size)
{
	return fails() ? NULL : __real_reallocarray(p, n, size);
}

static bool realloc_fails;

void *__real_realloc(void *p, size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__wrap_realloc(void *p, size_t size)
{
	return realloc_fails ? NULL : __real_realloc(p, size);
}

static void append(struct chunk *c, size_t end)
{
	assert_true(chunk_grow(c, 1));
	c->times_ns[c->n] = end;
	c->seqs[c->n] = 2 * end;
	c->calls[c->n] = (uint8_t)(end % 3);
	c->ends[c->n++] = end;
}

/* Many times the first room; nothing that was there changes. */
static void test_grow(void **state)
{
	_cleanup_(chunk_unrefp) struct chunk *c = chunk_new(NULL, 77);

	(void)state;
	assert_int_equal(c->begin, 77);
	assert_int_equal(c->n, 0);
	for (size_t i = 0; i < 5000; i++)
		append(c, 3 * i + 1);
	assert_int_equal(c->n, 5000);
	assert_true(c->cap >= 5000);
	for (size_t i = 0; i < 5000; i++) {
		assert_int_equal(c->ends[i], 3 * i + 1);
		assert_int_equal(c->times_ns[i], 3 * i + 1);
	}
}

static void test_within(void **state)
{
	static const size_t ends[] = { 4, 5, 9, 20 };
	static const struct {
		size_t done, n;
	} rows[] = {
		{ 0, 0 }, { 3, 0 },  { 4, 1 },	{ 5, 2 },  { 8, 2 },
		{ 9, 3 }, { 10, 3 }, { 19, 3 }, { 20, 4 }, { SIZE_MAX, 4 },
	};
	_cleanup_(chunk_unrefp) struct chunk *c = chunk_new(NULL, 0);

	(void)state;
	assert_int_equal(chunk_n_within(c, 10), 0);
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		append(c, ends[i]);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(chunk_n_within(c, rows[i].done), rows[i].n);
}

/* Records without a number are owed with the first behind them; nothing beyond the bound is. */
static void test_owed(void **state)
{
	static const uint64_t seqs[] = { 0, 10, 12, 0, 0, 20, 0 };
	static const uint64_t numbers[] = { 10, 10, 12, 20, 20, 20, 25, 25 };
	_cleanup_(chunk_unrefp) struct chunk *c = chunk_new(NULL, 0);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(seqs); i++) {
		append(c, i + 1);
		c->seqs[i] = seqs[i];
	}
	c->bound = 25;
	for (size_t n = 0; n <= ARRAY_SIZE(seqs); n++) {
		assert_int_equal(chunk_seq(c, n), numbers[n]);
		assert_int_equal(chunk_owed_from(c, n), numbers[n]);
	}
	c->bound = 12;
	for (size_t n = 0; n <= ARRAY_SIZE(seqs); n++)
		assert_int_equal(chunk_owed_from(c, n), numbers[n] < 12 ? numbers[n] : 12);
	assert_int_equal(chunk_seq(c, 4), 20);
}

static void test_refs(void **state)
{
	struct chunk *c = chunk_new(NULL, 0);

	(void)state;
	assert_null(chunk_unref(NULL));
	assert_ptr_equal(chunk_ref(c), c);
	append(c, 1);
	assert_null(chunk_unref(c));
	assert_int_equal(c->ends[0], 1); /* still ours */
	assert_null(chunk_unref(c));
}

static void *let_go(void *arg)
{
	struct chunk *c = arg;
	size_t n = c->n;

	chunk_unref(c);
	return n == 1 ? NULL : arg;
}

/* Whoever comes last frees it; a sanitizer sees who does it too early or not at all. */
static void test_threads(void **state)
{
	pthread_t threads[4];

	(void)state;
	for (int round = 0; round < 50; round++) {
		struct chunk *c = chunk_new(NULL, 0);
		void *ret;

		append(c, 1);
		for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
			assert_int_equal(pthread_create(&threads[i], NULL, let_go, chunk_ref(c)),
					 0);
		chunk_unref(c);
		for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
			assert_int_equal(pthread_join(threads[i], &ret), 0);
			assert_null(ret);
		}
	}
}

/* What was there stays usable, and the next try may succeed. */
static void test_no_memory(void **state)
{
	_cleanup_(chunk_unrefp) struct chunk *c = NULL;

	(void)state;
	fail_at = 1;
	assert_null(chunk_new(NULL, 0));
	c = chunk_new(NULL, 0);
	for (unsigned int at = 1; at <= 4; at++) {
		fail_at = at;
		assert_false(chunk_grow(c, 1));
		assert_int_equal(fail_at, 0);
	}
	for (size_t i = 0; i < 16; i++)
		append(c, i);
	for (unsigned int at = 1; at <= 4; at++) {
		fail_at = at;
		assert_false(chunk_grow(c, 1));
		assert_int_equal(fail_at, 0);
	}
	for (size_t i = 16; i < 600; i++)
		append(c, i);
	for (size_t i = 0; i < 600; i++)
		assert_true(c->ends[i] == i && c->times_ns[i] == i && c->seqs[i] == 2 * i &&
			    c->calls[i] == i % 3);
}

/* Records of these bytes, which are written there. */
static struct text write_text(struct sheet *s, char byte, size_t n)
{
	struct text text = { .sheet = s, .begin = s->bytes.len, .n = n };

	for (size_t i = 0; i < n; i++)
		buf_put_char(&s->bytes, byte);
	return text;
}

static void show(struct chunk *c, const struct text *text)
{
	assert_true(chunk_grow(c, 1));
	assert_true(chunk_show(c, text));
	c->ends[c->n] = chunk_size(c) + text->n;
	c->n++;
}

static void assert_bytes(const struct chunk *c, const char *want)
{
	assert_int_equal(chunk_size(c), strlen(want));
	assert_memory_equal(chunk_bytes(c).p, want, strlen(want));
}

/* One piece is shown where it is, and is there as long as somebody shows it. */
static void test_one_piece(void **state)
{
	_cleanup_(chunk_unrefp) struct chunk *c = chunk_new(NULL, 0), *other = chunk_new(NULL, 0);
	struct sheet *s = sheet_new();
	struct text texts[] = { write_text(s, 'a', 3), write_text(s, 'b', 2),
				write_text(s, 'c', 1) };

	(void)state;
	show(c, &texts[0]);
	show(c, &texts[1]);
	show(other, &texts[1]);
	show(other, &texts[2]);
	assert_ptr_equal(chunk_bytes(c).p + 3, chunk_bytes(other).p);
	assert_int_equal(c->own.len + other->own.len, 0);
	sheet_unref(s);
	assert_bytes(c, "aaabb");
	other = chunk_unref(other);
	assert_bytes(c, "aaabb");
	assert_true(sheet_is_own(c->sheet));
	chunk_cut(c, 1);
	assert_bytes(c, "aaa");
	chunk_cut(c, 0);
	assert_null(c->sheet);
}

/* With a gap, or from two sheets, it is a copy; and goes on as one. */
static void test_pieces(void **state)
{
	struct sheet *sheets[] = { sheet_new(), sheet_new() };
	struct text a = write_text(sheets[0], 'a', 3), b = write_text(sheets[0], 'b', 2),
		    c = write_text(sheets[0], 'c', 1), d = write_text(sheets[1], 'd', 4);
	const struct {
		const struct text *texts[4];
		const char *bytes;
	} rows[] = {
		{ { &a, &c }, "aaac" },
		{ { &b, &a, &b }, "bbaaabb" },
		{ { &a, &b, &d, &c }, "aaabbddddc" },
		{ { &d, &a }, "ddddaaa" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(chunk_unrefp) struct chunk *chunk = chunk_new(NULL, 0);
		size_t n = 0;

		for (; n < ARRAY_SIZE(rows[i].texts) && rows[i].texts[n]; n++)
			show(chunk, rows[i].texts[n]);
		assert_null(chunk->sheet);
		assert_true(sheet_is_own(sheets[0]) && sheet_is_own(sheets[1]));
		assert_bytes(chunk, rows[i].bytes);
		chunk_cut(chunk, n - 1);
		show(chunk, rows[i].texts[n - 1]);
		assert_bytes(chunk, rows[i].bytes);
	}
	sheet_unref(sheets[0]);
	sheet_unref(sheets[1]);
}

/* What is little of its sheet lets go of it. */
static void test_settle(void **state)
{
	static const struct {
		size_t n, of;
		bool is_shown;
	} rows[] = {
		{ 100000, 100000, true }, { 98000, 100000, true }, { 87000, 100000, false },
		{ 1, 100000, false },	  { 16384, 16384, true },  { 16383, 16383, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(chunk_unrefp) struct chunk *c = chunk_new(NULL, 0);
		struct sheet *s = sheet_new();
		struct text text = write_text(s, 'a', rows[i].n);

		write_text(s, 'b', rows[i].of - rows[i].n);
		show(c, &text);
		chunk_settle(c);
		assert_int_equal(!sheet_is_own(s), rows[i].is_shown);
		assert_int_equal(chunk_size(c), rows[i].n);
		assert_memory_equal(chunk_bytes(c).p, s->bytes.data, rows[i].n);
		chunk_settle(c);
		sheet_unref(s);
	}
}

/* The copy has no room: the record does not come in, and what was shown still is. */
static void test_no_copy(void **state)
{
	struct sheet *sheets[] = { sheet_new(), sheet_new() };
	struct text a = write_text(sheets[0], 'a', 3), b = write_text(sheets[1], 'b', 200000);
	_cleanup_(chunk_unrefp) struct chunk *c = chunk_new(NULL, 0);

	(void)state;
	show(c, &a);
	assert_true(chunk_grow(c, 1));
	realloc_fails = true;
	assert_false(chunk_show(c, &b));
	chunk_cut(c, 1);
	write_text(sheets[0], 'c', 100);
	chunk_settle(c);
	realloc_fails = false;
	assert_ptr_equal(c->sheet, sheets[0]);
	assert_bytes(c, "aaa");
	show(c, &b);
	assert_int_equal(chunk_size(c), 200003);
	sheet_unref(sheets[0]);
	sheet_unref(sheets[1]);
}

/* Steady work goes on with the same few; a burst, and what is too large, is given back. */
static void test_pool(void **state)
{
	struct chunk *first[CHUNK_SPARES + 2], *again;
	struct chunk_pool pool;

	(void)state;
	chunk_pool_init(&pool);
	for (size_t i = 0; i < ARRAY_SIZE(first); i++) {
		first[i] = chunk_new(&pool, i);
		assert_non_null(first[i]);
		assert_true(chunk_grow(first[i], 1));
		buf_put_str(&first[i]->own, STR("record"));
		first[i]->ends[first[i]->n++] = 6;
	}
	for (size_t i = 0; i < ARRAY_SIZE(first); i++)
		chunk_unref(first[i]);
	assert_int_equal(pool.n, CHUNK_SPARES);
	again = chunk_new(&pool, 4711);
	assert_ptr_equal(again, first[CHUNK_SPARES - 1]);
	assert_int_equal(pool.n, CHUNK_SPARES - 1);
	assert_int_equal(again->n, 0);
	assert_int_equal(chunk_size(again), 0);
	assert_int_equal(again->begin, 4711);
	assert_int_equal(again->refs, 1);
	assert_non_null(buf_room(&again->own, CHUNK_SPARE_BYTES + 1));
	chunk_unref(again);
	assert_int_equal(pool.n, CHUNK_SPARES - 1);
	chunk_pool_done(&pool);
	assert_int_equal(pool.n, 0);
}

/* What lost records say is found by their index, and goes with them. */
static void test_losses(void **state)
{
	_cleanup_(chunk_unrefp) struct chunk *c = chunk_new(NULL, 0);

	(void)state;
	for (size_t i = 0; i < 100; i++) {
		const struct loss loss = { .exec = i };

		if (i % 3 == 0)
			assert_true(chunk_add_loss(c, &loss));
		append(c, 10 * (i + 1));
	}
	for (size_t i = 0; i < 100; i++) {
		const struct chunk_loss *loss = chunk_loss(c, i);

		assert_int_equal(loss != NULL, i % 3 == 0);
		if (loss)
			assert_int_equal(loss->exec, i);
	}
	chunk_cut(c, 7);
	assert_int_equal(c->n, 7);
	assert_int_equal(c->own.len, 70);
	assert_int_equal(c->n_losses, 3);
	fail_at = 1;
	assert_false(chunk_grow_losses(c, 1000));
	fail_at = 0;
	assert_int_equal(c->n_losses, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pool),	cmocka_unit_test(test_grow),
		cmocka_unit_test(test_within),	cmocka_unit_test(test_refs),
		cmocka_unit_test(test_threads), cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_losses),	cmocka_unit_test(test_owed),
		cmocka_unit_test(test_pieces),	cmocka_unit_test(test_one_piece),
		cmocka_unit_test(test_settle),	cmocka_unit_test(test_no_copy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
