/* SPDX-License-Identifier: Apache-2.0 */
/* The marks: what a kill leaves of them, what damage does to them, and how many there are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/log.h"
#include "pipeline/custody.h"

#define FILE_BYTES 98368
#define HEADER_BYTES 64
#define SLOT_BYTES 384

static const uint8_t boot[16] = "this boot.......", other_boot[16] = "another boot....";
static char folder[] = "/tmp/test_custody.XXXXXX";
static char path[64];

static struct custody *reopen(const uint8_t boot_id[16])
{
	struct custody *c = NULL;

	assert_int_equal(custody_open(folder, boot_id, &c), 0);
	return c;
}

static uint64_t delivered(const char *pipeline, const char *flusher)
{
	_cleanup_(custody_closep) struct custody *c = reopen(boot);

	return custody_load(custody_claim(c, pipeline, flusher), CUSTODY_DELIVERED);
}

/* What was there is there again; private, and in its full size. */
static void test_marks(void **state)
{
	struct stat st;

	(void)state;
	{
		_cleanup_(custody_closep) struct custody *c = reopen(boot);
		struct custody_slot *a = custody_claim(c, "p", "flusher_file");
		struct custody_slot *b = custody_claim(c, "p", "flusher_file/2");

		assert_ptr_not_equal(a, b);
		assert_int_equal(custody_load(a, CUSTODY_DELIVERED), 0);
		custody_store(a, CUSTODY_DELIVERED, 100);
		custody_store(a, CUSTODY_DELIVERED, 99); /* never back */
		custody_store(a, CUSTODY_ACCOUNTED, 200);
		custody_store(b, CUSTODY_DELIVERED, UINT64_MAX - 1);
		assert_int_equal(custody_load(a, CUSTODY_DELIVERED), 100);
	}
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, FILE_BYTES);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(delivered("p", "flusher_file"), 100);
	assert_int_equal(delivered("p", "flusher_file/2"), UINT64_MAX - 1);
	assert_int_equal(delivered("q", "flusher_file"), 0);
	{
		_cleanup_(custody_closep) struct custody *c = reopen(boot);
		struct custody_slot *a = custody_claim(c, "p", "flusher_file");

		assert_int_equal(custody_load(a, CUSTODY_ACCOUNTED), 200);
	}
}

/* A store is kept though the process is killed at the next instruction. */
static void test_kill(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	if (!pid) {
		struct custody *c = NULL;

		if (custody_open(folder, boot, &c) < 0)
			_exit(1);
		custody_store(custody_claim(c, "p", "f"), CUSTODY_DELIVERED, 4711);
		raise(SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(delivered("p", "f"), 4711);
}

static void test_other_boot(void **state)
{
	(void)state;
	{
		_cleanup_(custody_closep) struct custody *c = reopen(boot);

		custody_store(custody_claim(c, "p", "f"), CUSTODY_DELIVERED, 1);
		assert_memory_equal(custody_boot_id(c), boot, sizeof(boot));
	}
	custody_close(reopen(other_boot));
	assert_int_equal(delivered("p", "f"), 0);
}

static void make_one_slot(void)
{
	_cleanup_(custody_closep) struct custody *c = NULL;
	struct custody_slot *slot;

	unlink(path);
	c = reopen(boot);
	slot = custody_claim(c, "p", "f");
	custody_store(slot, CUSTODY_DELIVERED, 0x1234);
	custody_store(slot, CUSTODY_ACCOUNTED, 0x5678);
	custody_store_loss(slot, DROP_WRITE,
			   &(struct loss){ .exec = 3, .exit = 5, .since_ns = 77, .is_counted = 1 });
}

/*
 * Whatever bit turns: a mark is what it was or absent, since one that has moved on would let
 * records be skipped, and a count is what it was or unknown.
 */
static void test_flipped_bits(void **state)
{
	(void)state;
	for (size_t bit = 0; bit < 8 * (HEADER_BYTES + SLOT_BYTES); bit++) {
		_cleanup_(closep) int fd = -1;
		_cleanup_(custody_closep) struct custody *c = NULL;
		struct custody_slot *slot;
		struct loss loss;
		uint64_t mark;
		char byte;

		make_one_slot();
		fd = open(path, O_RDWR | O_CLOEXEC);
		assert_int_equal(pread(fd, &byte, 1, (off_t)(bit / 8)), 1);
		byte = (char)(byte ^ 1 << bit % 8);
		assert_int_equal(pwrite(fd, &byte, 1, (off_t)(bit / 8)), 1);
		c = reopen(boot);
		slot = custody_claim(c, "p", "f");
		mark = custody_load(slot, CUSTODY_DELIVERED);
		assert_true(mark == 0x1234 || !mark);
		mark = custody_load(slot, CUSTODY_ACCOUNTED);
		assert_true(mark == 0x5678 || !mark);
		assert_true(!custody_load_loss(slot, DROP_WRITE, &loss) || !loss.is_counted ||
			    (loss.exec == 3 && loss.exit == 5 && loss.since_ns == 77));
	}
}

static void test_wrong_sizes(void **state)
{
	static const off_t sizes[] = { 0, 1, 63, 64, 500, FILE_BYTES - 1, FILE_BYTES + 1, 1 << 20 };
	struct stat st;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		make_one_slot();
		assert_int_equal(truncate(path, sizes[i]), 0);
		assert_int_equal(delivered("p", "f"), 0);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_size, FILE_BYTES);
	}
}

