/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Configurations of pipelines: right ones, all that is said about wrong ones, and every lack of
 * memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "pipeline/pipeline.h"

#include "../failing_allocator.h"

WRAP(void *, malloc, (size_t n), (n))
WRAP(void *, calloc, (size_t n, size_t size), (n, size))
WRAP(void *, realloc, (void *p, size_t n), (p, n))
WRAP(void *, reallocarray, (void *p, size_t n, size_t size), (p, n, size))
WRAP(char *, strdup, (const char *s), (s))
WRAP(char *, strndup, (const char *s, size_t n), (s, n))

int __real_vasprintf(char **to, const char *fmt, va_list args);
int __wrap_vasprintf(char **to, const char *fmt, va_list args);
int __wrap_vasprintf(char **to, const char *fmt, va_list args)
{
	return fails() ? -ENOMEM : __real_vasprintf(to, fmt, args);
}

static const char right[] = "enable: true\n"
			    "inputs:\n"
			    "  - Type: input_process_security\n"
			    "    CallNames: [execve, exit, clone]\n"
			    "    Fields: [spec, tid]\n"
			    "processors:\n"
			    "  - Type: processor_filter\n"
			    "    Include: {field: ns.pid, in: [1, 2]}\n"
			    "    Exclude: {not: {field: binary, glob: '/usr/*'}}\n"
			    "  - Type: processor_add_fields\n"
			    "    Fields: {cluster: blue}\n"
			    "  - Type: processor_rename\n"
			    "    SourceKeys: [cluster]\n"
			    "    DestKeys: [region]\n"
			    "  - Type: processor_drop_fields\n"
			    "    DropKeys: [tid, cwd]\n"
			    "  - Type: processor_filter_regex_native\n"
			    "    Include: {region: bl.*}\n"
			    "flushers:\n"
			    "  - Type: flusher_file\n"
			    "    FilePath: /nonexistent/a\n"
			    "  - Type: flusher_stdout\n"
			    "    Tags: true\n"
			    "  - Type: flusher_file\n"
			    "    FilePath: /nonexistent/b\n"
			    "  - Type: flusher_blackhole\n";

static bool needs(const struct pipeline *p, const char *name)
{
	return pipeline_demand(p)->fields[field_lookup(str_from(name)) - fields];
}

static void test_right(void **state)
{
	_cleanup_(diag_done) struct diag d = { 0 };
	_cleanup_(pipeline_freep) struct pipeline *p = NULL;

	(void)state;
	assert_int_equal(pipeline_load_text("/etc/proctrail/web.server.yaml", right, &d, &p), 0);
	assert_int_equal(d.n, 0);
	assert_string_equal(pipeline_name(p), "web.server");
	assert_true(pipeline_is_enabled(p));
	assert_int_equal(pipeline_demand(p)->calls, 7);
	assert_int_equal(pipeline_demand(p)->max_args, 32768);
	assert_true(needs(p, "binary"));
	assert_true(needs(p, "ns.pid")); /* for the filter alone */
	assert_false(needs(p, "tid"));
	assert_false(needs(p, "cwd"));
	assert_false(needs(p, "ns.net"));
}

#define INPUT "inputs: [{Type: input_process_security}]\n"
#define FLUSHER "flushers: [{Type: flusher_blackhole}]\n"

