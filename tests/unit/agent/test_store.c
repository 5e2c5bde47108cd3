/* SPDX-License-Identifier: Apache-2.0 */
/* What survives the agent: who may use it, what the next one finds, what is removed in the end. */
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
#include <sys/stat.h>
#include <unistd.h>

#include "agent/store.h"
#include "base/log.h"
#include "pipeline/backlog.h"

#define JOURNAL_BYTES (1024 * 1024)

static struct {
	char root[64], folder[128];
	struct fold *fold;
	size_t n_visited, n_images;
} t;

static int set_up(void **state)
{
	(void)state;
	memset(&t, 0, sizeof(t));
	snprintf(t.root, sizeof(t.root), "/tmp/proctrail-store-XXXXXX");
	assert_non_null(mkdtemp(t.root));
	snprintf(t.folder, sizeof(t.folder), "%s/made/one", t.root);
	log_setup(-1, LOG_FORMAT_TEXT); /* what is refused here is meant to be */
	return fold_new(NULL, NULL, &t.fold);
}

static int tear_down(void **state)
{
	char command[128];

	(void)state;
	fold_free(t.fold);
	snprintf(command, sizeof(command), "rm -rf %s", t.root);
	log_setup(LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
	return system(command);
}

static void fold_process(uint32_t pid)
{
	const struct event_fork e = {
		.head = { .size = sizeof(e),
			  .layout = EVENT_LAYOUT,
			  .type = EVENT_FORK,
			  .generation = 1,
			  .flags = EVENT_F_NEVER_EXEC,
			  .seq = pid,
			  .start_ns = 1000 + pid,
			  .tgid = pid,
			  .tid = pid },
	};
	struct batch batch;

	batch_init(&batch, fold_release, t.fold);
	assert_int_equal(fold_record(t.fold, &e, sizeof(e), 8 * pid, &batch), 0);
	batch_reset(&batch);
	batch_done(&batch);
}

static int visit(void *ctx, const struct event_head *record, uint64_t seq)
{
	(void)ctx;
	(void)seq;
	t.n_visited++;
	t.n_images += record->type == EVENT_IMAGE;
	return 0;
}

static struct store *open_store(void)
{
	struct store *s = NULL;

	assert_int_equal(store_open(t.folder, JOURNAL_BYTES, &s), 0);
	assert_non_null(s);
	return s;
}

/* One agent at a time; the folder is nobody else's to read. */
static void test_lock(void **state)
{
	struct store *first = open_store(), *second = NULL;
	struct stat st;

	(void)state;
	assert_int_equal(stat(t.folder, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(store_open(t.folder, JOURNAL_BYTES, &second), -EBUSY);
	assert_null(second);
	store_close(first);
	store_close(open_store());
}

/* Where no folder can be made, the agent goes on without. */
static void test_without(void **state)
{
	struct store *s = NULL;
	struct journal_found found;
	struct pipeline_state nothing;

	(void)state;
	assert_int_equal(store_open("/dev/null/x", JOURNAL_BYTES, &s), 0);
	assert_null(s);
	store_pipeline_state(s, &nothing);
	assert_null(nothing.folder);
	store_recover(s, 1, visit, NULL, &found);
	assert_int_equal(found.outcome, JOURNAL_NONE);
	store_begin(s, 1, t.fold, 0);
	assert_false(store_wants_rewrite(s));
	assert_null(store_counters(s));
}

/* Whoever could write there could tell the agent anything: it is narrowed, or not used. */
static void test_private(void **state)
{
	struct store *s = open_store();
	struct stat st;

	(void)state;
	store_close(s);
	assert_int_equal(chmod(t.folder, 0777), 0);
	store_close(open_store());
	assert_int_equal(stat(t.folder, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	if (geteuid() != 0)
		return;
	assert_int_equal(chown(t.folder, 1, 1), 0);
	assert_int_equal(store_open(t.folder, JOURNAL_BYTES, &s), 0);
	assert_null(s);
}

/* The next agent finds the table; its positions only where the ring is the same. */
static void test_recover(void **state)
{
	struct journal_found found;
	struct store *s = open_store();

	(void)state;
	store_recover(s, 7, visit, NULL, &found);
	assert_int_equal(found.outcome, JOURNAL_NONE);
	fold_process(10);
	fold_process(11);
	store_begin(s, 7, t.fold, 4096);
	assert_false(store_wants_rewrite(s));
	assert_int_equal(store_counters(s)->rewrites, 1);
	store_close(s);

	s = open_store();
	store_recover(s, 7, visit, NULL, &found);
	assert_int_equal(found.outcome, JOURNAL_SAME_RING);
	assert_int_equal(found.end, 4096);
	assert_int_equal(t.n_images, 2);
	store_recover(s, 8, visit, NULL, &found);
	assert_int_equal(found.outcome, JOURNAL_OTHER_RING);
	assert_int_equal(t.n_images, 4);
	store_close(s);
}

static void put_file(const char *name, size_t size)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", t.folder, name);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	close(fd);
}

static void test_remove(void **state)
{
	struct store *s = open_store();
	char backlog[256];
	size_t n = 0;

	(void)state;
	assert_int_equal(store_remove(t.folder, true, &n), -EBUSY);
	store_begin(s, 7, t.fold, 4096);
	store_close(s);
	snprintf(backlog, sizeof(backlog), "%s/backlog", t.folder);
	assert_int_equal(mkdir(backlog, 0700), 0);
	put_file("backlog/a.flusher_file", 64); /* no record waits in this one */
	put_file("backlog/b.flusher_file", 65);
	assert_int_equal(store_remove(t.folder, false, &n), -ENOTEMPTY);
	assert_int_equal(n, 1);
	assert_int_equal(access(t.folder, F_OK), 0);
	assert_int_equal(store_remove(t.folder, true, &n), 0);
	assert_int_equal(access(t.folder, F_OK), -1);
	assert_int_equal(store_remove(t.folder, true, &n), 0); /* and nothing to do */
}

/* What the log says of it. */
static void tell_leftovers(const struct store *s, char *to, size_t size)
{
	int log[2], saved = dup(STDERR_FILENO);

	assert_int_equal(pipe2(log, O_NONBLOCK), 0);
	log_setup(LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
	dup2(log[1], STDERR_FILENO);
	store_tell_leftovers(s);
	dup2(saved, STDERR_FILENO);
	memset(to, 0, size);
	(void)!read(log[0], to, size - 1);
	close(log[0]);
	close(log[1]);
	close(saved);
}

static bool is_there(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", t.folder, name);
	return access(path, F_OK) == 0;
}

/* What waits for a flusher that is gone is told of, and stays; what holds nothing goes. */
static void test_leftovers(void **state)
{
	const uint8_t boot_id[16] = { 0 };
	const struct backlog_at at = {
		.folder = t.folder, .pipeline = "p", .flusher = "flusher_file", .boot_id = boot_id
	};
	_cleanup_(backlog_closep) struct backlog *mine = NULL;
	struct store *s = open_store();
	char text[4096];

	(void)state;
	assert_int_equal(backlog_open(&at, &mine), 0);
	put_file("backlog/q.blank", 64);
	put_file("backlog/q.full", 65);
	tell_leftovers(s, text, sizeof(text));
	assert_non_null(strstr(text, "/backlog/q.full' for a flusher that no pipeline has"));
	assert_null(strstr(text, "p.flusher_file"));
	assert_false(is_there("backlog/q.blank"));
	assert_true(is_there("backlog/q.full") && is_there("backlog/p.flusher_file"));
	store_tell_leftovers(NULL);
	store_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_lock, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_without, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_private, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_recover, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_remove, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_leftovers, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
