/* SPDX-License-Identifier: Apache-2.0 */
/* Which run of the kernel this is: what is kept of another one says nothing of this. Stateless. */
#pragma once

#include <stdint.h>

#define BOOT_ID_BYTES 16
#define BOOT_ID_TEXT 40 /* 36 characters as the kernel prints them, and zeros */

/* 0 or a negative errno; -EBADMSG: it is none. */
int boot_id_read(uint8_t ret[BOOT_ID_BYTES]);
int boot_id_read_text(char ret[BOOT_ID_TEXT]);
/* The same of a text. */
int boot_id_parse(const char *text, uint8_t ret[BOOT_ID_BYTES]);
