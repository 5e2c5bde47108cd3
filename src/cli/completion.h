/* SPDX-License-Identifier: Apache-2.0 */
/* Completions for shells. */
#pragma once

#include "base/buf.h"

enum shell { SHELL_BASH, SHELL_ZSH, SHELL_FISH };

/* Appends a script that completes the commands, their options and their words. */
void completion_format(struct buf *out, enum shell shell);
