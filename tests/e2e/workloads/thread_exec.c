/* SPDX-License-Identifier: Apache-2.0 */
/*
 * thread_exec with|without: a thread that is not the leader execs this program again as `after`,
 * with its leader and nine other threads alive, or without its leader, which has already ended. The
 * pid stays.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sys/syscall.h>

#include "expect.h"

static char **args;

static void *idle(void *unused)
{
	pause();
	return unused;
}

static void wait_for_zombie_leader(void)
{
	char path[64], text[512], *state = NULL;
	int fd, n;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", getpid());
	while (!state || state[2] != 'Z') {
		fd = open(path, O_RDONLY);
		n = read(fd, text, sizeof(text) - 1);
		close(fd);
		text[n > 0 ? n : 0] = 0;
		state = strrchr(text, ')');
	}
}

static void *exec_again(void *unused)
{
	if (strcmp(args[1], "without") == 0)
		wait_for_zombie_leader();
	execl(args[0], args[0], "after", NULL);
	broken("execl");
	return unused;
}

int main(int argc, char **argv)
{
	pthread_t t;

	args = argv;
	expect("execve", getpid(), "'arguments':'%s'", argc > 1 ? argv[1] : "");
	if (strcmp(argv[1], "after") == 0) {
		expect("exit", getpid(), "'arguments':'after','exit_code':'0','exit_tid':'%d'",
		       getpid());
		return 0;
	}
	for (int i = 0; i < 9; i++)
		pthread_create(&t, NULL, idle, NULL);
	pthread_create(&t, NULL, exec_again, NULL);
	if (strcmp(argv[1], "without") == 0)
		syscall(SYS_exit, 0);
	pause();
	return 0;
}
