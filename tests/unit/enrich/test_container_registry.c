/* SPDX-License-Identifier: Apache-2.0 */
/* Who is asked, when, and what is told of it; the sources are the test's. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>

#include "../failing_allocator.h"
#include "enrich/container_registry.h"

#include "registry_world.h"

WRAP(void *, calloc, (size_t n, size_t size), (n, size))
WRAP(char *, strdup, (const char *s), (s))
WRAP(char *, strndup, (const char *s, size_t n), (s, n))

/* The files do not say it all: the runtime is asked, and told what is known. Kubernetes is not. */
static void test_stages(void **state)
{
	(void)state;
	assert_ask('a', REGISTRY_LATER, "-", "-");
	assert_asked(t.files, "a");
	assert_asked(t.runtime, "");
	fake_source_tell(t.files, 'a', CONTAINER_NAME, "web", -1);
	assert_asked(t.runtime, "");
	fake_source_answered(t.files, 'a');
	assert_asked(t.runtime, "a");
	assert_true(str_eq(buf_str(&t.runtime->knew), STR("web ")));
	assert_no_news();
	fake_source_tell(t.runtime, 'a', FAKE_OWN("web2"), -1);
	assert_next('a', REGISTRY_COMPLETE, "web2", "-");
	fake_source_answered(t.runtime, 'a');
	assert_no_news();
	assert_asked(t.kubernetes, "");
	assert_ask('a', REGISTRY_COMPLETE, "web2", "-");
	assert_asked(t.files, "a");
}

/* Who has all in his files troubles nobody else. */
static void test_files_suffice(void **state)
{
	(void)state;
	assert_ask('a', REGISTRY_LATER, "-", "-");
	fake_source_tell(t.files, 'a', FAKE_OWN("web"), -1);
	assert_next('a', REGISTRY_COMPLETE, "web", "-");
	fake_source_answered(t.files, 'a');
	assert_no_news();
	assert_asked(t.runtime, "");
	assert_asked(t.kubernetes, "");
}

/* The runtime waits for all that come first. */
static void test_two_first(void **state)
{
	struct fake_source *more = fake_source_add(t.registry, STAGE_FIRST);

	(void)state;
	assert_ask('a', REGISTRY_LATER, "-", "-");
	assert_asked(more, "a");
	fake_source_answered(t.files, 'a');
	assert_asked(t.runtime, "");
	fake_source_answered(more, 'a');
	assert_asked(t.runtime, "a");
}

/* Kubernetes is asked as soon as there is a pod, and the last to answer ends the waiting. */
static void test_pod(void **state)
{
	(void)state;
	assert_ask('a', REGISTRY_LATER, "-", "-");
	fake_source_tell(t.files, 'a', FAKE_OWN("web"), CONTAINER_POD_UID, "u-1", -1);
	assert_asked(t.kubernetes, "a");
	fake_source_answered(t.files, 'a');
	assert_asked(t.runtime, "");
	assert_no_news();
	fake_source_tell_pod(t.kubernetes, CONTAINER_POD_UID, "u-1", CONTAINER_POD_NAME, "web-0",
			     -1);
	assert_no_news();
	fake_source_tell_pod(t.kubernetes, CONTAINER_POD_UID, "u-1", CONTAINER_WORKLOAD_KIND,
			     "deployment", -1);
	assert_next('a', REGISTRY_COMPLETE, "web", "deployment");
	fake_source_answered(t.kubernetes, 'a');
	assert_no_news();
}

/* When nobody knows anything, that is the answer. */
static void test_nobody_knows(void **state)
{
	(void)state;
	assert_ask('a', REGISTRY_LATER, "-", "-");
	fake_source_answered(t.files, 'a');
	assert_no_news();
	fake_source_answered(t.runtime, 'a');
	assert_next('a', REGISTRY_KNOWN, "-", "-");
	fake_source_answered(t.runtime, 'a');
	fake_source_answered(t.kubernetes, 'a');
	assert_no_news();
	assert_asked(t.kubernetes, "");
}

