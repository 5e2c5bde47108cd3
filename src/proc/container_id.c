/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/cleanup.h"
#include "proc/container_id.h"

#define ID_LEN 64
#define UUID_LEN CONTAINER_POD_UID_MAX
#define STATIC_HASH_LEN 32 /* MD5 of the file: pkg/kubelet/config, applyDefaults() */

/*
 * Who may have named the group; conmon, which watches a container from outside, is not among them.
 */
static const char *const runtimes[] = {
	"docker", "cri-containerd", "containerd",     "nerdctl",
	"crio",	  "libpod",	    "libpod-payload", "cri-dockerd",
};

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
	if (!str_is_hex(id) || !is_prefix(name))
		return false;
	memcpy(ret, id.p, ID_LEN);
	return true;
}

/* The last name of a path. */
static struct str last_name(struct str path)
{
	const char *slash = memrchr(path.p, '/', path.n);
	const char *name = slash ? slash + 1 : path.p;

	return (struct str){ .p = name, .n = path.n - (size_t)(name - path.p) };
}

/* What stands before the last name, without the slash. */
static struct str parent_of(struct str path)
{
	size_t n = path.n - last_name(path).n;

	return (struct str){ .p = path.p, .n = n ? n - 1 : 0 };
}

/* The path of the innermost container's own group; "": it has none. */
static struct str container_path(struct str path, char ret_id[64])
{
	for (; path.n; path = parent_of(path))
		if (id_from_name(last_name(path), ret_id))
			return path;
	return STR_EMPTY;
}

bool container_id_from_cgroup(struct str path, char ret[64])
{
	return container_path(path, ret).n;
}

bool container_id_is_last(struct str path)
{
	char id[ID_LEN];

	return id_from_name(last_name(path), id);
}

/* systemd takes a dash for a level of slices: kubelet writes '_' for it. */
static bool is_uuid(const char *p, char dash)
{
	for (size_t i = 0; i < UUID_LEN; i++) {
		bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (is_dash ? p[i] != dash : !str_is_hex((struct str){ .p = p + i, .n = 1 }))
			return false;
	}
	return true;
}

static struct str without(struct str s, size_t n_before, size_t n_behind)
{
	return (struct str){ .p = s.p + n_before, .n = s.n - n_before - n_behind };
}

/* 0: it is none. The kubelet gives static pods a hash. */
static size_t uid_length(struct str name, char dash)
{
	if (name.n == STATIC_HASH_LEN && str_is_hex(name))
		return STATIC_HASH_LEN;
	return name.n == UUID_LEN && is_uuid(name.p, dash) ? UUID_LEN : 0;
}

/* "pod<uid>", or a slice whose name ends in "-pod<uid>". */
static size_t uid_from_name(struct str name, char ret[CONTAINER_POD_UID_MAX])
{
	static const struct str slice = { .p = ".slice", .n = 6 }, pod = { .p = "pod", .n = 3 };
	bool is_slice = str_ends_with(name, slice);
	const char *level = is_slice ? memrchr(name.p, '-', name.n) : NULL;
	char dash = is_slice ? '_' : '-';
	size_t n;

	if (is_slice)
		name = without(name, level ? (size_t)(level + 1 - name.p) : 0, slice.n);
	if (!str_starts_with(name, pod))
		return 0;
	name = without(name, pod.n, 0);
	n = uid_length(name, dash);
	for (size_t i = 0; i < n; i++)
		ret[i] = name.p[i] == dash ? '-' : name.p[i];
	return n;
}

size_t container_id_pod_uid(struct str path, char ret[CONTAINER_POD_UID_MAX])
{
	char id[ID_LEN];
	struct str own = container_path(path, id), name = last_name(own);
	const char *colon = name.n ? memchr(name.p, ':', name.n) : NULL;

	if (!own.n)
		return 0;
	return uid_from_name(colon ? (struct str){ .p = name.p, .n = (size_t)(colon - name.p) }
				   : last_name(parent_of(own)),
			     ret);
}
