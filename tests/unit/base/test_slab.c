/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/slab.h"

#define N 5000

/* All objects are apart, whole and aligned; their memory goes when they do. */
static void test_many(void **state)
{
	static unsigned char *objects[N];
	struct slab_spare spare = { 0 };
	struct slab s;

	(void)state;
	slab_init(&s, 100, &spare);
	for (size_t i = 0; i < N; i++) {
		objects[i] = slab_alloc(&s);
		assert_non_null(objects[i]);
		assert_int_equal((uintptr_t)objects[i] % 16, 0);
		memset(objects[i], (int)(i % 251), 100);
	}
	assert_int_equal(s.n, N);
	assert_true(s.n_chunks >= N * 100 / SLAB_CHUNK);
	for (size_t i = 0; i < N; i += 2) {
		slab_free(&s, objects[i]);
		objects[i] = slab_alloc(&s);
		memset(objects[i], (int)(i % 251), 100);
	}
	for (size_t i = 0; i < N; i++)
		for (size_t k = 0; k < 100; k++)
			assert_int_equal(objects[i][k], i % 251);
	for (size_t i = 0; i < N; i++)
		slab_free(&s, objects[(i * 7) % N]);
	assert_int_equal(s.n, 0);
	assert_int_equal(s.n_chunks, SLAB_SPARE);
	assert_int_equal(spare.n, SLAB_SPARE);
	slab_done(&s);
	assert_int_equal(spare.n, 0);
}

static void test_reuse(void **state)
{
	struct slab_spare spare = { 0 };
	struct slab s;
	void *a, *b;

	(void)state;
	slab_init(&s, 1, &spare);
	a = slab_alloc(&s);
	slab_free(&s, a);
	b = slab_alloc(&s);
	assert_ptr_equal(a, b);
	slab_free(&s, NULL);
	assert_int_equal(s.n, 1);
	slab_done(&s); /* takes what is still out along */
}

/* What a batch took and gave back is there for the next one, and not more than that. */
static void test_spare(void **state)
{
	static void *big[16], *small[16];
	struct slab_spare spare = { 0 };
	struct slab a, b;

	(void)state;
	slab_init(&a, SLAB_CHUNK / 8, &spare); /* seven to a chunk */
	slab_init(&b, SLAB_CHUNK / 16, &spare);
	for (size_t round = 0; round < 3; round++) {
		for (size_t i = 0; i < 16; i++)
			big[i] = slab_alloc(&a);
		assert_int_equal(a.n_chunks, 3);
		assert_int_equal(spare.n, 0);
		for (size_t i = 0; i < 16; i++)
			slab_free(&a, big[i]);
		assert_int_equal(a.n_chunks, 3);
		assert_int_equal(spare.n, 3);
	}
	for (size_t i = 0; i < 16; i++)
		small[i] = slab_alloc(&b);
	for (size_t i = 0; i < 16; i++)
		slab_free(&b, small[i]);
	assert_int_equal(b.n_chunks, 2);
	assert_int_equal(spare.n, 5); /* of both together */
	slab_done(&a);
	assert_int_equal(spare.n, 2);
	slab_done(&b);
	assert_int_equal(spare.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_reuse),
		cmocka_unit_test(test_spare),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
