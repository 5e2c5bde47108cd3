/* SPDX-License-Identifier: Apache-2.0 */
/* Servers, tokens and files, from a service account and as they are sent. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "enrich/kubernetes_access.h"

#define FOLDER "/tmp/proctrail-kubernetes-access"

static void write_file(const char *path, const char *text)
{
	_cleanup_(fclosep) FILE *f = fopen(path, "we");

	assert_non_null(f);
	fputs(text, f);
}

static int make_account(void **state)
{
	(void)state;
	mkdir(FOLDER, 0700);
	write_file(FOLDER "/token", "secret\n");
	write_file(FOLDER "/ca.crt", "-----BEGIN CERTIFICATE-----\n");
	return 0;
}

static int remove_account(void **state)
{
	(void)state;
	unlink(FOLDER "/token");
	unlink(FOLDER "/ca.crt");
	rmdir(FOLDER);
	return 0;
}

static void set_environment(const char *host, const char *port)
{
	unsetenv("KUBERNETES_SERVICE_HOST");
	unsetenv("KUBERNETES_SERVICE_PORT");
	if (host)
		setenv("KUBERNETES_SERVICE_HOST", host, 1);
	if (port)
		setenv("KUBERNETES_SERVICE_PORT", port, 1);
}

static void test_servers(void **state)
{
	static const struct {
		const char *host, *port, *given;
		int r;
		const char *server;
	} cases[] = {
		{ "10.0.0.1", "443", NULL, 0, "https://10.0.0.1:443" },
		{ "10.0.0.1", NULL, NULL, 0, "https://10.0.0.1:443" },
		{ "fd00::1", "6443", NULL, 0, "https://[fd00::1]:6443" },
		{ "", "443", NULL, -ENOENT, NULL },
		{ NULL, NULL, NULL, -ENOENT, NULL },
		{ NULL, NULL, "https://api:6443/", 0, "https://api:6443" },
		{ "10.0.0.1", "443", "http://127.0.0.1:10255", 0, "http://127.0.0.1:10255" },
		{ NULL, NULL, "ftp://api", -EINVAL, NULL },
		{ NULL, NULL, "api:6443", -EINVAL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(kubernetes_access_done) struct kubernetes_access a;

		kubernetes_access_init(&a);
		set_environment(cases[i].host, cases[i].port);
		assert_int_equal(kubernetes_access_from_account(&a, FOLDER, cases[i].given),
				 cases[i].r);
		if (cases[i].server)
			assert_string_equal(a.server, cases[i].server);
		assert_int_equal(kubernetes_access_is_in_cluster(FOLDER),
				 cases[i].host && *cases[i].host);
	}
	assert_false(kubernetes_access_is_in_cluster("/nowhere"));
	set_environment(NULL, NULL);
}

static void assert_request(const struct kubernetes_access *a, const char *url, const char *token)
{
	_cleanup_(freep) char *own_url = NULL, *own_token = NULL;
	struct http_request q = { 0 };

	assert_int_equal(kubernetes_access_request(a, "/x", &q, &own_url, &own_token), 0);
	assert_string_equal(q.url, url);
	assert_int_equal(q.token == NULL, token == NULL);
	if (token)
		assert_string_equal(q.token, token);
}

/* Read anew each time, and never sent where everybody can read it. */
static void test_tokens(void **state)
{
	_cleanup_(kubernetes_access_done) struct kubernetes_access a;
	_cleanup_(freep) char *url = NULL, *token = NULL;
	struct http_request q = { 0 };

	(void)state;
	kubernetes_access_init(&a);
	assert_int_equal(kubernetes_access_from_account(&a, FOLDER, "https://h"), 0);
	assert_request(&a, "https://h/x", "secret");
	write_file(FOLDER "/token", "renewed");
	assert_request(&a, "https://h/x", "renewed");
	write_file(FOLDER "/token", "");
	assert_request(&a, "https://h/x", NULL);
	assert_int_equal(kubernetes_access_set_server(&a, STR("http://h")), 0);
	assert_request(&a, "http://h/x", NULL);
	a.token = strdup("told");
	assert_request(&a, "http://h/x", NULL);
	assert_int_equal(kubernetes_access_set_server(&a, STR("https://h")), 0);
	assert_request(&a, "https://h/x", "told");
	freep(&a.token);
	a.token = NULL;
	unlink(FOLDER "/token");
	assert_int_equal(kubernetes_access_request(&a, "/x", &q, &url, &token), -ENOENT);
}

static void test_files_in_memory(void **state)
{
	_cleanup_(kubernetes_access_done) struct kubernetes_access a;
	char text[16] = "";

	(void)state;
	kubernetes_access_init(&a);
	assert_int_equal(kubernetes_access_set_pem(&a, KUBERNETES_PEM_KEY, STR("one")), 0);
	assert_int_equal(kubernetes_access_set_pem(&a, KUBERNETES_PEM_KEY, STR("two")), 0);
	{
		_cleanup_(closep) int fd = open(a.pem[KUBERNETES_PEM_KEY], O_RDONLY | O_CLOEXEC);

		assert_int_equal(read(fd, text, sizeof(text)), 3);
	}
	assert_string_equal(text, "two");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_servers),
		cmocka_unit_test(test_tokens),
		cmocka_unit_test(test_files_in_memory),
	};

	return cmocka_run_group_tests(tests, make_account, remove_account);
}
