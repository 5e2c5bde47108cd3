/* SPDX-License-Identifier: Apache-2.0 */
/* A number by chance, another one in each process and on each machine. Not for secrets. */
#pragma once

#include <stdint.h>
#include <sys/random.h>

static inline uint32_t chance(void)
{
	uint32_t number = 0;

	(void)!getrandom(&number, sizeof(number), GRND_NONBLOCK);
	return number;
}
