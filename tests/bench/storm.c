/* SPDX-License-Identifier: Apache-2.0 */
/*
 * storm [OPTION]... TARGET: processes, as fast as they come or at a rate. Each exec has a marker of
 * its own as its last argument, "m" and a number.
 *
 *   -n N  how many in all (default 10000)   -w N  workers (1)      -r N  in a second, all workers
 *   -f N  number of the first marker (1)
 *   -k KIND  exec, fork, thread, or call, a system call that concerns no process (exec)
 *   -a N  further arguments (0)             -l N  bytes of each (80)
 *   -u N  as this user (65534)              -g DIR,N  into DIR/0 to DIR/N-1, in turn
 *
 * Prints how long it took, and what it and its children used of the CPUs, in ns.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <linux/sched.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"

#define ARGS_MAX 1024
#define SECOND_NS 1000000000ULL

enum kind { KIND_EXEC, KIND_FORK, KIND_THREAD, KIND_CALL };

struct storm {
	enum kind kind;
	uint64_t n, first, workers, rate, n_args, arg_bytes, user, n_groups;
	char *groups;  /* a folder of control groups; NULL: none */
	int *group_fd; /* of each */
	char marker[32];
	char *args[ARGS_MAX + 3];
};

static uint64_t now_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * SECOND_NS + (uint64_t)ts.tv_nsec;
}

static void sleep_until(uint64_t ns)
{
	struct timespec ts = { .tv_sec = (time_t)(ns / SECOND_NS),
			       .tv_nsec = (long)(ns % SECOND_NS) };

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
}

static void *leave(void *unused)
{
	return unused;
}

static int one_thread(void)
{
	pthread_t t;
	int r = pthread_create(&t, NULL, leave, NULL);

	return r ? -r : -pthread_join(t, NULL);
}

/* A child in a control group; it does not share our memory, as one by vfork(2) would. */
static pid_t fork_into(int group_fd)
{
	struct clone_args how = { .flags = CLONE_INTO_CGROUP,
				  .exit_signal = SIGCHLD,
				  .cgroup = (uint64_t)group_fd };

	return (pid_t)syscall(SYS_clone3, &how, sizeof(how));
}

