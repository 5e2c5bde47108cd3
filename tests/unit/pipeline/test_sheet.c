/* SPDX-License-Identifier: Apache-2.0 */
/* Sheets: who lets go of one last frees it, and who has it alone may write it anew. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>

#include "pipeline/sheet.h"

static void test_refs(void **state)
{
	struct sheet *s = sheet_new();

	(void)state;
	assert_null(sheet_unref(NULL));
	assert_non_null(s);
	assert_true(sheet_is_own(s));
	assert_ptr_equal(sheet_ref(s), s);
	assert_false(sheet_is_own(s));
	buf_put(&s->bytes, "text", 4);
	assert_null(sheet_unref(s));
	assert_true(sheet_is_own(s));
	assert_int_equal(s->bytes.len, 4); /* still ours */
	assert_null(sheet_unref(s));
}

static void *read_it(void *arg)
{
	struct sheet *s = arg;
	bool is_right = s->bytes.len == 1 && s->bytes.data[0] == 'a';

	sheet_unref(s);
	return is_right ? NULL : arg;
}

/* What is written once nobody else has it no reader sees; a sanitizer sees who is too early. */
static void test_threads(void **state)
{
	pthread_t threads[4];
	struct sheet *s = sheet_new();

	(void)state;
	for (int round = 0; round < 50; round++) {
		void *ret;

		buf_clear(&s->bytes);
		buf_put_char(&s->bytes, 'a');
		for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
			assert_int_equal(pthread_create(&threads[i], NULL, read_it, sheet_ref(s)),
					 0);
		while (!sheet_is_own(s))
			;
		s->bytes.data[0] = 'b';
		for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
			assert_int_equal(pthread_join(threads[i], &ret), 0);
			assert_null(ret);
		}
	}
	sheet_unref(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refs),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
