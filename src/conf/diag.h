/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is wrong with a configuration: many findings, each with its place, in the order in which
 * they were found. Printed as
 *   pipeline.yaml:7:5: flushers[0].FilePth: unknown key; did you mean 'FilePath'?
 */
#pragma once

#include <stddef.h>
#include <stdio.h>

enum diag_severity { DIAG_ERROR, DIAG_WARNING };

struct diag_entry {
	enum diag_severity severity;
	char *file;
	unsigned int line, column; /* from 1; 0: the whole file */
	char *path;		   /* of the key, "" for none */
	char *message;
};

struct diag {
	struct diag_entry *entries;
	size_t n, n_errors;
	size_t n_dropped; /* beyond the limit of 100 entries a file */
};

void diag_done(struct diag *d);

/* Where a value stands. Borrowed; the tree that it points into outlives it. */
struct position {
	const char *file;
	unsigned int line, column;
};

void diag_add(struct diag *d, enum diag_severity severity, struct position at, const char *path,
	      const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* An error, and what whoever found it returns: -EINVAL. */
#define diag_error(d, at, path, ...) (diag_add((d), DIAG_ERROR, (at), (path), __VA_ARGS__), -EINVAL)

void diag_print(const struct diag *d, FILE *to);
