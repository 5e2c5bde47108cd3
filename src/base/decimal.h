/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as decimal digits, for who has made room for them. */
#pragma once

#include <stdint.h>

#define DECIMAL_ROOM \
	32 /* bytes that may be written to: 20 digits or a sign and 19, and some behind */

/* Writes v and returns where it ends. */
char *decimal_put_u64(char *to, uint64_t v);
char *decimal_put_i64(char *to, int64_t v);
