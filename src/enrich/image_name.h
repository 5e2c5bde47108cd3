/* SPDX-License-Identifier: Apache-2.0 */
/* Names of images: [REGISTRY[:PORT]/]PATH[:TAG][@DIGEST]. Pure. */
#pragma once

#include "base/str.h"

/* Without tag and digest. */
struct str image_name_repository(struct str name);

/*
 * Looks at "REPOSITORY@DIGEST", one of those that an image has: takes its digest if *digest is
 * none yet (""), or if the repository is that of `name`. true: it is, no better one can follow.
 * What is taken is borrowed.
 */
bool image_name_take_digest(const char *repo_digest, const char *name, const char **digest);
