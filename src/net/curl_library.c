/* SPDX-License-Identifier: Apache-2.0 */
/* The library, found by its name, once for all threads. */
#include "net/curl_library.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>

#include "base/cleanup.h"

static const char *const file_names[] = { "libcurl.so.4", "libcurl-gnutls.so.4" };

#define SYMBOL(member)                                                 \
	{                                                              \
		"curl_" #member, offsetof(struct curl_library, member) \
	}
static const struct symbol {
	const char *name;
	size_t offset; /* of its pointer in struct curl_library */
} symbols[] = {
	SYMBOL(global_init),	 SYMBOL(easy_init),	   SYMBOL(easy_reset),
	SYMBOL(easy_setopt),	 SYMBOL(easy_getinfo),	   SYMBOL(easy_cleanup),
	SYMBOL(multi_init),	 SYMBOL(multi_add_handle), SYMBOL(multi_remove_handle),
	SYMBOL(multi_perform),	 SYMBOL(multi_poll),	   SYMBOL(multi_wakeup),
	SYMBOL(multi_info_read), SYMBOL(multi_cleanup),	   SYMBOL(slist_append),
	SYMBOL(slist_free_all),
};
_Static_assert(ARRAY_SIZE(symbols) * sizeof(void *) == sizeof(struct curl_library),
	       "every function has a name");

static struct curl_library library;
static int loaded = -ELIBACC;

static int fill(void *handle)
{
	for (size_t i = 0; i < ARRAY_SIZE(symbols); i++) {
		void *function = dlsym(handle, symbols[i].name);

		if (!function)
			return -ELIBACC;
		memcpy((char *)&library + symbols[i].offset, &function, sizeof(function));
	}
	return library.global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? 0 : -ELIBACC;
}

static void load(void)
{
	void *handle = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(file_names) && !handle; i++)
		handle = dlopen(file_names[i], RTLD_NOW | RTLD_LOCAL);
	if (!handle)
		return;
	loaded = fill(handle);
	if (loaded < 0)
		dlclose(handle);
}

int curl_library_load(const struct curl_library **ret)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, load);
	if (loaded < 0)
		return loaded;
	*ret = &library;
	return 0;
}
