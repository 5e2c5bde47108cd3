/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every shell's script has every command and option, with its quotes closed; tests/e2e tries
 * bash's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/cleanup.h"
#include "cli/command.h"
#include "cli/completion.h"

static bool has(const struct buf *script, const char *text)
{
	return memmem(script->data, script->len, text, strlen(text)) != NULL;
}

static void assert_whole(enum shell shell, const char *flag_format)
{
	_cleanup_(buf_done) struct buf out = { 0 };
	size_t n_quotes = 0;

	completion_format(&out, shell);
	for (size_t i = 0; commands[i]; i++) {
		struct command_row row;

		assert_true(has(&out, commands[i]->name));
		for (size_t k = 0; command_row(commands[i], k, &row); k++) {
			char flag[128];

			snprintf(flag, sizeof(flag), flag_format, row.name);
			if (!has(&out, flag))
				fail_msg("no %s", flag);
		}
	}
	for (size_t i = 0; i < out.len; i++)
		n_quotes += out.data[i] == '\'';
	assert_int_equal(n_quotes % 2, 0);
}

static void test_shells(void **state)
{
	(void)state;
	assert_whole(SHELL_BASH, "--%s");
	assert_whole(SHELL_ZSH, "--%s");
	assert_whole(SHELL_FISH, " -l %s ");
}

static void test_words(void **state)
{
	_cleanup_(buf_done) struct buf bash = { 0 }, zsh = { 0 }, fish = { 0 };

	(void)state;
	completion_format(&bash, SHELL_BASH);
	assert_true(has(&bash,
			"'run --hooks')\n\t\tmapfile -t COMPREPLY < <(compgen -W 'auto btf raw' "));
	assert_true(
		has(&bash, "'run --config' | 'run -c')\n\t\tmapfile -t COMPREPLY < <(compgen -f "));
	completion_format(&zsh, SHELL_ZSH);
	assert_true(has(&zsh, "'*'{-c,--config}'[a pipeline, in YAML or JSON"));
	assert_true(has(&zsh, ":WORD:(auto btf raw)'"));
	completion_format(&fish, SHELL_FISH);
	assert_true(has(&fish, "-l hooks -x -a 'auto btf raw' -d '"));
	assert_true(has(&fish, "-l config -s c -r -F -d '"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shells),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
