/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `arguments`: an argument list as one line from which the list can be recovered. Arguments are
 * joined by one space. One that is empty or holds a byte <= 0x20, 0x7f, '"', '\' or invalid UTF-8
 * is written in double quotes, with \" \\ \n \t, and \xHH (lower-case digits) for other control
 * bytes and for each byte that is not part of valid UTF-8. Nothing else is quoted or changed.
 */
#pragma once

#include "base/buf.h"

/* Appends one argument. */
void quote_argument(struct buf *out, struct str argument);

/* Appends all arguments of args (each with its NUL, but perhaps the last) from index `skip` on. */
void quote_arguments(struct buf *out, struct str args, size_t skip);
