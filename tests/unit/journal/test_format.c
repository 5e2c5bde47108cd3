/* SPDX-License-Identifier: Apache-2.0 */
/* Headers and frames: what is made is accepted, and what is not as it was made is not. */
#include "journal/format.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "../proc/records.h"
#include "base/cleanup.h"
#include "base/crc32c.h"

#define KEY ((struct image_key){ .pid = 1, .start_ns = 2, .exec_count = 3 })

static void test_file_header(void **state)
{
	const uint8_t boot_id[FORMAT_BOOT_ID] = "0123456789abcde";
	struct format_file f;
	const char *why = NULL;

	(void)state;
	format_file_make(&f, NULL, 0);
	assert_int_equal(format_file_check(&f, sizeof(f), &why), 0);
	format_file_make(&f, boot_id, 9);
	f.tail = 12345; /* not under the header's checksum: it changes with each batch */
	assert_int_equal(format_file_check(&f, sizeof(f), &why), 0);
	assert_null(why);
	assert_memory_equal(f.boot_id, boot_id, sizeof(boot_id));
	assert_int_equal(f.ring_id, 9);
	assert_int_equal(format_file_check(&f, sizeof(f) - 1, &why), -EINVAL);
	for (size_t bit = 0; bit < 8 * offsetof(struct format_file, tail); bit++) {
		char *byte = (char *)&f + bit / 8;

		*byte ^= (char)(1 << bit % 8);
		why = NULL;
		assert_true(format_file_check(&f, sizeof(f), &why) < 0);
		assert_non_null(why);
		*byte ^= (char)(1 << bit % 8);
	}
}

static const struct {
	uint64_t size;
	bool is_good;
} tail_cases[] = {
	{ 64, true },
	{ 4096, true },
	{ (uint64_t)UINT32_MAX * 8, true },
	{ ((uint64_t)UINT32_MAX + 1) * 8, false },
};

static void test_tail(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(tail_cases); i++) {
		uint64_t tail = format_tail(tail_cases[i].size);

		assert_int_equal(tail != 0, tail_cases[i].is_good);
		assert_int_equal(format_tail_size(tail), tail ? tail_cases[i].size : 0);
		for (int bit = 0; tail && bit < 64; bit++)
			assert_int_equal(format_tail_size(tail ^ (uint64_t)1 << bit), 0);
	}
}

/* A batch of one record, in memory. */
struct one {
	struct format_batch header;
	char frame[FRAME_HEADER + sizeof(struct event_exit)];
};

static void make_one(struct one *ret, enum format_kind kind, uint64_t begin, uint64_t end)
{
	_cleanup_(freep) struct event_exit *record = record_exit(KEY, KEY, 0);

	assert_int_equal(format_frame_size(&record->head), sizeof(ret->frame));
	format_frame_make(ret->frame, &record->head, false);
	format_batch_make(&ret->header, kind, begin, end, sizeof(ret->frame),
			  crc32c(0, ret->frame, sizeof(ret->frame)));
}

static void test_batch(void **state)
{
	struct one one;

	(void)state;
	make_one(&one, FORMAT_LOG, 1, 2);
	assert_int_equal(format_batch_check(&one, sizeof(one)), FORMAT_WHOLE);
	assert_int_equal(format_batch_check(&one, sizeof(one) + 1), FORMAT_WHOLE);
	assert_int_equal(format_batch_check(&one, 0), FORMAT_NOTHING);
	for (size_t n = 1; n < sizeof(one); n++)
		assert_int_equal(format_batch_check(&one, n), FORMAT_TORN);
	one.frame[50] ^= 1;
	assert_int_equal(format_batch_check(&one, sizeof(one)), FORMAT_BAD_FRAMES);
	one.header.begin ^= 1;
	assert_int_equal(format_batch_check(&one, sizeof(one)), FORMAT_BAD_HEADER);
	assert_false(format_batch_header_is_good(&one));
}

/* Under right checksums. */
static void test_senseless_batches(void **state)
{
	struct one one;

	(void)state;
	make_one(&one, (enum format_kind)0, 1, 2);
	assert_int_equal(format_batch_check(&one, sizeof(one)), FORMAT_BAD_HEADER);
	make_one(&one, (enum format_kind)(FORMAT_STATE_END + 1), 1, 2);
	assert_int_equal(format_batch_check(&one, sizeof(one)), FORMAT_BAD_HEADER);
	make_one(&one, FORMAT_LOG, 2, 1);
	assert_int_equal(format_batch_check(&one, sizeof(one)), FORMAT_BAD_HEADER);
	make_one(&one, FORMAT_LOG, 1, 2);
	format_batch_make(&one.header, FORMAT_LOG, 1, 2, 4, 0);
	assert_int_equal(format_batch_check(&one, sizeof(one)), FORMAT_BAD_HEADER);
	format_batch_make(&one.header, FORMAT_LOG, 1, 2, UINT64_MAX - 7, 0);
	assert_int_equal(format_batch_check(&one, sizeof(one)), FORMAT_BAD_HEADER);
}

