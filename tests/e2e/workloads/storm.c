/* SPDX-License-Identifier: Apache-2.0 */
/*
 * storm TARGET FIRST LAST: for every number in that range a child by vfork that execs TARGET with
 * the number as its argument, one after the other.
 */
#include <sys/wait.h>

#include "expect.h"

static pid_t start(char *target, char *number)
{
	pid_t child = vfork();

	if (child == 0) {
		execl(target, target, number, NULL);
		_exit(97);
	}
	return child;
}

int main(int argc, char **argv)
{
	long first, last;
	char number[32];
	pid_t child;

	if (argc < 4)
		return 98;
	first = atol(argv[2]);
	last = atol(argv[3]);
	for (long i = first; i <= last; i++) {
		snprintf(number, sizeof(number), "marker-%ld", i);
		child = start(argv[1], number);
		if (child < 0 || waitpid(child, NULL, 0) != child)
			return broken("vfork");
	}
	expect("exit", getpid(), "'exit_code':'0'");
	return 0;
}
