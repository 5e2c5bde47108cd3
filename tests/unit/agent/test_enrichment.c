/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between a fold that asks and a registry that answers when it can: a reader without a probe, and a
 * source that says what the test wants.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "agent/enrichment.h"
#include "base/log.h"
#include "folding_reader.h"

#include "../enrich/fake_source.h"
#include "../proc/records.h"

#define LONG_NS (UINT64_C(1) << 62) /* longer than any machine has been up */
#define HIERARCHY 99		    /* of control groups; no machine has it */

static struct {
	struct container_registry *registry;
	struct fake_source *source;
	struct facts *facts;
	struct enrichment enrichment;
	struct folding_reader folding;
	uint64_t groups[UINT8_MAX + 1]; /* 0: it has not begun */
	uint64_t n_groups;
} t;

static void fold(void *record)
{
	folding_reader_fold(&t.folding, record);
}

/* The container of that id begins, or begins once more: in another control group. */
static void begin(char digit)
{
	char path[16 + CONTAINER_ID_LEN];

	t.groups[(unsigned char)digit] = ++t.n_groups;
	snprintf(path, sizeof(path), "/docker/%s", container_id(digit));
	fold(record_cgroup(HIERARCHY, t.n_groups, path));
}

/* A program in it. */
static void exec_in(char digit)
{
	const uint32_t pid = 100 + (unsigned char)digit;

	if (!t.groups[(unsigned char)digit])
		begin(digit);
	fold(record_exec(&(struct exec_spec){
		.id = { .pid = pid, .start_ns = pid, .exec_count = t.folding.n_records },
		.filename = "/bin/sh",
		.cgroup = { .id = t.groups[(unsigned char)digit], .hierarchy = HIERARCHY } }));
}

static void turn(void)
{
	assert_int_equal(enrichment_turn(&t.enrichment, &t.folding.reader), 0);
}

/* As many events have come out as are named; "-" is one of a container without a name. */
static void assert_events(size_t n, const char *const *names, enum call call)
{
	assert_int_equal(t.folding.reader.batch.n, n);
	for (size_t i = 0; i < n; i++) {
		const struct event *ev = &t.folding.reader.batch.events[i];
		const struct container *c = ev->image ? image_container(ev->image) : ev->container;

		assert_int_equal(ev->call, call);
		assert_non_null(c);
		assert_true(str_eq(container_text(c, CONTAINER_NAME), str_from(names[i])));
	}
	assert_int_equal(reader_deliver(&t.folding.reader), 0);
}

#define ASSERT_EVENTS(call, ...)                                                     \
	assert_events(sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *), \
		      (const char *const[]){ __VA_ARGS__ }, call)

static void assert_none(void)
{
	assert_int_equal(t.folding.reader.batch.n, 0);
}

static void assert_counts(uint64_t answered, uint64_t given_up, uint64_t late)
{
	assert_int_equal(metric_get(&t.enrichment.counters.answered), answered);
	assert_int_equal(metric_get(&t.enrichment.counters.given_up), given_up);
	assert_int_equal(metric_get(&t.enrichment.counters.late), late);
}

static void assert_waiting(uint64_t containers, uint64_t events)
{
	assert_int_equal(metric_get(&t.enrichment.counters.waiting), containers);
	assert_int_equal(metric_get(&t.enrichment.counters.holding), events);
}

/* What is known at once holds up nothing. */
static void test_known(void **state)
{
	(void)state;
	fake_source_tell(t.source, 'a', FAKE_OWN("web"), -1);
	exec_in('a');
	ASSERT_EVENTS(CALL_EXECVE, "web");
	turn();
	assert_none();
	assert_counts(1, 0, 0);
	assert_waiting(0, 0);
	assert_int_equal(metric_get(&t.enrichment.counters.containers), 1);
}