static void test_names(void **state)
{
	static const char *const rows[][2] = {
		{ "a.yaml", "a" },	  { "x/a", "a" }, { "/x.d/b", "b" },
		{ ".hidden", ".hidden" }, { "", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(diag_done) struct diag d = { 0 };
		_cleanup_(pipeline_freep) struct pipeline *p = NULL;

		assert_int_equal(
			pipeline_load_text(rows[i][0], "enable: false\n" INPUT FLUSHER, &d, &p), 0);
		assert_string_equal(pipeline_name(p), rows[i][1]);
		assert_false(pipeline_is_enabled(p));
	}
}

static const struct {
	const char *text, *findings;
} wrong[] = {
	{ "", "p.yaml:1:1: inputs: required key is missing\n"
	      "p.yaml:1:1: flushers: required key is missing\n" },
	{ "[]", "p.yaml:1:1: expected a map with the keys inputs and flushers\n" },
	{ "word", "p.yaml:1:1: expected a map with the keys inputs and flushers\n" },
	{ INPUT "flusher: []\n", "p.yaml:2:1: flusher: unknown key; did you mean 'flushers'?\n"
				 "p.yaml:1:1: flushers: required key is missing\n" },
	{ INPUT FLUSHER "aggregator: 1\n",
	  "p.yaml:3:1: aggregator: unknown key; expected inputs, processors, "
	  "flushers or enable\n" },
	{ INPUT FLUSHER "enable: on\n",
	  "p.yaml:3:9: enable: expected true or false, not 'on'; write true\n" },
	{ FLUSHER "inputs: []\n", "p.yaml:2:9: inputs: expected at least one input\n" },
	{ FLUSHER "inputs: [{Type: input_process_security}, {Type: input_process_security}]\n",
	  "p.yaml:2:42: inputs: expected one input, not 2\n" },
	{ INPUT "flushers: []\n", "p.yaml:2:11: flushers: expected at least one flusher\n" },
	{ INPUT "flushers:\n",
	  "p.yaml:2:10: flushers: expected a list of flushers, each with its '- Type:'\n" },
	{ INPUT "flushers:\n  Type: flusher_stdout\n",
	  "p.yaml:3:3: flushers: expected a list of flushers, each with its '- Type:'\n" },
	{ INPUT "flushers: [flusher_stdout]\n",
	  "p.yaml:2:12: flushers[0]: expected a map that begins with 'Type:'\n" },
	{ INPUT "flushers: [{OnlyStdout: true}]\n",
	  "p.yaml:2:12: flushers[0].Type: required key is missing\n" },
	{ INPUT "flushers: [{Type: []}]\n",
	  "p.yaml:2:19: flushers[0].Type: expected the name of a flusher\n" },
	{ FLUSHER "inputs: [{Type: ''}]\n",
	  "p.yaml:2:17: inputs[0].Type: expected the name of an input\n" },
	{ INPUT "flushers: [{Type: flusher_stdot}]\n",
	  "p.yaml:2:19: flushers[0].Type: unknown type 'flusher_stdot'; did you mean 'flusher_stdout'?\n" },
	{ INPUT "flushers: [{Type: zzzzz}]\n",
	  "p.yaml:2:19: flushers[0].Type: unknown type 'zzzzz'; expected a name such as 'flusher_stdout'\n" },
	{ INPUT FLUSHER "processors: [{Type: processor_x}]\n",
	  "p.yaml:3:21: processors[0].Type: unknown type 'processor_x'; expected a name such as 'processor_filter'\n" },
	/*
	 * what follows a processor that does not make its keys is not judged; what follows a filter
	 * is
	 */
	{ INPUT FLUSHER "processors:\n"
			"  - {Type: processor_filter, Include: {field: x.y.z, gt: 1}}\n"
			"  - {Type: processor_filter}\n"
			"  - {Type: processor_rename, SourceKeys: [pid], DestKeys: [uid]}\n"
			"  - {Type: processor_filter, Include: {field: x.y.z, gt: 1}}\n",
	  "p.yaml:5:5: processors[1]: filters nothing; expected Include, Exclude or both\n"
	  "p.yaml:4:47: processors[0].Include.field: unknown field 'x.y.z'; 'proctrail fields' lists them\n"
	  "p.yaml:6:60: processors[2].DestKeys[0]: the records have another key 'uid'\n" },
	{ INPUT FLUSHER "processors:\n"
			"  - {Type: processor_add_fields, Fields: x}\n"
			"  - {Type: processor_filter, Include: {field: x, equals: 1}}\n",
	  "p.yaml:4:42: processors[0].Fields: expected a map of keys and their values, such as {cluster: "
	  "blue}\n" },
	{ INPUT FLUSHER "processors:\n"
			"  - {Type: processor_ad_fields, Fields: {x: 1}}\n"
			"  - {Type: processor_filter, Include: {field: x, equals: 1}}\n",
	  "p.yaml:4:12: processors[0].Type: unknown type 'processor_ad_fields'; did you mean "
	  "'processor_add_fields'?\n" },
	{ INPUT "flushers: [{Type: flusher_file, FilePth: x}]\n",
	  "p.yaml:2:33: flushers[0].FilePth: unknown key; did you mean 'FilePath'?\n"
	  "p.yaml:2:12: flushers[0].FilePath: required key is missing\n" },
	{ INPUT "flushers: [{Type: flusher_blackhole, x: 1}]\n",
	  "p.yaml:2:38: flushers[0].x: unknown key; expected Type\n" },
	{ "inputs: [{Type: input_process_security, MaxArgumentBytes: ten, Fields: [tidd]}]\n"
	  "flushers:\n  - Type: flusher_stdout\n    OnlyStdot: yes\n  - {}\n  - Type: flusher_file\n",
	  "p.yaml:1:73: inputs[0].Fields[0]: expected tid, not 'tidd'\n"
	  "p.yaml:1:59: inputs[0].MaxArgumentBytes: expected a size such as 1048576 or 10MiB, not 'ten'\n"
	  "p.yaml:4:5: flushers[0].OnlyStdot: unknown key; did you mean 'OnlyStdout'?\n"
	  "p.yaml:5:5: flushers[1].Type: required key is missing\n"
	  "p.yaml:6:5: flushers[2].FilePath: required key is missing\n" },
	{ "a: [\n",
	  "p.yaml:2:1: not valid YAML: did not find expected node content, while parsing a flow node "
	  "that begins in line 2\n" },
};

static void print_diag(const struct diag *d, char *to, size_t size)
{
	_cleanup_(fclosep) FILE *f = fmemopen(to, size, "w");

	memset(to, 0, size);
	assert_non_null(f);
	diag_print(d, f);
}

static void test_wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		_cleanup_(diag_done) struct diag d = { 0 };
		struct pipeline *p = NULL;
		char printed[2048];

		assert_int_equal(pipeline_load_text("p.yaml", wrong[i].text, &d, &p), -EINVAL);
		assert_null(p);
		print_diag(&d, printed, sizeof(printed));
		assert_string_equal(printed, wrong[i].findings);
	}
}

