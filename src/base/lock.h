/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exclusive locks on folders (flock(2)): they end with the process that holds them, however that
 * ends, and leave no file behind.
 */
#pragma once

#include <sys/types.h>

/*
 * Locks the folder; the lock is held until *ret_fd is closed. 0 or a negative errno: -EBUSY:
 * somebody else has it; -ENOENT: it is not there, or was removed while we waited for nobody.
 */
int lock_folder(const char *path, int *ret_fd);

/*
 * The process that holds the lock on a folder, by /proc/locks. 0 or a negative errno: -ENOENT:
 * nobody, or somebody whom this pid namespace does not see.
 */
int lock_holder(const char *path, pid_t *ret_pid);

/* The same as text for messages: "process 123 (name)", or "another process". Returns `to`. */
const char *lock_describe_holder(const char *path, char *to, size_t size);
/* The same as a sentence: who has an instance's folder, and what to do about it. Returns `to`. */
const char *lock_describe_conflict(const char *path, char *to, size_t size);
