/* SPDX-License-Identifier: Apache-2.0 */
/* vfork_exec TARGET: the child borrows its parent's memory until it execs TARGET. */
#include <sys/wait.h>

#include "expect.h"

int main(int argc, char **argv)
{
	pid_t child;

	if (argc < 2)
		return 98;
	expect("execve", getpid(), "'binary':'%s','arguments':'%s'", argv[0], argv[1]);
	child = vfork();
	if (child == 0) {
		execl(argv[1], argv[1], "of vfork", NULL);
		_exit(97);
	}
	waitpid(child, NULL, 0);
	expect("clone", child, "'binary':'%s','parent.pid':'%d'", argv[0], getpid());
	expect("execve", child, "'binary':'%s','parent.pid':'%d','parent.binary':'%s'", argv[1],
	       getpid(), argv[0]);
	expect("exit", child, "'binary':'%s','exit_code':'0','parent.pid':'%d'", argv[1], getpid());
	expect("exit", getpid(), "'exit_code':'0'");
	return 0;
}
