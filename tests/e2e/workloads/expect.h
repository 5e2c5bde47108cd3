/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a workload prints: one JSON object a line, each a record that the agent must emit (some of
 * its keys). The first word is call_name; the other keys are written with single quotes, which
 * become double ones. Written with write(2), so that nothing waits in a buffer when the process
 * execs or is killed.
 */
#pragma once

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

__attribute__((format(printf, 3, 4))) static inline void expect(const char *call, int pid,
								const char *fmt, ...)
{
	char line[3 * 4096];
	va_list ap;
	int n, m;

	n = snprintf(line, sizeof(line), "{'call_name':'%s','pid':'%d',", call, pid);
	va_start(ap, fmt);
	m = vsnprintf(line + n, sizeof(line) - n - 2, fmt, ap);
	va_end(ap);
	n = m == 0 ? n - 1 : n + m;
	line[n++] = '}';
	line[n++] = '\n';
	for (int i = 0; i < n; i++)
		if (line[i] == '\'')
			line[i] = '"';
	if (write(STDOUT_FILENO, line, n) != n)
		_exit(99);
}

/* A failed step of the workload itself: not a finding about the agent. */
static inline int broken(const char *what)
{
	perror(what);
	exit(98);
}

/* Waits until whoever started the workload closes its standard input. */
static inline void wait_for_eof(void)
{
	char c;

	while (read(STDIN_FILENO, &c, 1) > 0)
		;
}
