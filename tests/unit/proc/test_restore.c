/* SPDX-License-Identifier: Apache-2.0 */
/* Images of a state, as they should not be. */
#include "world.h"

#include "proc/fold_state.h"

static const struct image_key shell = { .pid = 20, .start_ns = 2000, .exec_count = 4 };
static const struct image_key child = { .pid = 21, .start_ns = 2100, .exec_count = 4 };

static struct event_image *record_image(struct image_key key, struct image_key parent,
					uint32_t bits)
{
	static const char text[] = "/bin/sh";
	struct event_image *e = record_new(EVENT_IMAGE, sizeof(*e), sizeof(text) - 1);

	record_name(&e->head, key);
	e->head.cpu = EVENT_CPU_AGENT;
	e->parent = record_id(parent);
	e->bits = bits;
	e->binary_len = sizeof(text) - 1;
	memcpy(e + 1, text, sizeof(text) - 1);
	return e;
}

static void *record_state(uint32_t bits, uint32_t n_ended)
{
	struct event_state *e =
		record_new(EVENT_STATE, sizeof(*e), n_ended * sizeof(struct event_ended));

	e->head.cpu = EVENT_CPU_AGENT;
	e->bits = bits;
	e->n_ended = n_ended;
	return e;
}

static void feed(struct world *w, void *record)
{
	assert_null(world_feed(w, record));
}

static void test_current(void **state)
{
	const struct event *ev;
	struct world w;

	(void)state;
	world_init(&w, NULL, NULL);
	feed(&w, record_state(EVENT_STATE_BEGIN, 0));
	/* The parent comes behind its child. */
	feed(&w, record_image(child, shell, EVENT_IMAGE_CURRENT | EVENT_IMAGE_LIVE));
	feed(&w, record_image(shell, NOBODY, EVENT_IMAGE_EXITED));
	feed(&w, record_state(0, 0));
	assert_int_equal(world_counters(&w).processes, 1);
	assert_int_equal(world_counters(&w).images, 2);
	ev = world_feed(&w, record_exit(child, NOBODY, 0));
	assert_str(program_text(ev->image->program, PROGRAM_BINARY), "/bin/sh");
	assert_str(program_text(ev->image->parent->program, PROGRAM_BINARY), "/bin/sh");
	world_done(&w);
}

/* What nobody refers to at the end is gone, also where the end is missing. */
static void test_unreferenced(void **state)
{
	struct world w;

	(void)state;
	for (int way = 0; way < 4; way++) {
		world_init(&w, NULL, NULL);
		feed(&w, record_state(EVENT_STATE_BEGIN, 0));
		feed(&w, record_image(shell, NOBODY, EVENT_IMAGE_EXITED));
		assert_int_equal(world_counters(&w).images, 1);
		if (way == 0)
			feed(&w, record_state(0, 0));
		else if (way == 1)
			feed(&w, record_state(EVENT_STATE_BEGIN, 0));
		else if (way == 2)
			feed(&w, record_mark(EVENT_MARK_PASS_BEGIN));
		if (way < 3)
			assert_int_equal(world_counters(&w).images, 0);
		world_done(&w);
	}
	/* Outside of a state it does not even come to stay. */
	world_init(&w, NULL, NULL);
	feed(&w, record_image(shell, NOBODY, EVENT_IMAGE_EXITED));
	assert_int_equal(world_counters(&w).images, 0);
	world_done(&w);
}

/* Each of a few images comes with any bits and any parent: nothing breaks, nobody is his own. */
static void test_any_bits(void **state)
{
	const struct image_key keys[] = { shell, child, KEY(20, 2000, 5), KEY(21, 2100, 3) };
	uint64_t random = 1;

	(void)state;
	for (int round = 0; round < 300; round++) {
		struct world w;

		world_init(&w, NULL, NULL);
		if (round % 3)
			feed(&w, record_state(EVENT_STATE_BEGIN, 0));
		for (int i = 0; i < 20; i++) {
			random = random * 6364136223846793005u + 1442695040888963407u;
			world_feed(&w, record_image(keys[random >> 40 & 3], keys[random >> 50 & 3],
						    (uint32_t)(random >> 20)));
			if ((random >> 60) == 0)
				world_feed(&w, record_exit(keys[random >> 42 & 3], NOBODY, 0));
			if ((random >> 60) == 1)
				world_settle(&w);
		}
		for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
			const struct image *at = table_lookup_image(&w.fold->table, &keys[i]);
			int depth = 0;

			for (; at; at = at->parent)
				assert_true(depth++ < 10);
		}
		world_done(&w);
	}
}

