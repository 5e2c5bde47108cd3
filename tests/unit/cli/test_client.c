/* SPDX-License-Identifier: Apache-2.0 */
/* The client against sockets that are not there, that are dead, and that answer what they like. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "cli/client.h"
#include <cmocka.h>

/* Answers one question with the same bytes, whatever it is. */
struct server {
	struct sockaddr_un address;
	int fd;
	pthread_t thread;
	const char *answer;
	char request[1024];
};

static void *serve(void *ctx)
{
	struct server *s = ctx;
	_cleanup_(closep) int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC);
	ssize_t n = read(fd, s->request, sizeof(s->request) - 1);

	if (n > 0)
		(void)!write(fd, s->answer, strlen(s->answer));
	return NULL;
}

static void server_bind(struct server *s)
{
	*s = (struct server){ .address.sun_family = AF_UNIX };
	snprintf(s->address.sun_path, sizeof(s->address.sun_path), "/tmp/proctrail-client-%d",
		 (int)getpid());
	unlink(s->address.sun_path);
	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(s->fd, (struct sockaddr *)&s->address, sizeof(s->address)), 0);
}

static void server_start(struct server *s, const char *answer)
{
	server_bind(s);
	s->answer = answer;
	assert_int_equal(listen(s->fd, 1), 0);
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void server_stop(struct server *s)
{
	pthread_join(s->thread, NULL);
	close(s->fd);
	unlink(s->address.sun_path);
}

#define OK(body) "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" body

static void test_get(void **state)
{
	_cleanup_(buf_done) struct buf out = { 0 };
	struct server s;

	(void)state;
	server_start(&s, OK("body"));
	assert_int_equal(client_get(s.address.sun_path, "/healthz", &out), 0);
	server_stop(&s);
	assert_int_equal(strncmp(s.request, "GET /healthz HTTP/1.1\r\n", 23), 0);
	assert_int_equal(out.len, 4);
	assert_memory_equal(out.data, "body", 4);
}

static void test_status(void **state)
{
	static const struct {
		const char *answer;
		int r;
	} cases[] = {
		{ OK("{\"pid\":7}"), 0 },
		{ OK("[1]"), -EBADMSG },
		{ OK(""), -EBADMSG },
		{ OK("{\"a\":1,\"a\":2}"), -EBADMSG },
		{ OK("{} more"), -EBADMSG },
		{ "nonsense", -EBADMSG },
		{ "", -EBADMSG },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{}", -EBADMSG },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(client_json_unrefp) json_t *status = NULL;
		struct server s;
		int r;

		server_start(&s, cases[i].answer);
		r = client_get_status(s.address.sun_path, &status);
		server_stop(&s);
		if (r != cases[i].r)
			print_message("'%s': %d\n", cases[i].answer, r);
		assert_int_equal(r, cases[i].r);
		assert_int_equal(status != NULL, r == 0);
	}
}

static void test_nobody_there(void **state)
{
	_cleanup_(buf_done) struct buf out = { 0 };
	struct server s;
	char path[300];

	(void)state;
	assert_int_equal(client_get("/nowhere/a.sock", "/status", &out), -ENOENT);
	server_bind(&s);
	assert_int_equal(client_get(s.address.sun_path, "/status", &out), -ECONNREFUSED);
	close(s.fd);
	unlink(s.address.sun_path);
	memset(path, 'x', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	assert_true(client_get(path, "/status", &out) < 0);
	assert_int_equal(out.len, 0);
}

static void test_explain(void **state)
{
	static const struct {
		int r;
		const char *part;
	} cases[] = {
		{ -ENOENT, "no agent runs here" }, { -ECONNREFUSED, "no agent runs here" },
		{ -EACCES, "only root" },	   { -ETIMEDOUT, "did not answer" },
		{ -EBADMSG, "is no agent" },	   { -EMFILE, "Too many open files" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(buf_done) struct buf out = { 0 };

		client_explain("/run/x.sock", cases[i].r, &out);
		buf_put_char(&out, '\0');
		assert_non_null(strstr(out.data, cases[i].part));
		assert_non_null(strstr(out.data, "'/run/x.sock'"));
	}
}

static void test_explain_library(void **state)
{
	_cleanup_(buf_done) struct buf out = { 0 };

	(void)state;
	client_explain("/run/x.sock", -ELIBACC, &out);
	buf_put_char(&out, '\0');
	assert_non_null(strstr(out.data, "install libcurl4"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_get),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_nobody_there),
		cmocka_unit_test(test_explain),
		cmocka_unit_test(test_explain_library),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
