/* SPDX-License-Identifier: Apache-2.0 */
/* Own costs, held against what the process does. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <time.h>

#include "metrics/process.h"
#include <cmocka.h>

#define MEMORY ((size_t)32 * 1024 * 1024)

static void refresh(struct metrics *m)
{
	_cleanup_(buf_done) struct buf page = { 0 };

	metrics_format_text(m, &page);
	assert_false(buf_failed(&page));
	assert_non_null(memmem(page.data, page.len, "\nproctrail_process_open_fds ", 28));
}

static uint64_t cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void test_cpu(void **state)
{
	_cleanup_(metrics_freep) struct metrics *m = NULL;
	struct process_metrics p = { 0 };
	uint64_t before, after;

	(void)state;
	assert_int_equal(metrics_new(&m), 0);
	assert_int_equal(process_metrics_add(m, &p), 0);
	before = cpu_ns();
	refresh(m);
	after = cpu_ns();
	assert_in_range(metric_get(&p.cpu_ns), before, after);
	assert_in_range(metric_get(&p.started_s), (uintmax_t)time(NULL) - 5, (uintmax_t)time(NULL));
}

static void test_memory(void **state)
{
	_cleanup_(metrics_freep) struct metrics *m = NULL;
	struct process_metrics p = { 0 };
	uint64_t before;
	char *memory;

	(void)state;
	assert_int_equal(metrics_new(&m), 0);
	assert_int_equal(process_metrics_add(m, &p), 0);
	refresh(m);
	before = metric_get(&p.resident_bytes);
	memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	assert_ptr_not_equal(memory, MAP_FAILED);
	refresh(m);
	assert_in_range(metric_get(&p.resident_bytes), before + MEMORY * 9 / 10,
			before + MEMORY * 2);
	munmap(memory, MEMORY);
}

static void test_open_fds(void **state)
{
	_cleanup_(metrics_freep) struct metrics *m = NULL;
	struct process_metrics p = { 0 };
	_cleanup_(closep) int fd = -1;
	uint64_t before;

	(void)state;
	assert_int_equal(metrics_new(&m), 0);
	assert_int_equal(process_metrics_add(m, &p), 0);
	refresh(m);
	before = metric_get(&p.open_fds);
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	refresh(m);
	assert_int_equal(metric_get(&p.open_fds), before + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cpu),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_open_fds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
