/* SPDX-License-Identifier: Apache-2.0 */
/* Looks at the file system, keeps nothing. */
#include "flusher/canonical_path.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

/* `folder` and the last part of a path, which is not there. */
static char *join(char *folder, const char *base)
{
	char *whole = NULL;

	if (strcmp(base, "..") == 0) {
		*strrchr(folder, '/') = '\0';
		return strdup(*folder ? folder : "/");
	}
	if (!*base || strcmp(base, ".") == 0)
		return strdup(folder);
	if (asprintf(&whole, "%s/%s", strcmp(folder, "/") == 0 ? "" : folder, base) < 0)
		return NULL;
	return whole;
}

char *canonical_path(const char *path)
{
	const char *slash = strrchr(path, '/');
	_cleanup_(freep) char *known = realpath(path, NULL);
	_cleanup_(freep) char *folder = NULL, *known_folder = NULL;

	if (known)
		return TAKE_PTR(known);
	if (strcmp(path, ".") == 0 || strcmp(path, "/") == 0)
		return NULL; /* always there, unless the working directory was removed */
	folder = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
	known_folder = folder ? canonical_path(folder) : NULL;
	return known_folder ? join(known_folder, slash ? slash + 1 : path) : NULL;
}
