/* SPDX-License-Identifier: Apache-2.0 */
/* exit_with CODE: leaves with CODE, of which the kernel keeps 8 bits. */
#include "expect.h"

int main(int argc, char **argv)
{
	int code = argc > 1 ? atoi(argv[1]) : 0;

	expect("execve", getpid(), "'binary':'%s','arguments':'%d'", argv[0], code);
	expect("exit", getpid(), "'exit_code':'%d','exit_tid':'%d'", code & 0xff, getpid());
	_exit(code);
}
