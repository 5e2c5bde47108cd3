/* SPDX-License-Identifier: Apache-2.0 */
/* Files by identity, within bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "enrich/passwd_cache.h"

static struct passwd_identity identity(ino_t ino)
{
	return (struct passwd_identity){ .dev = 1, .ino = ino };
}

static void put(struct passwd_cache *c, ino_t ino, size_t n_padding)
{
	_cleanup_(closep) int fd = memfd_create("passwd", MFD_CLOEXEC);
	_cleanup_(freep) char *text = malloc(n_padding + 64);
	struct passwd_identity id = identity(ino);
	struct passwd *p = NULL;
	int n = snprintf(text, 64, "u%d:x:%d:\n", (int)ino, (int)ino);

	memset(text + n, '#', n_padding);
	assert_int_equal(write(fd, text, (size_t)n + n_padding), (size_t)n + n_padding);
	lseek(fd, 0, SEEK_SET);
	assert_int_equal(passwd_read(fd, (off_t)((size_t)n + n_padding), 4 << 20, &p), 0);
	assert_int_equal(passwd_cache_put(c, &id, p), 0);
}

static bool has(struct passwd_cache *c, ino_t ino)
{
	struct passwd_identity id = identity(ino);
	const struct passwd *p = passwd_cache_lookup(c, &id);

	assert_true(!p || passwd_lookup(p, (uint32_t)ino).n > 0);
	return p;
}

static void test_number(void **state)
{
	struct passwd_cache c;

	(void)state;
	passwd_cache_init(&c);
	for (ino_t i = 1; i <= PASSWD_CACHE_FILES + 1; i++) {
		put(&c, i, 0);
		assert_true(has(&c, 1)); /* is used */
	}
	put(&c, 1, 0);
	assert_int_equal(c.n, PASSWD_CACHE_FILES);
	assert_int_equal(c.evicted, 1);
	assert_false(has(&c, 2));
	assert_true(has(&c, 3));
	passwd_cache_done(&c);
}

static void test_bytes(void **state)
{
	struct passwd_cache c;

	(void)state;
	passwd_cache_init(&c);
	for (ino_t i = 1; i <= 10; i++)
		put(&c, i, 1 << 20);
	assert_true(c.bytes <= PASSWD_CACHE_BYTES);
	assert_int_equal(c.n, 7);
	assert_true(has(&c, 10) && !has(&c, 3));
	passwd_cache_done(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_number),
					    cmocka_unit_test(test_bytes) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