static void test_no_sources(void **state)
{
	_cleanup_(container_registry_freep) struct container_registry *own = NULL;
	_cleanup_(container_facts_done) struct container_facts f = { 0 };
	enum registry_answer answer;

	(void)state;
	assert_int_equal(container_registry_new(&own), 0);
	assert_int_equal(container_registry_ask(own, container_id('a'), &f, &answer), 0);
	assert_int_equal(answer, REGISTRY_KNOWN);
	assert_int_equal(f.id[0], 'a');
}

/* What was told before anybody asked is there; nobody is asked for what is complete. */
static void test_known_before(void **state)
{
	(void)state;
	fake_source_tell(t.runtime, 'a', FAKE_OWN("web"), -1);
	fake_source_tell(t.runtime, 'b', CONTAINER_NAME, "half", -1);
	assert_no_news();
	assert_ask('a', REGISTRY_COMPLETE, "web", "-");
	assert_asked(t.files, "");
	assert_ask('b', REGISTRY_LATER, "half", "-");
	assert_asked(t.files, "b");
	assert_no_news();
}

/* Nobody is told of what he did not ask for. */
static void test_not_wanted(void **state)
{
	(void)state;
	fake_source_tell(t.runtime, 'a', FAKE_OWN("web"), CONTAINER_POD_UID, "u-1", -1);
	fake_source_tell_pod(t.kubernetes, CONTAINER_POD_UID, "u-1", CONTAINER_WORKLOAD_KIND, "job",
			     -1);
	fake_source_answered(t.runtime, 'a');
	fake_source_answered(t.runtime, 'b');
	fake_source_gone(t.runtime, 'c');
	assert_no_news();
	assert_int_equal(container_registry_n(t.registry), 1);
	assert_ask('a', REGISTRY_COMPLETE, "web", "job");
}

/* Only what comes after it is news, and those who are next are asked, as the files may hang. */
static void test_give_up(void **state)
{
	(void)state;
	assert_ask('a', REGISTRY_LATER, "-", "-");
	assert_asked(t.runtime, "");
	give_up('a');
	assert_asked(t.runtime, "a");
	assert_no_news();
	fake_source_tell(t.files, 'a', CONTAINER_NAME, "web", CONTAINER_POD_UID, "u-1", -1);
	assert_next('a', REGISTRY_KNOWN, "web", "-");
	assert_asked(t.kubernetes, "a");
	fake_source_answered(t.files, 'a');
	assert_asked(t.runtime, "a");
	assert_no_news();
	fake_source_tell(t.runtime, 'a', FAKE_OWN("web"), -1);
	assert_next('a', REGISTRY_KNOWN, "web", "-");
	fake_source_tell_pod(t.kubernetes, CONTAINER_POD_UID, "u-1", CONTAINER_WORKLOAD_KIND, "job",
			     -1);
	assert_next('a', REGISTRY_COMPLETE, "web", "job");
	fake_source_answered(t.runtime, 'a');
	fake_source_answered(t.kubernetes, 'a');
	assert_no_news();
}

/* What came at the last moment is not told twice; of what nobody knows it is no failure. */
static void test_give_up_late(void **state)
{
	(void)state;
	assert_ask('a', REGISTRY_LATER, "-", "-");
	fake_source_tell(t.files, 'a', FAKE_OWN("web"), -1);
	give_up('a');
	give_up('b');
	assert_no_news();
}

/* Whoever still owes an answer is not asked again; the others are. */
static void test_ask_again(void **state)
{
	(void)state;
	assert_ask('a', REGISTRY_LATER, "-", "-");
	assert_ask('a', REGISTRY_LATER, "-", "-");
	assert_asked(t.files, "a");
	give_up('a');
	assert_ask('a', REGISTRY_LATER, "-", "-");
	assert_asked(t.files, "a");
	fake_source_answered(t.files, 'a');
	fake_source_answered(t.runtime, 'a');
	assert_next('a', REGISTRY_KNOWN, "-", "-");
	assert_ask('a', REGISTRY_LATER, "-", "-");
	assert_asked(t.files, "aa");
	assert_asked(t.runtime, "a");
}

