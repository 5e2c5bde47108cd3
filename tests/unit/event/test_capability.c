/* SPDX-License-Identifier: Apache-2.0 */
/* Names in bit order; what is kept stays right when many sets come by. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "event/capability.h"
#include <cmocka.h>

static void assert_names(uint64_t set, const char *expected)
{
	struct str text = capability_names(set);

	assert_int_equal(text.n, strlen(expected));
	assert_memory_equal(text.p, expected, text.n);
}

static void test_names(void **state)
{
	static const struct {
		uint64_t set;
		const char *names;
	} cases[] = {
		{ 0, "" },
		{ 1, "CAP_CHOWN" },
		{ 1 << 1 | 1 << 21, "CAP_DAC_OVERRIDE CAP_SYS_ADMIN" },
		{ 1ull << 40, "CAP_CHECKPOINT_RESTORE" },
		{ 1ull << 39 | 1ull << 41, "CAP_BPF CAP_41" },
		{ 1ull << 63, "CAP_63" },
		/* what a container usually has */
		{ 0xa80425fb,
		  "CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER CAP_FSETID CAP_KILL CAP_SETGID "
		  "CAP_SETUID CAP_SETPCAP CAP_NET_BIND_SERVICE CAP_NET_RAW CAP_SYS_CHROOT "
		  "CAP_MKNOD CAP_AUDIT_WRITE CAP_SETFCAP" },
	};
	size_t i, round;

	(void)state;
	for (round = 0; round < 2; round++) {
		for (i = 0; i < ARRAY_SIZE(cases); i++)
			assert_names(cases[i].set, cases[i].names);
	}
}

static void test_full(void **state)
{
	struct str text = capability_names((1ull << 41) - 1);
	size_t i, n_blanks = 0;

	(void)state;
	for (i = 0; i < text.n; i++)
		n_blanks += text.p[i] == ' ';
	assert_int_equal(n_blanks, 40);
	assert_int_equal(text.n, 584);
	assert_true(capability_names(UINT64_MAX).n > 584);
}

static void test_more_than_are_kept(void **state)
{
	char expected[sizeof("CAP_63")];
	unsigned int bit, round;

	(void)state;
	for (round = 0; round < 3; round++) {
		for (bit = 41; bit < 64; bit++) {
			snprintf(expected, sizeof(expected), "CAP_%u", bit);
			assert_names(1ull << bit, expected);
			assert_names(1, "CAP_CHOWN");
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_more_than_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
