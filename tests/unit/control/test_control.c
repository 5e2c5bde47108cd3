/* SPDX-License-Identifier: Apache-2.0 */
/* The server, asked by a client that says exactly what it wants to say. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/clock.h"
#include "control/control.h"
#include "folder.h"
#include <cmocka.h>

struct numbers {
	metric_value in;
};

static const struct metric table[] = {
	{ .name = "in_total",
	  .type = METRIC_COUNTER,
	  .offset = offsetof(struct numbers, in),
	  .help = "Records taken." },
	{ .type = METRIC_END },
};

/* A server with one metric. */
struct fixture {
	struct folder folder;
	struct metrics *metrics;
	struct metric_set *set;
	struct numbers numbers;
	struct health health;
	struct control *control;
};

static int setup(void **state)
{
	static struct fixture f;
	struct control_options options = { .socket = f.folder.socket, .instance = "a\"b" };

	f = (struct fixture){ .numbers.in = 7 };
	*state = &f;
	health_init(&f.health);
	if (folder_make(&f.folder) < 0 || metrics_new(&f.metrics) < 0 ||
	    metrics_add(f.metrics, table, &f.numbers, NULL, 0, &f.set) < 0)
		return -ENOMEM;
	return control_new(&options, f.metrics, &f.health, &f.control);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	control_free(f->control);
	metrics_free(f->metrics);
	health_done(&f->health);
	folder_remove(&f->folder);
	return 0;
}