/* What was known before, by the journal, stands when nobody knows of it any more. */
static void test_known_before(void **state)
{
	struct container_registry *registry = t.enrichment.registry;

	(void)state;
	fake_source_tell(t.source, 'a', FAKE_OWN("web"), -1);
	exec_in('a');
	ASSERT_EVENTS(CALL_EXECVE, "web");
	t.enrichment.registry = NULL; /* of the next life, which has no sources */
	fold(record_container('a', "", EVENT_CONTAINER_AWAITED));
	exec_in('a');
	assert_none();
	t.enrichment.wait_ns = 0;
	turn();
	ASSERT_EVENTS(CALL_EXECVE, "web");
	t.enrichment.registry = registry; /* or has some that have heard nothing of it */
	container_registry_forget(registry, container_id('a'));
	assert_int_equal(enrichment_resume(&t.enrichment, &t.folding.reader), 0);
	fake_source_answered(t.source, 'a');
	turn();
	exec_in('a');
	ASSERT_EVENTS(CALL_EXECVE, "web");
}

/* Nobody else's events wait. */
static void test_awaited(void **state)
{
	(void)state;
	fake_source_tell(t.source, 'b', FAKE_OWN("other"), -1);
	exec_in('a');
	exec_in('b');
	exec_in('a');
	ASSERT_EVENTS(CALL_EXECVE, "other");
	turn();
	assert_none();
	assert_waiting(1, 2);
	fake_source_tell(t.source, 'a', FAKE_OWN("web"), -1);
	turn();
	ASSERT_EVENTS(CALL_EXECVE, "web", "web");
	assert_counts(2, 0, 0);
	assert_waiting(0, 0);
	exec_in('a');
	ASSERT_EVENTS(CALL_EXECVE, "web");
}

/* Whoever has an id once more is another one: what was known of it is forgotten. */
static void test_anew(void **state)
{
	(void)state;
	fake_source_tell(t.source, 'a', FAKE_OWN("web"), -1);
	exec_in('a');
	ASSERT_EVENTS(CALL_EXECVE, "web");
	assert_true(str_eq(buf_str(&t.source->asked), STR("")));
	begin('a');
	assert_true(str_eq(buf_str(&t.source->asked), STR("a")));
	exec_in('a');
	assert_none();
	fake_source_tell(t.source, 'a', FAKE_OWN("second"), -1);
	turn();
	ASSERT_EVENTS(CALL_EXECVE, "second");
}

/* When nobody knows more, that is an answer, too. */
static void test_unknown(void **state)
{
	(void)state;
	exec_in('a');
	fake_source_answered(t.source, 'a');
	turn();
	ASSERT_EVENTS(CALL_EXECVE, "");
	assert_counts(1, 0, 0);
}

/* Then they go out with what there is, and the rest follows. */
static void test_time_is_up(void **state)
{
	(void)state;
	exec_in('a');
	exec_in('b');
	fake_source_tell(t.source, 'b', CONTAINER_NAME, "half", -1);
	turn();
	assert_none();
	t.enrichment.wait_ns = 1;
	turn();
	ASSERT_EVENTS(CALL_EXECVE, "", "half");
	assert_counts(0, 2, 0);
	turn();
	assert_none();
	fake_source_tell(t.source, 'a', FAKE_OWN("web"), -1);
	turn();
	ASSERT_EVENTS(CALL_CONTAINER, "web");
	assert_counts(0, 2, 1);
	fake_source_answered(t.source, 'a');
	fake_source_answered(t.source, 'b');
	turn();
	assert_none();
}

/* Without a time, nothing ever waits. */
static void test_no_time(void **state)
{
	(void)state;
	t.enrichment.wait_ns = 0;
	exec_in('a');
	ASSERT_EVENTS(CALL_EXECVE, "");
	fake_source_tell(t.source, 'a', FAKE_OWN("web"), -1);
	turn();
	ASSERT_EVENTS(CALL_CONTAINER, "web");
	assert_int_equal(metric_get(&t.enrichment.counters.held), 0);
}

/* At the end: whoever has been answered meanwhile has his name, the others go out without. */
static void test_release(void **state)
{
	(void)state;
	exec_in('a');
	exec_in('b');
	fake_source_tell(t.source, 'b', FAKE_OWN("known"), -1);
	assert_int_equal(enrichment_release(&t.enrichment, &t.folding.reader), 0);
	ASSERT_EVENTS(CALL_EXECVE, "known", "");
	assert_counts(1, 1, 0);
	assert_false(fold_holds(t.folding.reader.fold));
	assert_int_equal(enrichment_release(&t.enrichment, &t.folding.reader), 0);
	assert_none();
}

