/* SPDX-License-Identifier: Apache-2.0 */
/*
 * drop_ids UID: becomes UID after its exec, forks, execs itself. Ids and capabilities of a record
 * are those of the exec; the clone and the next image have the new ones.
 */
#include <grp.h>
#include <sys/wait.h>

#include "expect.h"

int main(int argc, char **argv)
{
	uid_t old = geteuid(), uid = atoi(argv[1]);
	pid_t child;

	if (argc > 2) {
		expect("execve", getpid(), "'uid':'%u','arguments':'%u after','cap.effective':''",
		       uid, uid);
		expect("exit", getpid(), "'uid':'%u'", uid);
		return 0;
	}
	expect("execve", getpid(), "'uid':'%u','arguments':'%u'", old, uid);
	if (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0)
		return broken("setresuid");
	child = fork();
	if (child == 0)
		_exit(0);
	waitpid(child, NULL, 0);
	expect("exit", child, "'uid':'%u','cap.effective':'','parent.uid':'%u'", uid, old);
	execl(argv[0], argv[0], argv[1], "after", NULL);
	return broken("execl");
}
