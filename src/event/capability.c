/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of capabilities (linux/capability.h). A machine has few different sets and root's takes 584
 * bytes:
 * each thread keeps the sets that it made last.
 */
#include "event/capability.h"

#include <stdio.h>

#include "base/cleanup.h"

#define N_KEPT 8
#define TEXT_MAX 1024 /* 584 bytes for the known ones, 7 for each bit that has no name yet */

#define NAME(text)                                             \
	{                                                      \
		.p = "CAP_" text, .n = sizeof("CAP_" text) - 1 \
	}

static const struct str names[] = {
	NAME("CHOWN"),
	NAME("DAC_OVERRIDE"),
	NAME("DAC_READ_SEARCH"),
	NAME("FOWNER"),
	NAME("FSETID"),
	NAME("KILL"),
	NAME("SETGID"),
	NAME("SETUID"),
	NAME("SETPCAP"),
	NAME("LINUX_IMMUTABLE"),
	NAME("NET_BIND_SERVICE"),
	NAME("NET_BROADCAST"),
	NAME("NET_ADMIN"),
	NAME("NET_RAW"),
	NAME("IPC_LOCK"),
	NAME("IPC_OWNER"),
	NAME("SYS_MODULE"),
	NAME("SYS_RAWIO"),
	NAME("SYS_CHROOT"),
	NAME("SYS_PTRACE"),
	NAME("SYS_PACCT"),
	NAME("SYS_ADMIN"),
	NAME("SYS_BOOT"),
	NAME("SYS_NICE"),
	NAME("SYS_RESOURCE"),
	NAME("SYS_TIME"),
	NAME("SYS_TTY_CONFIG"),
	NAME("MKNOD"),
	NAME("LEASE"),
	NAME("AUDIT_WRITE"),
	NAME("AUDIT_CONTROL"),
	NAME("SETFCAP"),
	NAME("MAC_OVERRIDE"),
	NAME("MAC_ADMIN"),
	NAME("SYSLOG"),
	NAME("WAKE_ALARM"),
	NAME("BLOCK_SUSPEND"),
	NAME("AUDIT_READ"),
	NAME("PERFMON"),
	NAME("BPF"),
	NAME("CHECKPOINT_RESTORE"),
};

struct kept {
	uint64_t set;
	size_t n;
	char text[TEXT_MAX];
};

static _Thread_local struct kept kept[N_KEPT];
static _Thread_local unsigned int next_kept;

static char *put_name(char *to, unsigned int bit)
{
	if (bit < ARRAY_SIZE(names)) {
		memcpy(to, names[bit].p, names[bit].n);
		return to + names[bit].n;
	}
	return to + snprintf(to, sizeof("CAP_64"), "CAP_%u", bit);
}

static void make(struct kept *k, uint64_t set)
{
	char *to = k->text;
	uint64_t left;

	for (left = set; left; left &= left - 1) {
		if (to > k->text)
			*to++ = ' ';
		to = put_name(to, (unsigned int)__builtin_ctzll(left));
	}
	k->set = set;
	k->n = (size_t)(to - k->text);
}

struct str capability_names(uint64_t set)
{
	struct kept *k = kept;

	if (!set)
		return STR_EMPTY;
	while (k < kept + N_KEPT && k->set != set)
		k++;
	if (k == kept + N_KEPT) {
		k = &kept[next_kept++ % N_KEPT];
		make(k, set);
	}
	return (struct str){ .p = k->text, .n = k->n };
}
