/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/cleanup.h"
#include "proc/container_id.h"

#define ID_LEN 64

/*
 * Who may have named the group; conmon, which watches a container from outside, is not among them.
 */
static const char *const runtimes[] = {
	"docker", "cri-containerd", "containerd",     "nerdctl",
	"crio",	  "libpod",	    "libpod-payload", "cri-dockerd",
};

static bool is_hex(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!(s.p[i] >= '0' && s.p[i] <= '9') && !(s.p[i] >= 'a' && s.p[i] <= 'f'))
			return false;
	return true;
}

/* What stands before the id: nothing, "<runtime>-", or "<slice>:<runtime>:". */
static bool is_prefix(struct str s)
{
	const char *colon;

	if (!s.n)
		return true;
	s.n--;
	colon = memrchr(s.p, ':', s.n);
	if ((s.p[s.n] == ':') != !!colon || (!colon && s.p[s.n] != '-'))
		return false;
	if (colon)
		s = (struct str){ .p = colon + 1, .n = s.n - (size_t)(colon + 1 - s.p) };
	for (size_t i = 0; i < ARRAY_SIZE(runtimes); i++)
		if (str_eq(s, str_from(runtimes[i])))
			return true;
	return false;
}

/* One name of the path. */
static bool id_from_name(struct str name, char ret[64])
{
	static const struct str scope = { .p = ".scope", .n = 6 };
	struct str id;

	if (str_ends_with(name, scope))
		name.n -= scope.n;
	if (name.n < ID_LEN)
		return false;
	id = (struct str){ .p = name.p + name.n - ID_LEN, .n = ID_LEN };
	name.n -= ID_LEN;
	if (!is_hex(id) || !is_prefix(name))
		return false;
	memcpy(ret, id.p, ID_LEN);
	return true;
}

bool container_id_from_cgroup(struct str path, char ret[64])
{
	while (path.n) {
		const char *slash = memrchr(path.p, '/', path.n);
		const char *name = slash ? slash + 1 : path.p;

		if (id_from_name((struct str){ .p = name, .n = path.n - (size_t)(name - path.p) },
				 ret))
			return true;
		path.n = slash ? (size_t)(slash - path.p) : 0;
	}
	return false;
}

bool container_id_is_last(struct str path)
{
	const char *slash = memrchr(path.p, '/', path.n);
	const char *name = slash ? slash + 1 : path.p;
	char id[ID_LEN];

	return id_from_name((struct str){ .p = name, .n = path.n - (size_t)(name - path.p) }, id);
}
