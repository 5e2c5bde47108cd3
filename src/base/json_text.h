/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A string as JSON has it, for pages that people and tools ask for; codec/ has the quick one for
 * records.
 */
#pragma once

#include "base/buf.h"

/* In quotes, escaped. A byte that is no UTF-8 becomes U+FFFD. */
void json_text_put(struct buf *out, struct str s);
