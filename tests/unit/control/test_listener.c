/* SPDX-License-Identifier: Apache-2.0 */
/* Who may listen where: folders, modes, sockets of the living and of the dead, addresses. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "control/listener.h"
#include "folder.h"
#include <cmocka.h>

static int setup(void **state)
{
	static struct folder folder;

	*state = &folder;
	return folder_make(&folder);
}

static int teardown(void **state)
{
	folder_remove(*state);
	return 0;
}

static int connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_(closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	return connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
}

static mode_t mode_of(const char *path)
{
	struct stat st = { 0 };

	assert_int_equal(lstat(path, &st), 0);
	return st.st_mode;
}

/* Runs a function with stderr in `text`. */
static int quietly(int (*open)(const char *, struct listener *), const char *path,
		   struct listener *l, char *text, size_t size)
{
	int before = dup(STDERR_FILENO), pipes[2], r;
	ssize_t n;

	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	dup2(pipes[1], STDERR_FILENO);
	r = open(path, l);
	dup2(before, STDERR_FILENO);
	close(before);
	close(pipes[1]);
	n = read(pipes[0], text, size - 1);
	text[n > 0 ? n : 0] = '\0';
	close(pipes[0]);
	return r;
}

static int open_local(const char *address, struct listener *l)
{
	return listener_open_tcp(address, false, l);
}

static void test_modes(void **state)
{
	_cleanup_(listener_done) struct listener l = LISTENER_NONE;
	const struct folder *f = *state;
	mode_t before = umask(0);

	assert_int_equal(listener_open_unix(f->socket, &l), 0);
	umask(before);
	assert_int_equal(mode_of(f->sub), S_IFDIR | 0700);
	assert_int_equal(mode_of(f->socket), S_IFSOCK | 0600);
	assert_int_equal(connect_to(f->socket), 0);
	listener_done(&l);
	assert_int_equal(connect_to(f->socket), -ENOENT);
}

static void test_stale_is_replaced(void **state)
{
	_cleanup_(listener_done) struct listener l = LISTENER_NONE;
	const struct folder *f = *state;
	char *path;

	assert_int_equal(listener_open_unix(f->socket, &l), 0);
	path = TAKE_PTR(l.path); /* as after kill -9 */
	listener_done(&l);
	free(path);
	assert_int_equal(connect_to(f->socket), -ECONNREFUSED);
	assert_int_equal(listener_open_unix(f->socket, &l), 0);
	assert_int_equal(connect_to(f->socket), 0);
}

static void test_live_is_not_replaced(void **state)
{
	_cleanup_(listener_done) struct listener l = LISTENER_NONE, other = LISTENER_NONE;
	const struct folder *f = *state;
	char text[1024], pid[32];

	assert_int_equal(listener_open_unix(f->socket, &l), 0);
	assert_int_equal(quietly(listener_open_unix, f->socket, &other, text, sizeof(text)),
			 -EBUSY);
	snprintf(pid, sizeof(pid), "(pid %d)", (int)getpid());
	assert_non_null(strstr(text, pid));
	assert_int_equal(other.fd, -1);
	assert_int_equal(connect_to(f->socket), 0);
}

/* Another agent took the path over: its socket is not ours to remove. */
static void test_foreign_socket_stays(void **state)
{
	_cleanup_(listener_done) struct listener l = LISTENER_NONE, other = LISTENER_NONE;
	const struct folder *f = *state;

	assert_int_equal(listener_open_unix(f->socket, &l), 0);
	assert_int_equal(unlink(f->socket), 0);
	assert_int_equal(listener_open_unix(f->socket, &other), 0);
	listener_done(&l);
	assert_int_equal(connect_to(f->socket), 0);
}

static void test_file_is_not_removed(void **state)
{
	struct listener l = LISTENER_NONE;
	const struct folder *f = *state;
	char text[1024];
	FILE *file;

	assert_int_equal(mkdir(f->sub, 0700), 0);
	file = fopen(f->socket, "we");
	assert_non_null(file);
	fclose(file);
	assert_int_equal(quietly(listener_open_unix, f->socket, &l, text, sizeof(text)), -EEXIST);
	assert_non_null(strstr(text, "is no socket"));
	assert_int_equal(mode_of(f->socket) & S_IFMT, S_IFREG);
}

static void test_open_folder_is_refused(void **state)
{
	static const mode_t modes[] = { 0702, 0720, 01777 };
	const struct folder *f = *state;
	size_t i;

	assert_int_equal(mkdir(f->sub, 0700), 0);
	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		struct listener l = LISTENER_NONE;
		char text[1024];

		assert_int_equal(chmod(f->sub, modes[i]), 0);
		assert_int_equal(quietly(listener_open_unix, f->socket, &l, text, sizeof(text)),
				 -EPERM);
		assert_non_null(strstr(text, "others may write to"));
	}
}

