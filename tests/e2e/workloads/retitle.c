/* SPDX-License-Identifier: Apache-2.0 */
/*
 * retitle ARGS...: writes over its own argv, as setproctitle does; the records keep what was given
 * to exec.
 */
#include <sys/prctl.h>
#include <sys/wait.h>

#include "expect.h"

int main(int argc, char **argv)
{
	char *end = argv[argc - 1] + strlen(argv[argc - 1]);
	char binary[4096], arguments[4096];
	pid_t child;

	snprintf(binary, sizeof(binary), "%s", argv[0]);
	snprintf(arguments, sizeof(arguments), "%s", argc > 1 ? argv[1] : "");
	memset(argv[0], 'x', end - argv[0]);
	prctl(PR_SET_NAME, "someone else");
	child = fork();
	if (child == 0)
		_exit(0);
	waitpid(child, NULL, 0);
	expect("execve", getpid(), "'binary':'%s','arguments':'%s'", binary, arguments);
	expect("exit", child, "'binary':'%s','arguments':'%s'", binary, arguments);
	expect("exit", getpid(), "'binary':'%s','arguments':'%s'", binary, arguments);
	return 0;
}
