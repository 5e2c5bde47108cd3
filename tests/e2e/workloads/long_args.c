/* SPDX-License-Identifier: Apache-2.0 */
/*
 * long_args TARGET BYTES N: N times a child that execs TARGET with so many bytes of arguments, in
 * pieces of 100,000, which is below what the kernel takes of one.
 */
#include <sys/resource.h>
#include <sys/wait.h>

#include "expect.h"

#define PIECE 100000L
#define PIECES_MAX 64

static void fill(char *target, long bytes, char **args)
{
	size_t n = 0;

	args[n++] = target;
	for (; bytes > 0 && n < PIECES_MAX; bytes -= PIECE) {
		long len = bytes < PIECE ? bytes : PIECE;
		char *piece = malloc(len + 1);

		if (!piece)
			exit(broken("malloc"));
		memset(piece, 'a' + (int)(n % 26), len);
		piece[len] = '\0';
		args[n++] = piece;
	}
	args[n] = NULL;
}

int main(int argc, char **argv)
{
	struct rlimit stack = { 64 << 20, 64 << 20 }; /* a quarter of it may be arguments */
	char *args[PIECES_MAX + 2], *env[] = { NULL };
	pid_t child;
	int status;

	if (argc < 4)
		return 98;
	fill(argv[1], atol(argv[2]), args);
	setrlimit(RLIMIT_STACK, &stack);
	for (long i = atol(argv[3]); i > 0; i--) {
		child = vfork();
		if (child == 0) {
			execve(argv[1], args, env);
			_exit(97);
		}
		if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
			return broken("execve");
	}
	expect("exit", getpid(), "'exit_code':'0'");
	return 0;
}
