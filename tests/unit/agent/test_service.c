/* SPDX-License-Identifier: Apache-2.0 */
/* The datagram, as the manager gets it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cmocka.h>

#include "agent/service.h"
#include "base/cleanup.h"

/* A manager's socket at `name`, where @ stands for the NUL of an abstract one. */
static int listen_at(const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t n = strlen(name);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	memcpy(address.sun_path, name, n);
	if (*name == '@')
		address.sun_path[0] = '\0';
	assert_int_equal(bind(fd, (struct sockaddr *)&address,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)),
			 0);
	return fd;
}

static void check(const char *name)
{
	_cleanup_(closep) int fd = listen_at(name);
	char got[64] = "";

	setenv("NOTIFY_SOCKET", name, 1);
	assert_int_equal(service_notify("READY=1"), 0);
	assert_int_equal(recv(fd, got, sizeof(got) - 1, 0), 7);
	assert_string_equal(got, "READY=1");
}

static void test_notify(void **state)
{
	char name[64];

	(void)state;
	snprintf(name, sizeof(name), "/tmp/proctrail-notify-%d", (int)getpid());
	check(name);
	unlink(name);
	snprintf(name, sizeof(name), "@proctrail-notify-%d", (int)getpid());
	check(name);
}

static void test_failures(void **state)
{
	static const struct {
		const char *name;
		int r;
	} rows[] = {
		{ "", -EAFNOSUPPORT },
		{ "vsock:2:1234", -EAFNOSUPPORT },
		{ "/", -EINVAL },
		{ "/nowhere/notify", -ENOENT },
		{ "@proctrail-nobody", -ECONNREFUSED },
	};
	char longest[200];

	(void)state;
	unsetenv("NOTIFY_SOCKET");
	assert_int_equal(service_notify("READY=1"), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		setenv("NOTIFY_SOCKET", rows[i].name, 1);
		assert_int_equal(service_notify("READY=1"), rows[i].r);
	}
	memset(longest, '/', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	setenv("NOTIFY_SOCKET", longest, 1);
	assert_int_equal(service_notify("READY=1"), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_notify),
		cmocka_unit_test(test_failures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
