/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files and folders become pipelines; what is said of those that cannot be, and of those that
 * cannot live together.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "pipeline/set.h"

#define INPUT "inputs: [{Type: input_process_security}]\n"
#define GOOD INPUT "flushers: [{Type: flusher_blackhole}]\n"
#define OFF "enable: false\n" GOOD

static void write_file(const char *path, const char *text)
{
	_cleanup_(fclosep) FILE *f = fopen(path, "we");

	assert_non_null(f);
	fputs(text, f);
}

/* A folder of its own for each test, in which it works. */
static int enter(void **state)
{
	char *folder = strdup("/tmp/proctrail-set-XXXXXX");

	*state = folder;
	return mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static int leave(void **state)
{
	_cleanup_(freep) char *folder = *state;
	_cleanup_(freep) char *command = NULL;

	if (chdir("/") < 0 || asprintf(&command, "rm -rf '%s'", folder) < 0)
		return -1;
	return system(command);
}

/* The names of the good ones, a bar, the paths of the others; and the findings. */
static int load(const char *const *paths, size_t n, char *to, size_t size, char *findings,
		size_t findings_size)
{
	_cleanup_(diag_done) struct diag d = { 0 };
	_cleanup_(pipeline_files_done) struct pipeline_files files = { 0 };
	FILE *f = fmemopen(to, size, "w"), *g = fmemopen(findings, findings_size, "w");
	int r;

	memset(to, 0, size);
	memset(findings, 0, findings_size);
	r = pipeline_set_load(paths, n, &d, &files);
	for (size_t i = 0; i < files.n; i++)
		fprintf(f, "%s ", pipeline_name(files.items[i]));
	fputs("|", f);
	for (size_t i = 0; i < files.n_failed; i++)
		fprintf(f, " %s", files.failed[i]);
	diag_print(&d, g);
	fclose(f);
	fclose(g);
	return r;
}

#define assert_load(r, names, said, ...)                                                      \
	do {                                                                                  \
		const char *const paths[] = { __VA_ARGS__ };                                  \
		char made[512], findings[2048];                                               \
                                                                                              \
		assert_int_equal(load(paths, ARRAY_SIZE(paths), made, sizeof(made), findings, \
				      sizeof(findings)),                                      \
				 r);                                                          \
		assert_string_equal(findings, said);                                          \
		assert_string_equal(made, names);                                             \
	} while (0)

static void test_folder(void **state)
{
	(void)state;
	mkdir("d", 0700);
	mkdir("d/sub.yaml", 0700);
	write_file("d/b.yml", GOOD);
	write_file("d/a.yaml", GOOD);
	write_file("d/c.json", "{\"inputs\": [{\"Type\": \"input_process_security\"}],"
			       " \"flushers\": [{\"Type\": \"flusher_blackhole\"}]}");
	write_file("d/.hidden.yaml", "?");
	write_file("d/a.yaml~", "?");
	write_file("d/README", "?");
	write_file("e.conf", GOOD);
	assert_load(0, "a b c |", "", "d");
	assert_load(0, "a b c |", "", "d/");
	assert_load(0, "e a b c |", "", "e.conf", "d", "d/b.yml", "./e.conf");
}

static void test_bad_one(void **state)
{
	(void)state;
	mkdir("d", 0700);
	write_file("d/a.yaml", "enabel: true\n" GOOD);
	write_file("d/b.yaml", GOOD);
	write_file("d/c.yaml", INPUT);
	assert_load(-EINVAL, "b | d/a.yaml d/c.yaml",
		    "d/a.yaml:1:1: enabel: unknown key; did you mean 'enable'?\n"
		    "d/c.yaml:1:1: flushers: required key is missing\n",
		    "d");
}

static void test_nothing(void **state)
{
	(void)state;
	mkdir("d", 0700);
	assert_load(
		0, "|",
		"d: warning: there is no pipeline in this folder: no file that ends in .yaml, .yml or .json\n",
		"d");
	assert_load(-EINVAL, "| none.yaml",
		    "none.yaml: cannot be opened: No such file or directory\n", "none.yaml");
}

static void test_disabled(void **state)
{
	(void)state;
	write_file("a.yaml", OFF);
	write_file("b.yaml", OFF);
	write_file("c.yaml", GOOD);
	assert_load(
		0, "a |",
		"a.yaml: warning: enable: the only pipeline is not enabled: nothing is recorded\n",
		"a.yaml");
	assert_load(
		0, "a b |",
		"a.yaml: warning: enable: this pipeline and all others are not enabled: nothing is recorded\n",
		"a.yaml", "b.yaml");
	assert_load(0, "a c |", "", "a.yaml", "c.yaml");
}

static void test_namesakes(void **state)
{
	(void)state;
	mkdir("d", 0700);
	write_file("a.yaml", GOOD);
	write_file("d/a.json", GOOD);
	assert_load(-EINVAL, "a | d/a.json",
		    "d/a.json: the name 'a' is taken by a.yaml; rename one of the files\n",
		    "a.yaml", "d");
}

#define FILE_OF(path) INPUT "flushers:\n  - Type: flusher_file\n    FilePath: " path "\n"

static void test_same_file(void **state)
{
	char said[512];

	write_file("a.yaml", FILE_OF("out"));
	write_file("b.yaml", FILE_OF("./out"));
	write_file("c.yaml", FILE_OF("out2"));
	write_file("d.yaml", "enable: false\n" FILE_OF("out"));
	snprintf(
		said, sizeof(said),
		"b.yaml:3:5: flushers[0]: '%s/out' is written by the pipeline 'a' already (a.yaml); give it a file of "
		"its own\n",
		(const char *)*state);
	assert_load(-EINVAL, "a c d | b.yaml", said, "a.yaml", "b.yaml", "c.yaml", "d.yaml");
	write_file("out", "");
	assert_int_equal(link("out", "out2"), 0);
	snprintf(
		said, sizeof(said),
		"c.yaml:3:5: flushers[0]: '%s/out2' is written by the pipeline 'a' already (a.yaml); give it a file "
		"of its own\n",
		(const char *)*state);
	assert_load(-EINVAL, "a d | c.yaml", said, "a.yaml", "c.yaml", "d.yaml");
}

static void test_same_file_twice(void **state)
{
	char said[512];

	write_file("a.yaml", FILE_OF("out") "  - Type: flusher_file\n    FilePath: out\n");
	snprintf(
		said, sizeof(said),
		"a.yaml:5:5: flushers[1]: '%s/out' is written by flusher_file of this pipeline already; give it a "
		"file of its own\n",
		(const char *)*state);
	assert_load(-EINVAL, "| a.yaml", said, "a.yaml");
}

/* Two that were loaded apart: what runs, and what is to run beside it. */
static void test_conflict(void **state)
{
	static const struct {
		const char *name, *text, *why;
	} cases[] = {
		{ "b", FILE_OF("./out"), "'%s/out' is written by the pipeline 'a' (a)" },
		{ "b", FILE_OF("out2"), NULL },
		{ "b", GOOD, NULL },
		{ "a", GOOD, "its name 'a' is taken by a" },
	};
	_cleanup_(pipeline_freep) struct pipeline *a = NULL;
	_cleanup_(diag_done) struct diag d = { 0 };

	assert_int_equal(pipeline_load_text("a", FILE_OF("out"), &d, &a), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(pipeline_freep) struct pipeline *p = NULL;
		_cleanup_(freep) char *why = NULL;
		char expected[256];

		assert_int_equal(pipeline_load_text(cases[i].name, cases[i].text, &d, &p), 0);
		why = pipeline_conflict(p, a);
		if (!cases[i].why) {
			assert_null(why);
			continue;
		}
		snprintf(expected, sizeof(expected), cases[i].why, (const char *)*state);
		assert_non_null(why);
		assert_string_equal(why, expected);
	}
}

static void test_many(void **state)
{
	_cleanup_(diag_done) struct diag d = { 0 };
	_cleanup_(pipeline_files_done) struct pipeline_files files = { 0 };
	const char *const paths[] = { "d" };
	char path[32];

	(void)state;
	mkdir("d", 0700);
	for (int i = 0; i <= 1000; i++) {
		snprintf(path, sizeof(path), "d/p%04d.yaml", i);
		write_file(path, "{}");
	}
	assert_int_equal(pipeline_set_load(paths, 1, &d, &files), -EINVAL);
	assert_int_equal(files.n_failed, 1000);
	assert_string_equal(d.entries[0].file, "d/p1000.yaml");
	assert_string_equal(d.entries[0].message,
			    "too many pipelines: at most 1000 files are read");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_folder, enter, leave),
		cmocka_unit_test_setup_teardown(test_bad_one, enter, leave),
		cmocka_unit_test_setup_teardown(test_nothing, enter, leave),
		cmocka_unit_test_setup_teardown(test_disabled, enter, leave),
		cmocka_unit_test_setup_teardown(test_namesakes, enter, leave),
		cmocka_unit_test_setup_teardown(test_same_file, enter, leave),
		cmocka_unit_test_setup_teardown(test_same_file_twice, enter, leave),
		cmocka_unit_test_setup_teardown(test_conflict, enter, leave),
		cmocka_unit_test_setup_teardown(test_many, enter, leave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
