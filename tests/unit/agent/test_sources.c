/* SPDX-License-Identifier: Apache-2.0 */
/* Which sources the settings start, and what each shows of itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/sources.h"
#include "base/log.h"
#include "enrich/kubernetes.h"

#include "../enrich/container_ids.h"

/* Nobody is there to be asked. */
static const struct agent_flag nowhere[] = {
	{ "DockerSockets", "/nowhere/docker.sock" },
	{ "PodmanSockets", "/nowhere/podman.sock" },
	{ "CriSockets", "/nowhere/cri.sock" },
	{ "DockerRoots", "/nowhere" },
	{ "PodmanRoots", "/nowhere" },
	{ "ContainerdRoots", "/nowhere" },
	{ "CrioRoots", "/nowhere" },
};

static struct {
	struct agent_settings settings;
	struct sources sources;
	char file[32]; /* settings that say nothing */
} t;

static void start(const char *names)
{
	_cleanup_(diag_done) struct diag d = { 0 };
	struct agent_flag flags[ARRAY_SIZE(nowhere) + 1];

	memcpy(flags, nowhere, sizeof(nowhere));
	flags[ARRAY_SIZE(nowhere)] = (struct agent_flag){ "ContainerSources", names };
	assert_int_equal(agent_settings_load(t.file, flags, ARRAY_SIZE(flags), &d, &t.settings), 0);
	assert_int_equal(sources_start(&t.sources, &t.settings, "node"), 0);
}

static void stop(void)
{
	sources_done(&t.sources);
	agent_settings_done(&t.settings);
	assert_null(t.sources.registry);
}

static const char *source_name(size_t i)
{
	struct source_state s;
	const char *name = NULL;

	return container_registry_source(t.sources.registry, i, &name, &s) ? name : NULL;
}

/* Whatever the order of the setting, the files are asked first. */
static void test_which(void **state)
{
	static const struct {
		const char *names;
		const char *want[4];
	} rows[] = {
		{ "files", { "files" } },
		{ "docker", { "docker" } },
		{ "podman", { "podman" } },
		{ "podman,docker,files", { "files", "docker", "podman" } },
		{ "files,files", { "files" } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t n = 0;

		start(rows[i].names);
		assert_non_null(t.sources.registry);
		for (; rows[i].want[n]; n++)
			assert_string_equal(source_name(n), rows[i].want[n]);
		assert_null(source_name(n));
		assert_int_equal(t.sources.n, n);
		stop();
	}
}

/* Without anybody there is no registry either: the fold asks nobody. */
static void test_none(void **state)
{
	_cleanup_(metrics_freep) struct metrics *m = NULL;

	(void)state;
	start("none");
	assert_null(t.sources.registry);
	assert_int_equal(t.sources.n, 0);
	assert_int_equal(metrics_new(&m), 0);
	assert_int_equal(sources_show_metrics(&t.sources, m), 0);
	sources_count(&t.sources);
	stop();
}

static bool page_has(struct metrics *m, const char *text)
{
	_cleanup_(buf_done) struct buf page = { 0 };

	metrics_format_text(m, &page);
	buf_put_char(&page, '\0');
	return strstr(page.data, text);
}

/* Each has a row of its own, which is as of the last count. */
static void test_metrics(void **state)
{
	_cleanup_(metrics_freep) struct metrics *m = NULL;
	_cleanup_(container_facts_done) struct container_facts f = { 0 };
	enum registry_answer answer;

	(void)state;
	start("files,docker");
	assert_int_equal(metrics_new(&m), 0);
	assert_int_equal(sources_show_metrics(&t.sources, m), 0);
	assert_true(page_has(m, "container_source_questions_total{source=\"files\"} 0\n"));
	assert_true(page_has(m, "container_source_questions_total{source=\"docker\"} 0\n"));
	assert_false(page_has(m, "source=\"podman\""));
	assert_int_equal(container_registry_ask(t.sources.registry, container_id('a'), &f, &answer),
			 0);
	assert_int_equal(answer, REGISTRY_LATER);
	assert_true(page_has(m, "container_source_questions_total{source=\"files\"} 0\n"));
	sources_count(&t.sources);
	assert_true(page_has(m, "container_source_questions_total{source=\"files\"} 1\n"));
	assert_true(page_has(m, "container_source_answers_total{source=\"files\"} 0\n"));
	assert_true(page_has(m, "container_source_items{source=\"docker\"} 0\n"));
	stop();
}

/* Where each looks, as the settings say, whether it is wanted or not; and what of that is there. */
static void test_places(void **state)
{
	static const struct {
		const char *first;
		size_t n;
	} want[SOURCE_KINDS] = {
		{ "/nowhere", 4 },
		{ "/nowhere/docker.sock", 1 },
		{ "/nowhere/podman.sock", 1 },
		{ "/nowhere/cri.sock", 1 },
		{ KUBERNETES_ACCOUNT, 1 },
	};

	(void)state;
	start("docker");
	for (size_t i = 0; i < SOURCE_KINDS; i++) {
		_cleanup_(source_places_done) struct source_places places = { 0 };
		const char *name = source_kinds[i].source->name;

		assert_int_equal(source_look(&source_kinds[i], &t.settings, &places), 0);
		assert_int_equal(places.n, want[i].n);
		assert_string_equal(places.items[0].text, want[i].first);
		assert_int_equal(places.items[0].is_there, access(want[i].first, F_OK) == 0);
		assert_int_equal(source_is_wanted(&source_kinds[i], &t.settings),
				 strcmp(name, "docker") == 0);
	}
	stop();
}

/* A server is named; a kubeconfig takes the account's place; off, nobody is looked for. */
static void test_places_of_kubernetes(void **state)
{
	const struct source_kind *kubernetes = &source_kinds[SOURCE_KINDS - 1];
	struct source_places places = { 0 };
	struct agent_settings settings = { .kubeconfig = t.file,
					   .kubernetes_server = (char *)"https://h:1" };

	(void)state;
	assert_int_equal(source_look(kubernetes, &settings, &places), 0);
	assert_int_equal(places.n, 2);
	assert_string_equal(places.items[0].text, t.file);
	assert_string_equal(places.items[1].text, "https://h:1");
	assert_true(places.items[0].is_there && places.items[1].is_there);
	source_places_done(&places);
	settings = (struct agent_settings){ .kubernetes = KUBERNETES_OFF };
	assert_int_equal(source_look(kubernetes, &settings, &places), 0);
	assert_int_equal(places.n, 0);
	source_places_done(&places);
}

static int set_up(void **state)
{
	_cleanup_(closep) int fd = -1;

	(void)state;
	log_setup(LOG_LEVEL_ERR, LOG_FORMAT_TEXT);
	snprintf(t.file, sizeof(t.file), "/tmp/proctrail-XXXXXX");
	fd = mkstemp(t.file);
	return fd < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	(void)state;
	return unlink(t.file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_which),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_metrics),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_places_of_kubernetes),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
