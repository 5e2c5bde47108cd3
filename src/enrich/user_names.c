/* SPDX-License-Identifier: Apache-2.0 */
/* Bounded: 16 MiB of file; what is beyond has no names. Runs on the reader thread. */
#include "enrich/user_names.h"

#include <errno.h>
#include <fcntl.h>

#include "base/log.h"
#include "enrich/passwd.h"

#define LOG_UNIT "user_names"

#define PASSWD_MAX (16 * 1024 * 1024)

struct user_names {
	const char *path;
	struct passwd_identity identity;
	struct passwd *passwd; /* NULL: not read yet */
};

int user_names_new(const char *path, struct user_names **ret)
{
	_cleanup_(user_names_freep) struct user_names *u = calloc(1, sizeof(*u));

	if (!u)
		return -ENOMEM;
	u->path = path;
	*ret = TAKE_PTR(u);
	return 0;
}

struct user_names *user_names_free(struct user_names *u)
{
	if (!u)
		return NULL;
	passwd_free(u->passwd);
	free(u);
	return NULL;
}

bool user_names_refresh(struct user_names *u)
{
	_cleanup_(passwd_freep) struct passwd *passwd = NULL;
	_cleanup_(closep) int fd = -1;
	struct passwd_identity now;
	struct stat st;
	int r;

	if (stat(u->path, &st) < 0)
		/* for a moment, while it is replaced: the names that are known stay */
		return false;
	now = passwd_identity_of(&st);
	if (passwd_identity_eq(&now, &u->identity))
		return false;
	u->identity = now;
	fd = open(u->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	r = fd < 0 ? -errno : passwd_read(fd, st.st_size, PASSWD_MAX, &passwd);
	if (r < 0) {
		log_warn_errno(r, "cannot read '%s', keeping the names that are known", u->path);
		return false;
	}
	passwd_free(u->passwd);
	u->passwd = TAKE_PTR(passwd);
	return true;
}

struct str user_names_lookup(const struct user_names *u, uint32_t uid)
{
	return passwd_lookup(u->passwd, uid);
}