static void test_file(void **state)
{
	char path[] = "/tmp/test_load.XXXXXX";
	_cleanup_(diag_done) struct diag d = { 0 };
	_cleanup_(pipeline_freep) struct pipeline *p = NULL;
	_cleanup_(closep) int fd = mkostemp(path, O_CLOEXEC);

	(void)state;
	assert_int_equal(write(fd, right, sizeof(right) - 1), sizeof(right) - 1);
	assert_int_equal(pipeline_load_file(path, &d, &p), 0);
	assert_string_equal(pipeline_name(p), "test_load");
	unlink(path);
	p = pipeline_free(p);
	assert_int_equal(pipeline_load_file(path, &d, &p), -EINVAL);
	assert_string_equal(d.entries[0].message, "cannot be opened: No such file or directory");
	assert_string_equal(d.entries[0].file, path);
}

static int load_with_failure(const char *text, unsigned int n, struct diag *d)
{
	_cleanup_(pipeline_freep) struct pipeline *p = NULL;
	int r;

	fail_at = n;
	r = pipeline_load_text("p.yaml", text, d, &p);
	assert_int_equal(r == 0, p != NULL);
	return r;
}

/* Every allocation fails once; a sanitizer sees what is not given back. */
static void test_lack_of_memory(void **state)
{
	unsigned int n;

	(void)state;
	for (n = 1;; n++) {
		_cleanup_(diag_done) struct diag d = { 0 };
		int r = load_with_failure(right, n, &d);

		assert_int_equal(d.n_errors, 0);
		if (fail_at) /* there are fewer than n */
			break;
		assert_int_equal(r, -ENOMEM);
	}
	fail_at = 0;
	assert_true(n > 50);
}

/* With findings as well: some are lost then, and that is counted. */
static void test_lack_of_memory_for_findings(void **state)
{
	const char *text = wrong[ARRAY_SIZE(wrong) - 2].text;

	(void)state;
	for (unsigned int n = 1;; n++) {
		_cleanup_(diag_done) struct diag d = { 0 };
		int r = load_with_failure(text, n, &d);

		assert_int_equal(d.n_errors, d.n + d.n_dropped);
		assert_true(r == -ENOMEM || (r == -EINVAL && d.n_errors == 5));
		if (fail_at)
			break;
	}
	fail_at = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_right),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_lack_of_memory),
		cmocka_unit_test(test_lack_of_memory_for_findings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
