/* SPDX-License-Identifier: Apache-2.0 */
/* The source: questions go in, what stands below the roots comes out, whatever lies there. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "enrich/container_files.h"

#include "container_ids.h"
#include "file_tree.h"
#include "listener_sink.h"

/* As long as the desk takes more: see runtime_desk.h. */
#define MANY 300

static struct {
	struct file_tree tree;
	struct listener_sink sink;
	char *paths[_LAYOUT_MAX][2];
	struct container_files *files;
	char rootfs[256]; /* of the last one that was told */
} t;

static void note_rootfs(void *ctx, unsigned int source, const struct container_facts *f)
{
	pthread_mutex_lock(&t.sink.lock);
	snprintf(t.rootfs, sizeof(t.rootfs), "%s", f->rootfs ? f->rootfs : "");
	pthread_mutex_unlock(&t.sink.lock);
	listener_sink_tell(ctx, source, f);
}

/* Two roots for each layout, "<layout>/0" and "<layout>/1" below the host's root. */
static void start(const char *host_root)
{
	struct container_roots roots[_LAYOUT_MAX];
	struct container_sink sink = listener_sink_of(&t.sink);

	sink.tell = note_rootfs;
	for (int layout = 0; layout < _LAYOUT_MAX; layout++) {
		for (int i = 0; i < 2; i++)
			assert_true(asprintf(&t.paths[layout][i], "%s/%d/%d",
					     *host_root ? "" : t.tree.root, layout, i) > 0);
		roots[layout] = (struct container_roots){ .paths = t.paths[layout], .n = 2 };
	}
	assert_int_equal(container_files_new(host_root, roots, &sink, &t.files), 0);
	/* All is copied. */
	for (int layout = 0; layout < _LAYOUT_MAX; layout++)
		for (int i = 0; i < 2; i++)
			memset(t.paths[layout][i], 'x', strlen(t.paths[layout][i]));
}

static void ask(const char *id)
{
	struct container_facts known;

	container_facts_init(&known, id);
	container_files_source.ask(t.files, &known);
}

static void put_docker(int root, char digit, const char *text)
{
	char below[128];

	snprintf(below, sizeof(below), "%d/%d/containers/%s/config.v2.json", LAYOUT_DOCKER, root,
		 container_id(digit));
	file_tree_put(&t.tree, below, text);
}

static void put_bundle(char digit, const char *text)
{
	char below[160];

	snprintf(below, sizeof(below), "%d/0/io.containerd.runtime.v2.task/k8s.io/%s/config.json",
		 LAYOUT_CONTAINERD, container_id(digit));
	file_tree_put(&t.tree, below, text);
}

static int count(const char *line)
{
	int n;

	pthread_mutex_lock(&t.sink.lock);
	n = listener_sink_count(&t.sink, line);
	pthread_mutex_unlock(&t.sink.lock);
	return n;
}

static struct source_state state_of(void)
{
	struct source_state s;

	container_files_source.state(t.files, &s);
	return s;
}

static void test_answers(void **state)
{
	(void)state;
	put_docker(0, 'a', "{\"Name\":\"/web\"}");
	start("");
	ask(container_id('a'));
	listener_sink_wait(&t.sink, "tell aaaa web\nanswered aaaa\n", 1);
	ask(container_id('b'));
	listener_sink_wait(&t.sink, "answered bbbb\n", 1);
	assert_int_equal(count("tell"), 1);
	assert_int_equal(state_of().status, SOURCE_READY);
	assert_int_equal(state_of().questions, 2);
	assert_int_equal(state_of().answers, 1);
	assert_int_equal(state_of().failures, 0);
}

/* Written later it is found: nothing is remembered. */
static void test_asks_anew(void **state)
{
	(void)state;
	start("");
	ask(container_id('a'));
	listener_sink_wait(&t.sink, "answered aaaa\n", 1);
	put_docker(1, 'a', "{\"Name\":\"/web\"}");
	ask(container_id('a'));
	listener_sink_wait(&t.sink, "tell aaaa web\n", 1);
}

/* The first root that has it is the one. */
static void test_order(void **state)
{
	(void)state;
	put_docker(0, 'a', "{\"Name\":\"/first\"}");
	put_docker(1, 'a', "{\"Name\":\"/second\"}");
	put_bundle('a', "{\"annotations\":{\"io.kubernetes.cri.container-name\":\"third\"}}");
	put_docker(1, 'b', "{\"Name\":\"/second\"}");
	put_bundle('c', "{\"annotations\":{\"io.kubernetes.cri.container-name\":\"third\"}}");
	start("");
	for (const char *p = "abc"; *p; p++)
		ask(container_id(*p));
	listener_sink_wait(&t.sink, "tell aaaa first\nanswered aaaa\n", 1);
	listener_sink_wait(&t.sink, "tell bbbb second\nanswered bbbb\n", 1);
	listener_sink_wait(&t.sink, "tell cccc third\nanswered cccc\n", 1);
}

/* What cannot be read is counted, and looked for elsewhere. */
static void test_damage(void **state)
{
	(void)state;
	put_docker(0, 'a', "{\"Name\":\"/we");
	put_docker(1, 'a', "{\"Name\":\"/web\"}");
	put_docker(0, 'b', "");
	start("");
	ask(container_id('a'));
	listener_sink_wait(&t.sink, "tell aaaa web\nanswered aaaa\n", 1);
	ask(container_id('b'));
	listener_sink_wait(&t.sink, "answered bbbb\n", 1);
	assert_int_equal(count("tell"), 1);
	assert_int_equal(state_of().failures, 2);
	assert_int_equal(state_of().error, -EBADMSG);
}

