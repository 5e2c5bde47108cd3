/* SPDX-License-Identifier: Apache-2.0 */
/* A batch hands back each image once, and only on reset. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "event/batch.h"
#include <cmocka.h>

static size_t n_released;

static void count_release(void *owner, struct image *image)
{
	assert_ptr_equal(owner, &n_released);
	assert_int_equal(image->refs--, 1);
	n_released++;
}

static void test_append_and_reset(void **state)
{
	struct image images[500] = { 0 };
	struct batch b, slice;
	uint64_t id;
	size_t i;

	(void)state;
	n_released = 0;
	batch_init(&b, count_release, &n_released);
	for (i = 0; i < 500; i++) {
		struct event *ev = batch_append(&b);

		assert_non_null(ev);
		images[i].refs = 1;
		*ev = (struct event){ .image = &images[i], .seq = i };
	}
	assert_int_equal(b.n, 500);
	for (i = 0; i < 500; i++)
		assert_int_equal(b.events[i].seq, i);
	assert_int_equal(n_released, 0);
	id = b.id;
	slice = batch_slice(&b, 100, 7);
	assert_int_equal(slice.n, 7);
	assert_int_equal(slice.events[6].seq, 106);
	assert_true(slice.id != id);
	batch_reset(&b);
	assert_true(b.id != id && b.id != slice.id);
	assert_int_equal(n_released, 500);
	assert_int_equal(b.n, 0);
	batch_reset(&b);
	assert_int_equal(n_released, 500);
	batch_done(&b);
}

/* An old event does not shine through a loss, which has no image and is let be. */
static void test_loss_is_nothing_else(void **state)
{
	const struct loss loss = { .exec = 1 };
	struct image image = { .refs = 1 };
	struct event *ev;
	struct batch b;

	(void)state;
	n_released = 0;
	batch_init(&b, count_release, &n_released);
	*batch_append(&b) = (struct event){ .image = &image, .seq = 7 };
	batch_reset(&b);
	ev = batch_append_loss(&b, &loss);
	assert_int_equal(ev->seq, 0);
	assert_null(ev->image);
	batch_done(&b);
	assert_int_equal(n_released, 1);
}

/* A loss is the batch's own, and stays where it is while others are appended. */
static void test_losses(void **state)
{
	struct loss loss = { .reason = LOSS_BUDGET };
	const struct loss *first;
	struct event *ev;
	struct batch b;

	(void)state;
	batch_init(&b, NULL, NULL);
	for (int round = 0; round < 2; round++) {
		for (loss.exec = 0; loss.exec < 300; loss.exec++) {
			ev = batch_append_loss(&b, &loss);
			assert_non_null(ev);
			assert_int_equal(ev->call, CALL_LOST);
		}
		first = b.events[0].loss;
		assert_int_equal(first->reason, LOSS_BUDGET);
		for (size_t i = 0; i < b.n; i++)
			assert_int_equal(b.events[i].loss->exec, i);
		assert_int_equal(b.losses.n, 300);
		batch_reset(&b);
		assert_int_equal(b.losses.n, 0);
	}
	batch_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_append_and_reset),
		cmocka_unit_test(test_loss_is_nothing_else),
		cmocka_unit_test(test_losses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
