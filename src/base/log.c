/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Log lines. Each is one write(2), so that lines of several threads do not mix. The settings are
 * made once, before there are threads.
 */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/utf8.h"

#define MESSAGE_MAX 2048

static const char *const level_names[] = {
	[LOG_LEVEL_ERR] = "error",
	[LOG_LEVEL_WARN] = "warning",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_DEBUG] = "debug",
};

static enum log_level max_level = LOG_LEVEL_INFO;
static enum log_format line_format = LOG_FORMAT_TEXT;

void log_setup(enum log_level level, enum log_format format)
{
	max_level = level;
	line_format = format;
}

enum log_level log_get_level(void)
{
	return max_level;
}

/* One byte that is not printed as it is. JSON knows no \xHH: there the backslash is a character. */
static void put_byte(struct buf *out, unsigned char c)
{
	if (c == '"' || c == '\\')
		buf_printf(out, "\\%c", c);
	else if (c == '\n')
		buf_put_str(out, STR("\\n"));
	else if (line_format == LOG_FORMAT_TEXT)
		buf_printf(out, "\\x%02x", c);
	else if (c < 0x20)
		buf_printf(out, "\\u%04x", c);
	else
		buf_printf(out, "\\\\x%02x", c);
}

static void put_quoted(struct buf *out, const char *text)
{
	size_t n = strlen(text);

	buf_put_char(out, '"');
	while (n) {
		size_t length = utf8_length(text, n);
		unsigned char c = (unsigned char)*text;

		if (!length || c < 0x20 || c == 0x7f || c == '"' || c == '\\')
			put_byte(out, c);
		else
			buf_put(out, text, length);
		text += length ? length : 1;
		n -= length ? length : 1;
	}
	buf_put_char(out, '"');
}

static void put_time(struct buf *out)
{
	struct timespec now = { 0 };
	struct tm tm = { 0 };

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	buf_printf(out, "%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ", tm.tm_year + 1900, tm.tm_mon + 1,
		   tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, now.tv_nsec / 1000000);
}

static void put_line(struct buf *out, enum log_level level, const char *unit, const char *message)
{
	bool json = line_format == LOG_FORMAT_JSON;

	buf_put_str(out, json ? STR("{\"time\":\"") : STR("time="));
	put_time(out);
	buf_printf(out,
		   json ? "\",\"level\":\"%s\",\"unit\":" : " level=%s unit=", level_names[level]);
	if (json)
		put_quoted(out, unit);
	else
		buf_put_str(out, str_from(unit));
	buf_put_str(out, json ? STR(",\"msg\":") : STR(" msg="));
	put_quoted(out, message);
	buf_put_str(out, json ? STR("}\n") : STR("\n"));
}

/* Where even stderr fails there is nobody left to tell. */
static void emit(const struct buf *line)
{
	size_t done = 0;

	while (done < line->len) {
		ssize_t n = write(STDERR_FILENO, line->data + done, line->len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		done += (size_t)n;
	}
}

static void log_message(enum log_level level, const char *unit, const char *message)
{
	_cleanup_(buf_done) struct buf line = { 0 };
	int saved = errno;

	put_line(&line, level, unit, message);
	emit(&line);
	errno = saved;
}

void log_ready(void)
{
	struct buf line = { .data = (char[]){ "ready\n" }, .len = sizeof("ready\n") - 1 };

	if (line_format == LOG_FORMAT_JSON)
		log_message(LOG_LEVEL_INFO, "run", "ready");
	else
		emit(&line);
}

void log_write(enum log_level level, const char *unit, const char *fmt, ...)
{
	char message[MESSAGE_MAX];
	va_list ap;

	if (level > max_level)
		return;
	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	log_message(level, unit, message);
}

int log_write_errno(enum log_level level, const char *unit, int r, const char *fmt, ...)
{
	char message[MESSAGE_MAX], reason[128];
	va_list ap;
	size_t n;

	if (level > max_level)
		return r;
	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	n = strlen(message);
	snprintf(message + n, sizeof(message) - n, ": %s",
		 strerror_r(r < 0 ? -r : r, reason, sizeof(reason)));
	log_message(level, unit, message);
	return r;
}
