/* SPDX-License-Identifier: Apache-2.0 */
/* Flags in place of what the file says; what is said of wrong ones, tests/e2e/test_cli.py shows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/line_settings.h"

static const struct command_option known[] = {
	{ .name = "socket", .argument = "PATH", .help = "a path" },
	{ .name = "instance", .argument = "NAME", .help = "a name" },
	{ .name = "watch", .help = "no setting" },
	AGENT_CONFIG_OPTION,
	{ 0 },
};

static char empty[] = "/tmp/proctrail-settings-XXXXXX"; /* in place of this machine's own */

static const struct command ask = { .name = "ask", .options = known };

/* A line of at most three options and their texts. */
static int load(struct agent_settings *ret, const char *const options[][2], size_t n)
{
	struct command_value values[4] = { 0 };
	const struct command_line line = { .command = &ask, .values = values, .n_values = n };

	for (size_t i = 0; i < n; i++) {
		values[i].text = options[i][1];
		for (const struct command_option *o = known; o->name; o++)
			if (strcmp(o->name, options[i][0]) == 0)
				values[i].option = o;
		assert_non_null(values[i].option);
	}
	return line_settings_load(&line, line_settings_agent, ret);
}

static void test_flags(void **state)
{
	const char *const given[][2] = { { "agent-config", empty },
					 { "watch", NULL },
					 { "socket", "/run/y.sock" } };
	const char *const named[][2] = { { "agent-config", empty }, { "instance", "web" } };
	_cleanup_(agent_settings_done) struct agent_settings a = { 0 }, b = { 0 };

	(void)state;
	assert_int_equal(load(&a, given, 3), CLI_OK);
	assert_string_equal(a.control_socket, "/run/y.sock");
	assert_int_equal(load(&b, named, 2), CLI_OK);
	assert_string_equal(b.control_socket, "/run/proctrail/web.sock");
}

/* A wrong flag is wrong usage; a file that is not there is a failure. */
static void test_wrong(void **state)
{
	const char *const flag[][2] = { { "agent-config", empty }, { "instance", "a/b" } };
	const char *const file[][2] = { { "agent-config", "/nowhere/agent.yaml" } };
	_cleanup_(agent_settings_done) struct agent_settings a = { 0 }, b = { 0 };

	(void)state;
	assert_int_equal(load(&a, flag, 2), CLI_USAGE);
	assert_int_equal(load(&b, file, 1), CLI_FAILED);
}

static int make_empty(void **state)
{
	_cleanup_(closep) int fd = mkostemp(empty, O_CLOEXEC);

	(void)state;
	return fd < 0;
}

static int remove_empty(void **state)
{
	(void)state;
	return unlink(empty);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_wrong),
	};

	return cmocka_run_group_tests(tests, make_empty, remove_empty);
}
