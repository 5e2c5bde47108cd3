/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcurl, loaded when somebody first asks for it. Were it linked, its own libraries (TLS,
 * Kerberos, LDAP, SSH) would cost every running agent 5 MiB for what only other commands do.
 */
#pragma once

#include <curl/curl.h>

struct curl_library {
	typeof(curl_easy_init) *easy_init;
	typeof(curl_easy_setopt) *easy_setopt;
	typeof(curl_easy_perform) *easy_perform;
	typeof(curl_easy_getinfo) *easy_getinfo;
	typeof(curl_easy_cleanup) *easy_cleanup;
};

/* It stays for the life of the process. 0, or -ELIBACC where this machine does not have it. */
int curl_library_load(const struct curl_library **ret);