/* Something lives there that we cannot talk to. */
static void test_socket_of_another_kind_stays(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_(closep) int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct listener l = LISTENER_NONE;
	const struct folder *f = *state;
	char text[1024];

	assert_int_equal(mkdir(f->sub, 0700), 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", f->socket);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(quietly(listener_open_unix, f->socket, &l, text, sizeof(text)),
			 -EPROTOTYPE);
	assert_non_null(strstr(text, "cannot tell whether the owner"));
	assert_int_equal(mode_of(f->socket) & S_IFMT, S_IFSOCK);
}

static void test_bad_paths(void **state)
{
	struct listener l = LISTENER_NONE;
	char path[200], text[1024];

	(void)state;
	memset(path, 'x', sizeof(path));
	path[107 + 1] = '\0';
	assert_int_equal(quietly(listener_open_unix, path, &l, text, sizeof(text)), -ENAMETOOLONG);
	assert_int_equal(quietly(listener_open_unix, "", &l, text, sizeof(text)), -ENAMETOOLONG);
	assert_int_equal(quietly(listener_open_unix, "/nowhere/at/all/x", &l, text, sizeof(text)),
			 -ENOENT);
	assert_non_null(strstr(text, "/nowhere/at/all"));
	assert_int_equal(quietly(listener_open_unix, "/proc/version/x", &l, text, sizeof(text)),
			 -ENOTDIR);
}

static void test_addresses(void **state)
{
	static const struct {
		const char *address;
		int r;
	} cases[] = {
		{ "127.0.0.1:0", 0 },
		{ "127.8.9.10:0", 0 },
		{ "localhost:0", 0 },
		{ "0.0.0.0:0", -EPERM },
		{ "128.0.0.1:0", -EPERM },
		{ "[::]:0", -EPERM },
		{ "[::ffff:127.0.0.1]:0", -EPERM },
		{ "", -EINVAL },
		{ ":", -EINVAL },
		{ ":9464", -EINVAL },
		{ "9464", -EINVAL },
		{ "127.0.0.1", -EINVAL },
		{ "127.0.0.1:", -EINVAL },
		{ "127.0.0.1:65536", -EINVAL },
		{ "127.0.0.1:-1", -EINVAL },
		{ "127.0.0.1: 1", -EINVAL },
		{ "127.0.0.1:1x", -EINVAL },
		{ "127.0.0.1:99999999999999999999", -EINVAL },
		{ "example.org:80", -EINVAL },
		{ "::1:80", -EINVAL },
		{ "[::1:80", -EINVAL },
		{ "[]:80", -EINVAL },
		{ "[1.2.3.4]:80", -EINVAL },
		{ "[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0001]:80", -EINVAL },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(listener_done) struct listener l = LISTENER_NONE;
		char text[1024];
		int r = quietly(open_local, cases[i].address, &l, text, sizeof(text));

		if (r != cases[i].r)
			print_message("'%s': %d, %s\n", cases[i].address, r, text);
		assert_int_equal(r, cases[i].r);
		assert_int_equal(l.fd >= 0, r == 0);
		assert_int_equal(r < 0, strstr(text, cases[i].address) && *text);
	}
}

static void test_remote_where_allowed(void **state)
{
	_cleanup_(listener_done) struct listener l = LISTENER_NONE;

	(void)state;
	assert_int_equal(listener_open_tcp("0.0.0.0:0", true, &l), 0);
}

static void test_port_in_use(void **state)
{
	_cleanup_(listener_done) struct listener l = LISTENER_NONE, other = LISTENER_NONE;
	struct sockaddr_in bound = { 0 };
	socklen_t n = sizeof(bound);
	char address[64], text[1024];

	(void)state;
	assert_int_equal(listener_open_tcp("127.0.0.1:0", false, &l), 0);
	assert_int_equal(getsockname(l.fd, (struct sockaddr *)&bound, &n), 0);
	snprintf(address, sizeof(address), "127.0.0.1:%d", ntohs(bound.sin_port));
	assert_int_equal(quietly(open_local, address, &other, text, sizeof(text)), -EADDRINUSE);
	assert_non_null(strstr(text, address));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_modes),
		TEST(test_stale_is_replaced),
		TEST(test_live_is_not_replaced),
		TEST(test_foreign_socket_stays),
		TEST(test_file_is_not_removed),
		TEST(test_open_folder_is_refused),
		TEST(test_socket_of_another_kind_stays),
		cmocka_unit_test(test_bad_paths),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_remote_where_allowed),
		cmocka_unit_test(test_port_in_use),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
