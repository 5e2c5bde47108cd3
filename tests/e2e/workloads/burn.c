/* SPDX-License-Identifier: Apache-2.0 */
/*
 * burn MILLISECONDS MEBIBYTES [THREADS]: uses that much CPU time in each thread, and memory, then
 * leaves.
 */
#include <pthread.h>
#include <sys/syscall.h>
#include <time.h>

#include "expect.h"

static long ms;

static void *burn(void *unused)
{
	struct timespec now;

	do {
		for (int i = 0; i < 1000; i++)
			syscall(SYS_getppid);
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	} while (now.tv_sec * 1000 + now.tv_nsec / 1000000 < ms);
	return unused;
}

int main(int argc, char **argv)
{
	size_t bytes = (argc > 2 ? atol(argv[2]) : 0) << 20;
	int n = argc > 3 ? atoi(argv[3]) : 0;
	pthread_t t;
	char *memory;

	ms = atol(argv[1]);
	memory = malloc(bytes + 1);
	memset(memory, 1, bytes + 1);
	for (int i = 0; i < n; i++) {
		pthread_create(&t, NULL, burn, NULL);
		pthread_join(t, NULL);
	}
	burn(NULL);
	expect("execve", getpid(), "%s", "");
	expect("exit", getpid(), "'exit_code':'%d'", memory[bytes] - 1);
	return memory[bytes] - 1;
}
