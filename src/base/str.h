/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes with a length, owned by somebody else. Not NUL-terminated unless a comment says so. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct str {
	const char *p;
	size_t n;
};

#define STR(literal) ((struct str){ .p = "" literal, .n = sizeof(literal) - 1 })
#define STR_EMPTY ((struct str){ .p = "", .n = 0 })

static inline struct str str_from(const char *s)
{
	return (struct str){ .p = s, .n = strlen(s) };
}

static inline bool str_eq(struct str a, struct str b)
{
	return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

static inline bool str_starts_with(struct str s, struct str prefix)
{
	return s.n >= prefix.n && memcmp(s.p, prefix.p, prefix.n) == 0;
}

static inline bool str_ends_with(struct str s, struct str suffix)
{
	return s.n >= suffix.n && memcmp(s.p + s.n - suffix.n, suffix.p, suffix.n) == 0;
}

/* Nothing but hex digits in lower case. */
static inline bool str_is_hex(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!(s.p[i] >= '0' && s.p[i] <= '9') && !(s.p[i] >= 'a' && s.p[i] <= 'f'))
			return false;
	return true;
}
