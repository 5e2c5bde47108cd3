/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF. */
#pragma once

#include <stddef.h>

/*
 * Bytes of the character that p starts with (1 to 4), or 0 where there is no valid one in n bytes.
 */
size_t utf8_length(const char *p, size_t n);

/* n or up to 3 less, so that the first bytes of p do not end within a character. */
size_t utf8_trim(const char *p, size_t n);
