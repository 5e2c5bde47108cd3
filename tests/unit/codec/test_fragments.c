/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept is found as it was, or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "codec/fragments.h"

#define PIECE 300

static struct str piece_of(uint64_t stamp, uint32_t part, char to[PIECE])
{
	size_t n = (stamp * 7 + part) % PIECE;

	for (size_t i = 0; i < n; i++)
		to[i] = (char)(stamp * 31 + part * 3 + i);
	return (struct str){ .p = to, .n = n };
}

static void assert_kept(struct fragments *f, uint64_t stamp, uint32_t part)
{
	struct str kept = fragments_lookup(f, stamp, part);
	char text[PIECE];
	struct str expected = piece_of(stamp, part, text);

	assert_non_null(kept.p);
	assert_int_equal(kept.n, expected.n);
	if (kept.n)
		assert_memory_equal(kept.p, expected.p, kept.n);
}

static void test_found(void **state)
{
	_cleanup_(fragments_done) struct fragments f;
	char text[PIECE];

	(void)state;
	assert_int_equal(fragments_init(&f), 0);
	assert_null(fragments_lookup(&f, 0, 0).p);
	assert_null(fragments_lookup(&f, 1, 0).p);
	fragments_keep(&f, 1, 0, piece_of(1, 0, text));
	fragments_keep(&f, 1, 1, piece_of(1, 1, text));
	fragments_keep(&f, 2, 0, STR_EMPTY);
	assert_kept(&f, 1, 0);
	assert_kept(&f, 1, 1);
	assert_non_null(fragments_lookup(&f, 2, 0).p);
	assert_int_equal(fragments_lookup(&f, 2, 0).n, 0);
	assert_null(fragments_lookup(&f, 2, 1).p);
	fragments_clear(&f);
	assert_null(fragments_lookup(&f, 1, 0).p);
	assert_null(fragments_lookup(&f, 2, 0).p);
}

static void test_never_kept(void **state)
{
	static const char long_text[FRAGMENT_MAX + 1];
	_cleanup_(fragments_done) struct fragments f;

	(void)state;
	assert_int_equal(fragments_init(&f), 0);
	fragments_keep(&f, 0, 0, STR("a"));
	assert_null(fragments_lookup(&f, 0, 0).p);
	fragments_keep(&f, 1, 0, (struct str){ long_text, sizeof(long_text) });
	assert_null(fragments_lookup(&f, 1, 0).p);
	fragments_keep(&f, 1, 0, (struct str){ long_text, sizeof(long_text) - 1 });
	assert_int_equal(fragments_lookup(&f, 1, 0).n, FRAGMENT_MAX);
}

/* Round and round: what is found is right, and what is new is found. */
static void test_rounds(void **state)
{
	_cleanup_(fragments_done) struct fragments f;
	size_t n_found = 0, n = 0;
	char text[PIECE];

	(void)state;
	assert_int_equal(fragments_init(&f), 0);
	for (uint64_t stamp = 1; stamp < 20000; stamp++) {
		uint32_t part = (uint32_t)(stamp % 5);

		fragments_keep(&f, stamp, part, piece_of(stamp, part, text));
		assert_kept(&f, stamp, part);
		for (uint64_t back = 1; back < stamp && back <= 4096; back *= 4, n++) {
			uint64_t old = stamp - back;

			if (!fragments_lookup(&f, old, (uint32_t)(old % 5)).p)
				continue;
			assert_kept(&f, old, (uint32_t)(old % 5));
			n_found++;
		}
	}
	assert_true(n_found > n / 2 && n_found < n);
}

/* What is asked for again and again stays, whatever else is kept meanwhile; the rest goes. */
static void test_renewed(void **state)
{
	_cleanup_(fragments_done) struct fragments f;
	char text[FRAGMENT_MAX] = "";
	uint64_t stamp = 1, n_lost = 0;

	(void)state;
	assert_int_equal(fragments_init(&f), 0);
	fragments_keep(&f, 1, 7, STR("kept"));
	fragments_keep(&f, 1, 8, STR("not kept"));
	for (size_t i = 0; i < 100; i++) {
		struct str kept = fragments_lookup(&f, 1, 7);

		if (!kept.p) {
			n_lost++; /* its slot was wanted by others */
			fragments_keep(&f, 1, 7, STR("kept"));
			continue;
		}
		assert_int_equal(kept.n, 4);
		assert_memory_equal(kept.p, "kept", 4);
		fragments_keep(&f, ++stamp, 0, (struct str){ text, sizeof(text) });
	}
	assert_int_equal(n_lost, 0);
	assert_null(fragments_lookup(&f, 1, 8).p);
}

/* Two that are wanted in turn do not drive each other out. */
static void test_two_of_a_kind(void **state)
{
	_cleanup_(fragments_done) struct fragments f;
	uint64_t other = 2;

	(void)state;
	assert_int_equal(fragments_init(&f), 0);
	while (fragments_slots(&f, other, 0) != fragments_slots(&f, 1, 0))
		other++;
	fragments_keep(&f, 1, 0, STR("one"));
	fragments_keep(&f, other, 0, STR("two"));
	assert_int_equal(fragments_lookup(&f, 1, 0).n, 3);
	assert_int_equal(fragments_lookup(&f, other, 0).n, 3);
	assert_memory_equal(fragments_lookup(&f, other, 0).p, "two", 3);
	do
		other++;
	while (fragments_slots(&f, other, 0) != fragments_slots(&f, 1, 0));
	fragments_keep(&f, other, 0, STR("three"));
	assert_int_equal(fragments_lookup(&f, other, 0).n, 5);
	assert_null(fragments_lookup(&f, 1, 0).p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_found),	      cmocka_unit_test(test_never_kept),
		cmocka_unit_test(test_rounds),	      cmocka_unit_test(test_renewed),
		cmocka_unit_test(test_two_of_a_kind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
