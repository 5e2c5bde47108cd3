/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "proc/containers.h"
#include "records.h"
#include "world.h"

static const char *id_of(char digit)
{
	static char ids[256][CONTAINER_ID_LEN];

	memset(ids[(unsigned char)digit], digit, CONTAINER_ID_LEN);
	return ids[(unsigned char)digit];
}

static struct container_entry *obtain(struct container_table *t, char digit)
{
	struct container_entry *c = NULL;

	assert_int_equal(containers_obtain(t, id_of(digit), &c), 0);
	return c;
}

static bool fill(struct container_table *t, struct container_entry *c, const char *name,
		 uint32_t bits)
{
	_cleanup_(freep) struct event_container *e = record_container('a', name, bits);
	bool changed;

	assert_int_equal(containers_fill(t, c, e, &changed), 0);
	return changed;
}

/* Each id is one container, and a change gives it another stamp. */
static void test_filling(void **state)
{
	struct container_table t;
	struct container_entry *c;
	uint64_t last = 41, stamp;

	(void)state;
	containers_init(&t, 8, &last);
	assert_null(containers_lookup(&t, id_of('a')));
	c = obtain(&t, 'a');
	assert_ptr_equal(obtain(&t, 'a'), c);
	assert_ptr_equal(containers_lookup(&t, id_of('a')), c);
	assert_ptr_not_equal(obtain(&t, 'b'), c);
	assert_false(c->is_asked);
	assert_int_equal(container_text(&c->container, CONTAINER_NAME).n, 0);
	assert_true(c->container.stamp > 41);

	stamp = c->container.stamp;
	assert_true(fill(&t, c, "web", CONTAINER_IS_KNOWN));
	assert_true(c->is_asked && !c->is_complete);
	assert_str(container_text(&c->container, CONTAINER_NAME), "web");
	assert_true(c->container.stamp > stamp);

	stamp = c->container.stamp;
	assert_false(fill(&t, c, "web", CONTAINER_IS_KNOWN | EVENT_CONTAINER_COMPLETE));
	assert_true(c->is_complete);
	assert_int_equal(c->container.stamp, stamp);
	assert_true(fill(&t, c, "other", CONTAINER_IS_KNOWN));
	assert_true(fill(&t, c, "other", CONTAINER_IS_KNOWN | CONTAINER_IS_PRIVILEGED));
	assert_true(fill(&t, c, "", 0));
	assert_int_equal(container_text(&c->container, CONTAINER_NAME).n, 0);
	containers_done(&t);
}

/* Known by its control group, until a record says otherwise; what else is known stays. */
static void test_pod(void **state)
{
	struct container_table t;
	struct container_entry *c;
	uint64_t last = 0, stamp;

	(void)state;
	containers_init(&t, 8, &last);
	c = obtain(&t, 'a');
	stamp = c->container.stamp;
	assert_int_equal(containers_set_pod(&t, c, STR_EMPTY), 0);
	assert_int_equal(c->container.stamp, stamp);
	fill(&t, c, "web", 0);
	stamp = c->container.stamp;
	assert_int_equal(containers_set_pod(&t, c, STR("u-1")), 0);
	assert_true(c->container.stamp > stamp);
	assert_str(container_text(&c->container, CONTAINER_NAME), "web");
	assert_str(container_text(&c->container, CONTAINER_POD_UID), "u-1");
	assert_int_equal(containers_set_pod(&t, c, STR("u-2")), 0);
	assert_str(container_text(&c->container, CONTAINER_POD_UID), "u-1");
	containers_restart(&t, c);
	assert_int_equal(container_text(&c->container, CONTAINER_POD_UID).n, 0);
	containers_done(&t);
}

/* The one used longest ago goes, unless its events wait; who is shown lives on. */
static void test_limit(void **state)
{
	struct container_table t;
	const struct container *held;
	uint64_t stamp = 0;

	(void)state;
	containers_init(&t, 2, &stamp);
	held = container_ref(&obtain(&t, 'a')->container);
	obtain(&t, 'b');
	obtain(&t, 'c');
	assert_null(containers_lookup(&t, id_of('a')));
	assert_memory_equal(held->id, id_of('a'), CONTAINER_ID_LEN);
	containers_lookup(&t, id_of('b'));
	obtain(&t, 'b')->since_ns = 1;
	obtain(&t, 'c');
	obtain(&t, 'd');
	assert_non_null(containers_lookup(&t, id_of('b')));
	assert_null(containers_lookup(&t, id_of('c')));
	containers_done(&t);
	container_unref(held);
	container_unref(NULL);
	assert_null(container_ref(NULL));
}

static struct image image(struct image_key key, struct image *parent, const struct cgroup *cgroup)
{
	return (struct image){ .key = key, .parent = parent, .cgroup = cgroup };
}

static uint32_t place(struct image *i, bool is_exec)
{
	containers_place(i, is_exec);
	return i->flags & (IMAGE_ENTRY | IMAGE_ENTERED);
}

/* The first program from outside is the entry; who comes later from outside entered. */
static void test_places(void **state)
{
	struct container_table t;
	struct container_entry *c;
	struct cgroup inside = { 0 };
	struct image runc, init, entry, next, child, shell, tool, host;
	uint64_t stamp = 0;

	(void)state;
	containers_init(&t, 8, &stamp);
	c = obtain(&t, 'a');
	inside.container = &c->container;
	runc = image(KEY(10, 100, 1), NULL, NULL);
	init = image(KEY(11, 110, 1), &runc, &inside);
	entry = image(KEY(11, 110, 2), &runc, &inside);
	next = image(KEY(11, 110, 3), &entry, &inside);
	child = image(KEY(12, 120, 3), &next, &inside);
	shell = image(KEY(13, 130, 2), &runc, &inside);
	tool = image(KEY(14, 140, 3), &shell, &inside);
	host = image(KEY(15, 150, 3), &runc, NULL);

	assert_int_equal(place(&init, false), 0); /* a clone that has executed nothing yet */
	assert_int_equal(place(&entry, true), IMAGE_ENTRY);
	assert_int_equal(place(&next, true), IMAGE_ENTRY);
	assert_int_equal(place(&child, false), 0);
	assert_int_equal(place(&shell, true), IMAGE_ENTERED);
	assert_int_equal(place(&tool, true), IMAGE_ENTERED);
	assert_int_equal(place(&host, true), 0);
	assert_int_equal(place(&entry, true), IMAGE_ENTRY); /* again, as a late record does */
	containers_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_filling),
		cmocka_unit_test(test_pod),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
