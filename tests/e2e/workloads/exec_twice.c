/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec_twice 1: one process, three images, one exit. The parent of an image after the first is the
 * one before.
 */
#include "expect.h"

int main(int argc, char **argv)
{
	int stage = argc > 1 ? atoi(argv[1]) : 1;
	char next[2] = { '1' + stage, 0 };

	expect("execve", getpid(), "'arguments':'%d','parent.pid':'%d'", stage,
	       stage == 1 ? getppid() : getpid());
	if (stage == 3) {
		expect("exit", getpid(), "'arguments':'3','parent.pid':'%d','parent.arguments':'2'",
		       getpid());
		return 0;
	}
	execl(argv[0], argv[0], next, NULL);
	return broken("execl");
}
