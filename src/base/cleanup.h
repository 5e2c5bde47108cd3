/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ownership in C: a local that owns something says so with _cleanup_ and has an initialiser;
 * ownership leaves a function only through TAKE.
 */
#pragma once

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(fn) __attribute__((cleanup(fn)))

#define TAKE(var, empty)                      \
	({                                    \
		__typeof__(var) *_p = &(var); \
		__typeof__(var) _v = *_p;     \
		*_p = (empty);                \
		_v;                           \
	})
#define TAKE_PTR(p) TAKE(p, NULL)
#define TAKE_FD(fd) TAKE(fd, -1)

/* Defines fnp() for _cleanup_(fnp): fn takes NULL and returns NULL. */
#define DEFINE_CLEANUP(type, fn)          \
	static inline void fn##p(type *p) \
	{                                 \
		if (*p)                   \
			*p = fn(*p);      \
	}

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static inline void freep(void *p)
{
	free(*(void **)p);
}

static inline void closep(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void fclosep(FILE **f)
{
	if (*f)
		fclose(*f);
}

static inline void closedirp(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}
