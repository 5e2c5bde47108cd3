/* SPDX-License-Identifier: Apache-2.0 */
/* Lost records, and the ends that nobody saw. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include <cmocka.h>

#include "sample.h"

static void sample_lose(struct sample *s, const struct loss *loss)
{
	s->event.call = CALL_LOST;
	s->event.image = NULL;
	s->event.loss = loss;
}

static void test_counted(void **state)
{
	static const struct loss loss = { .reason = LOSS_RING_FULL,
					  .is_counted = true,
					  .exec = 3,
					  .fork = 18446744073709551615u,
					  .other = 1,
					  .since_ns = 1758701449000000001,
					  .until_ns = 1758701451123456789 };
	_cleanup_(sample_done) struct sample s;

	(void)state;
	sample_init(&s);
	sample_lose(&s, &loss);
	assert_field(&s, "call_name", "lost");
	assert_field(&s, "event_type", "kprobe");
	assert_field(&s, "__time__", "1758701451");
	assert_field(&s, "__time_ns__", "1758701451123456789");
	assert_field(&s, "__seq__", "4096");
	assert_field(&s, "lost.execve", "3");
	assert_field(&s, "lost.exit", "0");
	assert_field(&s, "lost.clone", "18446744073709551615");
	assert_field(&s, "lost.other", "1");
	assert_field(&s, "lost.since", "1758701449.000000001");
	assert_field(&s, "lost.until", "1758701451.123456789");
	assert_field(&s, "lost.reason", "ring_full");
}

static void test_uncounted(void **state)
{
	static const struct loss loss = { .reason = LOSS_NOT_RUNNING,
					  .since_ns = -1,
					  .until_ns = -1000000000 };
	_cleanup_(sample_done) struct sample s;

	(void)state;
	sample_init(&s);
	sample_lose(&s, &loss);
	assert_field(&s, "lost.execve", "(absent)");
	assert_field(&s, "lost.exit", "(absent)");
	assert_field(&s, "lost.clone", "(absent)");
	assert_field(&s, "lost.other", "(absent)");
	assert_field(&s, "lost.since", "-0.000000001");
	assert_field(&s, "lost.until", "-1.000000000");
	assert_field(&s, "lost.reason", "not_running");
}

/* A lost record has these and no others; no other record has the lost keys. */
static void test_apart(void **state)
{
	static const char *const both[] = { "call_name", "event_type", "__time_ns__", "__seq__",
					    "__time__" };
	static const struct loss loss = { .is_counted = true };
	_cleanup_(sample_done) struct sample s, normal;
	size_t n = 0;

	(void)state;
	sample_init(&s);
	sample_init(&normal);
	sample_lose(&s, &loss);
	for (size_t i = 0; i < n_fields; i++) {
		const char *name = fields[i].name;
		bool is_lost = strncmp(name, "lost.", 5) == 0, is_both = false;

		for (size_t k = 0; k < ARRAY_SIZE(both); k++)
			is_both |= strcmp(name, both[k]) == 0;
		n += is_both;
		if (!(fields[i].in & FIELD_IN_LOST) == (is_lost || is_both))
			fail_msg("%s", name);
		if (!(fields[i].in & FIELD_IN_LOST))
			assert_field(&s, name, "(absent)");
		if (is_lost)
			assert_field(&normal, name, "(absent)");
	}
	assert_int_equal(n, ARRAY_SIZE(both));
}

static void test_inferred(void **state)
{
	static const char *const absent[] = { "exit_signal", "core_dumped",   "duration_ns",
					      "cpu.user_ns", "cpu.system_ns", "memory.peak_bytes",
					      "lost.execve", "lost.since",    "lost.reason" };
	_cleanup_(sample_done) struct sample s;

	(void)state;
	sample_init(&s);
	assert_field(&s, "inferred", "(absent)");
	sample_end(&s, 0);
	assert_field(&s, "inferred", "(absent)");
	assert_field(&s, "exit_code", "0");
	s.event.exit = NULL;
	assert_field(&s, "inferred", "true");
	assert_field(&s, "exit_code", "");
	assert_field(&s, "exit_tid", "");
	assert_field(&s, "pid", "148749");
	for (size_t i = 0; i < ARRAY_SIZE(absent); i++)
		assert_field(&s, absent[i], "(absent)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counted),
		cmocka_unit_test(test_uncounted),
		cmocka_unit_test(test_apart),
		cmocka_unit_test(test_inferred),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
