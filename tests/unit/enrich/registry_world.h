/* SPDX-License-Identifier: Apache-2.0 */
/* A registry with a source for each stage, and what is asked of it and told by it. */
#pragma once

#include <poll.h>
#include <stdio.h>

#include "fake_source.h"

static struct {
	struct container_registry *registry;
	struct fake_source *files, *runtime, *kubernetes;
} t;

/* Another container for each number. */
static inline const char *numbered_id(unsigned int n)
{
	static _Thread_local char id[CONTAINER_ID_LEN + 1];

	snprintf(id, sizeof(id), "%064x", n);
	return id;
}

static inline bool is_readable(void)
{
	struct pollfd fd = { .fd = container_registry_fd(t.registry), .events = POLLIN };

	return poll(&fd, 1, 0) == 1;
}

/* What is known of it when it is asked for is that name, and a workload of that kind; or "-". */
static inline void assert_facts(const struct container_facts *f, char digit, const char *name,
				const char *kind)
{
	const char *known = f->texts[CONTAINER_NAME], *of = f->texts[CONTAINER_WORKLOAD_KIND];

	assert_int_equal(f->id[0], digit);
	assert_string_equal(known ? known : "-", name);
	assert_string_equal(of ? of : "-", kind);
}

static inline void assert_ask(char digit, enum registry_answer want, const char *name,
			      const char *kind)
{
	_cleanup_(container_facts_done) struct container_facts f = { 0 };
	enum registry_answer answer;

	assert_int_equal(container_registry_ask(t.registry, container_id(digit), &f, &answer), 0);
	assert_int_equal(answer, want);
	assert_facts(&f, digit, name, kind);
}

static inline void assert_next(char digit, enum registry_answer want, const char *name,
			       const char *kind)
{
	_cleanup_(container_facts_done) struct container_facts f = { 0 };
	enum registry_answer answer;

	assert_true(is_readable());
	assert_true(container_registry_next(t.registry, &f, &answer));
	assert_int_equal(answer, want);
	assert_facts(&f, digit, name, kind);
}

static inline void assert_no_news(void)
{
	struct container_facts f;
	enum registry_answer answer;

	assert_false(container_registry_next(t.registry, &f, &answer));
	assert_false(is_readable());
}

static inline void give_up(char digit)
{
	_cleanup_(container_facts_done) struct container_facts f = { 0 };

	assert_int_equal(container_registry_give_up(t.registry, container_id(digit), &f), 0);
	assert_int_equal(f.id[0], digit);
}

static inline void assert_asked(const struct fake_source *s, const char *digits)
{
	assert_true(str_eq(buf_str(&s->asked), str_from(digits)));
}

static inline int make(void **state)
{
	(void)state;
	assert_int_equal(container_registry_new(&t.registry), 0);
	t.files = fake_source_add(t.registry, STAGE_FIRST);
	t.runtime = fake_source_add(t.registry, STAGE_SECOND);
	t.kubernetes = fake_source_add(t.registry, STAGE_POD);
	return 0;
}

static inline int drop(void **state)
{
	(void)state;
	t.registry = container_registry_free(t.registry);
	return 0;
}
