/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bomb SECONDS: every process makes further ones, as quickly as it can, until the time is up; then
 * all end. Bounded by whatever its control group allows, without which it does not start.
 */
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "expect.h"

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	double end = now() + (argc > 1 ? atof(argv[1]) : 1);
	pid_t first = getpid();

	if (argc < 3 || strcmp(argv[2], "--within-limit") != 0)
		return broken("say --within-limit once a limit is set");
	prctl(PR_SET_CHILD_SUBREAPER, 1); /* all orphans are the first one's to reap */
	while (now() < end) {
		pid_t child = fork();

		while (getpid() == first && waitpid(-1, NULL, WNOHANG) > 0)
			;
		if (child < 0)
			nanosleep(&pause, NULL);
		else if (child > 0 && getpid() != first)
			_exit(0); /* its child has its place */
	}
	if (getpid() == first)
		while (wait(NULL) > 0)
			;
	return 0;
}
