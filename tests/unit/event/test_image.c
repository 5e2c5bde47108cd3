/* SPDX-License-Identifier: Apache-2.0 */
/* A program and its texts, with and without the extension. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "event/image.h"

static const struct event_exe_ext ext = { .inode = 7, .nlink = 1 };

static const struct {
	struct str texts[_PROGRAM_TEXT_MAX];
	const struct event_exe_ext *ext;
	size_t bytes;
} rows[] = {
	{ { { 0 } }, NULL, 0 },
	{ { { 0 } }, &ext, sizeof(ext) },
	{ { [PROGRAM_BINARY] = STR("/bin/ls"), [PROGRAM_ENV] = STR("A=b\0") }, NULL, 11 },
	{ { [PROGRAM_CWD] = STR("/"), [PROGRAM_ARGS] = STR("a\0"), [PROGRAM_EXE] = STR("/x") },
	  &ext,
	  sizeof(ext) + 5 },
	{ { STR("b"), STR("c"), STR("a"), STR("i"), STR("e"), STR("v") }, NULL, 6 },
};

static void test_texts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t n = program_bytes_for(rows[i].texts, rows[i].ext);
		_cleanup_(freep) struct program *p = malloc(n);

		assert_int_equal(n, sizeof(*p) + rows[i].bytes);
		program_init(p, rows[i].texts, rows[i].ext);
		assert_int_equal(program_bytes(p), n);
		assert_int_equal(p->refs, 1);
		assert_int_equal(p->flags, rows[i].ext ? PROGRAM_HAS_EXE_EXT : 0);
		for (int which = 0; which < _PROGRAM_TEXT_MAX; which++) {
			struct str text = program_text(p, (enum program_text)which);

			assert_int_equal(text.n, rows[i].texts[which].n);
			if (text.n)
				assert_memory_equal(text.p, rows[i].texts[which].p, text.n);
		}
		if (rows[i].ext)
			assert_memory_equal(program_exe_ext(p), rows[i].ext, sizeof(ext));
		else
			assert_null(program_exe_ext(p));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_texts) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
