/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crowd PROCESSES [THREADS [TARGET]]: that many processes, with so many threads among them beside
 * their first ones; with TARGET and no threads each executes it, with a number as its argument.
 * Prints a line when all are there; they live until standard input is closed.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define STACK_BYTES (64 * 1024)

static void *rest(void *unused)
{
	pause();
	return unused;
}

static void add_threads(long n)
{
	pthread_attr_t attr;
	pthread_t t;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	for (long i = 0; i < n; i++)
		if (pthread_create(&t, &attr, rest, NULL))
			_exit(1);
}

/* The child says that it is complete by closing its end of the pipe. */
static void be_one(long number, long threads, char *target, int ready_fd)
{
	char name[32];
	char *args[] = { target, name, NULL };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(name, sizeof(name), "c%ld", number);
	if (target)
		execv(target, args);
	add_threads(threads);
	close(ready_fd);
	rest(NULL);
}

static int start_all(long processes, long threads, char *target, int ready_fd)
{
	for (long i = 0; i < processes; i++) {
		long share = threads / processes + (i < threads % processes);
		pid_t child = fork();

		if (child < 0)
			return -errno;
		if (child == 0)
			be_one(i, share, target, ready_fd);
	}
	return 0;
}

/* Ends the children, all in our process group, and waits until the kernel has let go of them. */
static void end_all(void)
{
	signal(SIGTERM, SIG_IGN);
	kill(0, SIGTERM);
	while (wait(NULL) > 0 || errno == EINTR)
		;
}

int main(int argc, char **argv)
{
	long processes = argc > 1 ? strtol(argv[1], NULL, 10) : 1000;
	long threads = argc > 2 ? strtol(argv[2], NULL, 10) : 0;
	int ready[2], r;
	char c;

	setpgid(0, 0);
	signal(SIGCHLD, SIG_IGN);
	if (processes < 1 || pipe2(ready, O_CLOEXEC) < 0)
		return 2;
	r = start_all(processes, threads, argc > 3 ? argv[3] : NULL, ready[1]);
	close(ready[1]);
	while (read(ready[0], &c, 1) > 0)
		;
	if (r < 0)
		fprintf(stderr, "crowd: %s\n", strerror(-r));
	printf("%s\n", r < 0 ? "failed" : "there");
	fflush(stdout);
	while (read(STDIN_FILENO, &c, 1) > 0)
		;
	end_all();
	return 0;
}
