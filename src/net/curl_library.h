/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcurl, loaded when somebody first asks for it. Were it linked, its own libraries (TLS,
 * Kerberos, LDAP, SSH) would cost every running agent 5 MiB for what only other commands do, and
 * agents on a machine with a container runtime.
 */
#pragma once

#include <curl/curl.h>

struct curl_library {
	typeof(curl_global_init) *global_init;
	typeof(curl_easy_init) *easy_init;
	typeof(curl_easy_reset) *easy_reset;
	typeof(curl_easy_setopt) *easy_setopt;
	typeof(curl_easy_getinfo) *easy_getinfo;
	typeof(curl_easy_cleanup) *easy_cleanup;
	typeof(curl_multi_init) *multi_init;
	typeof(curl_multi_add_handle) *multi_add_handle;
	typeof(curl_multi_remove_handle) *multi_remove_handle;
	typeof(curl_multi_perform) *multi_perform;
	typeof(curl_multi_poll) *multi_poll;
	typeof(curl_multi_wakeup) *multi_wakeup;
	typeof(curl_multi_info_read) *multi_info_read;
	typeof(curl_multi_cleanup) *multi_cleanup;
	typeof(curl_slist_append) *slist_append;
	typeof(curl_slist_free_all) *slist_free_all;
};

/*
 * It stays for the life of the process. 0, or -ELIBACC where this machine does not have it, or an
 * old one. Any thread.
 */
int curl_library_load(const struct curl_library **ret);
