/* SPDX-License-Identifier: Apache-2.0 */
/* What is done to files and folders, and whether it concerns a pipeline. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/config_watch.h"
#include "base/cleanup.h"

/*
 * A folder of its own for each test, in which it works: d/ with a pipeline and a file that is none,
 * and f.yaml.
 */
static int enter(void **state)
{
	char *folder = strdup("/tmp/proctrail-watch-XXXXXX");

	*state = folder;
	if (!mkdtemp(folder) || chdir(folder) < 0)
		return -1;
	return system(
		"mkdir d other && touch d/p.yaml d/notes f.yaml other/l.yaml && ln -s other/l.yaml l.yaml");
}

static int leave(void **state)
{
	_cleanup_(freep) char *folder = *state;
	_cleanup_(freep) char *command = NULL;

	if (chdir("/") < 0 || asprintf(&command, "rm -rf '%s'", folder) < 0)
		return -1;
	return system(command);
}

static void test_what_concerns(void **state)
{
	static const struct {
		const char *command;
		bool concerns;
	} cases[] = {
		{ "echo >d/p.yaml", true },
		{ "echo >d/new.yml", true },
		{ "echo >d/notes", false },
		{ "echo >d/.p.yaml.swp", false },
		{ "echo >d/.p.yaml", false },
		{ "mv d/notes d/notes.json", true },
		{ "mv d/notes d/readme", false },
		{ "rm d/p.yaml", true },
		{ "chmod 0 d/p.yaml", true },
		{ "cat d/p.yaml d/notes f.yaml", false },
		{ "ln -s ../other/l.yaml d/l.yaml", true },
		{ "ln other/l.yaml d/l.yaml", true },
		{ "ln -s nowhere d/..data", true },
		{ "echo >f.yaml", true },
		{ "echo >new && mv new f.yaml", true },
		{ "rm f.yaml", true },
		{ "echo >g.yaml", false },
		{ "echo >other/x.yaml", false },
		{ "echo >other/l.yaml", true },
		{ "ln -s other/x.yaml new && mv new l.yaml", true },
		{ "mv d e", true },
		{ "mkdir e", false },
		{ "rm -r d", true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		static const char *const paths[] = { "d", "f.yaml", "l.yaml" };
		struct config_watch w;
		void *folder;

		assert_int_equal(enter(&folder), 0);
		config_watch_init(&w, paths, ARRAY_SIZE(paths));
		assert_int_equal(config_watch_renew(&w), 0);
		assert_false(config_watch_read(&w));
		assert_int_equal(system(cases[i].command), 0);
		if (config_watch_read(&w) != cases[i].concerns)
			fail_msg("%s", cases[i].command);
		assert_false(config_watch_read(&w));
		config_watch_done(&w);
		assert_int_equal(leave(&folder), 0);
	}
}

/* A file that is made counts when it is written, not while it is empty. */
static void test_half_a_file(void **state)
{
	static const char *const paths[] = { "d" };
	struct config_watch w;
	FILE *f;

	(void)state;
	config_watch_init(&w, paths, 1);
	assert_int_equal(config_watch_renew(&w), 0);
	f = fopen("d/new.yaml", "we");
	assert_non_null(f);
	fputs("enable: ", f);
	fflush(f);
	assert_false(config_watch_read(&w));
	fclose(f);
	assert_true(config_watch_read(&w));
	config_watch_done(&w);
}

/* After a renewal it watches what is there now, and no longer what was. */
static void test_renewal(void **state)
{
	static const char *const paths[] = { "d", "l.yaml" };
	struct config_watch w;

	(void)state;
	config_watch_init(&w, paths, ARRAY_SIZE(paths));
	assert_int_equal(config_watch_renew(&w), 0);
	assert_int_equal(system("mv d old && ln -s other d && ln -sf f.yaml l.yaml"), 0);
	assert_true(config_watch_read(&w));
	assert_int_equal(config_watch_renew(&w), 0);
	assert_int_equal(system("echo >old/p.yaml"), 0);
	assert_false(config_watch_read(&w));
	assert_int_equal(system("echo >other/x.yaml"), 0);
	assert_true(config_watch_read(&w));
	assert_int_equal(system("echo >f.yaml"), 0);
	assert_true(config_watch_read(&w));
	for (int i = 0; i < 3; i++)
		assert_int_equal(config_watch_renew(&w), 0);
	assert_false(config_watch_read(&w));
	config_watch_done(&w);
}

static void test_nothing_to_watch(void **state)
{
	static const char *const paths[] = { "no/such/file.yaml" };
	struct config_watch w;

	(void)state;
	config_watch_init(&w, NULL, 0);
	assert_int_equal(config_watch_renew(&w), 0);
	assert_int_equal(w.fd, -1);
	assert_false(config_watch_read(&w));
	config_watch_done(&w);
	config_watch_init(&w, paths, 1);
	assert_true(config_watch_renew(&w) < 0);
	assert_false(config_watch_read(&w));
	config_watch_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_concerns),
		cmocka_unit_test_setup_teardown(test_half_a_file, enter, leave),
		cmocka_unit_test_setup_teardown(test_renewal, enter, leave),
		cmocka_unit_test_setup_teardown(test_nothing_to_watch, enter, leave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
