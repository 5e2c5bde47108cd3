/* SPDX-License-Identifier: Apache-2.0 */
/* forks N: N children, one after the other, that end at once without an exec. */
#include <sys/wait.h>

#include "expect.h"

int main(int argc, char **argv)
{
	long n = argc > 1 ? atol(argv[1]) : 1;
	pid_t child;

	for (long i = 0; i < n; i++) {
		child = fork();
		if (child == 0)
			_exit(0);
		if (child < 0 || waitpid(child, NULL, 0) != child)
			return broken("fork");
	}
	expect("exit", getpid(), "'exit_code':'0'");
	return 0;
}
