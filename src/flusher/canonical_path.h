/* SPDX-License-Identifier: Apache-2.0 */
/* realpath(3) for a file that may not be there yet. */
#pragma once

/*
 * An absolute path without links, ".", ".." and double slashes, though the end of it may not be
 * there yet; NULL when memory has run out. Owned by the caller.
 */
char *canonical_path(const char *path);
