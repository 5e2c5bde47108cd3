/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crowd N: N children that live until standard input is closed, then all end, each with a code of
 * its own.
 */
#include <sys/wait.h>

#include "expect.h"

int main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 10;
	pid_t child;

	for (int i = 0; i < n; i++) {
		child = fork();
		if (child < 0)
			return broken("fork");
		if (child == 0) {
			wait_for_eof();
			_exit(i % 100);
		}
		expect("exit", child, "'exit_code':'%d','parent.pid':'%d'", i % 100, getpid());
	}
	expect("exit", getpid(), "'exit_code':'0'");
	wait_for_eof();
	while (wait(NULL) > 0)
		;
	return 0;
}
