/* SPDX-License-Identifier: Apache-2.0 */
/* Kubeconfigs that say enough, too little, or what we do not do; each finding has its place. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "enrich/kubernetes_config.h"

#define FILE_NAME "/tmp/proctrail-kubeconfig"
#define CONFIG(cluster, user)                                                                      \
	"{current-context: c, contexts: [{name: x, context: {}}, {name: c, context: {cluster: k, " \
	"user: u}}], clusters: [{name: k, cluster: {" cluster                                      \
	"}}], users: [{name: u, user: {" user "}}]}"
#define SERVER "server: 'https://api:6443'"

static int load(const char *text, struct diag *diag, struct kubernetes_access *a)
{
	_cleanup_(fclosep) FILE *f = fopen(FILE_NAME, "we");
	int r;

	assert_non_null(f);
	fputs(text, f);
	fflush(f);
	kubernetes_access_init(a);
	r = kubernetes_config_load(FILE_NAME, diag, a);
	unlink(FILE_NAME);
	return r;
}

static void test_findings(void **state)
{
	static const char not_supported[] =
		"is not supported: give the agent a token, a tokenFile or a client certificate";
	static const struct {
		const char *text, *path, *message;
	} cases[] = {
		{ "[]", "", "expected a kubeconfig" },
		{ "{}", "current-context", "is missing" },
		{ "{current-context: c}", "current-context", "there is no such context" },
		{ "{current-context: c, contexts: [{name: c, context: {cluster: k}}]}", "cluster",
		  "there is no such cluster" },
		{ "{current-context: c, contexts: [{name: c, context: {cluster: k, user: u}}], clusters: "
		  "[{name: k, cluster: {}}]}",
		  "user", "there is no such user" },
		{ CONFIG("", ""), "server", "is missing" },
		{ CONFIG("server: api", ""), "server", "expected https://HOST:PORT" },
		{ CONFIG(SERVER ", certificate-authority-data: '!'", ""),
		  "certificate-authority-data", "this is no base64" },
		{ CONFIG(SERVER ", proxy-url: 'http://p'", ""), "proxy-url",
		  "a proxy of a cluster's own is not supported; set https_proxy" },
		{ CONFIG(SERVER, "exec: {command: /bin/sh}"), "exec", not_supported },
		{ CONFIG(SERVER, "auth-provider: {}"), "auth-provider", not_supported },
		{ CONFIG(SERVER, "username: me"), "username", not_supported },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(kubernetes_access_done) struct kubernetes_access a;
		_cleanup_(diag_done) struct diag diag = { 0 };

		assert_int_equal(load(cases[i].text, &diag, &a), -EINVAL);
		assert_int_equal(diag.n, 1);
		assert_string_equal(diag.entries[0].path, cases[i].path);
		assert_string_equal(diag.entries[0].message, cases[i].message);
		assert_int_equal(diag.entries[0].line, 1);
	}
}

static void assert_same(const char *own, const char *expected)
{
	assert_int_equal(own == NULL, expected == NULL);
	if (own)
		assert_string_equal(own, expected);
}

static void test_what_is_taken(void **state)
{
	static const struct {
		const char *text;
		const char *token, *token_file, *ca, *key;
		bool is_insecure;
	} cases[] = {
		{ CONFIG(SERVER, ""), NULL, NULL, NULL, NULL, false },
		{ CONFIG(SERVER ", insecure-skip-tls-verify: true", "token: t"), "t", NULL, NULL,
		  NULL, true },
		{ CONFIG(SERVER ", certificate-authority: /a/ca", "tokenFile: t"), NULL, "/tmp/t",
		  "/a/ca", NULL, false },
		{ CONFIG(SERVER ", certificate-authority: pki/ca",
			 "token: t, tokenFile: /t, client-certificate: c, client-key: k"),
		  NULL, "/t", "/tmp/pki/ca", "/tmp/k", false },
		{ CONFIG(SERVER ", extensions: [{name: x}], tls-server-name: y", ""), NULL, NULL,
		  NULL, NULL, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(kubernetes_access_done) struct kubernetes_access a;
		_cleanup_(diag_done) struct diag diag = { 0 };

		assert_int_equal(load(cases[i].text, &diag, &a), 0);
		assert_string_equal(a.server, "https://api:6443");
		assert_int_equal(a.is_insecure, cases[i].is_insecure);
		assert_same(a.token, cases[i].token);
		assert_same(a.token_file, cases[i].token_file);
		assert_same(a.pem[KUBERNETES_PEM_CA], cases[i].ca);
		assert_same(a.pem[KUBERNETES_PEM_KEY], cases[i].key);
	}
}

static void test_data_is_kept_in_memory(void **state)
{
	_cleanup_(kubernetes_access_done) struct kubernetes_access a;
	_cleanup_(diag_done) struct diag diag = { 0 };
	char text[16] = "";

	(void)state;
	assert_int_equal(load(CONFIG(SERVER ", certificate-authority-data: Zm9v, "
					    "certificate-authority: /not/this",
				     ""),
			      &diag, &a),
			 0);
	{
		_cleanup_(fclosep) FILE *f = fopen(a.pem[KUBERNETES_PEM_CA], "re");

		assert_non_null(f);
		assert_non_null(fgets(text, sizeof(text), f));
	}
	assert_string_equal(text, "foo");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_findings),
		cmocka_unit_test(test_what_is_taken),
		cmocka_unit_test(test_data_is_kept_in_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