/* News that whoever asks is given is not told again. */
static void test_ask_takes_news(void **state)
{
	(void)state;
	assert_ask('a', REGISTRY_LATER, "-", "-");
	fake_source_tell(t.files, 'a', CONTAINER_NAME, "web", -1);
	fake_source_answered(t.files, 'a');
	fake_source_answered(t.runtime, 'a');
	assert_true(is_readable());
	assert_ask('a', REGISTRY_LATER, "web", "-");
	assert_no_news();
}

/* They are told in the order in which they were known. */
static void test_many(void **state)
{
	(void)state;
	for (const char *p = "abc"; *p; p++)
		assert_ask(*p, REGISTRY_LATER, "-", "-");
	for (const char *p = "cab"; *p; p++)
		fake_source_tell(t.files, *p, FAKE_OWN("web"), -1);
	assert_next('c', REGISTRY_COMPLETE, "web", "-");
	assert_next('a', REGISTRY_COMPLETE, "web", "-");
	assert_next('b', REGISTRY_COMPLETE, "web", "-");
	assert_no_news();
}

/* The one that was used longest ago goes; one that somebody waits for stays. */
static void test_eviction(void **state)
{
	struct container_facts f;

	(void)state;
	assert_ask('a', REGISTRY_LATER, "-", "-");
	fake_source_tell(t.runtime, 'b', FAKE_OWN("b"), -1);
	fake_source_tell(t.runtime, 'c', FAKE_OWN("c"), -1);
	assert_ask('b', REGISTRY_COMPLETE, "b", "-");
	for (unsigned int i = 0; i < REGISTRY_MAX - 2; i++) {
		container_facts_init(&f, numbered_id(i));
		t.runtime->sink.tell(t.runtime->sink.ctx, t.runtime->sink.source, &f);
	}
	assert_int_equal(container_registry_n(t.registry), REGISTRY_MAX);
	assert_ask('b', REGISTRY_COMPLETE, "b", "-");
	assert_ask('c', REGISTRY_LATER, "-", "-");
	fake_source_tell(t.files, 'a', FAKE_OWN("a"), -1);
	assert_next('a', REGISTRY_COMPLETE, "a", "-");
	assert_int_equal(container_registry_n(t.registry), REGISTRY_MAX);
}

/* What is gone is forgotten, but for what somebody is still to be told. */
static void test_gone(void **state)
{
	(void)state;
	fake_source_tell(t.runtime, 'a', FAKE_OWN("web"), -1);
	fake_source_gone(t.runtime, 'a');
	assert_int_equal(container_registry_n(t.registry), 0);
	assert_ask('a', REGISTRY_LATER, "-", "-");
	fake_source_gone(t.runtime, 'a');
	fake_source_tell(t.files, 'a', FAKE_OWN("second"), -1);
	fake_source_gone(t.runtime, 'a');
	assert_next('a', REGISTRY_COMPLETE, "second", "-");
	fake_source_gone(t.runtime, 'a');
	fake_source_answered(t.files, 'a');
	assert_int_equal(container_registry_n(t.registry), 0);
	assert_no_news();
}

/* What whoever asked says is no longer so; but he is still told what he waits for. */
static void test_forget(void **state)
{
	(void)state;
	container_registry_forget(t.registry, container_id('a'));
	assert_int_equal(container_registry_n(t.registry), 0);
	fake_source_tell(t.runtime, 'a', FAKE_OWN("web"), -1);
	container_registry_forget(t.registry, container_id('a'));
	assert_int_equal(container_registry_n(t.registry), 0);
	assert_ask('a', REGISTRY_LATER, "-", "-");
	container_registry_forget(t.registry, container_id('a'));
	fake_source_tell(t.files, 'a', FAKE_OWN("web"), -1);
	container_registry_forget(t.registry, container_id('a'));
	assert_no_news();
	fake_source_answered(t.files, 'a');
	assert_int_equal(container_registry_n(t.registry), 0);
}

