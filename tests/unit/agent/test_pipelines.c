/* SPDX-License-Identifier: Apache-2.0 */
/* A folder of pipelines, and what becomes of those that run when its files change. */
#include "pipelines_folder.h"

#include "pipeline/parts.h"

static void test_good_and_bad(void **state)
{
	(void)state;
	put("bad.yaml", "inputs: 1\n");
	put("good.yaml", PLAIN);
	put("off.yaml", "enable: false\n" PLAIN);
	assert_int_equal(start(NULL), 0);
	assert_int_equal(t.running.n, 1);
	assert_non_null(find("good"));
	assert_true(find("good")->is_new);
	assert_true(was_said("bad.yaml:1:9: inputs: "));
	assert_true(pipelines_any_room(&t.running) && pipelines_all_room(&t.running));
	assert_false(pipelines_are_gone(&t.running));
}

static void test_nothing_to_run(void **state)
{
	static const char *const texts[] = { "inputs: 1\n", "enable: false\n" PLAIN, NULL };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		if (texts[i])
			put("a.yaml", texts[i]);
		else
			unlink(path_of("a.yaml"));
		assert_int_equal(start(NULL), -EINVAL);
		assert_int_equal(t.running.n, 0);
		assert_true(was_said("there is no pipeline to run"));
		pipelines_done(&t.running);
	}
}

static void test_cannot_start(void **state)
{
	(void)state;
	put("a.yaml", INPUT("") "flushers: [{Type: flusher_file, FilePath: /dev/null/x}]\n");
	assert_int_equal(start(NULL), -ENOTDIR);
	assert_int_equal(t.running.n, 0);
	pipelines_done(&t.running);
	put("b.yaml", PLAIN);
	assert_int_equal(start(NULL), 0); /* one of two is better than none */
	assert_int_equal(t.running.n, 1);
	assert_true(was_said("cannot start pipeline 'a'"));
}

/* Without paths the text is what runs, now and after a reload. */
static void test_text(void **state)
{
	const struct pipeline *before;

	(void)state;
	assert_int_equal(start(PLAIN), 0);
	before = pipeline_of("default");
	assert_non_null(before);
	assert_int_equal(reload(), RELOAD_APPLIED);
	assert_ptr_equal(pipeline_of("default"), before);
}

/* What leaves nothing out has all in one piece, whatever stands before it. */
static void test_whole_first(void **state)
{
	struct batch stride = two_events();
	const struct chunk *all, *some;

	(void)state;
	put_writer("a.yaml", ", CallNames: exit", "a.log");
	put_writer("b.yaml", "", "b.log");
	assert_int_equal(start(NULL), 0);
	pipelines_take(&t.running, &stride, 100, 100);
	stride = two_events();
	pipelines_take(&t.running, &stride, 100, 100);
	some = pipeline_of("a")->feeds[0].chunk;
	all = pipeline_of("b")->feeds[0].chunk;
	assert_int_equal(some->n, 2);
	assert_int_equal(all->n, 4);
	assert_non_null(all->sheet);
	assert_null(some->sheet);
	pipelines_push(&t.running, 101);
	pipelines_serve(&t.running, NULL);
	settle();
	assert_int_equal(n_lines("a.log"), 2);
	assert_int_equal(n_lines("b.log"), 4);
}

/* It says the same in other words: it is not touched. */
static void test_unchanged(void **state)
{
	const struct pipeline *before;

	(void)state;
	put("a.yaml", INPUT(", Fields: spec, MaxArgumentBytes: 1024") BLACKHOLE);
	assert_int_equal(start(NULL), 0);
	before = pipeline_of("a");
	assert_int_equal(reload(), RELOAD_APPLIED);
	put("a.yaml", "# the same\n" BLACKHOLE "enable: true\n" INPUT(", MaxArgumentBytes: 1KiB"));
	assert_int_equal(reload(), RELOAD_APPLIED);
	assert_ptr_equal(pipeline_of("a"), before);
	deliver();
	assert_int_equal(reload(), RELOAD_APPLIED);
	settle();
	assert_totals(2);
}

/*
 * All that came before the change is in the file by the old version, all after it by the new one.
 */
static void test_change(void **state)
{
	const struct pipeline *a, *b;

	(void)state;
	put_writer("a.yaml", "", "a.log");
	put_writer("b.yaml", "", "b.log");
	assert_int_equal(start(NULL), 0);
	a = pipeline_of("a");
	b = pipeline_of("b");
	deliver();
	put_writer("a.yaml", ", CallNames: exit", "a.log");
	assert_int_equal(reload(), RELOAD_APPLIED);
	assert_int_equal(t.running.n, 2);
	assert_ptr_not_equal(pipeline_of("a"), a);
	assert_ptr_equal(pipeline_of("b"), b);
	assert_int_equal(n_on_page("pipeline_in_records_total{pipeline=\"a\"}"), 1);
	deliver();
	settle();
	assert_int_equal(n_lines("a.log"), 3);
	assert_int_equal(n_lines("b.log"), 4);
	assert_totals(7);
}

