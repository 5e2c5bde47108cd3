/* SPDX-License-Identifier: Apache-2.0 */
/* Findings as text and as JSON. Pure. */
#include "cli/diagnosis.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/json_text.h"

#define NAME_WIDTH 22
#define FINDING_WIDTH 9

static const char *const finding_names[] = {
	[FINDING_OK] = "ok",
	[FINDING_WARNING] = "warning",
	[FINDING_FAILURE] = "failure",
};
_Static_assert(ARRAY_SIZE(finding_names) == _FINDING_MAX, "a name for each finding");

void diagnosis_add(struct diagnosis *d, enum finding finding, const char *name, const char *advice,
		   const char *fmt, ...)
{
	struct diagnosis_line *line = &d->lines[d->n];
	va_list ap;

	if (d->n == DIAGNOSIS_MAX)
		return;
	line->finding = finding;
	line->name = name;
	line->advice = finding == FINDING_OK ? NULL : advice;
	va_start(ap, fmt);
	vsnprintf(line->text, sizeof(line->text), fmt, ap);
	va_end(ap);
	d->n++;
}

size_t diagnosis_count(const struct diagnosis *d, enum finding finding)
{
	size_t n = 0;

	for (size_t i = 0; i < d->n; i++)
		n += d->lines[i].finding == finding;
	return n;
}

/* Part of it may come from the agent or from the system: no control characters on a terminal. */
static void put_clean(struct buf *out, const char *text)
{
	for (; *text; text++)
		buf_put_char(out, (unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text);
}

static void put_summary(const struct diagnosis *d, struct buf *out)
{
	size_t failures = diagnosis_count(d, FINDING_FAILURE);
	size_t warnings = diagnosis_count(d, FINDING_WARNING);

	buf_printf(out, "\n%zu failure%s, %zu warning%s\n", failures, failures == 1 ? "" : "s",
		   warnings, warnings == 1 ? "" : "s");
}

void diagnosis_format_text(const struct diagnosis *d, struct buf *out)
{
	for (size_t i = 0; i < d->n; i++) {
		const struct diagnosis_line *line = &d->lines[i];

		buf_printf(out, "%-*s%-*s", FINDING_WIDTH, finding_names[line->finding], NAME_WIDTH,
			   line->name);
		put_clean(out, line->text);
		buf_put_char(out, '\n');
		if (line->advice)
			buf_printf(out, "%*s-> %s\n", FINDING_WIDTH + NAME_WIDTH, "", line->advice);
	}
	put_summary(d, out);
}

static void put_member(struct buf *out, const char *name, const char *text)
{
	json_text_put(out, str_from(name));
	buf_put_char(out, ':');
	json_text_put(out, str_from(text));
}

static void put_json_line(struct buf *out, const struct diagnosis_line *line)
{
	buf_put_char(out, '{');
	put_member(out, "name", line->name);
	buf_put_char(out, ',');
	put_member(out, "finding", finding_names[line->finding]);
	buf_put_char(out, ',');
	put_member(out, "text", line->text);
	if (line->advice) {
		buf_put_char(out, ',');
		put_member(out, "advice", line->advice);
	}
	buf_put_char(out, '}');
}

void diagnosis_format_json(const struct diagnosis *d, struct buf *out)
{
	buf_put_str(out, STR("{\"checks\":["));
	for (size_t i = 0; i < d->n; i++) {
		if (i)
			buf_put_char(out, ',');
		put_json_line(out, &d->lines[i]);
	}
	buf_printf(out, "],\"warnings\":%zu,\"failures\":%zu}\n",
		   diagnosis_count(d, FINDING_WARNING), diagnosis_count(d, FINDING_FAILURE));
}
