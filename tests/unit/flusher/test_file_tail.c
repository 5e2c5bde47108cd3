/* SPDX-License-Identifier: Apache-2.0 */
/* What is cut, what is closed, what is left alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/file.h>

#include "flusher/file_tail.h"
#include "folder.h"

static enum file_tail repair(const struct folder *f, uint64_t *ret_cut)
{
	_cleanup_(closep) int fd = open(folder_path(f, "log"), O_WRONLY | O_APPEND | O_CLOEXEC);

	assert_true(fd >= 0);
	return file_tail_repair(fd, ret_cut);
}

static void test_ends(void **state)
{
	static const struct {
		const char *before, *after;
		enum file_tail outcome;
		uint64_t n_cut;
	} cases[] = {
		{ "", "", FILE_TAIL_WHOLE, 0 },
		{ "\n", "\n", FILE_TAIL_WHOLE, 0 },
		{ "{1}\n{2}\n", "{1}\n{2}\n", FILE_TAIL_WHOLE, 0 },
		{ "{1}\n{2", "{1}\n", FILE_TAIL_CUT, 2 },
		{ "{1}\n{", "{1}\n", FILE_TAIL_CUT, 1 },
		{ "{1}", "", FILE_TAIL_CUT, 3 },
		{ "a list", "a list\n", FILE_TAIL_CLOSED, 0 },
		{ "{1}\nnotes", "{1}\nnotes\n", FILE_TAIL_CLOSED, 0 },
	};
	struct folder f;

	(void)state;
	folder_open(&f);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t n = 0;

		folder_put(&f, "log", cases[i].before);
		assert_int_equal(repair(&f, &n), cases[i].outcome);
		assert_int_equal(n, cases[i].n_cut);
		assert_string_equal(folder_text(&f, "log"), cases[i].after);
	}
	folder_close(&f);
}

/* A torn record of any length around the size of the blocks that are read backwards. */
static void test_long_record(void **state)
{
	static const size_t lengths[] = { 1, 4094, 4095, 4096, 4097, 8192, 20000 };
	static char text[32768];
	struct folder f;

	(void)state;
	folder_open(&f);
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		uint64_t n = 0;

		memset(text, 'x', sizeof(text));
		memcpy(text, "{1}\n{", 5);
		text[4 + lengths[i]] = '\0';
		folder_put(&f, "log", text);
		assert_int_equal(repair(&f, &n), FILE_TAIL_CUT);
		assert_int_equal(n, lengths[i]);
		assert_string_equal(folder_text(&f, "log"), "{1}\n");
	}
	folder_close(&f);
}

/* Too far back: nothing is cut. The file is all hole but for its ends. */
static void test_search_is_bounded(void **state)
{
	const int64_t size = 65 * 1024 * 1024;
	struct folder f;
	struct stat st;
	uint64_t n = 0;

	(void)state;
	folder_open(&f);
	folder_put(&f, "log", "{1}\n{");
	assert_int_equal(truncate(folder_path(&f, "log"), size), 0);
	assert_int_equal(repair(&f, &n), FILE_TAIL_CLOSED);
	assert_int_equal(stat(folder_path(&f, "log"), &st), 0);
	assert_int_equal(st.st_size, size + 1);
	folder_close(&f);
}

/* While somebody else has it open the end of the file is his. */
static void test_shared(void **state)
{
	struct folder f;
	uint64_t n = 0;
	int other;

	(void)state;
	folder_open(&f);
	folder_put(&f, "log", "{1}\n");
	other = open(folder_path(&f, "log"), O_WRONLY | O_APPEND | O_CLOEXEC);
	assert_int_equal(file_tail_repair(other, &n), FILE_TAIL_WHOLE);
	assert_int_equal(write(other, "{2", 2), 2);
	assert_int_equal(repair(&f, &n), FILE_TAIL_WHOLE);
	assert_string_equal(folder_text(&f, "log"), "{1}\n{2");
	close(other);
	assert_int_equal(repair(&f, &n), FILE_TAIL_CUT);
	assert_string_equal(folder_text(&f, "log"), "{1}\n");
	folder_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_long_record),
		cmocka_unit_test(test_search_is_bounded),
		cmocka_unit_test(test_shared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