/* What is there stays as it is. */
static void test_known(void **state)
{
	const struct event *ev;
	struct world w;

	(void)state;
	world_init(&w, NULL, NULL);
	world_feed(&w, record_exec(&(struct exec_spec){
			       .id = shell, .parent = KEY(0, 0, 3), .filename = "/bin/true" }));
	feed(&w, record_image(shell, child, EVENT_IMAGE_CURRENT));
	feed(&w, record_image(shell, child, EVENT_IMAGE_EXITED));
	feed(&w, record_image(KEY(20, 2000, 9), NOBODY, EVENT_IMAGE_CURRENT));
	ev = world_feed(&w, record_exit(shell, NOBODY, 0));
	assert_str(program_text(ev->image->program, PROGRAM_BINARY), "/bin/true");
	assert_null(ev->image->parent);
	assert_int_equal(world_counters(&w).processes, 0);
	world_done(&w);
}

static void test_same_program(void **state)
{
	const struct event *ev;
	struct world w;

	(void)state;
	for (int has_parent = 0; has_parent < 2; has_parent++) {
		world_init(&w, NULL, NULL);
		if (has_parent)
			feed(&w, record_image(shell, NOBODY, EVENT_IMAGE_CURRENT));
		feed(&w, record_image(child, has_parent ? shell : NOBODY,
				      EVENT_IMAGE_CURRENT | EVENT_IMAGE_SAME_PROGRAM));
		ev = world_feed(&w, record_exit(child, NOBODY, 0));
		if (has_parent)
			assert_ptr_equal(ev->image->program, ev->image->parent->program);
		else
			assert_null(ev->image->program);
		world_done(&w);
	}
}

/* The ones that ended are known; a process that lives is not buried. */
static void test_ended(void **state)
{
	struct event_state *e = record_state(0, 3);
	struct event_ended *ended = (struct event_ended *)(e + 1);
	struct world w;

	(void)state;
	ended[0] = (struct event_ended){ .start_ns = 2000, .tgid = 20 };
	ended[1] = ended[0];
	ended[2] = (struct event_ended){ .start_ns = 2100, .tgid = 21 };
	world_init(&w, NULL, NULL);
	feed(&w, record_state(EVENT_STATE_BEGIN, 0));
	feed(&w, record_image(child, NOBODY, EVENT_IMAGE_CURRENT));
	feed(&w, e);
	feed(&w, record_exit(shell, NOBODY, 0));
	assert_int_equal(world_counters(&w).twins, 1);
	assert_non_null(world_feed(&w, record_exit(child, NOBODY, 0)));
	world_done(&w);
}

/* Counters within a state are no losses; the same outside are. */
static void test_streams(void **state)
{
	struct fold_losses losses;
	const struct event *ev;
	struct world w;

	(void)state;
	world_init(&w, NULL, NULL);
	feed(&w, record_state(EVENT_STATE_BEGIN, 0));
	feed(&w, record_stream(1, 0, 5, 6, 7));
	feed(&w, record_state(0, 0));
	ev = world_feed(&w, record_stream(1, 0, 5, 6, 8));
	assert_int_equal(ev->call, CALL_LOST);
	assert_int_equal(ev->loss->fork, 1);
	fold_losses(w.fold, &losses);
	assert_int_equal(losses.exec + losses.exit, 0);
	assert_int_equal(losses.fork, 1);
	world_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_current),	     cmocka_unit_test(test_unreferenced),
		cmocka_unit_test(test_any_bits),     cmocka_unit_test(test_known),
		cmocka_unit_test(test_same_program), cmocka_unit_test(test_ended),
		cmocka_unit_test(test_streams),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
