/* SPDX-License-Identifier: Apache-2.0 */
/*
 * in_root FOLDER UID PROGRAM [ARGUMENT...]: as a container runtime does, with FOLDER as the root.
 */
#include <err.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	uid_t uid;

	if (argc < 4)
		errx(98, "wrong arguments");
	uid = (uid_t)strtoul(argv[2], NULL, 10);
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		err(98, "a mount namespace");
	if (mount(argv[1], argv[1], NULL, MS_BIND | MS_REC, NULL) < 0 || chdir(argv[1]) < 0)
		err(98, "%s", argv[1]);
	if (syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0)
		err(98, "pivot_root");
	if (setresuid(uid, uid, uid) < 0)
		err(98, "user %u", uid);
	execv(argv[3], argv + 3);
	err(98, "%s", argv[3]);
}
