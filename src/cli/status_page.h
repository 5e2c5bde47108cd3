/* SPDX-License-Identifier: Apache-2.0 */
/* The page that `proctrail status` prints. Pure. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "base/buf.h"

bool status_page_is_healthy(const json_t *status);

/*
 * Appends the page. Rates and latencies are of the `seconds` since `before`; where that is NULL, of
 * the time since the agent was started.
 */
void status_page_format(const json_t *status, const json_t *before, double seconds,
			struct buf *out);
