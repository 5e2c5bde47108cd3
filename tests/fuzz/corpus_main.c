/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a fuzz target once for each file of the folder that is the argument, each in a child of its
 * own so that one crash hides nothing, and reports in TAP. No libFuzzer needed: the saved inputs
 * are regression tests on every compiler.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Never returns. The copy is of the exact size, so that a sanitizer sees an overrun by one byte. */
static void run_in_child(const char *path)
{
	_cleanup_(fclosep) FILE *f = fopen(path, "re");
	uint8_t *data = NULL;
	long size;

	if (!f || fseek(f, 0, SEEK_END) < 0 || (size = ftell(f)) < 0)
		_exit(2);
	rewind(f);
	data = malloc(size ? size : 1);
	if (!data || fread(data, 1, size, f) != (size_t)size)
		_exit(2);
	LLVMFuzzerTestOneInput(data, size);
	freep(&data);
	exit(0); /* not _exit: LeakSanitizer reports at exit */
}

/* The child's wait status, or a negative errno. */
static int run(const char *dir, const char *name)
{
	_cleanup_(freep) char *path = NULL;
	int status;
	pid_t pid;

	if (asprintf(&path, "%s/%s", dir, name) < 0)
		return -ENOMEM;
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		run_in_child(path);
	if (waitpid(pid, &status, 0) < 0)
		return -errno;
	return status;
}

static int is_visible(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

int main(int argc, char **argv)
{
	struct dirent **names;
	int n, n_failed = 0;

	if (argc != 2)
		return 2;
	n = scandir(argv[1], &names, is_visible, alphasort);
	if (n <= 0) {
		printf("not ok 1 - %s: no inputs there\n", argv[1]);
		return 1;
	}

	printf("1..%d\n", n);
	for (int i = 0; i < n; i++) {
		int r = run(argv[1], names[i]->d_name);

		if (r != 0)
			n_failed++;
		printf("%sok %d - %s\n", r == 0 ? "" : "not ", i + 1, names[i]->d_name);
		freep(&names[i]);
	}
	freep(&names);
	return n_failed ? 1 : 0;
}