static void put_roller(const char *options)
{
	char text[512];

	snprintf(
		text, sizeof(text),
		"inputs: [{Type: input_process_security, %s}]\n"
		"flushers: [{Type: flusher_file, FilePath: '%s', MaxFileSize: 4KiB, MaxFiles: 1000}]\n",
		options, path_of("a.log"));
	put("a.yaml", text);
}

/* The old version still writes, and rolls the file, when the new one opens it. */
static void test_change_while_rolling(void **state)
{
	_cleanup_(fclosep) FILE *file = NULL;
	char line[2048] = "", name[32];
	size_t n = 0;

	(void)state;
	put_roller("CallNames: execve");
	assert_int_equal(start(NULL), 0);
	for (unsigned int i = 0; i < 1000; i++)
		deliver();
	put_roller("CallNames: exit");
	assert_int_equal(reload(), RELOAD_APPLIED);
	deliver();
	settle();
	file = fopen(path_of("a.log"), "re");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file))
		n++;
	assert_non_null(strstr(line, "\"call_name\":\"exit\"")); /* the last is the last */
	for (unsigned int i = 1; i < 1000; i++) {
		snprintf(name, sizeof(name), "a.log.%u", i);
		n += n_lines(name);
	}
	assert_int_equal(n, 1001);
}

static void test_add_and_remove(void **state)
{
	const struct pipeline *b;

	(void)state;
	put_writer("a.yaml", "", "a.log");
	put_writer("b.yaml", "", "b.log");
	assert_int_equal(start(NULL), 0);
	b = pipeline_of("b");
	deliver();
	unlink(path_of("a.yaml"));
	put_writer("c.yaml", "", "c.log");
	put("d.json", PLAIN);
	put("e.txt", PLAIN);
	assert_int_equal(reload(), RELOAD_APPLIED);
	assert_int_equal(t.running.n, 3);
	assert_null(find("a"));
	assert_ptr_equal(pipeline_of("b"), b);
	assert_true(find("c") && find("d"));
	assert_int_equal(n_on_page("pipeline=\"a\""), 0);
	assert_int_equal(n_on_page("pipeline_in_records_total{pipeline=\"c\"}"), 1);
	deliver();
	settle();
	assert_int_equal(n_lines("a.log"), 2);
	assert_int_equal(n_lines("b.log"), 4);
	assert_int_equal(n_lines("c.log"), 2);
	assert_totals(2 + 4 + 2 + 2); /* of the one that has ended, too */
}

static void test_disable(void **state)
{
	(void)state;
	put("a.yaml", PLAIN);
	assert_int_equal(start(NULL), 0);
	deliver();
	put("a.yaml", "enable: false\n" PLAIN);
	assert_int_equal(reload(), RELOAD_APPLIED);
	assert_int_equal(t.running.n, 0);
	assert_true(was_said("no pipeline runs any more"));
	assert_true(pipelines_any_room(&t.running) && pipelines_all_room(&t.running));
	assert_false(pipelines_are_gone(&t.running));
	assert_int_equal(pipelines_pending(&t.running), UINT64_MAX);
	deliver();
	put("a.yaml", PLAIN);
	assert_int_equal(reload(), RELOAD_APPLIED);
	assert_int_equal(t.running.n, 1);
	deliver();
	settle();
	assert_totals(4);
}

/* What runs goes on while its file is wrong, and is not touched when it is repaired. */
static void test_invalid(void **state)
{
	static const char *const texts[] = { "inputs: 1\n", "", "inputs: [",
					     "inputs: []\nflushers: []\nfoo: 1\n" };
	const struct pipeline *a;

	(void)state;
	put("a.yaml", PLAIN);
	put("b.yaml", PLAIN);
	assert_int_equal(start(NULL), 0);
	a = pipeline_of("a");
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		put("a.yaml", texts[i]);
		assert_int_equal(reload(), RELOAD_PARTLY);
		assert_ptr_equal(pipeline_of("a"), a);
		assert_int_equal(t.running.n, 2);
		assert_true(was_said("a.yaml' is wrong, its running version goes on"));
	}
	unlink(path_of("b.yaml")); /* what is right is done */
	assert_int_equal(reload(), RELOAD_PARTLY);
	assert_int_equal(t.running.n, 1);
	put("a.yaml", PLAIN);
	assert_int_equal(reload(), RELOAD_APPLIED);
	assert_ptr_equal(pipeline_of("a"), a);
	deliver();
	settle();
	assert_totals(2);
}

