/* SPDX-License-Identifier: Apache-2.0 */
/* Flags of the command line, put into the tree of the file as if they stood there. */
#pragma once

#include "agent/settings.h"
#include "conf/node.h"

/* In place of what `map` says of that setting. 0 or -ENOMEM. */
int settings_put_flag(struct conf_node *map, const struct agent_flag *flag);