/* All of them answer while they are asked. */
static void test_answers_within(void **state)
{
	struct container_facts pod;

	(void)state;
	container_facts_init(&pod, container_id('0'));
	assert_int_equal(container_facts_set(&pod, CONTAINER_POD_UID, STR("u-1")), 0);
	t.files->answer = &pod;
	t.files->answers = t.runtime->answers = t.kubernetes->answers = true;
	assert_ask('a', REGISTRY_LATER, "-", "-");
	assert_asked(t.runtime, "a");
	assert_asked(t.kubernetes, "a");
	assert_next('a', REGISTRY_KNOWN, "-", "-");
	assert_no_news();
	container_facts_done(&pod);
}

/* Whichever allocation fails: it is said, or told as it is; and afterwards all is as ever. */
static void test_no_memory(void **state)
{
	unsigned int n = 0;
	int r;

	(void)state;
	do {
		const char *id = numbered_id(++n);
		struct container_facts f = { 0 }, full;
		enum registry_answer answer;
		unsigned int left;

		container_facts_init(&full, id);
		assert_int_equal(container_facts_set(&full, CONTAINER_NAME, STR("web")), 0);
		fail_at = n;
		r = container_registry_ask(t.registry, id, &f, &answer);
		container_facts_done(&f);
		t.files->sink.tell(t.files->sink.ctx, t.files->sink.source, &full);
		t.files->sink.answered(t.files->sink.ctx, t.files->sink.source, id);
		t.runtime->sink.answered(t.runtime->sink.ctx, t.runtime->sink.source, id);
		if (container_registry_give_up(t.registry, id, &f) == 0)
			container_facts_done(&f);
		left = fail_at;
		fail_at = 0;
		container_facts_done(&full);
		while (container_registry_next(t.registry, &f, &answer))
			container_facts_done(&f);
		assert_true(r == 0 || r == -ENOMEM);
		r = left ? 0 : 1; /* further ones may fail */
	} while (r);
	assert_true(n > 4);
	assert_ask('a', REGISTRY_LATER, "-", "-");
	fake_source_tell(t.files, 'a', FAKE_OWN("web"), -1);
	assert_next('a', REGISTRY_COMPLETE, "web", "-");
}

/* Where it fails to pass something on, whoever waits is not left waiting. */
static void test_no_memory_for_questions(void **state)
{
	(void)state;
	assert_ask('a', REGISTRY_LATER, "-", "-");
	fake_source_tell(t.files, 'a', CONTAINER_NAME, "web", -1);
	fail_at = 1;
	fake_source_answered(t.files, 'a');
	fail_at = 0;
	assert_asked(t.runtime, "");
	assert_next('a', REGISTRY_KNOWN, "web", "-");
}

static void test_sources(void **state)
{
	struct source_state s;
	const char *name;

	(void)state;
	assert_ask('a', REGISTRY_LATER, "-", "-");
	for (size_t i = 0; i < 3; i++) {
		assert_true(container_registry_source(t.registry, i, &name, &s));
		assert_string_equal(name, "fake");
		assert_int_equal(s.questions, i == 0);
	}
	assert_false(container_registry_source(t.registry, 3, &name, &s));
	assert_false(container_registry_source(t.registry, SIZE_MAX, &name, &s));
}

/* They are ended first: what they say last finds the registry as it was. */
static void test_frees_sources(void **state)
{
	int n_freed = 0;

	(void)state;
	assert_ask('a', REGISTRY_LATER, "-", "-");
	t.files->n_freed = t.runtime->n_freed = t.kubernetes->n_freed = &n_freed;
	t.files->tells_when_freed = t.kubernetes->tells_when_freed = true;
	t.registry = container_registry_free(t.registry);
	assert_null(t.registry);
	assert_int_equal(n_freed, 3);
	assert_null(container_registry_free(NULL));
}

#define THREADS 2
#define ROUNDS 400

