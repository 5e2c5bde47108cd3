/* SPDX-License-Identifier: Apache-2.0 */
/* Facts in order, gathered by place; given away from the front; bounded. */
#include "journal/notes.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../proc/records.h"
#include "base/cleanup.h"
#include "journal/format.h"

#define SIZE 96 /* of a frame of user() */

static void add(struct notes *n, uint32_t uid, uint64_t before)
{
	_cleanup_(freep) struct event_user *user = record_user(uid, "somebody");

	assert_int_equal(format_frame_size(&user->head), SIZE);
	assert_int_equal(notes_add(n, &user->head, before), 0);
}

static uint32_t uid_of(const struct notes *n, size_t i)
{
	struct event_user user;

	memcpy(&user, n->frames.data + i * SIZE + FRAME_HEADER, sizeof(user));
	return user.uid;
}

static void expect(const struct notes *n, size_t i, uint64_t before, size_t end)
{
	assert_int_equal(n->items[i].before, before);
	assert_int_equal(n->items[i].end, end * SIZE);
}

/* Two for one place, one that goes back and counts as the one before, one behind. */
static void test_order(void **state)
{
	struct notes n = { 0 };

	(void)state;
	add(&n, 1, 100);
	add(&n, 2, 100);
	add(&n, 3, 90);
	add(&n, 4, 200);
	assert_int_equal(n.n, 2);
	expect(&n, 0, 100, 3);
	expect(&n, 1, 200, 4);
	notes_drop(&n, 0);
	assert_int_equal(n.n, 2);
	notes_drop(&n, 1);
	assert_int_equal(n.n, 1);
	expect(&n, 0, 200, 1);
	assert_int_equal(uid_of(&n, 0), 4);
	add(&n, 5, 200);
	add(&n, 6, 300);
	expect(&n, 0, 200, 2);
	assert_int_equal(uid_of(&n, 2), 6);
	notes_drop(&n, 2);
	assert_int_equal(n.n, 0);
	assert_int_equal(n.frames.len, 0);
	add(&n, 7, 1); /* nothing is before it */
	expect(&n, 0, 1, 1);
	notes_done(&n);
}

static void test_grows(void **state)
{
	struct notes n = { 0 };

	(void)state;
	for (uint32_t i = 0; i < 1000; i++)
		add(&n, i, i * 8);
	assert_int_equal(n.n, 1000);
	for (uint32_t i = 0; i < 1000; i++) {
		expect(&n, i, (uint64_t)i * 8, i + 1);
		assert_int_equal(uid_of(&n, i), i);
	}
	notes_done(&n);
}

static void test_bounded(void **state)
{
	_cleanup_(freep) struct event_user *user = record_user(1, "somebody");
	struct notes n = { 0 };

	(void)state;
	for (size_t i = 0; i < NOTES_MAX / SIZE; i++)
		add(&n, 1, i);
	assert_int_equal(notes_add(&n, &user->head, UINT64_MAX), -ENOBUFS);
	assert_int_equal(n.n, NOTES_MAX / SIZE);
	notes_drop(&n, 1);
	assert_int_equal(notes_add(&n, &user->head, UINT64_MAX), 0);
	notes_done(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_grows),
		cmocka_unit_test(test_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
