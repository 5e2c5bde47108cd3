/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of a container says who is asked next, and when there is something to tell. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "enrich/container_inquiry.h"
#include <cmocka.h>

#include "container_ids.h"

#define FILES 1U
#define RUNTIME 2U
#define KUBERNETES 4U
#define IMAGE [CONTAINER_IMAGE_NAME] = "w:1", [CONTAINER_IMAGE_ID] = IMAGE_ID
#define IMAGE_ID "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const struct inquiry_sources sources = { .stages = { STAGE_FIRST, STAGE_SECOND, STAGE_POD },
						.n = 3 };

static const struct known {
	const char *what;
	const char *texts[_CONTAINER_TEXT_MAX];
	uint32_t bits;
	bool is_complete;
	uint32_t due; /* when the files have answered */
} knowns[] = {
	{ "nothing", { 0 }, 0, false, RUNTIME },
	{ "half", { [CONTAINER_NAME] = "web", [CONTAINER_IMAGE_NAME] = "w:1" }, 0, false, RUNTIME },
	{ "all", { [CONTAINER_NAME] = "web", IMAGE }, 0, true, 0 },
	{ "all but its workload",
	  { [CONTAINER_NAME] = "web", IMAGE, [CONTAINER_POD_UID] = "u-1" },
	  0,
	  false,
	  KUBERNETES },
	{ "a pod", { [CONTAINER_POD_NAME] = "web-0" }, 0, false, RUNTIME | KUBERNETES },
	{ "a sandbox of a pod, whose image nobody names",
	  { [CONTAINER_NAME] = "web-0",
	    [CONTAINER_POD_NAME] = "web-0",
	    [CONTAINER_WORKLOAD_KIND] = "job" },
	  CONTAINER_IS_SANDBOX,
	  true,
	  0 },
	{ "the same, whose image has a name",
	  { [CONTAINER_NAME] = "web-0",
	    [CONTAINER_IMAGE_NAME] = "pause:3",
	    [CONTAINER_POD_NAME] = "web-0",
	    [CONTAINER_WORKLOAD_KIND] = "job" },
	  CONTAINER_IS_SANDBOX,
	  false,
	  RUNTIME },
	{ "a sandbox of no pod",
	  { [CONTAINER_NAME] = "web-0" },
	  CONTAINER_IS_SANDBOX,
	  false,
	  RUNTIME },
};

static void facts_init(struct container_facts *f, const char *const texts[_CONTAINER_TEXT_MAX])
{
	container_facts_init(f, container_id('a'));
	for (int i = 0; i < _CONTAINER_TEXT_MAX; i++)
		if (texts[i])
			assert_int_equal(container_facts_set(f, i, str_from(texts[i])), 0);
}

static void learn(struct inquiry *q, unsigned int source,
		  const char *const texts[_CONTAINER_TEXT_MAX])
{
	_cleanup_(container_facts_done) struct container_facts f;
	bool changed;

	facts_init(&f, texts);
	assert_int_equal(inquiry_learn(q, &sources, source, &f, &changed), 0);
}

/* Asks whoever is due: who that was. */
static uint32_t ask(struct inquiry *q)
{
	uint32_t due = inquiry_due(q, &sources);

	inquiry_note_asked(q, due);
	return due;
}

static void test_due(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(knowns); i++) {
		_cleanup_(inquiry_done) struct inquiry q;
		uint32_t due;

		inquiry_init(&q, container_id('a'));
		assert_true(inquiry_begin(&q));
		assert_int_equal(ask(&q), FILES);
		inquiry_end_asking(&q);
		learn(&q, 0, knowns[i].texts);
		q.facts.bits = knowns[i].bits;
		if (inquiry_is_complete(&q) != knowns[i].is_complete)
			fail_msg("%s", knowns[i].what);
		inquiry_note_answer(&q, 0);
		due = ask(&q);
		if (due != knowns[i].due)
			fail_msg("%s: %#x", knowns[i].what, due);
		assert_int_equal(ask(&q), 0);
		assert_int_equal(inquiry_settle(&q, false), due == 0);
	}
}

/* Until the files have answered the runtime is not asked; but when nobody waits any more. */
static void test_give_up(void **state)
{
	_cleanup_(inquiry_done) struct inquiry q;

	(void)state;
	inquiry_init(&q, container_id('a'));
	assert_true(inquiry_begin(&q));
	assert_int_equal(ask(&q), FILES);
	inquiry_end_asking(&q);
	assert_false(inquiry_begin(&q));
	assert_int_equal(ask(&q), 0);
	inquiry_give_up(&q);
	assert_int_equal(ask(&q), RUNTIME);
	assert_false(inquiry_settle(&q, false));
	assert_true(inquiry_settle(&q, true));
	/* Who owes an answer is not asked again. */
	assert_true(inquiry_begin(&q));
	assert_int_equal(ask(&q), 0);
	inquiry_end_asking(&q);
	assert_true(q.is_awaited);
}

