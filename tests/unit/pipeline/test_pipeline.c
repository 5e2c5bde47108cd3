/* SPDX-License-Identifier: Apache-2.0 */
/* Batches of made-up events through real flushers: order, selection, encodings, blocking, loss. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "pipeline/pipeline.h"

#define RECORDS_MAX 4096

/* Events that differ by their pid and call. */
struct world {
	struct image images[RECORDS_MAX];
	struct event_exit exits[RECORDS_MAX];
	struct event events[RECORDS_MAX];
	struct program program;
	struct node node;
	struct batch batch;
};

static struct world world;

static void make_world(size_t n, struct str args)
{
	world = (struct world){
		.program = { .refs = 1,
			     .argc = 2,
			     .binary = STR("/bin/x"),
			     .cwd = STR("/"),
			     .args = args,
			     .args_total = (uint32_t)args.n,
			     .interpreter = STR_EMPTY,
			     .exe = STR_EMPTY },
		.node = { .name = STR("node"), .address = STR("10.0.0.1") },
	};
	for (size_t i = 0; i < n; i++) {
		world.images[i] = (struct image){
			.key = { .start_ns = 1000 + i, .pid = (uint32_t)i + 1 },
			.refs = 1,
			.program = &world.program,
		};
		world.exits[i].head.tgid = (uint32_t)i + 1;
		world.events[i] = (struct event){
			.call = i % 3 == 0   ? CALL_EXECVE
				: i % 3 == 1 ? CALL_EXIT
					     : CALL_CLONE,
			.image = &world.images[i],
			.node = &world.node,
			.exit = i % 3 == 1 ? &world.exits[i] : NULL,
			.head = &world.exits[i].head,
			.seq = i,
			.time_ns = 1700000000000000000,
		};
	}
	world.batch = (struct batch){ .events = world.events, .n = n, .cap = n };
}

static struct pipeline *load(const char *input, const char *outlets)
{
	_cleanup_(diag_done) struct diag d = { 0 };
	struct pipeline *p = NULL;
	char text[1024];

	snprintf(text, sizeof(text),
		 "inputs: [{Type: input_process_security, %s}]\nflushers: [%s]\n", input, outlets);
	assert_int_equal(pipeline_load_text("t.yaml", text, &d, &p), 0);
	return p;
}

static char *read_file(const char *path)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_(buf_done) struct buf all = { 0 };
	ssize_t n;

	assert_true(fd >= 0);
	while (buf_room(&all, 65536) && (n = read(fd, all.data + all.len, 65536)) > 0)
		buf_advance(&all, (size_t)n);
	buf_put_char(&all, '\0');
	return TAKE_PTR(all.data);
}

/* The pids of all lines, and that each is whole. */
static size_t read_pids(const char *text, unsigned int *pids)
{
	size_t n = 0;

	for (const char *p = text, *end; *p; p = end + 1) {
		const char *key;

		end = strchr(p, '\n');
		assert_non_null(end);
		assert_true(p[0] == '{' && end[-1] == '}');
		key = memmem(p, (size_t)(end - p), "\"pid\":\"", strlen("\"pid\":\""));
		assert_non_null(key);
		assert_true(n < RECORDS_MAX);
		pids[n++] = (unsigned int)strtoul(key + strlen("\"pid\":\""), NULL, 10);
	}
	return n;
}

static char folder[] = "/tmp/test_pipeline.XXXXXX";

static const char *path_of(const char *name)
{
	static char path[2][128];
	static int next;

	next = !next;
	snprintf(path[next], sizeof(path[next]), "%s/%s", folder, name);
	return path[next];
}

static const char *flusher_to(const char *name)
{
	static char text[160];

	snprintf(text, sizeof(text), "{Type: flusher_file, FilePath: '%s'}", path_of(name));
	return text;
}

static void assert_counters(const struct pipeline *p, uint64_t records, uint64_t delivered,
			    uint64_t dropped)
{
	struct pipeline_counters c;

	pipeline_counters(p, &c);
	assert_int_equal(c.records, records);
	assert_int_equal(c.delivered, delivered);
	assert_int_equal(c.dropped, dropped);
}