static atomic_int n_ended;

/* Tells of the same containers as the other, of pods, and that some have gone. */
static void *tell_much(void *source)
{
	struct fake_source *s = source;

	for (unsigned int i = 0; i < ROUNDS; i++) {
		struct container_facts f;

		container_facts_init(&f, numbered_id(i % 50));
		(void)container_facts_set(&f, CONTAINER_POD_UID, STR("u-1"));
		(void)container_facts_set(&f, CONTAINER_NAME, i & 1 ? STR("a") : STR("b"));
		s->sink.tell(s->sink.ctx, s->sink.source, &f);
		s->sink.tell_pod(s->sink.ctx, s->sink.source, &f);
		s->sink.answered(s->sink.ctx, s->sink.source, f.id);
		if (i % 7 == 0)
			s->sink.gone(s->sink.ctx, s->sink.source, numbered_id(i % 50));
		container_facts_done(&f);
	}
	atomic_fetch_add(&n_ended, 1);
	return NULL;
}

static void test_threads(void **state)
{
	pthread_t threads[THREADS];
	enum registry_answer answer;
	struct container_facts f;

	(void)state;
	atomic_store(&n_ended, 0);
	assert_int_equal(pthread_create(&threads[0], NULL, tell_much, t.files), 0);
	assert_int_equal(pthread_create(&threads[1], NULL, tell_much, t.kubernetes), 0);
	for (unsigned int i = 0; atomic_load(&n_ended) < THREADS; i++) {
		assert_int_equal(
			container_registry_ask(t.registry, numbered_id(i % 50), &f, &answer), 0);
		container_facts_done(&f);
		if (!container_registry_next(t.registry, &f, &answer))
			continue;
		assert_int_not_equal(answer, REGISTRY_LATER);
		container_facts_done(&f);
	}
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	while (container_registry_next(t.registry, &f, &answer))
		container_facts_done(&f);
	assert_no_news();
	assert_true(container_registry_n(t.registry) <= 50);
}

#define test(name) cmocka_unit_test_setup_teardown(name, make, drop)

/* By its control group it is known to be of a pod before anybody has said anything. */
static void test_pod_by_its_group(void **state)
{
	(void)state;
	assert_int_equal(container_registry_set_pod(t.registry, container_id('a'), STR("u-1")), 0);
	assert_no_news();
	assert_ask('a', REGISTRY_LATER, "-", "-");
	assert_asked(t.files, "a");
	assert_asked(t.kubernetes, "a");
	fake_source_tell(t.files, 'a', FAKE_OWN("web"), CONTAINER_POD_UID, "u-1", -1);
	fake_source_answered(t.files, 'a');
	assert_no_news();
	fake_source_tell_pod(t.kubernetes, CONTAINER_POD_UID, "u-1", CONTAINER_WORKLOAD_KIND, "job",
			     -1);
	assert_next('a', REGISTRY_COMPLETE, "web", "job");
	/* who has said another one knows better */
	fake_source_tell(t.files, 'b', CONTAINER_POD_UID, "u-2", -1);
	assert_int_equal(container_registry_set_pod(t.registry, container_id('b'), STR("u-3")), 0);
	assert_ask('b', REGISTRY_LATER, "-", "-");
	fake_source_tell_pod(t.kubernetes, CONTAINER_POD_UID, "u-3", CONTAINER_POD_NAME, "other",
			     -1);
	assert_no_news();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(test_stages),	     test(test_files_suffice),
		test(test_two_first),	     test(test_pod),
		test(test_pod_by_its_group), test(test_nobody_knows),
		test(test_no_sources),	     test(test_known_before),
		test(test_not_wanted),	     test(test_give_up),
		test(test_give_up_late),     test(test_ask_again),
		test(test_ask_takes_news),   test(test_many),
		test(test_eviction),	     test(test_gone),
		test(test_forget),	     test(test_answers_within),
		test(test_no_memory),	     test(test_no_memory_for_questions),
		test(test_sources),	     test(test_frees_sources),
		test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
