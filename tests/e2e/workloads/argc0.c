/* SPDX-License-Identifier: Apache-2.0 */
/*
 * argc0 TARGET: an exec with an empty argument list; the kernel (since 5.18) makes argv[0] an empty
 * string.
 */
#include "expect.h"

int main(int argc, char **argv)
{
	char *none[] = { NULL };

	if (argc < 2)
		return 98;
	expect("execve", getpid(), "'binary':'%s','arguments':'%s'", argv[0], argv[1]);
	expect("execve", getpid(), "'binary':'%s','arguments':''", argv[1]);
	expect("exit", getpid(), "'binary':'%s','arguments':'','exit_code':'0'", argv[1]);
	execve(argv[1], none, none);
	return broken("execve");
}
