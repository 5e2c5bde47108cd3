/* SPDX-License-Identifier: Apache-2.0 */
/*
 * failed_execs DIRECTORY: every way in which an exec fails, in one process; none of them is an
 * event.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "expect.h"

static void file(const char *name, const char *text, int mode)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);

	if (fd < 0 || write(fd, text, strlen(text)) < 0 || fchmod(fd, mode) < 0)
		broken(name);
	close(fd);
}

static void try(const char *path, char **args, int want)
{
	char *env[] = { NULL };

	if (execve(path, args, env) == 0 || errno != want) {
		fprintf(stderr, "%s: %m instead of %s\n", path, strerror(want));
		exit(98);
	}
}

static void deny_exec(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_execve, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		broken("seccomp");
}

int main(int argc, char **argv)
{
	char *args[] = { "never", "seen", NULL }, *huge[] = { "never", NULL, NULL };
	int busy;

	if (argc < 2 || chdir(argv[1]) < 0)
		return broken("chdir");
	huge[1] = malloc(256 * 1024);
	memset(huge[1], 'a', 256 * 1024 - 1);
	huge[1][256 * 1024 - 1] = 0;
	file("plain", "data", 0600);
	file("nonsense", "\x01\x02\x03\x04", 0700);
	file("bad-shebang", "#!/no/such/interpreter\n", 0700);
	file("busy", "data", 0700);
	busy = open("busy", O_RDWR | O_CLOEXEC);
	expect("execve", getpid(), "'arguments':'%s'", argv[1]);
	try("missing", args, ENOENT);
	try("plain", args, EACCES);
	try(".", args, EACCES);
	try("nonsense", args, ENOEXEC);
	try("bad-shebang", args, ENOENT);
	try("/proc/self/exe", huge, E2BIG);
	try("busy", args, ETXTBSY);
	deny_exec();
	try("/proc/self/exe", args, EPERM);
	close(busy);
	expect("exit", getpid(), "'exit_code':'0'");
	return 0;
}
