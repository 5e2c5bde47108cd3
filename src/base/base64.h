/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 as RFC 4648, section 4: the standard alphabet, padded, no line breaks. */
#pragma once

#include <stddef.h>

#include "base/buf.h"

#define BASE64_SIZE(n) (((n) + 2) / 3 * 4)

/* Writes BASE64_SIZE(n) characters to `to` and returns that number. No NUL. */
size_t base64_encode(const void *from, size_t n, char *to);

/*
 * Appends what was encoded; white space between the characters is passed over. 0; -EINVAL: this is
 * no base64, and nothing was appended; -ENOMEM.
 */
int base64_decode(struct str from, struct buf *out);
