/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The manual page has every command, option and setting, and nothing that roff would take for its
 * own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/cleanup.h"
#include "cli/command.h"
#include "cli/man.h"

static bool has(const struct buf *page, const char *text)
{
	return memmem(page->data, page->len, text, strlen(text)) != NULL;
}

static void test_whole(void **state)
{
	_cleanup_(buf_done) struct buf page = { 0 };

	(void)state;
	man_format(&page);
	for (size_t i = 0; commands[i]; i++) {
		_cleanup_(buf_done) struct buf title = { 0 };
		struct command_row row;

		buf_printf(&title, "\n.SS \"proctrail %s", commands[i]->name);
		buf_put_char(&title, '\0');
		assert_true(has(&page, title.data));
		for (size_t k = 0; command_row(commands[i], k, &row); k++) {
			_cleanup_(buf_done) struct buf flag = { 0 };

			if (strcmp(row.name, "help") == 0)
				continue;
			buf_put_str(&flag, STR("\\fB\\-\\-"));
			for (const char *p = row.name; *p; p++)
				buf_printf(&flag, *p == '-' ? "\\-" : "%c", *p);
			buf_put_str(&flag, STR("\\fR"));
			buf_put_char(&flag, '\0');
			assert_true(has(&page, flag.data));
		}
	}
}

/* A line that begins with a dot is a request that we know. */
static void test_requests(void **state)
{
	static const char *const known[] = { ".TH ",  ".SH ",  ".SS ",	".TP\n", ".PP\n", ".nf\n",
					     ".fi\n", ".RS\n", ".RE\n", ".B ",	 ".I " };
	_cleanup_(buf_done) struct buf page = { 0 };
	const char *line;

	(void)state;
	man_format(&page);
	buf_put_char(&page, '\0');
	for (line = page.data; line && *line; line = strchr(line, '\n')) {
		bool is_known = false;

		line += *line == '\n';
		if (*line != '.' && *line != '\'')
			continue;
		for (size_t i = 0; i < ARRAY_SIZE(known); i++)
			is_known |= strncmp(line, known[i], strlen(known[i])) == 0;
		if (!is_known)
			fail_msg("no request: %.40s", line);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_requests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
