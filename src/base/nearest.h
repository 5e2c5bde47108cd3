/* SPDX-License-Identifier: Apache-2.0 */
/* What somebody may have meant by a name that does not exist. */
#pragma once

/*
 * The candidate (ended by NULL) nearest to `text`, or NULL where none is near enough to be meant.
 */
const char *nearest_name(const char *text, const char *const *candidates);
