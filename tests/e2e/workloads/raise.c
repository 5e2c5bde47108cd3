/* SPDX-License-Identifier: Apache-2.0 */
/*
 * raise SIGNAL [CORE]: ends itself by a signal; with CORE the limit of core files is lifted first.
 */
#include <signal.h>
#include <sys/resource.h>

#include "expect.h"

int main(int argc, char **argv)
{
	int sig = atoi(argv[1]);
	struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };

	getrlimit(RLIMIT_CORE, &limit);
	limit.rlim_cur = argc > 2 ? limit.rlim_max : 0;
	setrlimit(RLIMIT_CORE, &limit);
	expect("execve", getpid(), "%s", "");
	expect("exit", getpid(), "'exit_code':'%d','exit_tid':'%d'", 128 + sig, getpid());
	signal(sig, SIG_DFL); /* whoever starts the tests may ignore some */
	kill(getpid(), sig);
	pause();
	return 0;
}
