/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workload CASE: does one thing and prints the records that the agent must emit for it (see
 * expect.h). The cases are the ones in which kernels differ: structures, verifiers, hooks. Built
 * static, for guests that hold nothing else; the files lie in /tmp. Without a CASE: their names.
 *
 * workload end CODE ...  and  workload hold ...  are what the cases execute.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "../e2e/workloads/expect.h"

#define SELF "/bin/workload"
#define NOBODY 1234
#define LONG_ARGUMENT 131000
#define MANY 10000
#define MANY_LENGTH 99
#define DEEP_NAME 60
#define CROWD 32
#define CONTAINER "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const char *const hold[] = { SELF, "hold", NULL };

/* What a child does before it executes something. */
typedef void prepare_fn(void);

/* A child that runs `prepare` and executes args; returns once it has. */
static int start(const char *path, const char *const *args, prepare_fn *prepare)
{
	char *const no_env[] = { NULL };
	int ends[2], pid;
	char c;

	if (pipe2(ends, O_CLOEXEC) < 0)
		broken("pipe2");
	pid = fork();
	if (pid < 0)
		broken("fork");
	if (pid == 0) {
		if (prepare)
			prepare();
		execve(path, (char *const *)args, no_env);
		broken(path);
	}
	close(ends[1]);
	if (read(ends[0], &c, 1) != 0)
		broken("read");
	close(ends[0]);
	return pid;
}

static int wait_for(int pid, struct rusage *ret)
{
	int status;

	if (wait4(pid, &status, 0, ret) != pid || (WIFEXITED(status) && WEXITSTATUS(status) == 98))
		broken("the child");
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* clone, execve and exit of `workload end CODE`, with what the case adds to the execve. */
#define RUN_END(path, prepare, ...)                                                    \
	do {                                                                           \
		const char *const _args[] = { SELF, "end", "7", NULL };                \
		int _pid = start(path, _args, prepare);                                \
		int _code = wait_for(_pid, NULL);                                      \
		expect("clone", _pid, "'parent.pid':'%d'", getpid());                  \
		expect("execve", _pid, __VA_ARGS__);                                   \
		expect("exit", _pid, "'exit_code':'%d','exit_tid':'%d'", _code, _pid); \
	} while (0)

static void copy(const char *to, int mode)
{
	int in = open(SELF, O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
	struct stat st;

	if (in < 0 || out < 0 || fstat(in, &st) < 0 ||
	    sendfile(out, in, NULL, (size_t)st.st_size) != st.st_size ||
	    fchmod(out, (mode_t)mode) < 0)
		broken(to);
	close(in);
	close(out);
}

static void put_text(const char *path, const char *text, int flags)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | flags, 0700);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		broken(path);
	close(fd);
}

static void run_end(void)
{
	struct stat st;

	if (stat(SELF, &st) < 0)
		broken(SELF);
	RUN_END(SELF, NULL,
		"'binary':'" SELF "','arguments':'end 7','uid':'0','user':'root','cwd':'/out',"
		"'parent.binary':'" SELF "','parent.arguments':'end_of_child','exe.path':'" SELF
		"',"
		"'exe.inode':'%lu','exe.nlink':'%lu','argc':'3','loginuid':'4294967295','tty':'',"
		"'pid.container':'%d'",
		(unsigned long)st.st_ino, (unsigned long)st.st_nlink, _pid);
}

static void run_fork(void)
{
	int pid = fork();

	if (pid == 0)
		_exit(5);
	expect("clone", pid, "'binary':'" SELF "','arguments':'fork'");
	expect("exit", pid, "'exit_code':'%d'", wait_for(pid, NULL));
}

static void run_kill(void)
{
	int pid = start(SELF, hold, NULL);

	kill(pid, SIGKILL);
	expect("clone", pid, "%s", "");
	expect("execve", pid, "'arguments':'hold'");
	expect("exit", pid, "'exit_code':'%d','exit_signal':'SIGKILL'", wait_for(pid, NULL));
}

/* A folder that lies `depth` names below /tmp; its path in `to`, as much as there is room. */
static void go_down(int depth, char *to, size_t size)
{
	char name[DEEP_NAME + 1] = { 0 };
	size_t n = (size_t)snprintf(to, size, "/tmp");

	if (chdir("/tmp") < 0)
		broken("/tmp");
	for (int i = 0; i < depth; i++) {
		memset(name, 'a' + i % 26, DEEP_NAME);
		if ((mkdir(name, 0700) < 0 && errno != EEXIST) || chdir(name) < 0)
			broken(name);
		n += (size_t)snprintf(to + n, size - n, "/%s", name);
	}
}

