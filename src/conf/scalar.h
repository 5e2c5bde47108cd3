/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The types that the text of a scalar may be read as. All take a NUL-terminated text without
 * surrounding space and return 0; -EINVAL where it is nothing of the kind; -ERANGE where it does
 * not fit the type.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* `true` and `false`. */
int scalar_parse_bool(const char *text, bool *ret);
/*
 * What "yes", "Off", "TRUE" and their like were meant to be: "true", "false", or NULL for another
 * text.
 */
const char *scalar_meant_bool(const char *text);
/* Decimal. */
int scalar_parse_int(const char *text, int64_t *ret);
/* Bytes: 1048576, 100B, 512KiB, 10MiB, 1GiB; KB, MB and GB mean the same as KiB, MiB and GiB. */
int scalar_parse_size(const char *text, uint64_t *ret);
/* Nanoseconds: 100ns, 20us, 500ms, 10s, 2m, 1h, or 0. */
int scalar_parse_duration(const char *text, uint64_t *ret);

#define SCALAR_FORMAT_MAX 24

/* As a user would write it, in the largest unit that leaves a whole number. Returns `to`. */
const char *scalar_format_size(uint64_t bytes, char to[SCALAR_FORMAT_MAX]);
const char *scalar_format_duration(uint64_t ns, char to[SCALAR_FORMAT_MAX]);
