/* SPDX-License-Identifier: Apache-2.0 */
/*
 * threads_exit each|group N: N threads end together, each by itself (exit) or all by the exit_group
 * of one that is not the leader. One process, one exit.
 */
#include <pthread.h>
#include <sys/syscall.h>

#include "expect.h"

static pthread_barrier_t barrier;
static int each;

static void *end(void *nth)
{
	pthread_barrier_wait(&barrier);
	if (each)
		syscall(SYS_exit, 0);
	if (nth)
		_exit(9);
	pause();
	return NULL;
}

int main(int argc, char **argv)
{
	int n = argc > 2 ? atoi(argv[2]) : 64;
	pthread_t t;

	each = strcmp(argv[1], "each") == 0;
	pthread_barrier_init(&barrier, NULL, n + 1);
	for (int i = 0; i < n; i++)
		if (pthread_create(&t, NULL, end, i == n / 2 ? "" : NULL) != 0)
			return broken("pthread_create");
	expect("execve", getpid(), "'arguments':'%s %s'", argv[1], argv[2]);
	expect("exit", getpid(), "'exit_code':'%d'", each ? 0 : 9);
	end(NULL);
	return 0;
}
