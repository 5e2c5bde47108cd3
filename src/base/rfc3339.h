/* SPDX-License-Identifier: Apache-2.0 */
/* Times as RFC 3339 writes them, to the nanosecond. Pure. */
#pragma once

#include <stdint.h>

#include "base/str.h"

/*
 * "2026-11-29T10:46:24.115587551Z", or with an offset as "+02:00"; digits beyond the ninth are left
 * out. 0 with nanoseconds since the epoch; -EINVAL: it is no such text; -ERANGE: before 1970 or
 * after 2261.
 */
int rfc3339_parse(struct str text, int64_t *ret_ns);
