/* SPDX-License-Identifier: Apache-2.0 */
/* Who holds an image, how it is found, and when it goes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "proc/table.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define RUNNING_SANITIZED 1 /* with memory of its own for each byte */
#else
#define RUNNING_SANITIZED 0
#endif

#define KEY(p, s, c) ((struct image_key){ .pid = (p), .start_ns = (s), .exec_count = (c) })

static struct image *image_new(struct proc_table *t, struct image_key key)
{
	struct image *image = NULL;

	assert_int_equal(table_image_new(t, &key, 0, &image), 0);
	return image;
}

static struct process *process_new(struct proc_table *t, struct image_key key)
{
	struct process *process = NULL;

	assert_int_equal(table_add(t, image_new(t, key), &process), 0);
	return process;
}

static struct image *lookup(const struct proc_table *t, struct image_key key)
{
	return table_lookup_image(t, &key);
}

static const struct {
	struct image_key a, b;
	int want;
} order_cases[] = {
	{ { 1, 1, 1 }, { 1, 1, 1 }, 0 },  { { 1, 9, 9 }, { 2, 1, 1 }, -1 },
	{ { 2, 1, 1 }, { 1, 9, 9 }, 1 },  { { 1, 9, 1 }, { 1, 1, 2 }, -1 },
	{ { 1, 1, 1 }, { 1, 2, 1 }, -1 }, { { 1, 3, 1 }, { 1, 2, 1 }, 1 },
};

static void test_order(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(order_cases); i++)
		assert_int_equal(image_key_cmp(&order_cases[i].a, &order_cases[i].b),
				 order_cases[i].want);
}

/*
 * A current image is found by its process; one that is referenced, by its key; one that is not, not
 * at all.
 */
static void test_life(void **state)
{
	struct proc_table t;
	struct process *p;
	struct image *child;

	(void)state;
	table_init(&t, &proc_limits_default);
	p = process_new(&t, KEY(1, 10, 1));
	assert_ptr_equal(table_lookup(&t, 1, 10), p);
	assert_null(table_lookup(&t, 1, 11));
	assert_ptr_equal(lookup(&t, KEY(1, 10, 1)), p->image);
	assert_null(lookup(&t, KEY(1, 10, 2)));

	child = image_new(&t, KEY(2, 20, 1));
	table_set_parent(&t, child, p->image);
	table_advance(&t, p, image_new(&t, KEY(1, 10, 2)));
	assert_ptr_equal(lookup(&t, KEY(1, 10, 1)), child->parent);
	assert_true(child->parent->flags & IMAGE_EXITED);
	table_remove(&t, p);
	assert_null(table_lookup(&t, 1, 10));
	assert_null(lookup(&t, KEY(1, 10, 2))); /* nobody held it */
	assert_ptr_equal(lookup(&t, KEY(1, 10, 1)), child->parent);
	table_unref(&t, child);
	assert_null(lookup(&t, KEY(1, 10, 1)));
	assert_int_equal(t.image_slab.n, 0);
	table_done(&t);
}

static void test_stub_becomes_current(void **state)
{
	struct image_key key = KEY(1, 10, 1);
	struct image *stub = NULL, *child;
	struct process *p = NULL;
	struct proc_table t;

	(void)state;
	table_init(&t, &proc_limits_default);
	assert_int_equal(table_stub_new(&t, &key, &stub), 0);
	assert_ptr_equal(lookup(&t, key), stub);
	child = image_new(&t, KEY(2, 20, 1));
	table_set_parent(&t, child, stub);
	assert_int_equal(table_add(&t, stub, &p), 0); /* takes the reference */
	assert_ptr_equal(lookup(&t, key), stub);
	assert_int_equal(t.images.n, 0);
	table_remove(&t, p);
	assert_ptr_equal(lookup(&t, key), stub);
	table_unref(&t, child);
	assert_null(lookup(&t, key));
	table_done(&t);
}

/* Links that would close a circle are not made. */
static void test_no_circle(void **state)
{
	struct image *a, *b;
	struct proc_table t;

	(void)state;
	table_init(&t, &proc_limits_default);
	a = image_new(&t, KEY(1, 10, 1));
	b = image_new(&t, KEY(2, 20, 1));
	table_set_parent(&t, b, a);
	table_set_parent(&t, a, b);
	assert_null(a->parent);
	table_set_parent(&t, a, a);
	assert_null(a->parent);
	assert_ptr_equal(b->parent, a);
	table_set_parent(&t, b, a); /* again: the reference it had is not lost before it is taken */
	assert_int_equal(a->refs, 2);
	table_unref(&t, a);
	table_unref(&t, b);
	assert_int_equal(t.image_slab.n, 0);
	table_done(&t);
}