static void test_due(void **state)
{
	static const struct {
		uint64_t wait_ns;
		int ms, at_least, at_most;
	} rows[] = {
		{ 0, 50, 0, 0 },
		{ 1, 50, 0, 0 },
		{ LONG_NS, 50, 50, 50 },
		{ LONG_NS, 0, 0, 0 },
		{ LONG_NS, INT32_MAX, INT32_MAX, INT32_MAX },
		{ UINT64_C(10000000000), 60000, 1, 10001 },
	};

	(void)state;
	assert_int_equal(enrichment_due_ms(&t.enrichment, t.folding.reader.fold, 50), 50);
	exec_in('a');
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int ms;

		t.enrichment.wait_ns = rows[i].wait_ns;
		ms = enrichment_due_ms(&t.enrichment, t.folding.reader.fold, rows[i].ms);
		assert_in_range(ms, rows[i].at_least, rows[i].at_most);
	}
}

/* What the journal knows of is looked up again; what has changed meanwhile is told. */
static void test_resume(void **state)
{
	(void)state;
	t.folding.reader.is_recovering = true;
	exec_in('a');
	exec_in('b');
	fold(record_container('c', "", EVENT_CONTAINER_AWAITED));
	exec_in('c');
	reader_go_on(&t.folding.reader, false);
	assert_none();
	fake_source_tell(t.source, 'a', FAKE_OWN("web"), -1);
	fake_source_tell(t.source, 'c', FAKE_OWN("awaited"), -1);
	assert_int_equal(enrichment_resume(&t.enrichment, &t.folding.reader), 0);
	assert_true(str_eq(buf_str(&t.source->asked), STR("b")));
	assert_false(fold_holds(t.folding.reader.fold));
	assert_int_equal(reader_deliver(&t.folding.reader), 0);
	exec_in('a');
	exec_in('c');
	ASSERT_EVENTS(CALL_EXECVE, "web", "awaited");
}

/* The pod that the control group is in is asked for, too, and by the next agent again. */
static void test_pod_by_its_group(void **state)
{
	static const char uid[] = "5f2a1b7e-93c4-4d0e-9b6a-0f1e2d3c4b5a";
	struct fake_source *kubernetes = fake_source_add(t.registry, STAGE_POD);
	const struct event *ev;
	char path[128];

	(void)state;
	t.folding.reader.is_recovering = true;
	snprintf(path, sizeof(path), "/kubepods/pod%s/%s", uid, container_id('a'));
	fold(record_cgroup(HIERARCHY, t.groups['a'] = ++t.n_groups, path));
	exec_in('a');
	reader_go_on(&t.folding.reader, false);
	assert_true(str_eq(buf_str(&kubernetes->asked), STR("")));
	assert_int_equal(enrichment_resume(&t.enrichment, &t.folding.reader), 0);
	assert_true(str_eq(buf_str(&kubernetes->asked), STR("a")));

	snprintf(path, sizeof(path), "/kubepods/pod%s/%s", uid, container_id('b'));
	fold(record_cgroup(HIERARCHY, t.groups['b'] = ++t.n_groups, path));
	assert_true(str_eq(buf_str(&kubernetes->asked), STR("ab")));
	exec_in('b');
	fake_source_answered(kubernetes, 'b');
	fake_source_answered(t.source, 'b');
	turn();
	ev = &t.folding.reader.batch.events[0];
	assert_true(str_eq(container_text(image_container(ev->image), CONTAINER_POD_UID),
			   str_from(uid)));
}