static int one_process(struct storm *s, uint64_t number)
{
	pid_t child;
	int status;

	if (s->group_fd)
		child = fork_into(s->group_fd[number % s->n_groups]);
	else
		child = s->kind == KIND_FORK ? fork() : vfork();
	if (child == 0) {
		if (s->kind == KIND_EXEC)
			execv(s->args[0], s->args);
		_exit(s->kind == KIND_EXEC ? 97 : 0);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		return -errno;
	return status ? -ENOEXEC : 0;
}

static int one(struct storm *s, uint64_t number)
{
	switch (s->kind) {
	case KIND_EXEC:
		snprintf(s->marker, sizeof(s->marker), "m%" PRIu64, s->first + number);
		return one_process(s, number);
	case KIND_FORK:
		return one_process(s, number);
	case KIND_THREAD:
		return one_thread();
	case KIND_CALL:
		syscall(SYS_getppid);
		return 0;
	}
	return -EINVAL;
}

static int work(struct storm *s, uint64_t worker)
{
	uint64_t begin = now_ns(CLOCK_MONOTONIC);
	uint64_t step = s->rate ? SECOND_NS * s->workers / s->rate : 0;

	for (uint64_t i = worker, k = 0; i < s->n; i += s->workers, k++) {
		int r;

		if (step)
			sleep_until(begin + k * step);
		r = one(s, i);
		if (r < 0)
			return r;
	}
	return 0;
}

static int start_worker(struct storm *s, uint64_t worker)
{
	pid_t child = fork();
	int r;

	if (child != 0)
		return child < 0 ? -errno : 0;
	r = work(s, worker);
	if (r < 0)
		fprintf(stderr, "storm: %s\n", strerror(-r));
	_exit(r < 0);
}

static int join_workers(uint64_t n)
{
	int status, r = 0;

	for (uint64_t i = 0; i < n; i++)
		if (wait(&status) < 0 || status != 0)
			r = -ECHILD;
	return r;
}

static uint64_t used_ns(int who)
{
	struct rusage u;

	getrusage(who, &u);
	return ((uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 +
		(uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec)) *
	       1000;
}

static int run(struct storm *s)
{
	uint64_t begin = now_ns(CLOCK_MONOTONIC);
	int r = 0;

	for (uint64_t i = 0; i < s->workers && r == 0; i++)
		r = start_worker(s, i);
	if (r == 0)
		r = join_workers(s->workers);
	printf("{\"wall_ns\":%" PRIu64 ",\"cpu_ns\":%" PRIu64 "}\n",
	       now_ns(CLOCK_MONOTONIC) - begin, used_ns(RUSAGE_CHILDREN) + used_ns(RUSAGE_SELF));
	return r;
}

static int open_groups(struct storm *s)
{
	char path[4096];

	if (!s->groups)
		return 0;
	s->group_fd = calloc(s->n_groups, sizeof(int));
	if (!s->group_fd)
		return -ENOMEM;
	for (uint64_t i = 0; i < s->n_groups; i++) {
		snprintf(path, sizeof(path), "%s/%" PRIu64, s->groups, i);
		s->group_fd[i] = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (s->group_fd[i] < 0)
			return -errno;
	}
	return 0;
}

static int become(uint64_t user)
{
	if (user == 0)
		return 0;
	if (setgroups(0, NULL) < 0 || setgid((gid_t)user) < 0 || setuid((uid_t)user) < 0)
		return -errno;
	return 0;
}

static int make_args(struct storm *s, char *target)
{
	char *text;
	size_t n = 0;

	if (s->n_args > ARGS_MAX)
		return -E2BIG;
	text = malloc(s->arg_bytes + 1);
	if (!text)
		return -ENOMEM;
	memset(text, 'x', s->arg_bytes);
	text[s->arg_bytes] = '\0';
	s->args[n++] = target;
	while (n <= s->n_args)
		s->args[n++] = text;
	s->args[n] = s->marker;
	return 0;
}

static int kind_from_string(const char *name, enum kind *ret)
{
	static const char *const names[] = { "exec", "fork", "thread", "call" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcmp(name, names[i]) == 0) {
			*ret = (enum kind)i;
			return 0;
		}
	}
	return -EINVAL;
}

/* DIR,N */
static int parse_groups(struct storm *s, char *text)
{
	char *comma = strrchr(text, ',');

	if (!comma)
		return -EINVAL;
	*comma = '\0';
	s->groups = text;
	s->n_groups = strtoull(comma + 1, NULL, 10);
	return s->n_groups ? 0 : -EINVAL;
}

static int parse(struct storm *s, int argc, char **argv)
{
	uint64_t *numbers[128] = {
		['n'] = &s->n,	    ['f'] = &s->first, ['w'] = &s->workers,  ['r'] = &s->rate,
		['a'] = &s->n_args, ['u'] = &s->user,  ['l'] = &s->arg_bytes
	};
	int c, r = 0;

	while (r == 0 && (c = getopt(argc, argv, "n:f:w:r:a:l:u:k:g:")) >= 0) {
		if (c == 'k')
			r = kind_from_string(optarg, &s->kind);
		else if (c == 'g')
			r = parse_groups(s, optarg);
		else if (c > 0 && c < 128 && numbers[c])
			*numbers[c] = strtoull(optarg, NULL, 10);
		else
			r = -EINVAL;
	}
	if (r < 0 || optind + 1 != argc || s->workers == 0)
		return -EINVAL;
	return make_args(s, argv[optind]);
}

int main(int argc, char **argv)
{
	struct storm s = { .n = 10000, .first = 1, .workers = 1, .arg_bytes = 80, .user = 65534 };
	int r = parse(&s, argc, argv);

	if (r == 0)
		r = open_groups(&s);
	if (r == 0)
		r = become(s.user);
	if (r == 0)
		r = run(&s);
	if (r < 0)
		fprintf(stderr, "storm: %s\n", strerror(-r));
	return r < 0;
}
