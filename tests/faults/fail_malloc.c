/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LD_PRELOAD: memory that runs out. FAIL_MALLOC=FIRST[:LAST] lets the FIRST-th allocation after
 * the beginning of main() fail, and all up to the LAST-th, of all threads together.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

typedef int main_fn(int argc, char **argv, char **env);
typedef int start_fn(main_fn *main, int argc, char **argv, void (*init)(void), void (*fini)(void),
		     void (*rtld_fini)(void), void *stack_end);

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
int __libc_start_main(main_fn *main, int argc, char **argv, void (*init)(void), void (*fini)(void),
		      void (*rtld_fini)(void), void *stack_end);

static atomic_ulong n_asked;
static unsigned long first, last;
static main_fn *real_main;

static bool is_out(void)
{
	unsigned long n;

	if (!first)
		return false;
	n = atomic_fetch_add(&n_asked, 1) + 1;
	if (n < first || n > last)
		return false;
	errno = ENOMEM;
	return true;
}

void *malloc(size_t size)
{
	return is_out() ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	return is_out() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
	return is_out() ? NULL : __libc_realloc(p, size);
}

static int counted_main(int argc, char **argv, char **env)
{
	const char *text = getenv("FAIL_MALLOC");
	char *end = NULL;
	unsigned long from = text ? strtoul(text, &end, 10) : 0;

	last = end && *end == ':' ? strtoul(end + 1, NULL, 10) : from;
	first = from;
	return real_main(argc, argv, env);
}

int __libc_start_main(main_fn *main, int argc, char **argv, void (*init)(void), void (*fini)(void),
		      void (*rtld_fini)(void), void *stack_end)
{
	start_fn *start = (start_fn *)dlsym(RTLD_NEXT, "__libc_start_main");

	real_main = main;
	return start(counted_main, argc, argv, init, fini, rtld_fini, stack_end);
}