/* The runtime writes paths of the host: they are looked at where the host is. */
static void test_host_root(void **state)
{
	char want[256];

	(void)state;
	put_bundle('a', "{\"annotations\":{\"io.kubernetes.cri.container-name\":\"web\"},"
			"\"root\":{\"path\":\"/s/merged\"}}");
	put_docker(0, 'b', "{\"Name\":\"/docker\"}");
	start(t.tree.root);
	ask(container_id('a'));
	listener_sink_wait(&t.sink, "answered aaaa\n", 1);
	snprintf(want, sizeof(want), "%s/s/merged", t.tree.root);
	assert_string_equal(t.rootfs, want);
	ask(container_id('b'));
	listener_sink_wait(&t.sink, "tell bbbb docker\n", 1);
	assert_string_equal(t.rootfs, "");
}

/* A path below the bundle is one that the agent found by itself: it has the host's root already. */
static void test_host_root_of_bundle(void **state)
{
	char want[512];

	(void)state;
	put_bundle('a', "{\"annotations\":{\"io.kubernetes.cri.container-name\":\"web\"},"
			"\"root\":{\"path\":\"rootfs\"}}");
	start(t.tree.root);
	ask(container_id('a'));
	listener_sink_wait(&t.sink, "answered aaaa\n", 1);
	snprintf(want, sizeof(want), "%s/%d/0/io.containerd.runtime.v2.task/k8s.io/%s/rootfs",
		 t.tree.root, LAYOUT_CONTAINERD, container_id('a'));
	assert_string_equal(t.rootfs, want);
}

/* The runtime's folder is a link to another place of the host. */
static void test_host_root_with_links(void **state)
{
	char path[16], want[512];

	(void)state;
	snprintf(path, sizeof(path), "%d/0", LAYOUT_DOCKER);
	assert_int_equal(symlink("/data/docker", file_tree_path(&t.tree, path)), 0);
	file_tree_put(&t.tree, "data/merged/x", "");
	assert_int_equal(symlink("/data", file_tree_path(&t.tree, "s")), 0);
	start(t.tree.root);
	ask(container_id('b'));
	listener_sink_wait(&t.sink, "answered bbbb\n", 1);
	assert_int_equal(count("tell"), 0); /* it is not there yet */
	snprintf(want, sizeof(want), "data/docker/containers/%s/config.v2.json", container_id('b'));
	file_tree_put(&t.tree, want, "{\"Name\":\"/docker\"}");
	ask(container_id('b'));
	listener_sink_wait(&t.sink, "tell bbbb docker\n", 1);
	put_bundle('a', "{\"annotations\":{\"io.kubernetes.cri.container-name\":\"web\"},"
			"\"root\":{\"path\":\"/s/merged\"}}");
	ask(container_id('a'));
	listener_sink_wait(&t.sink, "answered aaaa\n", 1);
	snprintf(want, sizeof(want), "%s/data/merged", t.tree.root);
	assert_string_equal(t.rootfs, want);
}

/* Without any root there is an answer, too. */
static void test_no_roots(void **state)
{
	const struct container_roots roots[_LAYOUT_MAX] = { 0 };
	const struct container_sink sink = listener_sink_of(&t.sink);

	(void)state;
	assert_int_equal(container_files_new("", roots, &sink, &t.files), 0);
	ask(container_id('a'));
	listener_sink_wait(&t.sink, "answered aaaa\n", 1);
}

/* Every question has its answer. */
static void test_many(void **state)
{
	char id[CONTAINER_ID_LEN + 1];

	(void)state;
	start("");
	for (int i = 0; i < MANY; i++) {
		snprintf(id, sizeof(id), "%04x%060x", i, 0);
		ask(id);
	}
	listener_sink_wait(&t.sink, "answered", MANY);
	for (int i = 0; i < MANY; i += 37) {
		snprintf(id, sizeof(id), "answered %04x\n", i);
		assert_int_equal(count(id), 1);
	}
}

/* It ends at once, with questions in the queue, and while it reads. */
static void test_free_while_asked(void **state)
{
	char id[CONTAINER_ID_LEN + 1];

	(void)state;
	put_docker(0, 'a', "{\"Name\":\"/web\"}");
	start("");
	for (int i = 0; i < MANY; i++) {
		snprintf(id, sizeof(id), "%04x%060x", i, 0);
		ask(id);
	}
	assert_null(container_files_source.free(t.files));
	t.files = NULL;
	assert_true(count("answered") <= MANY);
	assert_null(container_files_source.free(NULL));
}

static int make(void **state)
{
	(void)state;
	memset(&t, 0, sizeof(t));
	file_tree_make(&t.tree);
	listener_sink_init(&t.sink);
	log_setup(LOG_LEVEL_ERR, LOG_FORMAT_TEXT);
	return 0;
}

static int drop(void **state)
{
	(void)state;
	container_files_source.free(t.files);
	for (int layout = 0; layout < _LAYOUT_MAX; layout++)
		for (int i = 0; i < 2; i++)
			free(t.paths[layout][i]);
	listener_sink_done(&t.sink);
	file_tree_remove(&t.tree);
	return 0;
}

#define test(name) cmocka_unit_test_setup_teardown(name, make, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(test_answers),
		test(test_asks_anew),
		test(test_order),
		test(test_damage),
		test(test_host_root),
		test(test_no_roots),
		test(test_host_root_with_links),
		test(test_many),
		test(test_host_root_of_bundle),
		test(test_free_while_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
