/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Regular expressions, by PCRE2, over bytes: `.` stands for any byte, line feeds included, and `$`
 * for the very end. Compiled to machine code where the system allows it. A search is given up after
 * a number of steps that is in proportion to the value's length times the pattern's: so nobody
 * whose arguments are looked at can choose them to keep the searcher busy. It depends on nothing
 * but pattern and value. One thread at a time.
 */
#pragma once

#include "base/buf.h"
#include "base/cleanup.h"
#include "match/outcome.h"

struct regex;

/*
 * `whole`: the value has to match from end to end, not somewhere. 0; -EINVAL with the reason
 * appended to reterr; -ENOMEM.
 */
int regex_new(const char *pattern, bool whole, struct buf *reterr, struct regex **ret);
struct regex *regex_free(struct regex *re);
DEFINE_CLEANUP(struct regex *, regex_free)

enum outcome regex_test(struct regex *re, struct str value);
