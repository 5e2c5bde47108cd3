/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "cli/container_list.h"
#include <cmocka.h>

#include "../enrich/container_ids.h"

static struct container_facts facts(char digit, const char *name, int64_t started_ns)
{
	struct container_facts f;

	container_facts_init(&f, container_id(digit));
	assert_int_equal(container_facts_set(&f, CONTAINER_NAME, str_from(name)), 0);
	f.started_ns = started_ns;
	return f;
}

static void tell(const struct container_sink *sink, char digit, const char *name,
		 int64_t started_ns)
{
	struct container_facts f = facts(digit, name, started_ns);

	sink->tell(sink->ctx, sink->source, &f);
	container_facts_done(&f);
}

static void assert_format(struct container_list *list, const char *const *parts, size_t n_lines)
{
	_cleanup_(buf_done) struct buf out = { 0 };
	size_t n = 0;

	container_list_format(list, &out);
	buf_put_char(&out, '\0');
	assert_false(buf_failed(&out));
	for (const char *p = out.data; (p = strchr(p, '\n')); p++)
		n++;
	assert_int_equal(n, n_lines);
	for (const char *p = out.data; *parts; parts++) {
		p = strstr(p, *parts);
		if (!p)
			print_message("no '%s' in:\n%s", *parts, out.data);
		assert_non_null(p);
	}
}

static void test_list(void **state)
{
	_cleanup_(container_list_freep) struct container_list *list = container_list_new();
	struct container_sink docker = container_list_sink(list, 0, "docker");
	struct container_sink files = container_list_sink(list, 1, "files");
	static const char *const both[] = {
		"{\"container.id\":\"bbbb",
		"\"container.name\":\"first\"",
		"[\"files\"]",
		"{\"container.id\":\"aaaa",
		"\"container.name\":\"s\\\"econd\"",
		"\"container.start_time\":\"2026-11-29T10:46:24.115587551Z\"",
		"[\"docker\",\"files\"]}\n",
		NULL,
	};
	static const char *const one[] = { "aaaa", "[\"files\"]", NULL };

	(void)state;
	tell(&docker, 'a', "old", 1795949184115587551);
	tell(&files, 'a', "s\"econd", 0);
	tell(&files, 'b', "first", 0);
	assert_format(list, both, 2);
	docker.gone(docker.ctx, docker.source, container_id('a'));
	files.gone(files.ctx, files.source, container_id('b'));
	files.gone(files.ctx, files.source, container_id('c'));
	assert_format(list, one, 1);
}

static void test_pods(void **state)
{
	_cleanup_(container_list_freep) struct container_list *list = container_list_new();
	struct container_sink cri = container_list_sink(list, 0, "cri");
	struct container_facts f = facts('a', "main", 0), pod;
	static const char *const parts[] = { "aaaa", "\"k8s.pod.uid\":\"u\"",
					     "\"k8s.workload.kind\":\"deployment\"", NULL };

	(void)state;
	container_facts_init(&pod, container_id('0'));
	assert_int_equal(container_facts_set(&pod, CONTAINER_POD_UID, STR("u")), 0);
	assert_int_equal(container_facts_set(&pod, CONTAINER_WORKLOAD_KIND, STR("job")), 0);
	cri.tell_pod(cri.ctx, cri.source, &pod);
	assert_int_equal(container_facts_set(&pod, CONTAINER_WORKLOAD_KIND, STR("deployment")), 0);
	cri.tell_pod(cri.ctx, cri.source, &pod);
	assert_int_equal(container_facts_set(&f, CONTAINER_POD_UID, STR("u")), 0);
	cri.tell(cri.ctx, cri.source, &f);
	assert_format(list, parts, 1);
	container_facts_done(&pod);
	container_facts_done(&f);
}

static void test_quiet(void **state)
{
	_cleanup_(container_list_freep) struct container_list *list = container_list_new();
	struct container_sink sink = container_list_sink(list, 0, "docker");

	(void)state;
	assert_true(container_list_is_quiet(list, 0));
	tell(&sink, 'a', "x", 0);
	assert_false(container_list_is_quiet(list, 60000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_pods),
		cmocka_unit_test(test_quiet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