/* Nobody is asked: nothing waits but what an agent before has begun to hold. */
static void test_no_registry(void **state)
{
	const struct container_question q = { .id = container_id('a'), .pod_uid = STR_EMPTY };
	char to[1024];

	(void)state;
	t.enrichment.registry = NULL;
	assert_int_equal(enrichment_answer(&t.enrichment, &q, to, sizeof(to)), 0);
	exec_in('a');
	ASSERT_EVENTS(CALL_EXECVE, "");
	assert_int_equal(enrichment_resume(&t.enrichment, &t.folding.reader), 0);
	fold(record_container('b', "", EVENT_CONTAINER_AWAITED));
	exec_in('b');
	turn();
	assert_none();
	t.enrichment.wait_ns = 1;
	turn();
	ASSERT_EVENTS(CALL_EXECVE, "");
	assert_counts(0, 1, 0);
}

/* Turns, a second apart, until all groups were looked at once. */
static unsigned int turns_of_a_pass(void)
{
	unsigned int n = 0;

	do {
		t.enrichment.swept_ns = 0;
		turn();
		n++;
	} while (t.enrichment.cursor && n < 1000);
	return n;
}

/* Groups that stay are looked at less and less often, but for ever. */
static void test_pace(void **state)
{
	static const unsigned int turns[] = { 2, 2, 4, 8, 16, 16, 16 };

	(void)state;
	for (unsigned int i = 1; i <= 300; i++) { /* a table of 512 */
		_cleanup_(freep) struct event_cgroup_made *e =
			record_cgroup(HIERARCHY, i, "/group");

		assert_int_equal(reader_fold(&t.folding.reader, e, e->head.size), 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(turns); i++)
		assert_int_equal(turns_of_a_pass(), turns[i]);
}

/* All that a container can have is an answer; one that does not fit is none. */
static void test_large(void **state)
{
	_cleanup_(freep) char *text = calloc(1, CONTAINER_LABEL_BYTES + 1);
	const struct container_question q = { .id = container_id('a'), .pod_uid = STR_EMPTY };
	const struct event *ev;
	struct container_facts f;
	char to[256];

	(void)state;
	assert_non_null(text);
	memset(text, 'x', CONTAINER_LABEL_BYTES);
	container_facts_init(&f, container_id('a'));
	for (int i = 0; i < _CONTAINER_TEXT_MAX; i++)
		assert_int_equal(container_facts_set(&f, i, str_from(text)), 0);
	t.source->sink.tell(t.source->sink.ctx, t.source->sink.source, &f);
	container_facts_done(&f);
	assert_int_equal(enrichment_answer(&t.enrichment, &q, to, sizeof(to)), 0);
	exec_in('a');
	assert_int_equal(t.folding.reader.batch.n, 1);
	ev = &t.folding.reader.batch.events[0];
	assert_int_equal(container_text(image_container(ev->image), CONTAINER_POD_LABELS).n,
			 CONTAINER_LABEL_BYTES);
	assert_int_equal(container_text(image_container(ev->image), CONTAINER_NAME).n,
			 CONTAINER_TEXT_BYTES);
}

static int make(void **state)
{
	(void)state;
	memset(&t, 0, sizeof(t));
	log_setup(LOG_LEVEL_ERR, LOG_FORMAT_TEXT);
	assert_int_equal(container_registry_new(&t.registry), 0);
	t.source = fake_source_add(t.registry, STAGE_FIRST);
	assert_int_equal(facts_new("node", "/etc/passwd", &t.facts), 0);
	t.enrichment =
		(struct enrichment){ .registry = t.registry, .facts = t.facts, .wait_ns = LONG_NS };
	t.folding.reader.facts = t.facts;
	t.folding.reader.enrichment = &t.enrichment;
	return reader_init(&t.folding.reader, NULL);
}

static int drop(void **state)
{
	(void)state;
	folding_reader_done(&t.folding);
	enrichment_done(&t.enrichment);
	container_registry_free(t.registry);
	facts_free(t.facts);
	return 0;
}

#define test(name) cmocka_unit_test_setup_teardown(name, make, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(test_known),	test(test_anew),
		test(test_awaited),	test(test_unknown),
		test(test_no_time),	test(test_time_is_up),
		test(test_release),	test(test_due),
		test(test_no_registry), test(test_known_before),
		test(test_resume),	test(test_large),
		test(test_pace),	test(test_pod_by_its_group),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
