/* SPDX-License-Identifier: Apache-2.0 */
/* The library, found by its name. Main thread only. */
#include "cli/curl_library.h"

#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/cleanup.h"

static const char *const file_names[] = { "libcurl.so.4", "libcurl-gnutls.so.4" };

static const struct symbol {
	const char *name;
	size_t offset; /* of its pointer in struct curl_library */
} symbols[] = {
	{ "curl_easy_init", offsetof(struct curl_library, easy_init) },
	{ "curl_easy_setopt", offsetof(struct curl_library, easy_setopt) },
	{ "curl_easy_perform", offsetof(struct curl_library, easy_perform) },
	{ "curl_easy_getinfo", offsetof(struct curl_library, easy_getinfo) },
	{ "curl_easy_cleanup", offsetof(struct curl_library, easy_cleanup) },
};
_Static_assert(ARRAY_SIZE(symbols) * sizeof(void *) == sizeof(struct curl_library),
	       "every function has a name");

static int fill(struct curl_library *library, void *handle)
{
	for (size_t i = 0; i < ARRAY_SIZE(symbols); i++) {
		void *function = dlsym(handle, symbols[i].name);

		if (!function)
			return -ELIBACC;
		memcpy((char *)library + symbols[i].offset, &function, sizeof(function));
	}
	return 0;
}

int curl_library_load(const struct curl_library **ret)
{
	static struct curl_library library;
	void *handle = NULL;
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(file_names) && !handle; i++)
		handle = dlopen(file_names[i], RTLD_NOW | RTLD_LOCAL);
	if (!handle)
		return -ELIBACC;
	r = fill(&library, handle);
	if (r < 0) {
		dlclose(handle);
		return r;
	}
	*ret = &library;
	return 0;
}
