/* SPDX-License-Identifier: Apache-2.0 */
#include "base/folder.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"

int folder_make_above(const char *path, mode_t mode)
{
	_cleanup_(freep) char *folder = strdup(path);

	if (!folder)
		return -ENOMEM;
	for (char *p = strchr(folder + 1, '/'); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		if (mkdir(folder, mode) < 0 && errno != EEXIST)
			return -errno;
		*p = '/';
	}
	return 0;
}
