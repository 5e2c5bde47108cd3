/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CRC-32C (Castagnoli), as in iSCSI (RFC 3720, B.4), ext4 and SCTP. By the CPU's instruction where
 * it has one.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Of n bytes, continuing from `crc`: 0 to begin with. */
uint32_t crc32c(uint32_t crc, const void *p, size_t n);

/* The same without the instruction: what other CPUs run. */
uint32_t crc32c_portable(uint32_t crc, const void *p, size_t n);
