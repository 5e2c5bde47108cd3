/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Findings about a configuration. Owns copies of all its strings. What a message quotes comes from
 * a file: long messages are cut when they are added, control characters are made visible when they
 * are printed.
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "conf/diag.h"

#define ENTRIES_PER_FILE_MAX 100
#define ENTRIES_MAX 10000
#define MESSAGE_MAX 1024 /* bytes: the names of all settings fit */

static void entry_done(struct diag_entry *e)
{
	free(e->file);
	free(e->path);
	free(e->message);
	*e = (struct diag_entry){ 0 };
}

void diag_done(struct diag *d)
{
	for (size_t i = 0; i < d->n; i++)
		entry_done(&d->entries[i]);
	free(d->entries);
	*d = (struct diag){ 0 };
}

/* Cuts before a character, never within one. */
static void cut(char *text, size_t max)
{
	if (strlen(text) <= max)
		return;
	max -= sizeof("...") - 1;
	while (max && ((unsigned char)text[max] & 0xc0) == 0x80)
		max--;
	memcpy(text + max, "...", sizeof("..."));
}

/*
 * Whether so much has been said about the file that more would not help. Its entries follow each
 * other.
 */
static bool is_full(const struct diag *d, const char *file)
{
	size_t n = 0;

	while (n < d->n && n < ENTRIES_PER_FILE_MAX &&
	       strcmp(d->entries[d->n - 1 - n].file, file) == 0)
		n++;
	return n == ENTRIES_PER_FILE_MAX || d->n >= ENTRIES_MAX;
}

static bool append(struct diag *d, struct diag_entry *e)
{
	struct diag_entry *grown;

	if (!e->file || !e->path || !e->message || is_full(d, e->file))
		return false;
	grown = reallocarray(d->entries, d->n + 1, sizeof(*grown));
	if (!grown)
		return false;
	d->entries = grown;
	d->entries[d->n++] = TAKE(*e, (struct diag_entry){ 0 });
	return true;
}

void diag_add(struct diag *d, enum diag_severity severity, struct position at, const char *path,
	      const char *fmt, ...)
{
	_cleanup_(entry_done) struct diag_entry e = {
		.severity = severity,
		.line = at.line,
		.column = at.column,
	};
	va_list args;

	va_start(args, fmt); /* first of all: fmt may say %m */
	if (vasprintf(&e.message, fmt, args) < 0)
		e.message = NULL;
	va_end(args);
	if (e.message)
		cut(e.message, MESSAGE_MAX);
	e.file = strdup(at.file);
	e.path = strdup(path);

	d->n_errors += severity == DIAG_ERROR;
	d->n_dropped += !append(d, &e);
}

static void print_text(const char *text, FILE *to)
{
	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		if (*p < 0x20 || *p == 0x7f)
			fprintf(to, "\\x%02x", *p);
		else
			fputc(*p, to);
	}
}

static void print_entry(const struct diag_entry *e, FILE *to)
{
	print_text(e->file, to);
	if (e->line)
		fprintf(to, ":%u:%u", e->line, e->column);
	fputs(": ", to);
	if (e->severity == DIAG_WARNING)
		fputs("warning: ", to);
	if (*e->path) {
		print_text(e->path, to);
		fputs(": ", to);
	}
	print_text(e->message, to);
	fputc('\n', to);
}

void diag_print(const struct diag *d, FILE *to)
{
	for (size_t i = 0; i < d->n; i++)
		print_entry(&d->entries[i], to);
	if (d->n_dropped)
		fprintf(to, "and %zu more that are not shown\n", d->n_dropped);
}
