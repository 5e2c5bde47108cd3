/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a container runtime writes on disk about a container before it starts the first process of
 * it: Docker's container folder, the containers of podman's storage, the OCI bundle of containerd
 * and CRI-O. Pure but for reading; reads nothing but what stands there by the container's id, and
 * of its image.
 */
#pragma once

#include "enrich/container_facts.h"
#include "enrich/image_list.h"

enum runtime_layout {
	LAYOUT_DOCKER,	   /* root: /var/lib/docker */
	LAYOUT_PODMAN,	   /* /var/lib/containers/storage, or a user's own */
	LAYOUT_CONTAINERD, /* /run/containerd */
	LAYOUT_CRIO,	   /* /run/containers/storage */
	_LAYOUT_MAX,
};

/*
 * Fills in what is written of the container below `root`; `images` is that root's own. 0; -ENOENT:
 * nothing; -EBADMSG, -EFBIG, ...: what is there cannot be read; -ENOMEM. Other than in the last
 * case `f` may hold a part.
 */
int runtime_files_read(enum runtime_layout layout, const char *root, struct image_list *images,
		       struct container_facts *f);

/*
 * Whether what is below `root` says all of an image, its digest among it: Docker's with images in
 * such a driver, or podman's storage.
 */
bool runtime_files_have_images(enum runtime_layout layout, const char *root, struct str driver);