/* Right, but it cannot begin: the one before goes on. */
static void test_change_cannot_start(void **state)
{
	const struct pipeline *a;

	(void)state;
	put("a.yaml", PLAIN);
	assert_int_equal(start(NULL), 0);
	a = pipeline_of("a");
	put("a.yaml", INPUT("") "flushers: [{Type: flusher_file, FilePath: /dev/null/x}]\n");
	put("b.yaml", INPUT("") "flushers: [{Type: flusher_file, FilePath: /dev/null/y}]\n");
	assert_int_equal(reload(), RELOAD_PARTLY);
	assert_int_equal(t.running.n, 1);
	assert_ptr_equal(pipeline_of("a"), a);
	assert_true(was_said("cannot start, the running one goes on"));
	deliver();
	settle();
	assert_totals(2);
}

/* A file has one writer, also where the one that runs is not what its configuration says. */
static void test_conflicts(void **state)
{
	const struct pipeline *b;

	(void)state;
	put_writer("b.yaml", "", "b.log");
	assert_int_equal(start(NULL), 0);
	b = pipeline_of("b");
	put("b.yaml", "inputs: 1\n");
	put_writer("a.yaml", "", "b.log"); /* comes first, but the other runs */
	assert_int_equal(reload(), RELOAD_PARTLY);
	assert_null(find("a"));
	assert_ptr_equal(pipeline_of("b"), b);
	put_writer("b.yaml", "", "b2.log"); /* makes way */
	assert_int_equal(reload(), RELOAD_APPLIED);
	assert_non_null(find("a"));
	unlink(path_of("a.yaml"));
	put_writer("c.yaml", "", "b.log"); /* takes over */
	assert_int_equal(reload(), RELOAD_APPLIED);
	assert_true(find("c") && find("b") && !find("a"));
	deliver();
	settle();
	assert_int_equal(n_lines("b.log"), 2);
	assert_int_equal(n_lines("b2.log"), 2);
}

/* The processes that are there go to whoever asks for the first time. */
static void test_snapshot_is_due(void **state)
{
	(void)state;
	put("a.yaml", INPUT(", Snapshot: true") BLACKHOLE);
	put("b.yaml", PLAIN);
	assert_int_equal(start(NULL), 0);
	assert_true(find("a")->is_new && find("b")->is_new);
	find("a")->is_new = find("b")->is_new = false;
	put("a.yaml", INPUT(", Snapshot: true, CallNames: exit") BLACKHOLE);
	put("b.yaml", INPUT(", CallNames: exit") BLACKHOLE);
	assert_int_equal(reload(), RELOAD_APPLIED);
	assert_false(find("a")->is_new || find("b")->is_new);
	put("b.yaml", INPUT(", Snapshot: true") BLACKHOLE);
	put("c.yaml", INPUT(", Snapshot: true") BLACKHOLE);
	assert_int_equal(reload(), RELOAD_APPLIED);
	assert_true(!find("a")->is_new && find("b")->is_new && find("c")->is_new);
}

static bool has_name(const struct pipelines_demand *demand, const char *name)
{
	for (size_t i = 0; demand->environment && demand->environment[i]; i++)
		if (strcmp(demand->environment[i], name) == 0)
			return true;
	return false;
}

/* What one asks for is collected while it runs. */
static void test_demand(void **state)
{
	struct pipelines_demand demand;

	(void)state;
	put("a.yaml", INPUT(", Environment: [X, Y], MaxArgumentBytes: 100") BLACKHOLE);
	put("b.yaml", INPUT(", Environment: [Y, Z], MaxArgumentBytes: 1KiB") BLACKHOLE);
	put("c.yaml", INPUT(", MaxArgumentBytes: 10") BLACKHOLE);
	assert_int_equal(start(NULL), 0);
	pipelines_demand(&t.running, &demand);
	assert_int_equal(demand.max_args, 1024);
	assert_true(has_name(&demand, "X") && has_name(&demand, "Y") && has_name(&demand, "Z"));
	unlink(path_of("b.yaml"));
	put("c.yaml", INPUT(", MaxArgumentBytes: 10, Fields: [gid]") BLACKHOLE);
	assert_int_equal(reload(), RELOAD_APPLIED);
	pipelines_demand(&t.running, &demand);
	assert_int_equal(demand.max_args, 100);
	assert_true(demand.wants_ext);
	assert_true(has_name(&demand, "X") && has_name(&demand, "Y") && !has_name(&demand, "Z"));
	unlink(path_of("a.yaml"));
	put("c.yaml", INPUT(", MaxArgumentBytes: 10") BLACKHOLE);
	assert_int_equal(reload(), RELOAD_APPLIED);
	pipelines_demand(&t.running, &demand);
	assert_int_equal(demand.max_args, 10);
	assert_false(demand.wants_ext);
	assert_null(demand.environment);
	unlink(path_of("c.yaml"));
	assert_int_equal(reload(), RELOAD_APPLIED);
	pipelines_demand(&t.running, &demand);
	assert_false(demand.wants_ext);
	assert_null(demand.environment);
}