static int connect_unix(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* Says it and returns what comes until the server closes. */
static char *talk(int fd, const char *request)
{
	_cleanup_(buf_done) struct buf answer = { 0 };
	ssize_t n;

	assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
	do {
		char *room = buf_room(&answer, 4096);

		assert_non_null(room);
		n = read(fd, room, 4096);
		if (n > 0)
			buf_advance(&answer, (size_t)n);
	} while (n > 0);
	buf_put_char(&answer, '\0');
	return TAKE_PTR(answer.data);
}

static char *ask(const struct fixture *f, const char *request)
{
	_cleanup_(closep) int fd = connect_unix(f->folder.socket);

	return talk(fd, request);
}

#define GET(url) "GET " url " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

static void assert_has(const char *answer, const char *part)
{
	if (!strstr(answer, part))
		print_message("no '%s' in '%s'\n", part, answer);
	assert_non_null(strstr(answer, part));
}

static void assert_answer(const struct fixture *f, const char *request, const char *status,
			  const char *part)
{
	_cleanup_(freep) char *answer = ask(f, request);

	assert_int_equal(strncmp(answer, "HTTP/1.1 ", 9), 0);
	if (strncmp(answer + 9, status, 3) != 0)
		print_message("%.40s: '%s'\n", request, answer);
	assert_int_equal(strncmp(answer + 9, status, 3), 0);
	assert_has(answer, part);
}

static void test_metrics(void **state)
{
	_cleanup_(freep) char *answer = ask(*state, GET("/metrics"));

	assert_has(answer, "HTTP/1.1 200 ");
	assert_has(answer, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n");
	assert_has(answer, "\r\n\r\n# HELP proctrail_in_total Records taken.\n"
			   "# TYPE proctrail_in_total counter\nproctrail_in_total 7\n");
}

static void test_health(void **state)
{
	struct fixture *f = *state;

	assert_answer(f, GET("/healthz"), "503",
		      "\r\n\r\n{\"healthy\":false,\"reasons\":[\"the agent is not ready yet\"]}\n");
	health_turn(&f->health, clock_now_ns(CLOCK_MONOTONIC));
	assert_answer(f, GET("/healthz"), "200", "\r\n\r\n{\"healthy\":true,\"reasons\":[]}\n");
}

static void test_life(void **state)
{
	struct fixture *f = *state;
	uint64_t now = clock_now_ns(CLOCK_MONOTONIC);

	assert_answer(f, GET("/livez"), "503", "the agent is not ready yet");
	health_turn(&f->health, now);
	health_lose(&f->health, 5, now);
	assert_answer(f, GET("/healthz"), "503", "records were lost");
	assert_answer(f, GET("/livez"), "200", "\r\n\r\n{\"healthy\":true,\"reasons\":[]}\n");
	health_turn(&f->health, now - HEALTH_TURN_NS - 1);
	assert_answer(f, GET("/livez"), "503", "the reader has been stuck for 5 s");
}

static void test_status(void **state)
{
	struct fixture *f = *state;
	char pid[32];

	health_turn(&f->health, clock_now_ns(CLOCK_MONOTONIC));
	snprintf(pid, sizeof(pid), "\"pid\":%d,", (int)getpid());
	assert_answer(f, GET("/status"), "200", pid);
	assert_answer(f, GET("/status"), "200",
		      "\"instance\":\"a\\\"b\",\"uptime_seconds\":0,\"health\":{\"healthy\":true,"
		      "\"reasons\":[]},\"agent\":{},\"metrics\":[{\"name\":\"proctrail_in_total\","
		      "\"labels\":{},\"value\":7}]}\n");

	assert_int_equal(control_set_state(f->control, STR("{\"node\":\"n\"}")), 0);
	assert_answer(f, GET("/status"), "200", "\"agent\":{\"node\":\"n\"},");
	assert_int_equal(control_set_state(f->control, STR("{}")), 0);
	assert_answer(f, GET("/status"), "200", "\"agent\":{},");
}

static void test_refusals(void **state)
{
	static const struct {
		const char *request, *status, *part;
	} cases[] = {
		{ GET("/"), "404", "/metrics, /healthz, /livez and /status" },
		{ GET("/metricsx"), "404", "" },
		{ GET("/../metrics"), "404", "" },
		{ "POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", "405",
		  "Allow: GET, HEAD\r\n" },
		{ "DELETE /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "405", "" },
		{ "GET /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", "413", "" },
		{ "GET /metrics HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", "413",
		  "" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(freep) char *answer = ask(*state, cases[i].request);

		if (strncmp(answer, "HTTP/1.", 7) != 0 ||
		    strncmp(answer + 9, cases[i].status, 3) != 0)
			print_message("%s: '%s'\n", cases[i].request, answer);
		assert_int_equal(strncmp(answer + 9, cases[i].status, 3), 0);
		assert_has(answer, cases[i].part);
	}
	assert_answer(*state, GET("/metrics"), "200", "");
}

static void test_too_long_a_head(void **state)
{
	_cleanup_(buf_done) struct buf request = { 0 };
	_cleanup_(freep) char *answer = NULL;

	buf_put_str(&request, STR("GET /metrics HTTP/1.1\r\nHost: a\r\nX: "));
	while (request.len < 40000)
		buf_put_char(&request, 'x');
	buf_printf(&request, "\r\n\r\n%c", '\0');
	answer = ask(*state, request.data);
	assert_has(answer, "HTTP/1.1 431 ");
	assert_answer(*state, GET("/metrics"), "200", "");
}

/* Whatever it says to them, or says nothing, it is there for the next. */
static void test_garbage(void **state)
{
	static const char *const requests[] = {
		"nonsense\r\n\r\n",
		"\r\n\r\n\r\n",
		"GET\r\n\r\n",
		"GET  HTTP/1.1\r\n\r\n",
		"GET /%00 HTTP/9.9\r\n\r\n",
		"\x16\x03\x01\x02\r\n\r\n",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(requests); i++) {
		const struct fixture *f = *state;
		_cleanup_(closep) int fd = connect_unix(f->folder.socket);

		assert_true(send(fd, requests[i], strlen(requests[i]), MSG_NOSIGNAL) > 0);
		assert_answer(f, GET("/metrics"), "200", "");
	}
}

static void test_head(void **state)
{
	_cleanup_(freep) char *answer =
		ask(*state, "HEAD /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");

	assert_has(answer, "HTTP/1.1 200 ");
	assert_string_equal(strstr(answer, "\r\n\r\n"), "\r\n\r\n");
}

/* More clients than there is room for wait or are turned away; those that came first are served. */
static void test_many_connections(void **state)
{
	const struct fixture *f = *state;
	int fds[40];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(fds); i++) {
		fds[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		struct sockaddr_un address = { .sun_family = AF_UNIX };

		snprintf(address.sun_path, sizeof(address.sun_path), "%s", f->folder.socket);
		(void)connect(fds[i], (struct sockaddr *)&address, sizeof(address));
	}
	fcntl(fds[0], F_SETFL, 0);
	{
		_cleanup_(freep) char *answer = talk(fds[0], GET("/metrics"));

		assert_has(answer, "proctrail_in_total 7\n");
	}
	for (i = 0; i < ARRAY_SIZE(fds); i++)
		close(fds[i]);
	assert_answer(f, GET("/metrics"), "200", "");
}

/* The port that the kernel chose is known through the descriptors of this process. */
static int connect_to_own_port(void)
{
	for (int fd = 3; fd < 64; fd++) {
		struct sockaddr_in a = { 0 };
		socklen_t n = sizeof(a), m = sizeof(int);
		int is_listening = 0, to;

		if (getsockname(fd, (struct sockaddr *)&a, &n) < 0 || a.sin_family != AF_INET ||
		    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &m) < 0 ||
		    !is_listening)
			continue;
		to = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_int_equal(connect(to, (struct sockaddr *)&a, sizeof(a)), 0);
		return to;
	}
	fail();
	return -ENOENT;
}

static void test_port(void **state)
{
	static const struct {
		const char *request, *part;
	} cases[] = {
		{ GET("/metrics"), "proctrail_in_total 7\n" },
		{ GET("/healthz"), "HTTP/1.1 503 " },
		{ GET("/status"), "HTTP/1.1 404 " },
	};
	struct control_options options = { .listen = "127.0.0.1:0", .instance = "default" };
	_cleanup_(control_freep) struct control *c = NULL;
	struct fixture *f = *state;
	size_t i;

	assert_int_equal(control_new(&options, f->metrics, &f->health, &c), 0);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(closep) int fd = connect_to_own_port();
		_cleanup_(freep) char *answer = talk(fd, cases[i].request);

		assert_has(answer, cases[i].part);
	}
}

static void test_fails_whole(void **state)
{
	struct fixture *f = *state;
	struct control_options options = { .socket = f->folder.sub, .instance = "default" };
	char other[80];
	struct control *c = NULL;

	assert_int_equal(control_new(&options, f->metrics, &f->health, &c), -EEXIST);
	snprintf(other, sizeof(other), "%s/b.sock", f->folder.sub);
	options.socket = other;
	options.listen = "0.0.0.0:0";
	assert_int_equal(control_new(&options, f->metrics, &f->health, &c), -EPERM);
	assert_null(c);
	assert_int_equal(access(other, F_OK), -1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_metrics), TEST(test_health),	    TEST(test_life),
		TEST(test_status),  TEST(test_refusals),    TEST(test_too_long_a_head),
		TEST(test_garbage), TEST(test_head),	    TEST(test_many_connections),
		TEST(test_port),    TEST(test_fails_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