/* With n bytes of text. */
static struct program *program_new(struct proc_table *t, size_t n)
{
	_cleanup_(freep) char *args = calloc(1, n);
	const struct str texts[_PROGRAM_TEXT_MAX] = { [PROGRAM_ARGS] = { .p = args, .n = n } };
	struct program *program = table_program_new(t, texts, NULL);

	assert_non_null(program);
	return program;
}

static void test_bytes(void **state)
{
	struct event_task_ext ext = { .gid = 1 };
	struct proc_counters c;
	struct program *program;
	struct image *image;
	struct proc_table t;

	(void)state;
	table_init(&t, &proc_limits_default);
	image = image_new(&t, KEY(1, 10, 1));
	program = program_new(&t, 10000);
	table_set_program(&t, image, program);
	table_set_program(&t, image, program); /* the same again */
	table_program_unref(&t, program);
	assert_int_equal(table_set_ext(&t, image, &ext), 0);
	table_counters(&t, &c);
	assert_true(c.bytes > 10000 && c.bytes < 10600);
	assert_int_equal(table_set_ext(&t, image, NULL), 0);
	assert_null(image->ext);
	table_unref(&t, image);
	table_counters(&t, &c);
	assert_int_equal(c.bytes, 0);
	table_done(&t);
}

#define MANY 100000
#define COST_MAX 224 /* bytes of a process above its texts, the indexes included */

static size_t resident_bytes(void)
{
	_cleanup_(fclosep) FILE *f = fopen("/proc/self/statm", "re");
	size_t size, resident;

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%zu %zu", &size, &resident), 2);
	return resident * (size_t)sysconf(_SC_PAGESIZE);
}

/* A process with a program of its own, as most are; the bytes of its texts are the result. */
static size_t add_typical(struct proc_table *t, uint32_t pid)
{
	const struct event_cred cred = { .euid = pid % 50, .permitted = pid % 2 };
	struct program *program;
	struct image *image = image_new(t, KEY(pid, 1000 + pid, 1));
	struct process *process = NULL;
	char args[64];
	const struct str texts[_PROGRAM_TEXT_MAX] = {
		[PROGRAM_BINARY] = STR("/usr/lib/systemd/systemd"),
		[PROGRAM_CWD] = STR("/var/lib/service"),
		[PROGRAM_ARGS] = { .p = args,
				   .n = (size_t)snprintf(args, sizeof(args), "service --%0*u",
							 (int)(pid % 40), pid) },
	};

	program = table_program_new(t, texts, NULL);
	assert_non_null(program);
	table_set_program(t, image, program);
	table_program_unref(t, program);
	assert_int_equal(table_set_cred(t, image, &cred), 0);
	assert_int_equal(table_add(t, image, &process), 0);
	return texts[PROGRAM_BINARY].n + texts[PROGRAM_CWD].n + texts[PROGRAM_ARGS].n;
}

/* What the table says that it takes, and what the system says. */
static void test_cost(void **state)
{
	size_t before = resident_bytes(), n_texts = 0, taken;
	struct proc_counters c;
	struct proc_table t;

	(void)state;
	table_init(&t, &proc_limits_default);
	for (uint32_t pid = 1; pid <= MANY; pid++)
		n_texts += add_typical(&t, pid);
	table_counters(&t, &c);
	taken = resident_bytes() - before;
	print_message("%.1f bytes a process by the counters, %.1f by the system\n",
		      (double)(c.bytes - n_texts) / MANY, (double)(taken - n_texts) / MANY);
	assert_int_equal(c.processes, MANY);
	assert_true(c.bytes - n_texts <= (size_t)COST_MAX * MANY);
	if (!RUNNING_SANITIZED)
		assert_true(taken - n_texts <= (size_t)COST_MAX * MANY);
	table_done(&t);
	if (!RUNNING_SANITIZED)
		assert_true(resident_bytes() - before < (size_t)4 << 20);
}

