/* SPDX-License-Identifier: Apache-2.0 */
/* The manual page. */
#pragma once

#include "base/buf.h"

/* Appends proctrail(1) in roff. */
void man_format(struct buf *out);
