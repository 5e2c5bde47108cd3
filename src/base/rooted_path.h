/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths of another root: those of the host, for a program in a container that has the host's files
 * below a folder. What a link there says is meant from that root: /var/lib/docker -> /data/docker
 * is <root>/data/docker. Pure but for the file system; it waits for nobody but that.
 */
#pragma once

/*
 * The path by which we find what is at `path` below `root` ("": our own; nothing is looked at). As
 * much of it as is there is free of links; the rest is as it was said. *ret is the caller's. 0 or
 * -ENOMEM.
 */
int rooted_path_resolve(const char *root, const char *path, char **ret);