static void run_deep(void)
{
	char path[4096];

	go_down(60, path, sizeof(path));
	RUN_END(SELF, NULL, "'cwd':'%s'", path);
}

static void run_deeper(void)
{
	char path[8192];

	go_down(100, path, sizeof(path));
	RUN_END(SELF, NULL, "'cwd.truncated':'true','cwd':'%s'", path + strlen(path) - 4096);
}

static void run_gone(void)
{
	if (mkdir("/tmp/gone", 0700) < 0 || chdir("/tmp/gone") < 0 || rmdir("/tmp/gone") < 0)
		broken("/tmp/gone");
	RUN_END(SELF, NULL, "'cwd':'/tmp/gone (deleted)'");
}

static void run_script(void)
{
	const char *const args[] = { "ignored", "4", NULL };
	int pid;

	put_text("/tmp/script", "#!" SELF " end\n", O_CREAT | O_TRUNC);
	pid = start("/tmp/script", args, NULL);
	expect("clone", pid, "%s", "");
	expect("execve", pid,
	       "'binary':'/tmp/script','arguments':'end /tmp/script 4','interpreter':'" SELF "'");
	expect("exit", pid, "'exit_code':'%d'", wait_for(pid, NULL));
}

static void exec_memfd(void)
{
	int memfd = memfd_create("proctrail-test", MFD_CLOEXEC),
	    fd = open(SELF, O_RDONLY | O_CLOEXEC);
	char *args[] = { SELF, "end", "7", NULL }, *env[] = { NULL }, path[64];
	struct stat st;

	if (memfd < 0 || fd < 0 || fstat(fd, &st) < 0 ||
	    sendfile(memfd, fd, NULL, (size_t)st.st_size) != st.st_size)
		broken("memfd");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", memfd);
	fd = open(path, O_RDONLY | O_CLOEXEC); /* what is open for writing cannot be executed */
	close(memfd);
	syscall(SYS_execveat, fd, "", args, env, AT_EMPTY_PATH);
}

static void run_memfd(void)
{
	RUN_END("", exec_memfd, "'exe.memfd':'true','exe.nlink':'0','arguments':'end 7'");
}

static void run_long(void)
{
	char *text = calloc(1, LONG_ARGUMENT + 1);
	const char *const args[] = { SELF, "end", "0", text, "last", NULL };
	int pid;

	memset(text, 'x', LONG_ARGUMENT);
	pid = start(SELF, args, NULL);
	expect("clone", pid, "%s", "");
	expect("execve", pid, "'argc':'5','arguments.bytes':'%zu'",
	       sizeof(SELF) + 4 + 2 + LONG_ARGUMENT + 1 + 5);
	expect("exit", pid, "'exit_code':'%d'", wait_for(pid, NULL));
}

/* Arguments of which each says where it stands. */
static void run_many(void)
{
	static const char *args[MANY + 4] = { SELF, "end", "0" };
	char *text = calloc(MANY, MANY_LENGTH + 1);
	int pid;

	for (int i = 0; i < MANY; i++) {
		char *at = text + (size_t)i * (MANY_LENGTH + 1);

		snprintf(at, MANY_LENGTH + 1, "%0*d", MANY_LENGTH, i);
		args[3 + i] = at;
	}
	pid = start(SELF, args, NULL);
	expect("clone", pid, "%s", "");
	expect("execve", pid, "'argc':'%d','arguments.bytes':'%zu'", 3 + MANY,
	       sizeof(SELF) + 4 + 2 + (size_t)MANY * (MANY_LENGTH + 1));
	expect("exit", pid, "'exit_code':'%d'", wait_for(pid, NULL));
}

static void wait_for_zombie_leader(void)
{
	char path[64], text[512], *state = NULL;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", getpid());
	while (!state || state[2] != 'Z') {
		fd = open(path, O_RDONLY | O_CLOEXEC);
		n = read(fd, text, sizeof(text) - 1);
		close(fd);
		text[n > 0 ? n : 0] = 0;
		state = strrchr(text, ')');
	}
}

static void *outlive_leader(void *unused)
{
	wait_for_zombie_leader();
	expect("exit", getpid(), "'exit_tid':'%ld'", syscall(SYS_gettid));
	syscall(SYS_exit, 0);
	return unused;
}

/* The process of the case itself, whose execve was there before: it ends with a thread. */
static void run_leader(void)
{
	pthread_t t;

	expect("clone", getpid(), "%s", "");
	expect("execve", getpid(), "'arguments':'leader'");
	if (pthread_create(&t, NULL, outlive_leader, NULL) != 0)
		broken("pthread_create");
	syscall(SYS_exit, 0);
}

