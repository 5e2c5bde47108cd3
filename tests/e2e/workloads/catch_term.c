/* SPDX-License-Identifier: Apache-2.0 */
/* Catches SIGTERM and leaves in its own way: the exit has a code and no signal. */
#include <signal.h>

#include "expect.h"

static void on_term(int sig)
{
	(void)sig;
	_exit(3);
}

int main(void)
{
	signal(SIGTERM, on_term);
	expect("execve", getpid(), "%s", "");
	expect("exit", getpid(), "'exit_code':'3'");
	kill(getpid(), SIGTERM);
	return 0;
}
