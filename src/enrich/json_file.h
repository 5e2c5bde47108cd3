/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON that a container runtime wrote into a file. It is root's own, yet what it holds comes from
 * images and users: bounded, and each step of a look-up takes what is not there, or is of another
 * type, as nothing.
 */
#pragma once

#include <jansson.h>

#include "base/cleanup.h"
#include "base/str.h"

#define JSON_FILE_MAX (16 * 1024 * 1024)

static inline void json_unrefp(json_t **json)
{
	json_decref(*json);
}

/*
 * *ret is the caller's. 0, or a negative errno: -ENOENT; -EINVAL: no regular file; -EFBIG;
 * -EBADMSG: no JSON, or a part of it.
 */
int json_file_read(const char *path, json_t **ret);

/*
 * The object with this member "id" out of a file's list; *ret is the caller's. Of a long list only
 * that one is parsed, where the object begins with it. The same, and -ENOENT: there is none.
 */
int json_file_find(const char *path, struct str id, json_t **ret);

/* A text below an object, by the names on the way, ended by NULL; "" where it is not there. */
struct str json_text_at(const json_t *json, const char *const *names);
#define JSON_TEXT(json, ...) json_text_at(json, (const char *const[]){ __VA_ARGS__, NULL })