static pthread_barrier_t all_there;

static void *leave(void *code)
{
	pthread_barrier_wait(&all_there);
	syscall(SYS_exit, (long)code);
	return NULL;
}

/* Many threads that leave at the same time, each with a code of its own, are one exit. */
static void leave_together(void)
{
	pthread_t t;

	pthread_barrier_init(&all_there, NULL, CROWD);
	for (long code = 1; code < CROWD; code++)
		if (pthread_create(&t, NULL, leave, (void *)code) != 0)
			broken("pthread_create");
	leave(NULL);
}

static void run_crowd(void)
{
	for (int i = 0; i < 10; i++) {
		int pid = fork();

		if (pid == 0)
			leave_together();
		expect("clone", pid, "%s", "");
		expect("exit", pid, "'exit_code':'%d'", wait_for(pid, NULL));
	}
}

static void *exec_by_thread(void *unused)
{
	wait_for_zombie_leader();
	execl(SELF, SELF, "end", "0", NULL);
	broken("execl");
	return unused;
}

static void run_thread(void)
{
	pthread_t t;

	expect("clone", getpid(), "%s", "");
	expect("execve", getpid(), "'arguments':'thread'");
	expect("execve", getpid(), "'arguments':'end 0','parent.arguments':'thread'");
	expect("exit", getpid(), "'exit_tid':'%d','exit_code':'0'", getpid());
	if (pthread_create(&t, NULL, exec_by_thread, NULL) != 0)
		broken("pthread_create");
	syscall(SYS_exit, 0);
}

static void become_nobody(void)
{
	if (syscall(SYS_setresgid, NOBODY, NOBODY, NOBODY) < 0 ||
	    syscall(SYS_setresuid, NOBODY, NOBODY, NOBODY) < 0)
		broken("setresuid");
}

static void run_setuid(void)
{
	RUN_END(SELF, become_nobody,
		"'uid':'%d','user':'','ruid':'%d','gid':'%d','cap.permitted':'','cap.effective':''",
		NOBODY, NOBODY, NOBODY);
}

static void run_setuid_file(void)
{
	copy("/tmp/setuid", 04755);
	RUN_END("/tmp/setuid", become_nobody,
		"'uid':'0','ruid':'%d','suid':'0','exec.setuid':'true'", NOBODY);
}

static void run_file_caps(void)
{
	const struct vfs_cap_data caps = {
		.magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE,
		.data = { { .permitted = 1 << CAP_NET_RAW }, { .permitted = 1 << (CAP_BPF - 32) } },
	};

	copy("/tmp/file_caps", 0755);
	if (setxattr("/tmp/file_caps", "security.capability", &caps, XATTR_CAPS_SZ_2, 0) < 0)
		broken("setxattr");
	RUN_END("/tmp/file_caps", become_nobody,
		"'uid':'%d','cap.permitted':'CAP_NET_RAW CAP_BPF','cap.effective':'CAP_NET_RAW CAP_BPF',"
		"'exec.file_caps':'true'",
		NOBODY);
}

/* A capability of each word, and each of the five sets another. */
static void take_caps(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	const unsigned int low = 1 << CAP_NET_RAW, high = 1 << (CAP_BPF - 32);
	struct __user_cap_data_struct data[2] = {
		{ .effective = low,
		  .permitted = low | 1 << CAP_KILL,
		  .inheritable = low | 1 << CAP_KILL },
		{ .effective = high, .permitted = high, .inheritable = high },
	};

	if (prctl(PR_CAPBSET_DROP, CAP_SYS_BOOT) < 0 || prctl(PR_SET_KEEPCAPS, 1) < 0)
		broken("prctl");
	become_nobody();
	if (syscall(SYS_capset, &head, data) < 0)
		broken("capset");
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_RAW, 0, 0) < 0 ||
	    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_BPF, 0, 0) < 0)
		broken("ambient");
}

static void run_caps(void)
{
	RUN_END(SELF, take_caps,
		"'cap.permitted':'CAP_NET_RAW CAP_BPF','cap.effective':'CAP_NET_RAW CAP_BPF',"
		"'cap.inheritable':'CAP_KILL CAP_NET_RAW CAP_BPF','cap.ambient':'CAP_NET_RAW CAP_BPF'");
}

#define CGROUP "/sys/fs/cgroup/docker/" CONTAINER

static void enter_cgroup(void)
{
	put_text(CGROUP "/cgroup.procs", "0", 0);
}

