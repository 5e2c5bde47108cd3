/* SPDX-License-Identifier: Apache-2.0 */
/* What an examination found: a line each, and what to do about it. */
#pragma once

#include <stddef.h>

#include "base/buf.h"

#define DIAGNOSIS_MAX 64

enum finding { FINDING_OK, FINDING_WARNING, FINDING_FAILURE, _FINDING_MAX };

struct diagnosis_line {
	enum finding finding;
	const char *name; /* what was looked at; constant */
	char text[512];
	const char *advice; /* constant; NULL where all is right */
};

struct diagnosis {
	struct diagnosis_line lines[DIAGNOSIS_MAX];
	size_t n;
};

/* What is more than DIAGNOSIS_MAX is left out. */
void diagnosis_add(struct diagnosis *d, enum finding finding, const char *name, const char *advice,
		   const char *fmt, ...) __attribute__((format(printf, 5, 6)));

size_t diagnosis_count(const struct diagnosis *d, enum finding finding);

void diagnosis_format_text(const struct diagnosis *d, struct buf *out);
/* {"checks":[{"name":…,"finding":"ok","text":…,"advice":…}],"warnings":0,"failures":0} */
void diagnosis_format_json(const struct diagnosis *d, struct buf *out);
