/* SPDX-License-Identifier: Apache-2.0 */
/* Option tables as text, JSON, Markdown and JSON Schema. Pure. */
#pragma once

#include "base/buf.h"
#include "conf/option.h"

/* One paragraph an option, for terminals. */
void option_format_text(struct buf *out, const struct option *options);
/* A JSON array of {name, type, default, required, secret, min, max, values, help}. */
void option_format_json(struct buf *out, const struct option *options);
/* A table. */
void option_format_markdown(struct buf *out, const struct option *options);
/*
 * The members of JSON Schema's "properties", without the braces around them. What holds a ${ is
 * always right: nobody knows the variable before the agent does.
 */
void option_format_schema(struct buf *out, const struct option *options);
/* The names of required options, each with a comma before it. */
void option_format_required(struct buf *out, const struct option *options);
