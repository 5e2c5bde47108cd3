/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An allocator that fails at a chosen call. The linker sends the allocations of a test here
 * (tests/unit/meson.build: --wrap); the test says which with WRAP().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* The allocation that fails, counted down; 0: none does. Only for what this thread allocates. */
static __thread unsigned int fail_at;

static inline bool fails(void)
{
	return fail_at && --fail_at == 0;
}

#define WRAP(type, name, declared, passed)                    \
	type __real_##name declared;                          \
	type __wrap_##name declared;                          \
	type __wrap_##name declared                           \
	{                                                     \
		return fails() ? NULL : __real_##name passed; \
	}
