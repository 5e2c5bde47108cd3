/* SPDX-License-Identifier: Apache-2.0 */
/*
 * masses PROCESSES THREADS: that many children, each with that many further threads, which all live
 * until standard input is closed. Says a line when all are there.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "expect.h"

static void *sleep_on(void *unused)
{
	(void)unused;
	while (1)
		pause();
	return NULL;
}

static void live(int n_threads, int ready)
{
	pthread_attr_t attr;
	pthread_t thread;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 16384);
	for (int i = 0; i < n_threads; i++)
		if (pthread_create(&thread, &attr, sleep_on, NULL) != 0)
			_exit(broken("pthread_create"));
	if (write(ready, "x", 1) != 1)
		_exit(98);
	sleep_on(NULL);
}

int main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 10, n_threads = argc > 2 ? atoi(argv[2]) : 0;
	pid_t *children = calloc(n, sizeof(*children));
	int ready[2];
	char c;

	if (!children || pipe(ready) != 0)
		return broken("pipe");
	for (int i = 0; i < n; i++) {
		children[i] = fork();
		if (children[i] < 0)
			return broken("fork");
		if (children[i] == 0)
			live(n_threads, ready[1]);
	}
	for (int i = 0; i < n; i++)
		if (read(ready[0], &c, 1) != 1)
			return broken("read");
	expect("execve", getpid(), "%s", "");
	wait_for_eof();
	for (int i = 0; i < n; i++)
		kill(children[i], SIGKILL);
	while (wait(NULL) > 0)
		;
	return 0;
}