/*
 * One that takes nothing: its batches are pending, the others have room; it is let go of in time.
 */
static void test_slow_one(void **state)
{
	uint64_t give_up = in_seconds(20);
	int reader, saved;

	(void)state;
	assert_int_equal(mkfifo(path_of("fifo"), 0600), 0);
	reader = open(path_of("fifo"), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_int_equal(fcntl(reader, F_SETPIPE_SZ, 4096), 4096);
	put("a.yaml", PLAIN);
	put_writer("b.yaml", "", "fifo");
	assert_int_equal(start(NULL), 0);
	for (unsigned int i = 0; i < 100; i++)
		deliver();
	while (pipelines_pending(&t.running) != 101) { /* of the second pipeline */
		assert_true(in_seconds(0) < give_up);
		nanosleep(&(struct timespec){ .tv_nsec = 200000 }, NULL);
	}
	assert_true(pipelines_any_room(&t.running));
	saved = hush(); /* what is lost is told */
	pipelines_stop(&t.running, in_seconds(0));
	unhush(saved);
	assert_int_equal(pipelines_pending(&t.running), UINT64_MAX);
	close(reader);
}

static void test_reopen(void **state)
{
	uint64_t give_up = in_seconds(20);

	(void)state;
	put_writer("a.yaml", "", "a.log");
	put_writer("b.yaml", "", "b.log");
	assert_int_equal(start(NULL), 0);
	assert_int_equal(rename(path_of("a.log"), path_of("a.old")), 0);
	assert_int_equal(rename(path_of("b.log"), path_of("b.old")), 0);
	pipelines_reopen(&t.running);
	while (access(path_of("a.log"), F_OK) < 0 || access(path_of("b.log"), F_OK) < 0) {
		assert_true(in_seconds(0) < give_up);
		nanosleep(&(struct timespec){ .tv_nsec = 200000 }, NULL);
	}
	deliver();
	pipelines_stop(&t.running, in_seconds(20));
	assert_int_equal(n_lines("a.log"), 2);
	assert_int_equal(n_lines("b.log"), 2);
}

/* Many changes while records come: none is lost, none is there twice. */
static void test_storm(void **state)
{
	(void)state;
	put_writer("a.yaml", "", "a.log");
	put_writer("b.yaml", "", "b.log");
	assert_int_equal(start(NULL), 0);
	for (unsigned int i = 0; i < 40; i++) {
		char options[64];

		deliver();
		snprintf(options, sizeof(options), ", MaxArgumentBytes: %u", 100 + i);
		if (i % 4 == 3)
			put("a.yaml", "inputs: [");
		else
			put_writer("a.yaml", options, "a.log");
		deliver();
		assert_int_equal(reload(), i % 4 == 3 ? RELOAD_PARTLY : RELOAD_APPLIED);
	}
	settle();
	assert_int_equal(n_lines("a.log"), 160);
	assert_int_equal(n_lines("b.log"), 160);
	assert_totals(320);
}

static int make(void **state)
{
	(void)state;
	memset(&t, 0, sizeof(t));
	strcpy(t.path, "/tmp/test_pipelines.XXXXXX");
	t.paths[0] = t.path;
	t.said = tmpfile();
	log_setup(LOG_LEVEL_WARN, LOG_FORMAT_TEXT);
	return mkdtemp(t.path) && t.said ? metrics_new(&t.metrics) : -errno;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int drop(void **state)
{
	(void)state;
	pipelines_done(&t.running);
	metrics_free(t.metrics);
	fclose(t.said);
	return nftw(t.path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

#define test(name) cmocka_unit_test_setup_teardown(name, make, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(test_good_and_bad),   test(test_nothing_to_run),
		test(test_cannot_start),   test(test_text),
		test(test_whole_first),	   test(test_unchanged),
		test(test_change),	   test(test_change_while_rolling),
		test(test_add_and_remove), test(test_disable),
		test(test_invalid),	   test(test_change_cannot_start),
		test(test_conflicts),	   test(test_snapshot_is_due),
		test(test_demand),	   test(test_slow_one),
		test(test_reopen),	   test(test_storm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
