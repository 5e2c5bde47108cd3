/* SPDX-License-Identifier: Apache-2.0 */
/* spawn TARGET: posix_spawn, which is clone(CLONE_VM | CLONE_VFORK) and an exec. */
#include <spawn.h>
#include <sys/wait.h>

#include "expect.h"

int main(int argc, char **argv)
{
	char *args[] = { argv[1], "spawned", NULL }, *env[] = { NULL };
	pid_t child;

	if (argc < 2 || posix_spawn(&child, argv[1], NULL, NULL, args, env) != 0)
		return broken("posix_spawn");
	waitpid(child, NULL, 0);
	expect("execve", getpid(), "'binary':'%s'", argv[0]);
	expect("clone", child, "'binary':'%s','parent.pid':'%d'", argv[0], getpid());
	expect("execve", child, "'binary':'%s','arguments':'spawned','parent.pid':'%d'", argv[1],
	       getpid());
	expect("exit", child, "'exit_code':'0','parent.pid':'%d'", getpid());
	expect("exit", getpid(), "'exit_code':'0'");
	return 0;
}