/* Below its limit it gives up what it is told to, the least needed first, down to an eighth. */
static void test_squeeze(void **state)
{
	struct proc_limits limits = proc_limits_default;
	struct proc_counters before, after;
	struct proc_table t;

	(void)state;
	limits.max_bytes = 1 << 20;
	table_init(&t, &limits);
	for (uint32_t pid = 1; pid <= 1000; pid++)
		add_typical(&t, pid);
	table_counters(&t, &before);
	table_squeeze(&t, 50000);
	table_counters(&t, &after);
	assert_true(after.bytes <= before.bytes - 50000 && after.bytes > before.bytes - 51000);
	assert_int_equal(after.processes, 1000);
	assert_true(after.evicted_living > 0);
	table_squeeze(&t, 10 << 20);
	table_counters(&t, &after);
	assert_true(after.bytes > limits.max_bytes / 8); /* what is left has no strings to lose */
	assert_int_equal(after.processes, 1000);
	assert_int_equal(t.limits.max_bytes, limits.max_bytes);
	table_done(&t);
}

/* An image that has ended is found as long as it has children; an event alone only shows it. */
static void test_ended(void **state)
{
	struct image *shown, *child;
	struct proc_table t;
	struct process *p;

	(void)state;
	table_init(&t, &proc_limits_default);
	p = process_new(&t, KEY(1, 10, 1));
	shown = image_ref(p->image);
	table_remove(&t, p);
	assert_true(shown->flags & IMAGE_EXITED);
	assert_null(lookup(&t, KEY(1, 10, 1)));
	table_unref(&t, shown);

	p = process_new(&t, KEY(2, 20, 1));
	shown = image_ref(p->image);
	child = image_new(&t, KEY(3, 30, 1));
	table_set_parent(&t, child, shown);
	table_set_parent(&t, child, shown);
	assert_int_equal(shown->n_children, 1);
	table_remove(&t, p);
	table_unref(&t, shown);
	assert_ptr_equal(lookup(&t, KEY(2, 20, 1)), shown);
	table_unref(&t, child);
	assert_null(lookup(&t, KEY(2, 20, 1)));
	table_done(&t);
}

/* Each change gives an image a stamp that nothing had before. */
static void test_stamps(void **state)
{
	struct event_task_ext ext = { 0 };
	struct event_cred cred = { 0 };
	struct program *program;
	struct image *image, *parent;
	struct proc_table t;
	uint64_t last;

	(void)state;
	table_init(&t, &proc_limits_default);
	parent = image_new(&t, KEY(1, 10, 1));
	image = image_new(&t, KEY(2, 20, 1));
	program = program_new(&t, 1);
	assert_true(parent->stamp && image->stamp > parent->stamp);
	last = program->stamp;
	assert_true(last > image->stamp);
	table_set_parent(&t, image, parent);
	assert_true(image->stamp > last);
	last = image->stamp;
	table_set_program(&t, image, program);
	assert_true(image->stamp > last);
	last = image->stamp;
	table_set_owner(&t, image, NULL, NULL);
	assert_true(image->stamp > last);
	last = image->stamp;
	assert_int_equal(table_set_ext(&t, image, &ext), 0);
	assert_true(image->stamp > last);
	last = image->stamp;
	assert_int_equal(table_set_cred(&t, image, &cred), 0);
	assert_true(image->stamp > last);
	assert_true(parent->stamp < program->stamp);
	table_unref(&t, image);
	table_unref(&t, parent);
	table_program_unref(&t, program);
	table_done(&t);
}

/* A limit that nothing can meet: everything goes, and then it ends. */
static void test_trim_to_nothing(void **state)
{
	const struct event_cred cred = { .euid = 1 };
	struct proc_limits limits = { 0 };
	struct image *child;
	struct proc_table t;

	(void)state;
	table_init(&t, &limits);
	child = image_new(&t, KEY(200, 200, 1));
	for (uint32_t i = 1; i <= 10; i++)
		process_new(&t, KEY(i, i, 1));
	table_set_parent(&t, child, lookup(&t, KEY(5, 5, 1)));
	assert_int_equal(table_set_cred(&t, child->parent, &cred), 0);
	table_trim(&t);
	assert_int_equal(t.process_slab.n, 0);
	assert_ptr_equal(child->parent->cred, &cred_unknown);
	assert_int_equal(t.image_slab.n, 2); /* the child, and the name of its parent */
	assert_true(child->parent->flags & IMAGE_STUB);
	table_unref(&t, child);
	table_trim(&t);
	assert_int_equal(t.image_slab.n, 0);
	table_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_life),
		cmocka_unit_test(test_stub_becomes_current),
		cmocka_unit_test(test_no_circle),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_cost),
		cmocka_unit_test(test_squeeze),
		cmocka_unit_test(test_ended),
		cmocka_unit_test(test_stamps),
		cmocka_unit_test(test_trim_to_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
