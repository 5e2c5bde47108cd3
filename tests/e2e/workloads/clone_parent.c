/* SPDX-License-Identifier: Apache-2.0 */
/* clone_parent TARGET: a child made with CLONE_PARENT is its maker's sibling; it execs TARGET. */
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "expect.h"

int main(int argc, char **argv)
{
	pid_t self = getpid(), sibling;

	if (argc < 2)
		return 98;
	expect("execve", self, "'binary':'%s'", argv[0]);
	if (fork() == 0) { /* the maker; its parent, and the sibling's, is `self` */
		sibling = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
		if (sibling == 0) {
			execl(argv[1], argv[1], "sibling", NULL);
			_exit(97);
		}
		expect("execve", sibling, "'binary':'%s','arguments':'sibling','parent.pid':'%d'",
		       argv[1], self);
		expect("exit", sibling, "'exit_code':'0','parent.pid':'%d'", self);
		expect("exit", getpid(), "'exit_code':'4','parent.pid':'%d'", self);
		_exit(4);
	}
	while (wait(NULL) > 0)
		;
	expect("exit", self, "'exit_code':'0'");
	return 0;
}