/* Who is asked after the files knows better than they; they only add. */
static void test_who_knows_better(void **state)
{
	_cleanup_(inquiry_done) struct inquiry q;

	(void)state;
	inquiry_init(&q, container_id('a'));
	learn(&q, 1, (const char *const[_CONTAINER_TEXT_MAX]){ [CONTAINER_NAME] = "new" });
	learn(&q, 0,
	      (const char *const[_CONTAINER_TEXT_MAX]){
		      [CONTAINER_NAME] = "old", [CONTAINER_IMAGE_NAME] = "w:1" });
	assert_string_equal(q.facts.texts[CONTAINER_NAME], "new");
	assert_string_equal(q.facts.texts[CONTAINER_IMAGE_NAME], "w:1");
	learn(&q, 1, (const char *const[_CONTAINER_TEXT_MAX]){ [CONTAINER_NAME] = "renamed" });
	assert_string_equal(q.facts.texts[CONTAINER_NAME], "renamed");
}

/* By the uid where both have one; without it, by both names. */
static void test_which_pod(void **state)
{
#define POD(uid, name, namespace)                                                 \
	{                                                                         \
		[CONTAINER_POD_UID] = uid, [CONTAINER_POD_NAME] = name,           \
		[CONTAINER_NAMESPACE] = namespace, [CONTAINER_NAME] = "unrelated" \
	}
	static const struct {
		const char *own[_CONTAINER_TEXT_MAX];
		bool want;
	} rows[] = {
		{ POD("u-1", NULL, NULL), true },	{ POD(NULL, "web-0", "shop"), true },
		{ POD("u-1", "other", "other"), true }, { POD("u-2", "web-0", "shop"), false },
		{ POD(NULL, "web-0", "other"), false }, { POD(NULL, "web-0", NULL), false },
		{ POD(NULL, NULL, NULL), false },
	};
	_cleanup_(container_facts_done) struct container_facts pod;

	(void)state;
	facts_init(&pod,
		   (const char *const[_CONTAINER_TEXT_MAX]){ [CONTAINER_POD_UID] = "u-1",
							     [CONTAINER_POD_NAME] = "web-0",
							     [CONTAINER_NAMESPACE] = "shop",
							     [CONTAINER_WORKLOAD_KIND] = "job" });
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(inquiry_done) struct inquiry q;

		inquiry_init(&q, container_id('a'));
		learn(&q, 1, rows[i].own);
		assert_int_equal(inquiry_learn_pod(&q, &pod), rows[i].want);
		assert_int_equal(q.facts.texts[CONTAINER_WORKLOAD_KIND] != NULL, rows[i].want);
		assert_false(inquiry_learn_pod(&q, &pod)); /* it is known */
	}
#undef POD
}

/* Who waits for more than the pod is told when there is no more. */
static void test_pod_while_waiting(void **state)
{
	static const char *const names[_CONTAINER_TEXT_MAX] = {
		[CONTAINER_POD_UID] = "u-1", [CONTAINER_WORKLOAD_KIND] = "job"
	};
	_cleanup_(container_facts_done) struct container_facts pod;
	_cleanup_(inquiry_done) struct inquiry q;

	(void)state;
	inquiry_init(&q, container_id('a'));
	assert_true(inquiry_begin(&q));
	assert_int_equal(ask(&q), FILES);
	inquiry_end_asking(&q);
	learn(&q, 0, (const char *const[_CONTAINER_TEXT_MAX]){ [CONTAINER_POD_UID] = "u-1" });
	facts_init(&pod, names);
	assert_false(inquiry_learn_pod(&q, &pod));
	assert_true(q.is_awaited);
	inquiry_note_answer(&q, 0);
	assert_int_equal(ask(&q), RUNTIME);
	assert_false(inquiry_settle(&q, false));
	inquiry_note_answer(&q, 1);
	assert_true(inquiry_settle(&q, false));
	assert_false(q.is_awaited);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_due),
		cmocka_unit_test(test_give_up),
		cmocka_unit_test(test_who_knows_better),
		cmocka_unit_test(test_which_pod),
		cmocka_unit_test(test_pod_while_waiting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