static void run_cgroup(void)
{
	struct stat st;

	mkdir("/sys/fs/cgroup/docker", 0755);
	if (mkdir(CGROUP, 0755) < 0 || stat(CGROUP, &st) < 0)
		broken(CGROUP);
	RUN_END(SELF, enter_cgroup, "'container.id':'" CONTAINER "','cgroup.id':'%lu'",
		(unsigned long)st.st_ino);
	rmdir(CGROUP);
}

static unsigned long namespace_of(int pid, const char *kind)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, kind);
	if (stat(path, &st) < 0)
		broken(path);
	return (unsigned long)st.st_ino;
}

static void run_namespaces(void)
{
	int pid;

	if (unshare(CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC |
		    CLONE_NEWCGROUP) < 0)
		broken("unshare");
	pid = start(SELF, hold, NULL);
	expect("clone", pid, "'pid.container':'1'");
	expect("execve", pid,
	       "'pid.container':'1','ns.pid':'%lu','ns.mnt':'%lu','ns.net':'%lu','ns.uts':'%lu',"
	       "'ns.ipc':'%lu','ns.cgroup':'%lu','ns.user':'%lu'",
	       namespace_of(pid, "pid"), namespace_of(pid, "mnt"), namespace_of(pid, "net"),
	       namespace_of(pid, "uts"), namespace_of(pid, "ipc"), namespace_of(pid, "cgroup"),
	       namespace_of(pid, "user"));
	kill(pid, SIGKILL);
	expect("exit", pid, "'exit_code':'%d'", wait_for(pid, NULL));
}

#define BURN_NS 150000000L
#define BURN_BYTES (32 << 20)

static void *burn(void *unused)
{
	struct timespec ts;

	if (mmap(NULL, BURN_BYTES, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0) == MAP_FAILED)
		broken("mmap");
	do {
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	} while (ts.tv_sec == 0 && ts.tv_nsec < BURN_NS);
	return unused;
}

static void *burn_last(void *unused)
{
	wait_for_zombie_leader();
	burn(NULL);
	syscall(SYS_exit, 0);
	return unused;
}

/*
 * The kernel has the usage of a thread in three places: of one that is gone, of the leader, which
 * is not reaped before its process, and of the last.
 */
static void burn_all(void)
{
	pthread_t t;

	if (pthread_create(&t, NULL, burn, NULL) != 0 || pthread_join(t, NULL) != 0)
		broken("pthread_create");
	burn(NULL);
	if (pthread_create(&t, NULL, burn_last, NULL) != 0)
		broken("pthread_create");
	syscall(SYS_exit, 0);
}

/* The child's usage as the kernel tells its parent, for whoever judges with a tolerance. */
static void run_usage(void)
{
	struct rusage usage;
	char line[256];
	int pid, n;

	pid = fork();
	if (pid == 0)
		burn_all();
	wait_for(pid, &usage);
	n = snprintf(line, sizeof(line),
		     "{\"usage_of\":\"%d\",\"cpu_us\":%ld,\"peak_bytes\":%ld}\n", pid,
		     (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
			     usage.ru_utime.tv_usec + usage.ru_stime.tv_usec,
		     usage.ru_maxrss * 1024);
	if (write(STDOUT_FILENO, line, (size_t)n) != n)
		broken("write");
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} cases[] = {
		{ "end_of_child", run_end },
		{ "fork", run_fork },
		{ "kill", run_kill },
		{ "deep", run_deep },
		{ "deeper", run_deeper },
		{ "gone", run_gone },
		{ "script", run_script },
		{ "memfd", run_memfd },
		{ "long", run_long },
		{ "many", run_many },
		{ "leader", run_leader },
		{ "crowd", run_crowd },
		{ "thread", run_thread },
		{ "setuid", run_setuid },
		{ "setuid_file", run_setuid_file },
		{ "file_caps", run_file_caps },
		{ "caps", run_caps },
		{ "cgroup", run_cgroup },
		{ "namespaces", run_namespaces },
		{ "usage", run_usage },
	};

	if (argc > 2 && strcmp(argv[1], "end") == 0)
		return (int)strtol(argv[argc > 3 && argv[2][0] == '/' ? 3 : 2], NULL, 10);
	if (argc > 1 && strcmp(argv[1], "hold") == 0)
		return pause();
	for (size_t i = 0; argc > 1 && i < sizeof(cases) / sizeof(cases[0]); i++)
		if (strcmp(cases[i].name, argv[1]) == 0) {
			cases[i].run();
			return 0;
		}
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		puts(cases[i].name);
	return 0;
}
