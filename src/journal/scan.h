/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looks through a journal without believing it: how much of it is whole, and of which ring. Any
 * thread.
 */
#pragma once

#include "journal/format.h"
#include "journal/journal.h"

#define SCAN_JOURNAL "journal" /* the file's name in the instance's folder */

struct scan {
	struct format_map map;
	size_t size;		    /* of what counts; 0: that was not looked at */
	struct journal_found found; /* but for n_records and last_ns */
};

/* Whatever is wrong is an outcome. */
void scan_journal(int dir_fd, const struct journal_id *id, struct scan *ret);
void scan_done(struct scan *s);

/*
 * Calls `visit` for each record of what is whole, and counts them in s->found. 0, or what `visit`
 * said.
 */
int scan_visit(struct scan *s, journal_visit_fn *visit, void *ctx);
