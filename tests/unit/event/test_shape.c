/* SPDX-License-Identifier: Apache-2.0 */
/* Keys that are renamed, dropped, added; what has to be collected afterwards; lack of memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "event/shape.h"

#include "../failing_allocator.h"
#include <cmocka.h>

#include <errno.h>

WRAP(void *, calloc, (size_t n, size_t size), (n, size))
WRAP(void *, reallocarray, (void *p, size_t n, size_t size), (p, n, size))
WRAP(char *, strdup, (const char *s), (s))

static size_t index_of(const char *name)
{
	return (size_t)(field_lookup(str_from(name)) - fields);
}

/* A shape of the fields that are named, which come in the table's order. */
static int make(struct shape *s, const char *const *names)
{
	_cleanup_(freep) bool *want = calloc(n_fields, sizeof(*want));

	if (!want)
		return -ENOMEM;
	for (; *names; names++)
		want[index_of(*names)] = true;
	return shape_init(s, want);
}

static const char *const few[] = { "__time__", "pid", "tid", NULL };

/* All keys: name, and =text of those that have one; '!' where there is no field. */
static void assert_keys(const struct shape *s, const char *keys)
{
	_cleanup_(buf_done) struct buf all = { 0 };

	for (size_t i = 0; i < s->n; i++)
		buf_printf(&all, "%s%s%s%s%s", i ? " " : "", s->keys[i].field ? "" : "!",
			   s->keys[i].name, s->keys[i].text ? "=" : "",
			   s->keys[i].text ? s->keys[i].text : "");
	buf_put_char(&all, '\0');
	assert_string_equal(all.data, keys);
}

static void test_init(void **state)
{
	static const char *const none[] = { NULL };
	_cleanup_(shape_done) struct shape s = { 0 };

	(void)state;
	assert_int_equal(make(&s, few), 0);
	assert_keys(&s, "pid tid __time__");
	assert_ptr_equal(shape_lookup(&s, "tid")->field, field_lookup(STR("tid")));
	assert_null(shape_lookup(&s, "uid"));
	assert_string_equal(shape_nearest(&s, "tidd"), "tid");
	assert_null(shape_nearest(&s, "something else"));
	shape_done(&s);
	assert_int_equal(make(&s, none), 0);
	assert_keys(&s, "");
	assert_null(shape_nearest(&s, "pid"));
	assert_int_equal(shape_add(&s, "a", "b"), 0);
	assert_keys(&s, "!a=b");
}

static void test_changes(void **state)
{
	_cleanup_(shape_done) struct shape s = { 0 };

	(void)state;
	assert_int_equal(make(&s, few), 0);
	assert_int_equal(shape_add(&s, "a", "1"), 0);
	assert_int_equal(shape_add(&s, "b", ""), 0);
	assert_keys(&s, "pid tid !a=1 !b= __time__");
	assert_int_equal(shape_rename(&s, shape_lookup(&s, "__time__"), "t"), 0);
	assert_int_equal(shape_rename(&s, shape_lookup(&s, "a"), "__time__"), 0);
	assert_int_equal(shape_add(&s, "c", "3"), 0);
	assert_keys(&s, "pid tid !__time__=1 !b= !c=3 t");
	shape_drop(&s, shape_lookup(&s, "pid"));
	shape_drop(&s, shape_lookup(&s, "t"));
	assert_keys(&s, "tid !__time__=1 !b= !c=3");
	assert_int_equal(shape_add(&s, "d", "4"), 0);
	assert_keys(&s, "tid !__time__=1 !b= !c=3 !d=4");
	assert_int_equal(shape_set_default(shape_lookup(&s, "tid"), "none"), 0);
	assert_int_equal(shape_set_default(shape_lookup(&s, "tid"), "other"), 0);
	assert_int_equal(shape_set_default(shape_lookup(&s, "d"), "5"), 0);
	assert_keys(&s, "tid=none !__time__=1 !b= !c=3 !d=4");
	assert_int_equal(shape_replace(shape_lookup(&s, "tid"), "fixed"), 0);
	assert_int_equal(shape_replace(shape_lookup(&s, "d"), "6"), 0);
	assert_keys(&s, "!tid=fixed !__time__=1 !b= !c=3 !d=6");
}

static size_t count(const bool *needs)
{
	size_t n = 0;

	for (size_t i = 0; i < n_fields; i++)
		n += needs[i];
	return n;
}

/*
 * What a filter looks at is collected though its key has gone; what only a dropped key had, is not.
 */
static void test_needs(void **state)
{
	_cleanup_(shape_done) struct shape s = { 0 };
	_cleanup_(freep) bool *needs = malloc(n_fields * sizeof(*needs));

	(void)state;
	assert_int_equal(make(&s, few), 0);
	memset(needs, true, n_fields);
	shape_needs(&s, needs);
	assert_int_equal(count(needs), 3);
	shape_read(&s, field_lookup(STR("ns.pid")));
	shape_read(&s, field_lookup(STR("tid")));
	shape_drop(&s, shape_lookup(&s, "tid"));
	shape_drop(&s, shape_lookup(&s, "pid"));
	assert_int_equal(shape_add(&s, "pid", "0"), 0);
	shape_needs(&s, needs);
	assert_true(needs[index_of("tid")] && needs[index_of("ns.pid")] &&
		    needs[index_of("__time__")]);
	assert_int_equal(count(needs), 3);
}

static int change_all(void)
{
	_cleanup_(shape_done) struct shape s = { 0 };
	int r;

	r = make(&s, few);
	if (r == 0)
		r = shape_add(&s, "a", "1");
	for (char name[] = "c"; r == 0 && *name < 'z'; ++*name)
		r = shape_add(&s, name, "x");
	if (r == 0)
		r = shape_rename(&s, shape_lookup(&s, "pid"), "b");
	if (r == 0)
		r = shape_replace(shape_lookup(&s, "b"), "2");
	return r == 0 ? shape_set_default(shape_lookup(&s, "tid"), "3") : r;
}

static void test_lack_of_memory(void **state)
{
	unsigned int n;

	(void)state;
	for (n = 1;; n++) {
		int r;

		fail_at = n;
		r = change_all();
		if (fail_at)
			break;
		assert_int_equal(r, -ENOMEM);
	}
	fail_at = 0;
	assert_true(n > 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_init),
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_needs),
		cmocka_unit_test(test_lack_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
