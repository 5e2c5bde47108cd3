/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of configurations written for LoongCollector that have no meaning here. */
#pragma once

#include "conf/node.h"

struct foreign_key {
	const char *scope; /* the list or map that it stands in; "" for the top */
	const char *key;
	const char *why;
};

/* Ended by a row without a key. */
extern const struct foreign_key foreign_keys[];

/*
 * Finds them in a pipeline's tree, warns about each with the reason, and marks them as ignored, so
 * that whoever checks for unknown keys passes them over. Other keys below `global` are errors:
 * -EINVAL; else 0.
 */
int foreign_mark(struct conf_node *root, struct diag *reterr);
