/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/pool.h"

static const struct {
	size_t size, bytes;
} cases[] = {
	{ 1, 64 },	{ 64, 64 },	      { 65, 80 },     { 80, 80 },     { 81, 96 },
	{ 97, 112 },	{ 113, 128 },	      { 128, 128 },   { 129, 160 },   { 256, 256 },
	{ 257, 320 },	{ 1025, 1280 },	      { 3584, 3584 }, { 3585, 4096 }, { 4096, 4096 },
	{ 4097, 4097 }, { 2000000, 2000000 },
};

static void test_sizes(void **state)
{
	void *blocks[ARRAY_SIZE(cases)];
	struct slab_spare spare = { 0 };
	size_t bytes = 0;
	struct pool p;

	(void)state;
	pool_init(&p, &spare);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		blocks[i] = pool_alloc(&p, cases[i].size);
		assert_non_null(blocks[i]);
		memset(blocks[i], (int)i, cases[i].size);
		bytes += cases[i].bytes;
		assert_int_equal(p.bytes, bytes);
	}
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(((unsigned char *)blocks[i])[cases[i].size - 1], i);
		pool_free(&p, blocks[i], cases[i].size);
	}
	assert_int_equal(p.bytes, 0);
	pool_free(&p, NULL, 5);
	assert_int_equal(p.bytes, 0);
	pool_done(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
