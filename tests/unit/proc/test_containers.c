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

static const int64_t no_offset = 0, offset = 1000000; /* of the wall clock */

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
	containers_init(&t, 8, &last, &no_offset);
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
	/* Who tells of it may know nothing any more: what was known stays. */
	stamp = c->container.stamp;
	assert_false(fill(&t, c, "", 0));
	assert_str(container_text(&c->container, CONTAINER_NAME), "other");
	assert_int_equal(c->container.bits, CONTAINER_IS_KNOWN | CONTAINER_IS_PRIVILEGED);
	assert_int_equal(c->container.stamp, stamp);
	containers_restart(&t, c);
	assert_int_equal(container_text(&c->container, CONTAINER_NAME).n, 0);
	assert_int_equal(c->container.bits, 0);
	containers_done(&t);
}

/* Known by its control group, until a record says otherwise; what else is known stays. */
static void test_pod(void **state)
{
	struct container_table t;
	struct container_entry *c;
	uint64_t last = 0, stamp;

	(void)state;
	containers_init(&t, 8, &last, &no_offset);
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
	containers_init(&t, 2, &stamp, &no_offset);
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

#define OWN 4026532177 /* the container's mount namespace */
#define RUNTIME 4026531999

static struct image image(struct image_key key, struct image *parent, const struct cgroup *cgroup,
			  uint32_t mnt_ns)
{
	return (struct image){ .key = key, .parent = parent, .cgroup = cgroup, .mnt_ns = mnt_ns };
}

static uint32_t marks(const struct image *i)
{
	return i->flags & (IMAGE_ENTRY | IMAGE_ENTERED);
}

static uint32_t place_in(struct container_table *t, struct image *i)
{
	containers_place(t, i, NULL);
	return marks(i);
}

/* One container, and somebody outside. */
struct scene {
	struct container_table t;
	struct container_entry *c;
	struct cgroup group;
	struct image outside;
	uint64_t stamp;
};

static void scene_init(struct scene *s, uint32_t mnt_ns)
{
	*s = (struct scene){ .outside = image(KEY(10, 100, 1), NULL, NULL, mnt_ns) };
	containers_init(&s->t, 8, &s->stamp, &offset);
	s->c = obtain(&s->t, 'a');
	s->group.container = &s->c->container;
}

/*
 * runc: its init executes itself once more, in the group already; then it makes a process in
 * new namespaces, which executes the program. What hooks execute in there are that one's children.
 */
static void test_runc(void **state)
{
	static const uint32_t outside[] = { 0, RUNTIME };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(outside); i++) {
		const uint32_t ns = outside[i];
		struct scene s;
		struct image init, first, second, hook, program, next, child, shell, tool;

		scene_init(&s, ns);
		init = image(KEY(11, 110, 2), &s.outside, &s.group, ns);
		first = image(KEY(12, 120, 2), &s.outside, &s.group, ns);
		second = image(KEY(13, 130, 2), &s.outside, &s.group, OWN);
		hook = image(KEY(14, 140, 3), &second, &s.group, OWN);
		program = image(KEY(13, 130, 3), &s.outside, &s.group, OWN);
		next = image(KEY(13, 130, 4), &program, &s.group, OWN);
		child = image(KEY(15, 150, 5), &next, &s.group, OWN + 1);
		shell = image(KEY(17, 170, 3), &s.outside, &s.group, OWN);
		tool = image(KEY(18, 180, 4), &shell, &s.group, OWN);

		assert_int_equal(place_in(&s.t, &init), 0);
		assert_int_equal(place_in(&s.t, &first), 0);
		assert_int_equal(s.c->container.began_ns, 0);
		assert_int_equal(place_in(&s.t, &second), IMAGE_ENTRY);
		assert_int_equal(s.c->container.began_ns, 130 + offset);
		assert_int_equal(place_in(&s.t, &hook), 0);
		assert_int_equal(place_in(&s.t, &program), IMAGE_ENTRY);
		assert_int_equal(place_in(&s.t, &next), IMAGE_ENTRY);
		assert_int_equal(place_in(&s.t, &child),
				 0); /* in a namespace that it made itself */
		init.key.pid = 16;
		assert_int_equal(place_in(&s.t, &init), 0); /* of an exec into it, as above */
		assert_int_equal(place_in(&s.t, &shell), IMAGE_ENTERED);
		assert_int_equal(place_in(&s.t, &tool), IMAGE_ENTERED);
		assert_int_equal(place_in(&s.t, &program),
				 IMAGE_ENTRY); /* again, as a late record does */
		assert_int_equal(s.c->container.began_ns, 130 + offset);
		containers_done(&s.t);
	}
}

/* crun: its clone is moved into the group, and leaves the host's namespaces by itself. */
static void test_crun(void **state)
{
	struct scene s;
	struct image clone, program, host;

	(void)state;
	scene_init(&s, 0);
	clone = image(KEY(11, 110, 1), &s.outside, NULL, 0);
	program = image(KEY(11, 110, 2), &s.outside, &s.group, OWN);
	host = image(KEY(12, 120, 2), &s.outside, &s.group, 0);
	assert_int_equal(place_in(&s.t, &clone), 0);
	assert_int_equal(place_in(&s.t, &program), IMAGE_ENTRY);
	assert_int_equal(place_in(&s.t, &host), 0); /* moved into the group, and nothing else */
	containers_done(&s.t);
}

/* Records in between were lost: what is known of the process further up holds. */
static void test_unknown_parents(void **state)
{
	struct scene s;
	struct image entry, stub, after, orphan, stranger;

	(void)state;
	scene_init(&s, 0);
	entry = image(KEY(11, 110, 2), &s.outside, &s.group, OWN);
	stub = image(KEY(12, 120, 2), &entry, NULL, 0);
	stub.flags = IMAGE_STUB;
	after = image(KEY(12, 120, 3), &stub, &s.group, OWN);
	orphan = image(KEY(13, 130, 3), NULL, &s.group, OWN);
	stranger = image(KEY(14, 140, 3), NULL, &s.group, OWN);
	assert_int_equal(place_in(&s.t, &entry), IMAGE_ENTRY);
	assert_int_equal(place_in(&s.t, &after), 0);
	containers_place(&s.t, &orphan, &entry);
	assert_int_equal(marks(&orphan), 0);
	assert_int_equal(place_in(&s.t, &stranger), IMAGE_ENTERED);
	containers_place(&s.t, &stranger, &s.outside);
	assert_int_equal(marks(&stranger), IMAGE_ENTERED);
	containers_done(&s.t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_filling), cmocka_unit_test(test_pod),
		cmocka_unit_test(test_limit),	cmocka_unit_test(test_runc),
		cmocka_unit_test(test_crun),	cmocka_unit_test(test_unknown_parents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
