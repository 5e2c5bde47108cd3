/* SPDX-License-Identifier: Apache-2.0 */
#include "enrich/image_name.h"

/* A colon before a slash is a port's. */
struct str image_name_repository(struct str name)
{
	const char *at = memchr(name.p, '@', name.n), *colon, *slash;

	name.n = at ? (size_t)(at - name.p) : name.n;
	colon = memrchr(name.p, ':', name.n);
	slash = memrchr(name.p, '/', name.n);
	if (colon && (!slash || colon > slash))
		name.n = (size_t)(colon - name.p);
	return name;
}

bool image_name_take_digest(const char *repo_digest, const char *name, const char **digest)
{
	const char *at = strchr(repo_digest, '@');
	bool is_own = at && str_eq(image_name_repository(str_from(repo_digest)),
				   image_name_repository(str_from(name)));

	if (at && (is_own || !**digest))
		*digest = at + 1;
	return is_own;
}
