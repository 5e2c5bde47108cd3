/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of the agent's settings that go beyond the type and the range of one value. */
#pragma once

#include "agent/settings.h"
#include "conf/node.h"

/*
 * Judges what was read from `map`, and brings it into the form that struct agent_settings tells of.
 * 0; -EINVAL with the findings in reterr, at the places of their keys; -ENOMEM.
 */
int settings_settle(struct agent_settings *s, const struct conf_node *map, struct diag *reterr);
