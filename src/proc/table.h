/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process table: every living process and its current image, and the images that have ended but
 * that a living one still needs as its parent. One writer, the reader thread; no locks.
 *
 * Life of an image: the table holds one reference while it is the current image of a living
 * process; every image that has it as its parent holds one; every event of a batch that shows it
 * holds one. At none it is freed, and lets go of its parent in turn.
 *
 * Bounds: `max_images` and `max_bytes` (strings and structures). Above either, table_trim() takes,
 * in this order: the images that ended longest ago (they lose their strings and their own parent,
 * and stay as stubs while a child holds them), then the strings of the living images that are
 * oldest, and, when there are still too many images, the oldest living processes altogether. Each
 * is counted.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/pool.h"
#include "base/slab.h"
#include "event/decode.h"
#include "event/image.h"
#include "proc/cred.h"

struct proc_limits {
	size_t max_images;     /* default 262,144 */
	size_t max_bytes;      /* default 64 MiB */
	size_t max_users;      /* default 65,536 */
	size_t max_cgroups;    /* default 16,384; the ones used longest ago go first */
	size_t max_containers; /* default 4,096; the same */
};

extern const struct proc_limits proc_limits_default;

struct proc_counters {
	uint64_t processes;	  /* living, now */
	uint64_t images;	  /* now */
	uint64_t bytes;		  /* now */
	uint64_t evicted_exited;  /* ended images turned into stubs before their children let go */
	uint64_t evicted_living;  /* living images that lost their strings, or were forgotten */
	uint64_t unknown_parent;  /* records whose parent image the table did not know */
	uint64_t unknown_process; /* exec and exit records of a process the table did not know */
	uint64_t twins;		  /* records that came a second time and were folded away */
	uint64_t malformed;	  /* records that record_check() refused */
};

/*
 * What follows is the room's own. Images are found by the process (the current one) and by their
 * full key: the index has the images that are somebody's parent and not current, and the stubs that
 * were made for parents that nobody has described yet. An image's parent is always older than
 * itself (image_key_cmp), so the links cannot form a circle, whatever the records say.
 */

#define PROCESS_LIVE 0x1 /* a fork or exec record of it was folded: its exit will be seen */
/* its current image came from such a record, not from the snapshot */
#define PROCESS_LIVE_IMAGE 0x2
#define PROCESS_TOLD 0x4  /* a pass that was finished has seen it */
#define PROCESS_DYING 0x8 /* the last pass found it on its way out */

struct process {
	struct image *image; /* the current one; a reference */
	uint32_t pass;	     /* the last snapshot pass that saw it */
	uint32_t flags;	     /* PROCESS_* */
};

struct proc_table {
	struct proc_limits limits;
	struct proc_counters counters; /* ask table_counters(): some are made when asked for */
	struct hash processes;	       /* of struct process, by pid and start */
	struct process *newest;	       /* of them; NULL: gone. Mostly it is asked for */
	struct hash images;	       /* the index: of struct image, by key */
	struct slab_spare spare;       /* of all of these */
	struct slab process_slab, image_slab, ext_slab;
	struct pool programs;
	struct cred_table creds;
	struct list living; /* current images, oldest first */
	struct list bare;   /* current images that lost their strings to the limit */
	struct list exited; /* images that ended, the one that ended longest ago first */
	size_t n_dying;	    /* processes with PROCESS_DYING */
	uint64_t stamp;	    /* the last one that was given to an image or a program */
};

void table_init(struct proc_table *t, const struct proc_limits *limits);
void table_done(struct proc_table *t); /* nobody but the table may hold a reference any more */

/* Borrowed, or NULL. */
struct process *table_lookup(const struct proc_table *t, uint32_t pid, uint64_t start_ns);
struct image *table_lookup_image(const struct proc_table *t, const struct image_key *key);
/* Only among those that are not current. */
struct image *table_lookup_other(const struct proc_table *t, const struct image_key *key);

/* Makes an image, or an indexed stub, of which the caller holds the one reference. 0 or -ENOMEM. */
int table_image_new(struct proc_table *t, const struct image_key *key, uint32_t flags,
		    struct image **ret);
int table_stub_new(struct proc_table *t, const struct image_key *key, struct image **ret);

static inline struct image *image_ref(struct image *image)
{
	image->refs++;
	return image;
}
void table_unref(struct proc_table *t, struct image *image); /* NULL is nothing */

/*
 * These replace what the image had, and give it another stamp. They take their own references.
 * Whoever changes its flags calls one of them afterwards.
 */
void table_set_parent(struct proc_table *t, struct image *image, struct image *parent);
void table_set_program(struct proc_table *t, struct image *image, struct program *program);
void table_set_owner(struct proc_table *t, struct image *image, const struct user *user,
		     const struct cgroup *cgroup);
/* One without a stamp gets one, if its user is known by now. */
void table_renew(struct proc_table *t, struct image *image);
/* 0, -ENOMEM: then it is as it was */
int table_set_cred(struct proc_table *t, struct image *image, const struct event_cred *cred);
int table_set_ext(struct proc_table *t, struct image *image, const struct event_task_ext *ext);

/* A process begins with this image; takes the caller's reference unless it fails. 0 or -ENOMEM. */
int table_add(struct proc_table *t, struct image *image, struct process **ret);
/* It goes on to its next image; takes the caller's reference. */
void table_advance(struct proc_table *t, struct process *process, struct image *image);
/* For the restoring of a state. An image that is not current has ended; the index has it. */
void table_set_exited(struct proc_table *t, struct image *image);
/* A current image had lost its strings to the limit. */
void table_set_bare(struct proc_table *t, struct image *image);
void table_set_depth(struct image *image, uint32_t depth);
void table_set_dying(struct proc_table *t, struct process *process, bool is_dying);
/* It has ended, or was never there. */
void table_remove(struct proc_table *t, struct process *process);

void table_trim(struct proc_table *t);
/* Trims to n bytes below what it takes now, but not below an eighth of its limit. */
void table_squeeze(struct proc_table *t, size_t n);
void table_counters(const struct proc_table *t, struct proc_counters *ret);

/* Order of birth, and within a process of images. */
int image_key_cmp(const struct image_key *a, const struct image_key *b);

/* With one reference; NULL when memory ran out. `ext` may be NULL. */
struct program *table_program_new(struct proc_table *t, const struct str texts[_PROGRAM_TEXT_MAX],
				  const struct event_exe_ext *ext);
void table_program_unref(struct proc_table *t, struct program *program); /* NULL is nothing */
