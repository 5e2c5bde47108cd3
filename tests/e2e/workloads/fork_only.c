/* SPDX-License-Identifier: Apache-2.0 */
/* A child that never execs: it is a clone of its parent's program. */
#include <sys/wait.h>

#include "expect.h"

int main(int argc, char **argv)
{
	pid_t child;

	(void)argc;
	expect("execve", getpid(), "'binary':'%s'", argv[0]);
	child = fork();
	if (child == 0)
		_exit(7);
	waitpid(child, NULL, 0);
	expect("clone", child, "'binary':'%s','arguments':'','parent.pid':'%d'", argv[0], getpid());
	expect("exit", child, "'binary':'%s','exit_code':'7','exit_tid':'%d','parent.pid':'%d'",
	       argv[0], child, getpid());
	expect("exit", getpid(), "'exit_code':'0'");
	return 0;
}
