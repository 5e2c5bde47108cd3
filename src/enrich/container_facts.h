/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of one container, from wherever it is known: the files of its runtime, the
 * runtime's API, Kubernetes. Each source fills in what it knows; merging never takes away. Plain
 * data with one owner; no thread of its own.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "event/container.h"

#define CONTAINER_TEXT_BYTES 4096   /* a longer text is cut */
#define CONTAINER_LABEL_BYTES 16384 /* the same, of labels and annotations */

struct container_facts {
	char id[CONTAINER_ID_LEN];	  /* hex digits, no NUL */
	uint32_t bits;			  /* CONTAINER_* */
	int64_t started_ns;		  /* since the epoch; 0: unknown */
	char *texts[_CONTAINER_TEXT_MAX]; /* owned; NULL: unknown */
	char *rootfs; /* where its root file system lies on the host; owned; NULL: unknown */
};

void container_facts_init(struct container_facts *f, const char id[CONTAINER_ID_LEN]);
void container_facts_done(struct container_facts *f);

/*
 * Sets a text, cut to its limit; "" and NULL are nothing. One that is there is replaced. 0 or
 * -ENOMEM.
 */
int container_facts_set(struct container_facts *f, enum container_text which, struct str text);

int container_facts_set_rootfs(struct container_facts *f, const char *path);

/*
 * Takes what `from` knows and `to` does not: texts that are missing, bits, the start. 0 or -ENOMEM;
 * *ret_changed says whether there was anything.
 */
int container_facts_merge(struct container_facts *to, const struct container_facts *from,
			  bool *ret_changed);
/* The same, but what both know is taken from `from`: it is newer. */
int container_facts_update(struct container_facts *to, const struct container_facts *from,
			   bool *ret_changed);
int container_facts_dup(const struct container_facts *f, struct container_facts *ret);

/* The tag and the digest of an image's name are set from it, where it has them. 0 or -ENOMEM. */
int container_facts_set_image_name(struct container_facts *f, struct str name);
/* `id` with or without "sha256:"; what is no 64 hex digits is ignored. 0 or -ENOMEM. */
int container_facts_set_image_id(struct container_facts *f, struct str id);
/* The same, of the image's digest in its repository. */
int container_facts_set_image_digest(struct container_facts *f, struct str digest);
