/* SPDX-License-Identifier: Apache-2.0 */
/* From the options to the standard output or to a file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>

#include "configured.h"
#include "folder.h"

extern const struct flusher flusher_stdout;

static void test_findings(void **state)
{
	static const struct {
		const char *yaml, *finding; /* "": none */
		bool is_error;
	} cases[] = {
		{ "{}", "", false },
		{ "{OnlyStdout: true, Tags: true, KeyValuePairs: true}", "", false },
		{ "{FileName: /x, MaxSize: 1000, MaxRolls: 5}", "", false },
		{ "{FileName: /x, MaxSize: 0, MaxRolls: 0}", "", false },
		{ "{FileName: /x, MaxSize: -1, MaxRolls: -1}", "", false },
		{ "{KeyValuePairs: false}",
		  "t:1:17: warning: flushers[0].KeyValuePairs: there is only flat JSON here; records are printed as with true",
		  false },
		{ "{OnlyStdout: true, FileName: /x}",
		  "t:1:30: warning: flushers[0].FileName: is not used, since OnlyStdout is true; records go to the standard output only",
		  false },
		{ "{MaxSize: 1000}",
		  "t:1:11: warning: flushers[0].MaxSize: has no effect on the standard output, only on the file of FileName",
		  false },
		{ "{MaxRolls: 3}",
		  "t:1:12: warning: flushers[0].MaxRolls: has no effect on the standard output, only on the file of FileName",
		  false },
		{ "{FileName: /x, MaxSize: 1MiB}", "expected a whole number, not '1MiB'", true },
		{ "{FileName: /x, MaxRolls: 1001}",
		  "MaxRolls: expected a number from -2147483648 to 1000, not '1001'", true },
		{ "{FilName: /x}", "did you mean 'FileName'?", true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct configured c;

		configure(&c, &flusher_stdout, cases[i].yaml);
		if (!strstr(configured_findings(&c), cases[i].finding))
			fail_msg("%s: %s", cases[i].yaml, configured_findings(&c));
		assert_int_equal(c.diag.n, *cases[i].finding ? 1 : 0);
		assert_int_equal(c.diag.n_errors, cases[i].is_error);
		assert_int_equal(c.r, cases[i].is_error ? -EINVAL : 0);
		configured_done(&c);
	}
}

static void test_encoding(void **state)
{
	static const struct {
		const char *yaml;
		bool tags;
	} cases[] = { { "{}", false }, { "{Tags: true}", true }, { "{FileName: /x}", false } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct encoding encoding = { 0 };
		struct configured c;

		configure(&c, &flusher_stdout, cases[i].yaml);
		flusher_stdout.encoding(c.self.conf, &encoding);
		assert_true(encoding.time_string);
		assert_int_equal(encoding.tags, cases[i].tags);
		configured_done(&c);
	}
}

/* Starts one with a standard output that is the file "out", prints, stops. */
static void print(const struct folder *f, const char *yaml, const char *lines)
{
	int saved = dup(STDOUT_FILENO), r, r_flush;
	struct configured c;
	int fd = open(folder_path(f, "out"), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	configure(&c, &flusher_stdout, yaml);
	assert_int_equal(dup2(fd, STDOUT_FILENO), STDOUT_FILENO);
	r = flusher_stdout.base.start(&c.self);
	flusher_stdout.resume(&c.self); /* nothing to end in a file */
	r_flush = configured_flush(&c, lines);
	flusher_stdout.reopen(&c.self);
	flusher_stdout.base.stop(&c.self);
	assert_int_equal(dup2(saved, STDOUT_FILENO), STDOUT_FILENO);
	close(saved);
	close(fd);
	configured_done(&c);
	assert_int_equal(r, 0);
	assert_int_equal(r_flush, 0);
}

static void test_where(void **state)
{
	static const struct {
		const char *yaml;
		bool to_file;
	} cases[] = {
		{ "{}", false },
		{ "{OnlyStdout: true}", false },
		{ "{FileName: ''}", false },
		{ "{FileName: %s}", true },
		{ "{OnlyStdout: true, FileName: %s}", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct configured c;
		struct folder f;
		char yaml[256];
		char *target;

		folder_open(&f);
		snprintf(yaml, sizeof(yaml), cases[i].yaml, folder_path(&f, "a/log"));
		print(&f, yaml, "1\n");
		assert_string_equal(folder_text(&f, "out"), cases[i].to_file ? "" : "1\n");
		assert_string_equal(folder_text(&f, "a/log"), cases[i].to_file ? "1\n" : "(none)");
		configure(&c, &flusher_stdout, yaml);
		target = flusher_stdout.target(c.self.conf);
		if (cases[i].to_file)
			assert_string_equal(target, folder_path(&f, "a/log"));
		else
			assert_null(target);
		free(target);
		configured_done(&c);
		folder_close(&f);
	}
}

/* How large the file becomes and how many full ones stay, by MaxSize and MaxRolls. */
static void test_rolls(void **state)
{
	static const struct {
		const char *yaml;
		size_t size;
		unsigned int n_rolled;
	} cases[] = {
		{ "MaxSize: 100\nMaxRolls: 3", 100, 3 },
		{ "MaxSize: 100", 100, 1 },
		{ "MaxSize: 100\nMaxRolls: 0", 100, 1 },
		{ "MaxSize: 100\nMaxRolls: -5", 100, 1 },
		{ "", 1048576, 1 },
		{ "MaxSize: 0", 1048576, 1 },
		{ "MaxSize: -1", 1048576, 1 },
	};
	static char lines[6 * 1048576 + 1];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct folder f;
		struct stat st;
		char yaml[256], name[16];

		folder_open(&f);
		snprintf(yaml, sizeof(yaml), "FileName: %s\n%s", folder_path(&f, "log"),
			 cases[i].yaml);
		memset(lines, '\n', 6 * cases[i].size);
		lines[6 * cases[i].size] = '\0';
		print(&f, yaml, lines);
		for (unsigned int n = 1; n <= cases[i].n_rolled; n++) {
			snprintf(name, sizeof(name), "log.%u", n);
			assert_int_equal(stat(folder_path(&f, name), &st), 0);
			assert_int_equal(st.st_size, cases[i].size);
		}
		snprintf(name, sizeof(name), "log.%u", cases[i].n_rolled + 1);
		assert_false(folder_has(&f, name));
		folder_close(&f);
	}
}

static void test_not_open(void **state)
{
	int saved = dup(STDOUT_FILENO), saved_log = dup(STDERR_FILENO), r;
	_cleanup_(fclosep) FILE *log = tmpfile();
	struct configured c;
	char line[256] = "";

	(void)state;
	configure(&c, &flusher_stdout, "{}");
	close(STDOUT_FILENO);
	dup2(fileno(log), STDERR_FILENO);
	r = flusher_stdout.base.start(&c.self);
	flusher_stdout.base.stop(&c.self);
	dup2(saved_log, STDERR_FILENO);
	close(saved_log);
	assert_int_equal(dup2(saved, STDOUT_FILENO), STDOUT_FILENO);
	close(saved);
	configured_done(&c);
	assert_int_equal(r, -EBADF);
	rewind(log);
	assert_non_null(fgets(line, sizeof(line), log));
	assert_non_null(strstr(line, "flusher_stdout: the standard output is not open"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_findings), cmocka_unit_test(test_encoding),
		cmocka_unit_test(test_where),	 cmocka_unit_test(test_rolls),
		cmocka_unit_test(test_not_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
