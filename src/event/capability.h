/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of capabilities as text. */
#pragma once

#include <stdint.h>

#include "base/str.h"

/*
 * The names of the bits, lowest first, one space between; "" for none. Valid until this thread has
 * asked for seven other sets.
 */
struct str capability_names(uint64_t set);
