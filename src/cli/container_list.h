/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What container sources tell, collected: a sink for `proctrail containers`. The sources' threads
 * put in, the main thread reads.
 */
#pragma once

#include "base/buf.h"
#include "base/cleanup.h"
#include "enrich/container_source.h"

struct container_list;

struct container_list *container_list_new(void); /* NULL: out of memory */
struct container_list *container_list_free(struct container_list *list);
DEFINE_CLEANUP(struct container_list *, container_list_free)

/* For the source of this name (borrowed), which is told apart by `source`, below 32. */
struct container_sink container_list_sink(struct container_list *list, unsigned int source,
					  const char *name);

/* Whether nothing has been put in for so long. */
bool container_list_is_quiet(struct container_list *list, unsigned int ms);

/*
 * A JSON line for each container, by the time of its start and its id, with what is known of its
 * pod. On lack of memory out turns failed.
 */
void container_list_format(struct container_list *list, struct buf *out);
