/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"

static bool eq(const void *item, const void *key)
{
	return *(const uint32_t *)item == *(const uint32_t *)key;
}

static void *lookup(const struct hash *h, uint64_t hash, uint32_t key)
{
	return hash_lookup(h, hash, eq, &key);
}

static void test_empty(void **state)
{
	struct hash h = { 0 };

	(void)state;
	assert_null(lookup(&h, 1, 1));
	hash_remove(&h, 1, &h);
	hash_done(&h);
}

/* Hashes that all want the same place, and such as wrap around the end, removed in every order. */
static void test_collisions(void **state)
{
	enum { N = 8 };
	uint32_t items[N];

	(void)state;
	for (uint32_t first = 0; first < N; first++) {
		for (uint32_t step = 1; step < N; step += 2) {
			struct hash h = { 0 };

			for (uint32_t i = 0; i < N; i++) {
				items[i] = i;
				assert_int_equal(hash_insert(&h, 60 + i / 3, &items[i]), 0);
			}
			for (uint32_t n = 0; n < N; n++) {
				uint32_t gone = (first + n * step) % N;

				hash_remove(&h, 60 + gone / 3, &items[gone]);
				items[gone] = 1000;
				for (uint32_t i = 0; i < N; i++)
					assert_ptr_equal(lookup(&h, 60 + i / 3, i),
							 items[i] == i ? &items[i] : NULL);
			}
			assert_int_equal(h.n, 0);
			hash_done(&h);
		}
	}
}

/* Items of the same hash are told apart by the comparison, and by identity when they go. */
static void test_same_hash(void **state)
{
	uint32_t a = 1, b = 2, c = 1;
	struct hash h = { 0 };

	(void)state;
	assert_int_equal(hash_insert(&h, 7, &a), 0);
	assert_int_equal(hash_insert(&h, 7, &b), 0);
	assert_ptr_equal(lookup(&h, 7, 2), &b);
	assert_null(lookup(&h, 8, 2));
	hash_remove(&h, 7, &c);
	assert_ptr_equal(lookup(&h, 7, 1), &a);
	hash_done(&h);
}

static void test_many(void **state)
{
	enum { N = 20000 };
	static uint32_t items[N];
	struct hash h = { 0 };

	(void)state;
	for (uint32_t i = 0; i < N; i++) {
		items[i] = i;
		assert_int_equal(hash_insert(&h, hash_mix(i), &items[i]), 0);
	}
	for (uint32_t i = 0; i < N; i += 2)
		hash_remove(&h, hash_mix(i), &items[i]);
	for (uint32_t i = 0; i < N; i++)
		assert_ptr_equal(lookup(&h, hash_mix(i), i), i % 2 ? &items[i] : NULL);
	assert_int_equal(h.n, N / 2);
	hash_done(&h);
}

/* Whether the system was asked for huge pages where p is. */
static bool is_advised(const void *p)
{
	FILE *smaps = fopen("/proc/self/smaps", "re");
	char line[512];
	bool is_within = false, is_found = false;

	assert_non_null(smaps);
	while (fgets(line, sizeof(line), smaps)) {
		uintptr_t begin, end;

		if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " ", &begin, &end) == 2)
			is_within = (uintptr_t)p >= begin && (uintptr_t)p < end;
		else if (is_within && strncmp(line, "VmFlags:", 8) == 0)
			is_found = strstr(line, " hg");
	}
	fclose(smaps);
	return is_found;
}

/* So large that it is in huge pages, where there are such; and back to nothing. */
static void test_large(void **state)
{
	enum { N = 150000 };
	uint32_t *items = calloc(N, sizeof(*items));
	struct hash h = { 0 };

	(void)state;
	assert_non_null(items);
	for (uint32_t i = 0; i < N; i++) {
		items[i] = i;
		assert_int_equal(hash_insert(&h, hash_mix(i), &items[i]), 0);
	}
	assert_int_equal(hash_bytes(&h), 4 * 1024 * 1024);
	if (access("/sys/kernel/mm/transparent_hugepage", F_OK) == 0)
		assert_true(is_advised(h.slots));
	for (uint32_t i = 0; i < N; i++) {
		assert_ptr_equal(lookup(&h, hash_mix(i), i), &items[i]);
		hash_remove(&h, hash_mix(i), &items[i]);
		assert_null(lookup(&h, hash_mix(i), i));
	}
	assert_int_equal(h.n, 0);
	hash_done(&h);
	free(items);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),	  cmocka_unit_test(test_collisions),
		cmocka_unit_test(test_same_hash), cmocka_unit_test(test_many),
		cmocka_unit_test(test_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
