/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The leader calls exit(2), which ends only itself; a thread lives on until standard input is
 * closed. The process ends with that thread.
 */
#include <pthread.h>
#include <sys/syscall.h>

#include "expect.h"

static void *survive(void *unused)
{
	expect("execve", getpid(), "%s", "");
	expect("exit", getpid(), "'exit_tid':'%ld'", syscall(SYS_gettid));
	wait_for_eof();
	syscall(SYS_exit, 5);
	return unused;
}

int main(void)
{
	pthread_t t;

	if (pthread_create(&t, NULL, survive, NULL) != 0)
		return broken("pthread_create");
	syscall(SYS_exit, 3);
	return 0;
}
