/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Credentials, each kept once: most processes have those of one of a few others. There are never
 * more than there are images. Reader thread only.
 */
#pragma once

#include <stddef.h>

#include "abi/event.h"
#include "base/hash.h"
#include "base/slab.h"

struct cred;

struct cred_table {
	struct hash index;
	struct slab slab;
	struct cred *last; /* that was asked for, borrowed; NULL: none */
};

void cred_table_init(struct cred_table *t, struct slab_spare *spare); /* as slab_init() */
void cred_table_done(struct cred_table *t);

/* What is equal to *cred, for as long as the caller's reference; NULL when memory ran out. */
const struct event_cred *cred_get(struct cred_table *t, const struct event_cred *facts);
void cred_unref(struct cred_table *t, const struct event_cred *facts); /* cred_unknown is nothing */

size_t cred_table_bytes(const struct cred_table *t);