/* So many and no more at once; those that nobody has claimed yet give way. */
static void test_bounded(void **state)
{
	struct custody_slot *slots[CUSTODY_SLOTS];
	char name[300];

	(void)state;
	for (unsigned int life = 0; life < 2; life++) {
		_cleanup_(custody_closep) struct custody *c = reopen(boot);

		for (unsigned int i = 0; i < CUSTODY_SLOTS; i++) {
			snprintf(name, sizeof(name), "life %u pipeline %u", life, i);
			slots[i] = custody_claim(c, name, "f");
			assert_non_null(slots[i]);
			assert_int_equal(custody_load(slots[i], CUSTODY_DELIVERED), 0);
			custody_store(slots[i], CUSTODY_DELIVERED, i + 1);
		}
		assert_null(custody_claim(c, "one more", "f"));
		custody_release(c, slots[7]);
		assert_ptr_equal(custody_claim(c, "one more", "f"), slots[7]);
		custody_release(c, NULL);
	}
	assert_int_equal(delivered("life 1 pipeline 255", "f"), 256);
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	{
		_cleanup_(custody_closep) struct custody *c = reopen(boot);

		assert_null(custody_claim(c, name, "f"));
	}
}

static void test_losses(void **state)
{
	static const struct loss some = {
		.exec = 1, .exit = 2, .fork = 3, .other = 4, .since_ns = 5, .is_counted = true
	};
	struct loss got;

	(void)state;
	{
		_cleanup_(custody_closep) struct custody *c = reopen(boot);
		struct custody_slot *slot = custody_claim(c, "p", "losses");

		assert_false(custody_load_loss(slot, DROP_QUEUE, &got));
		custody_store_loss(slot, DROP_QUEUE, &some);
		custody_store_loss(slot, DROP_BACKLOG, &(struct loss){ .is_counted = false });
	}
	{
		_cleanup_(custody_closep) struct custody *c = reopen(boot);
		struct custody_slot *slot = custody_claim(c, "p", "losses");

		assert_true(custody_load_loss(slot, DROP_QUEUE, &got));
		assert_memory_equal(&got, &some, sizeof(got));
		assert_false(custody_load_loss(slot, DROP_WRITE, &got));
		assert_true(custody_load_loss(slot, DROP_BACKLOG, &got));
		assert_false(got.is_counted);
		custody_store_loss(slot, DROP_QUEUE, &(struct loss){ .is_counted = true });
		assert_false(custody_load_loss(slot, DROP_QUEUE, &got));
	}
}

static void test_no_folder(void **state)
{
	struct custody *c = NULL;

	(void)state;
	assert_int_equal(custody_open("/nonexistent", boot, &c), -ENOENT);
	assert_null(c);
}

static int begin(void **state)
{
	(void)state;
	log_setup(LOG_LEVEL_ERR, LOG_FORMAT_TEXT);
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/custody", folder);
	return 0;
}

static int end(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_marks),	    cmocka_unit_test(test_kill),
		cmocka_unit_test(test_other_boot),  cmocka_unit_test(test_flipped_bits),
		cmocka_unit_test(test_wrong_sizes), cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_losses),	    cmocka_unit_test(test_no_folder),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
