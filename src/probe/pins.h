/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The folder of an instance on bpffs: what is pinned there outlives the agent. It is locked while
 * somebody uses it, and holds a folder for each generation of programs: see probe/generation.h.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

#define PINS_GENERATIONS_MAX 16 /* found at a start; the oldest of more are removed */

struct pins;

/*
 * Mounts bpffs on /sys/fs/bpf where the folder is to be below it and it is not there, makes the
 * folder, of mode 0700, and locks it. 0 or a negative errno: -EBUSY, logged: somebody else has it;
 * other: the folder cannot be had, *reterr says why (static text).
 */
int pins_new(const char *folder, struct pins **ret, const char **reterr);
/* Unlocks; removes the folder if nothing is in it. Returns NULL. */
struct pins *pins_free(struct pins *p);
DEFINE_CLEANUP(struct pins *, pins_free)

const char *pins_folder(const struct pins *p);

/*
 * The numbers of the generations that are there, the oldest first; returns how many, or a negative
 * errno.
 */
int pins_list(const char *folder, uint16_t numbers[PINS_GENERATIONS_MAX]);
/* The generation after `last`, of none: 0. */
uint16_t pins_next(uint16_t last);

/*
 * Removes what a dead agent left: detaches the programs, and lets go of the ring with what is in
 * it. Returns how many generations there were, or a negative errno, logged; -EBUSY: an agent is
 * using them.
 */
int pins_remove(const char *folder);
