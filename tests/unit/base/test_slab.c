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
	struct slab s;

	(void)state;
	slab_init(&s, 100);
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
	assert_int_equal(s.n_chunks, 1);
	slab_done(&s);
}

static void test_reuse(void **state)
{
	struct slab s;
	void *a, *b;

	(void)state;
	slab_init(&s, 1);
	a = slab_alloc(&s);
	slab_free(&s, a);
	b = slab_alloc(&s);
	assert_ptr_equal(a, b);
	slab_free(&s, NULL);
	assert_int_equal(s.n, 1);
	slab_done(&s); /* takes what is still out along */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_reuse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
