/* SPDX-License-Identifier: Apache-2.0 */
/* What a crowd executes: rests until it is killed. No C library. */
void _start(void)
{
	for (;;)
		__asm__ volatile("syscall" ::"a"(34) : "rcx", "r11", "memory"); /* pause */
}
