/* SPDX-License-Identifier: Apache-2.0 */
#include "enrich/user_lookup.h"

#include <errno.h>

#define ANCESTORS_MAX 8

/*
 * The root of a process, or of the nearest ancestor that is in its namespace and not in a chroot.
 */
static int root_near(const struct other_root_host *host, uint32_t pid, uint32_t mnt_ns,
		     uint32_t *ret_pid)
{
	int first = -ESRCH;

	for (int i = 0; i < ANCESTORS_MAX && pid; i++) {
		uint32_t parent;
		int fd = other_root_of_process(host, pid, mnt_ns, &parent);

		if (i == 0)
			first = fd;
		if (fd >= 0) {
			*ret_pid = pid;
			return fd;
		}
		if (fd != -EAGAIN)
			break;
		pid = parent;
	}
	return first;
}

static enum user_lookup_result look_below(int root, struct user_lookup *ret)
{
	int fd = other_root_open_passwd(root, &ret->identity);

	ret->fd = fd;
	return fd < 0 ? USER_LOOKUP_NONE : USER_LOOKUP_FOUND;
}

enum user_lookup_result user_lookup_folder(const struct other_root_host *host, const char *folder,
					   struct user_lookup *ret)
{
	_cleanup_(closep) int root = folder ? other_root_of_folder(host, folder) : -ENOENT;

	if (root < 0)
		return USER_LOOKUP_GONE;
	ret->pid = 0;
	/* What is no longer mounted there leaves an empty folder: that says nothing. */
	return look_below(root, ret) == USER_LOOKUP_FOUND ? USER_LOOKUP_FOUND : USER_LOOKUP_GONE;
}

bool user_lookup_is_early(const struct other_root_host *host, const struct user_question *q)
{
	bool is_early = false;

	for (uint32_t i = 0; i < q->n_pids; i++) {
		int r = other_root_peek(host, q->pids[i], q->mnt_ns);

		if (r == 0)
			return false;
		is_early |= r == -EAGAIN;
	}
	return is_early;
}

enum user_lookup_result user_lookup(const struct other_root_host *host,
				    const struct user_question *q, const char *folder,
				    struct user_lookup *ret)
{
	bool is_early = false;

	for (uint32_t i = 0; i < q->n_pids; i++) {
		_cleanup_(closep) int root = root_near(host, q->pids[i], q->mnt_ns, &ret->pid);

		if (root >= 0)
			return look_below(root, ret);
		is_early |= root == -EAGAIN;
	}
	return is_early ? USER_LOOKUP_LATER : user_lookup_folder(host, folder, ret);
}
