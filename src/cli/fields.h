/* SPDX-License-Identifier: Apache-2.0 */
/* `proctrail fields`: what a record may hold, read from the field table. */
#pragma once

#include "base/buf.h"

enum fields_format {
	FIELDS_TEXT,	 /* one a line: name, type, doc */
	FIELDS_JSON,	 /* an array of {name, type, set, doc} */
	FIELDS_MARKDOWN, /* docs/reference/fields.md */
};

/* Appends the whole table. */
void fields_format(struct buf *out, enum fields_format format);
