/* SPDX-License-Identifier: Apache-2.0 */
/* The names of the calls, there and back. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "event/event.h"
#include <cmocka.h>

static void test_names(void **state)
{
	enum call call, back = _CALL_MAX;

	(void)state;
	for (call = 0; call < _CALL_MAX; call++) {
		assert_int_equal(call_from_string(str_from(call_to_string(call)), &back), 0);
		assert_int_equal(back, call);
	}
	assert_string_equal(call_to_string(CALL_EXECVE), "execve");
	assert_string_equal(call_to_string(CALL_EXIT), "exit");
	assert_string_equal(call_to_string(CALL_CLONE), "clone");
}

static void test_unknown(void **state)
{
	enum call call = CALL_CLONE;

	(void)state;
	assert_int_equal(call_from_string(STR("execv"), &call), -EINVAL);
	assert_int_equal(call_from_string(STR("execvee"), &call), -EINVAL);
	assert_int_equal(call_from_string(STR(""), &call), -EINVAL);
	assert_int_equal(call, CALL_CLONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