static void test_order_and_selection(void **state)
{
	static const struct {
		const char *input;
		unsigned int n, first, second;
	} rows[] = {
		{ "CallNames: [execve, exit, clone]", 30, 1, 2 },
		{ "", 20, 1, 2 },
		{ "CallNames: exit", 10, 2, 5 },
		{ "CallNames: clone", 10, 3, 6 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(pipeline_freep) struct pipeline *p = NULL;
		_cleanup_(freep) char *text = NULL;
		unsigned int pids[RECORDS_MAX];

		make_world(30, STR("x\0a\0"));
		p = load(rows[i].input, flusher_to("order"));
		assert_int_equal(pipeline_start(p), 0);
		assert_int_equal(pipeline_deliver(p, &world.batch), 0);
		assert_int_equal(pipeline_resume(p), 0);
		text = read_file(path_of("order"));
		unlink(path_of("order"));
		assert_int_equal(read_pids(text, pids), rows[i].n);
		assert_int_equal(pids[0], rows[i].first);
		assert_int_equal(pids[1], rows[i].second);
		for (unsigned int k = 1; k < rows[i].n; k++)
			assert_true(pids[k] > pids[k - 1]);
		assert_counters(p, rows[i].n, rows[i].n, 0);
	}
}

static void test_empty_batch(void **state)
{
	_cleanup_(pipeline_freep) struct pipeline *p =
		load("CallNames: clone", "{Type: flusher_blackhole}");

	(void)state;
	make_world(0, STR_EMPTY);
	assert_int_equal(pipeline_start(p), 0);
	assert_int_equal(pipeline_deliver(p, &world.batch), 0);
	make_world(2, STR_EMPTY); /* neither is a clone */
	assert_int_equal(pipeline_deliver(p, &world.batch), 0);
	assert_counters(p, 0, 0, 0);
}

/* More than a slice holds, so it goes through in many; all of it arrives, in order. */
static void test_large_batch(void **state)
{
	_cleanup_(pipeline_freep) struct pipeline *p =
		load("CallNames: [execve, exit, clone]", flusher_to("large"));
	_cleanup_(freep) char *text = NULL;
	_cleanup_(freep) char *args = calloc(1, 2000);
	unsigned int pids[RECORDS_MAX];
	struct pipeline_counters c;

	(void)state;
	memset(args, 'a', 1999);
	args[1] = '\0'; /* where argv[0] ends */
	make_world(2000, (struct str){ args, 2000 });
	assert_int_equal(pipeline_start(p), 0);
	assert_int_equal(pipeline_deliver(p, &world.batch), 0);
	text = read_file(path_of("large"));
	unlink(path_of("large"));
	assert_int_equal(read_pids(text, pids), 2000);
	for (unsigned int i = 0; i < 2000; i++)
		assert_int_equal(pids[i], i + 1);
	assert_counters(p, 2000, 2000, 0);
	pipeline_counters(p, &c);
	assert_int_equal(c.bytes, strlen(text));
}

/* flusher_stdout has an encoding of its own; the file beside it keeps its integer time. */
static void test_encodings(void **state)
{
	char outlets[512], out[8192] = "";
	_cleanup_(pipeline_freep) struct pipeline *p = NULL;
	_cleanup_(freep) char *text = NULL;
	int fds[2], saved = dup(STDOUT_FILENO);

	(void)state;
	make_world(1, STR("x\0a\0"));
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	snprintf(outlets, sizeof(outlets),
		 "%s, {Type: flusher_stdout, Tags: true}, {Type: flusher_blackhole}",
		 flusher_to("file"));
	p = load("", outlets);
	dup2(fds[1], STDOUT_FILENO);
	close(fds[1]);
	assert_int_equal(pipeline_start(p), 0);
	assert_int_equal(pipeline_deliver(p, &world.batch), 0);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	assert_true(read(fds[0], out, sizeof(out) - 1) > 0);
	close(fds[0]);
	text = read_file(path_of("file"));
	unlink(path_of("file"));
	assert_non_null(strstr(text, "\"__time__\":1700000000}"));
	assert_null(strstr(text, "__tag__"));
	assert_non_null(strstr(out, "\"__tag__:__hostname__\":\"node\""));
	assert_non_null(strstr(out, "\"__tag__:__host_ip__\":\"10.0.0.1\""));
	assert_non_null(strstr(out, "\"__time__\":\"1700000000\"}"));
}

static size_t drain(int fd, struct buf *to)
{
	size_t before = to->len;
	ssize_t n;

	while (buf_room(to, 65536) && (n = read(fd, to->data + to->len, 65536)) > 0)
		buf_advance(to, (size_t)n);
	return to->len - before;
}

/* A reader that is slow: what was begun is resumed until all is there, whole and in order. */
static void test_blocked(void **state)
{
	_cleanup_(pipeline_freep) struct pipeline *p = NULL;
	_cleanup_(buf_done) struct buf got = { 0 };
	_cleanup_(freep) char *text = NULL;
	unsigned int pids[RECORDS_MAX];
	struct pipeline_counters c;
	char outlets[400];
	int reader, r, n_blocked = 0;

	(void)state;
	make_world(3000, STR("x\0a\0"));
	assert_int_equal(mkfifo(path_of("fifo"), 0600), 0);
	reader = open(path_of("fifo"), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	snprintf(outlets, sizeof(outlets), "%s", flusher_to("fifo"));
	snprintf(outlets + strlen(outlets), sizeof(outlets) - strlen(outlets), ", %s",
		 flusher_to("beside"));
	p = load("CallNames: [execve, exit, clone]", outlets);
	assert_int_equal(pipeline_start(p), 0);
	for (r = pipeline_deliver(p, &world.batch); r == -EAGAIN; r = pipeline_resume(p)) {
		pipeline_counters(p, &c);
		assert_true(c.delivered < 3000);
		n_blocked++;
		drain(reader, &got);
	}
	assert_int_equal(r, 0);
	assert_true(n_blocked > 3);
	drain(reader, &got);
	close(reader);
	buf_put_char(&got, '\0');
	assert_int_equal(read_pids(got.data, pids), 3000);
	for (unsigned int i = 0; i < 3000; i++)
		assert_int_equal(pids[i], i + 1);
	text = read_file(path_of("beside"));
	assert_string_equal(text, got.data);
	assert_counters(p, 3000, 3000, 0);
	pipeline_counters(p, &c);
	assert_int_equal(c.bytes, got.len - 1); /* encoded once for both */
	unlink(path_of("fifo"));
	unlink(path_of("beside"));
}

/*
 * The last flusher loses its reader: said at once and from then on. One of two does: the other goes
 * on.
 */
static void test_reader_gone(void **state)
{
	(void)state;
	for (int is_beside = 0; is_beside < 2; is_beside++) {
		_cleanup_(pipeline_freep) struct pipeline *p = NULL;
		char outlets[400];
		int reader;

		make_world(3, STR("x\0a\0"));
		assert_int_equal(mkfifo(path_of("fifo"), 0600), 0);
		reader = open(path_of("fifo"), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		snprintf(outlets, sizeof(outlets), "%s%s", flusher_to("fifo"),
			 is_beside ? ", {Type: flusher_blackhole}" : "");
		p = load("", outlets);
		assert_int_equal(pipeline_start(p), 0);
		assert_int_equal(pipeline_deliver(p, &world.batch), 0);
		close(reader);
		assert_int_equal(pipeline_deliver(p, &world.batch), is_beside ? 0 : -EPIPE);
		assert_counters(p, 4, 2, 2);
		reader = open(path_of("fifo"), O_RDONLY | O_NONBLOCK | O_CLOEXEC); /* too late */
		assert_int_equal(pipeline_deliver(p, &world.batch), is_beside ? 0 : -EPIPE);
		assert_counters(p, 6, 2, 4);
		close(reader);
		unlink(path_of("fifo"));
	}
}

static void limit_file_size(rlim_t bytes)
{
	const struct rlimit limit = { .rlim_cur = bytes, .rlim_max = RLIM_INFINITY };

	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* A full disk: what fits is delivered, the rest counted, and it goes on when there is room. */
static void test_full_disk(void **state)
{
	_cleanup_(pipeline_freep) struct pipeline *p =
		load("CallNames: [execve, exit, clone]", flusher_to("full"));
	_cleanup_(freep) char *text = NULL;
	unsigned int pids[RECORDS_MAX];
	struct pipeline_counters c;
	size_t n;

	(void)state;
	make_world(20, STR("x\0a\0"));
	assert_int_equal(pipeline_start(p), 0);
	limit_file_size(3000);
	assert_int_equal(pipeline_deliver(p, &world.batch), 0);
	pipeline_counters(p, &c);
	assert_true(c.delivered > 0 && c.dropped > 0);
	assert_int_equal(c.delivered + c.dropped, 20);
	assert_int_equal(pipeline_deliver(p, &world.batch), 0);
	limit_file_size(RLIM_INFINITY);
	pipeline_counters(p, &c);
	assert_int_equal(c.records, 40);
	n = c.delivered;
	text = read_file(path_of("full"));
	assert_int_equal(read_pids(text, pids), n);
	assert_int_equal(pipeline_deliver(p, &world.batch), 0);
	assert_counters(p, 60, n + 20, 40 - n);
	unlink(path_of("full"));
}

/* What one flusher has dropped is not tried again while another is waited for. */
static void test_full_disk_beside_blocked(void **state)
{
	_cleanup_(pipeline_freep) struct pipeline *p = NULL;
	_cleanup_(buf_done) struct buf got = { 0 };
	_cleanup_(freep) char *text = NULL;
	unsigned int pids[RECORDS_MAX];
	char outlets[400];
	int reader, r;

	(void)state;
	make_world(20, STR("x\0a\0"));
	assert_int_equal(mkfifo(path_of("fifo"), 0600), 0);
	reader = open(path_of("fifo"), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_int_equal(fcntl(reader, F_SETPIPE_SZ, 4096), 4096);
	snprintf(outlets, sizeof(outlets), "%s", flusher_to("fifo"));
	snprintf(outlets + strlen(outlets), sizeof(outlets) - strlen(outlets), ", %s",
		 flusher_to("full"));
	p = load("CallNames: [execve, exit, clone]", outlets);
	assert_int_equal(pipeline_start(p), 0);
	limit_file_size(3000);
	r = pipeline_deliver(p, &world.batch);
	limit_file_size(RLIM_INFINITY);
	assert_int_equal(r, -EAGAIN);
	for (; r == -EAGAIN; r = pipeline_resume(p))
		drain(reader, &got);
	assert_int_equal(r, 0);
	drain(reader, &got);
	close(reader);
	buf_put_char(&got, '\0');
	assert_int_equal(read_pids(got.data, pids), 20);
	text = read_file(path_of("full"));
	assert_true(strlen(text) <= 3000);
	r = (int)read_pids(text, pids);
	assert_counters(p, 20, (uint64_t)r, 20 - (uint64_t)r);
	unlink(path_of("fifo"));
	unlink(path_of("full"));
}

/* Giving up counts the whole batch, what no flusher was offered yet too, and leaves nothing. */
static void test_abandoned(void **state)
{
	_cleanup_(pipeline_freep) struct pipeline *p =
		load("CallNames: [execve, exit, clone]", flusher_to("fifo"));
	_cleanup_(buf_done) struct buf got = { 0 };
	struct pipeline_counters c;
	int reader;

	(void)state;
	make_world(3000, STR("x\0a\0"));
	assert_int_equal(mkfifo(path_of("fifo"), 0600), 0);
	reader = open(path_of("fifo"), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	pipeline_abandon(p);
	assert_int_equal(pipeline_start(p), 0);
	assert_int_equal(pipeline_deliver(p, &world.batch), -EAGAIN);
	pipeline_abandon(p);
	pipeline_counters(p, &c);
	assert_true(c.delivered > 0);
	assert_counters(p, 3000, c.delivered, 3000 - c.delivered);
	drain(reader, &got);
	world.batch.n = 1;
	assert_int_equal(pipeline_deliver(p, &world.batch), 0);
	assert_counters(p, 3001, c.delivered + 1, 3000 - c.delivered);
	close(reader);
	unlink(path_of("fifo"));
}

static void test_cannot_start(void **state)
{
	_cleanup_(pipeline_freep) struct pipeline *p = load(
		"",
		"{Type: flusher_blackhole}, {Type: flusher_file, FilePath: /dev/null/x}, {Type: flusher_stdout}");

	(void)state;
	assert_int_equal(pipeline_start(p), -ENOTDIR);
}

static int make_folder(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	return mkdtemp(folder) ? 0 : -errno;
}

static int remove_folder(void **state)
{
	(void)state;
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order_and_selection),
		cmocka_unit_test(test_empty_batch),
		cmocka_unit_test(test_large_batch),
		cmocka_unit_test(test_encodings),
		cmocka_unit_test(test_blocked),
		cmocka_unit_test(test_reader_gone),
		cmocka_unit_test(test_full_disk),
		cmocka_unit_test(test_full_disk_beside_blocked),
		cmocka_unit_test(test_abandoned),
		cmocka_unit_test(test_cannot_start),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
