/* SPDX-License-Identifier: Apache-2.0 */
/*
 * orphan init|subreaper TARGET: a child outlives its parent and then execs TARGET. Whoever adopts
 * it is not its parent: the lineage is that of the fork. As init of a pid namespace the pids
 * printed are the inner ones.
 */
#include <sys/prctl.h>
#include <sys/wait.h>

#include "expect.h"

static void middle(char **argv)
{
	int ends[2];
	pid_t self = getpid();
	char c;

	if (pipe(ends) < 0)
		broken("pipe");
	if (fork() == 0) {
		close(ends[1]);
		/* the parent has gone when its end of the pipe has */
		if (read(ends[0], &c, 1) != 0)
			_exit(97);
		while (getppid() == self)
			;
		expect("execve", getpid(), "'binary':'%s','arguments':'orphan','parent.pid':'%d'",
		       argv[2], self);
		expect("exit", getpid(), "'exit_code':'0','parent.pid':'%d'", self);
		execl(argv[2], argv[2], "orphan", NULL);
		_exit(97);
	}
	_exit(0);
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 98;
	prctl(PR_SET_CHILD_SUBREAPER, strcmp(argv[1], "subreaper") == 0);
	if (fork() == 0)
		middle(argv);
	while (wait(NULL) > 0)
		;
	wait_for_eof();
	return 0;
}
