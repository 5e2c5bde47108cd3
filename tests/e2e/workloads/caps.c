/* SPDX-License-Identifier: Apache-2.0 */
/*
 * caps PERMITTED EFFECTIVE INHERITABLE AMBIENT TARGET: sets its capability sets (masks in hex;
 * ambient must be in permitted and inheritable) as an ordinary user and execs TARGET.
 */
#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "expect.h"

static unsigned long long mask(const char *hex)
{
	return strtoull(hex, NULL, 16);
}

int main(int argc, char **argv)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2];

	if (argc < 6)
		return 98;
	prctl(PR_SET_KEEPCAPS, 1);
	if (setgroups(0, NULL) < 0 || setresgid(3000, 3000, 3000) < 0 ||
	    setresuid(3000, 3000, 3000) < 0)
		return broken("setresuid");
	for (int i = 0; i < 2; i++) {
		data[i].permitted = mask(argv[1]) >> 32 * i;
		data[i].effective = mask(argv[2]) >> 32 * i;
		data[i].inheritable = mask(argv[3]) >> 32 * i;
	}
	if (syscall(SYS_capset, &head, data) < 0)
		return broken("capset");
	for (int i = 0; i < 64; i++)
		if (mask(argv[4]) >> i & 1 &&
		    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i, 0, 0) < 0)
			return broken("PR_CAP_AMBIENT");
	execv(argv[5], argv + 5);
	return broken("execv");
}
