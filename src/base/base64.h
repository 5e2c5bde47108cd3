/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 as RFC 4648, section 4: the standard alphabet, padded, no line breaks. */
#pragma once

#include <stddef.h>

#define BASE64_SIZE(n) (((n) + 2) / 3 * 4)

/* Writes BASE64_SIZE(n) characters to `to` and returns that number. No NUL. */
size_t base64_encode(const void *from, size_t n, char *to);