static const struct {
	uint32_t length;
	size_t left;
	bool is_frame;
	size_t size; /* of it */
} frame_cases[] = {
	{ 0, 8, true, 8 },
	{ 0, 7, false, 0 },
	{ 1, 16, true, 16 },
	{ 1, 15, false, 0 },
	{ 8, 16, true, 16 },
	{ 9, 16, false, 0 },
	{ 8 | FRAME_DISCARDED, 16, true, 16 },
	{ 8 | FRAME_FACT, 16, true, 16 },
	{ 8 | FRAME_BUSY, 16, false, 0 },
	{ FRAME_LENGTH, 16, false, 0 },
	{ UINT32_MAX, 16, false, 0 },
};

static void test_frames(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(frame_cases); i++) {
		const uint32_t data[4] = { frame_cases[i].length };
		struct frame frame = { 0 };

		assert_int_equal(format_frame(data, frame_cases[i].left, &frame),
				 frame_cases[i].is_frame);
		assert_int_equal(frame.size, frame_cases[i].size);
		assert_int_equal(frame.is_fact,
				 frame.size && frame_cases[i].length & FRAME_FACT ? 1 : 0);
		if (frame.size)
			assert_null(format_record(&frame));
	}
}

static void test_record_in_frame(void **state)
{
	_cleanup_(freep) struct event_user *record = record_user(1, "abc"); /* 83 bytes */
	_Alignas(8) char data[96];
	struct frame frame;

	(void)state;
	memset(data, 'x', sizeof(data));
	format_frame_make(data, &record->head, true);
	assert_true(format_frame(data, sizeof(data), &frame));
	assert_int_equal(frame.size, sizeof(data));
	assert_true(frame.is_fact);
	assert_ptr_equal(format_record(&frame), data + FRAME_HEADER);
	assert_memory_equal(data + FRAME_HEADER, record, 83);
	assert_memory_equal(data + FRAME_HEADER + 83, "\0\0\0\0\0", 5);
	frame.is_discarded = true;
	assert_null(format_record(&frame));
}

static const struct {
	enum event_type type;
	uint16_t cpu;
	bool is_fact;
} fact_cases[] = {
	{ EVENT_EXEC, 0, false },
	{ EVENT_PROCESS, EVENT_CPU_SNAPSHOT, false },
	{ EVENT_PROCESS, EVENT_CPU_AGENT, true },
	{ EVENT_CGROUP, 3, false },
	{ EVENT_CGROUP, EVENT_CPU_AGENT, true },
	{ EVENT_USER, EVENT_CPU_AGENT, true },
	{ EVENT_STREAM, 3, true }, /* it tells of a stream that is not its own */
	{ EVENT_GAP, 0, true },
	{ EVENT_IMAGE, 0, true },
};

static void test_facts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(fact_cases); i++) {
		const struct event_head head = { .type = (uint8_t)fact_cases[i].type,
						 .cpu = fact_cases[i].cpu };

		assert_int_equal(format_is_fact(&head), fact_cases[i].is_fact);
	}
}

static void test_map(void **state)
{
	struct format_map map = { 0 };

	(void)state;
	assert_int_equal(format_map(AT_FDCWD, "/nonexistent/x", &map), -ENOENT);
	assert_int_equal(format_map(AT_FDCWD, "/dev/null", &map), 0);
	assert_int_equal(map.size, 0);
	format_unmap(&map);
	assert_int_equal(format_map(AT_FDCWD, "/proc/self/exe", &map), 0);
	assert_memory_equal(map.data, "\177ELF", 4);
	format_unmap(&map);
	assert_null(map.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_file_header), cmocka_unit_test(test_tail),
		cmocka_unit_test(test_batch),	    cmocka_unit_test(test_senseless_batches),
		cmocka_unit_test(test_frames),	    cmocka_unit_test(test_record_in_frame),
		cmocka_unit_test(test_facts),	    cmocka_unit_test(test_map),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
