/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The points that the environment arms, read once. After that only their counters change, by
 * atomic operations.
 */
#include "base/fault.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FAULT_VARIABLE "PROCTRAIL_FAULT"
#define POINTS_MAX 16

struct point {
	const char *name;
	size_t name_len;
	unsigned long at; /* dies at this pass; from 1 */
	atomic_ulong n_passes;
	atomic_bool is_short; /* half was given out: dies at the end of the write */
};

static struct point points[POINTS_MAX];
static size_t n_points;

static void refuse(const char *text)
{
	fprintf(stderr, "%s=%s: name:count[,name:count...] is expected, at most %d, count from 1\n",
		FAULT_VARIABLE, text, POINTS_MAX);
	_exit(2);
}

static void read_environment(void)
{
	const char *text = getenv(FAULT_VARIABLE), *p = text;

	while (p && *p) {
		const char *colon = strchr(p, ':');
		char *end = NULL;

		if (!colon || colon == p || n_points == POINTS_MAX)
			refuse(text);
		points[n_points].name = p;
		points[n_points].name_len = (size_t)(colon - p);
		points[n_points].at = strtoul(colon + 1, &end, 10);
		if (points[n_points].at == 0 || (*end && *end != ','))
			refuse(text);
		n_points++;
		p = *end ? end + 1 : end;
	}
}

static void __attribute__((noreturn)) die(void)
{
	kill(getpid(), SIGKILL);
	while (true)
		pause();
}

static struct point *lookup(const char *name)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, read_environment);
	for (size_t i = 0; i < n_points; i++)
		if (strlen(name) == points[i].name_len &&
		    memcmp(name, points[i].name, points[i].name_len) == 0)
			return &points[i];
	return NULL;
}

static bool has_come(struct point *p)
{
	return p && atomic_fetch_add(&p->n_passes, 1) + 1 == p->at;
}

void fault_pass(const char *name)
{
	if (has_come(lookup(name)))
		die();
}

size_t fault_short(const char *name, size_t n)
{
	struct point *p = lookup(name);

	if (!has_come(p))
		return n;
	atomic_store(&p->is_short, true);
	return n / 2;
}

void fault_short_end(const char *name)
{
	struct point *p = lookup(name);

	if (p && atomic_load(&p->is_short))
		die();
}
