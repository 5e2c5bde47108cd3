/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line on stderr per call, key=value or JSON. A file that logs defines LOG_UNIT first. Never in
 * per-event code, and never the content of events above debug. The message is prose in lower case;
 * user strings in single quotes.
 */
#pragma once

#include <stdbool.h>

enum log_level { LOG_LEVEL_ERR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

void log_setup(enum log_level level, enum log_format format);
enum log_level log_get_level(void);

/*
 * The line that start-up scripts wait for: "ready" alone in text, {"msg":"ready"} with the usual
 * keys in JSON.
 */
void log_ready(void);

void log_write(enum log_level level, const char *unit, const char *fmt, ...)
	__attribute__((cold, format(printf, 3, 4)));

/* Appends ": <what r means>" and returns r. */
int log_write_errno(enum log_level level, const char *unit, int r, const char *fmt, ...)
	__attribute__((cold, format(printf, 4, 5)));

#define log_at(level, ...)                                         \
	do {                                                       \
		if ((level) <= log_get_level())                    \
			log_write((level), LOG_UNIT, __VA_ARGS__); \
	} while (0)
#define log_err(...) log_at(LOG_LEVEL_ERR, __VA_ARGS__)
#define log_warn(...) log_at(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...) log_at(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_at(LOG_LEVEL_DEBUG, __VA_ARGS__)
#define log_err_errno(r, ...) log_write_errno(LOG_LEVEL_ERR, LOG_UNIT, (r), __VA_ARGS__)
#define log_warn_errno(r, ...) log_write_errno(LOG_LEVEL_WARN, LOG_UNIT, (r), __VA_ARGS__)
