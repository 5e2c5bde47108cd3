/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of a process's images. An image is one program in the life of one process: a fork
 * makes one (a copy of its forker's program), each exec makes the next. proc/ owns and fills these;
 * everybody else reads them, for as long as the batch lives that handed them out.
 *
 * Every image and program has a stamp, which no other has or had, and an image gets another one
 * with each change: what was made of it holds as long as the stamp is the same. 0: nothing may be
 * kept.
 *
 *   image ──► program   binary, argv, cwd: shared by an image and the clones of it
 *     │   └─► cred, user, cgroup: shared by all images with the same
 *     │              └──────────► container: what it is called, as far as that is known by now
 *     └─────► parent    the image that forked this one, or the previous image of the same process
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "abi/event.h"
#include "base/list.h"
#include "base/str.h"
#include "event/container.h"

/* Bytes of base64("node:ktime:pid"), at most: node 64, ktime 20, pid 10, two colons. */
#define EXEC_ID_MAX 136

struct image_key {
	uint64_t start_ns;   /* of the process, boot time */
	uint64_t exec_count; /* task_struct.self_exec_id */
	uint32_t pid;	     /* tgid in the initial pid namespace */
};

enum user_state {
	USER_KNOWN,
	USER_AWAITED, /* its name will be filled in, and events wait for it */
	USER_OVERDUE, /* the same, but they wait no longer */
};

/*
 * Immutable once its name is known, but for refs: a changed name makes another one. An image that
 * shows one of which it is not has no stamp.
 */
struct user {
	uint32_t refs;
	uint32_t uid;	 /* as the user namespace has it, where mnt_ns is not 0 */
	uint32_t mnt_ns; /* of a container, whose files name it; 0: the host's do */
	enum user_state state;
	struct str name; /* "" where the id has none */
};

struct cgroup {
	uint32_t refs;
	uint32_t hierarchy;
	uint64_t id;
	const struct container *container; /* NULL: in none; counted */
};

#define PROGRAM_ARGS_CUT 0x1 /* PROGRAM_ARGS is shorter than argv was */
#define PROGRAM_CWD_CUT 0x2
#define PROGRAM_EXE_DELETED 0x4
#define PROGRAM_EXE_MEMFD 0x8
#define PROGRAM_HAS_EXE_EXT 0x10 /* program_exe_ext() is not NULL */
#define PROGRAM_HAS_EXE 0x20	 /* PROGRAM_EXE is known */

enum program_text {
	PROGRAM_BINARY, /* as the spec's `binary` */
	PROGRAM_CWD,	/* as the spec's `cwd` */
	PROGRAM_ARGS,	/* argv from argv[0] on, each with its NUL but perhaps the last */
	PROGRAM_INTERPRETER,
	PROGRAM_EXE, /* the resolved executable; see PROGRAM_HAS_EXE */
	PROGRAM_ENV, /* the variables that somebody asks for: NAME=value, each with its NUL */
	_PROGRAM_TEXT_MAX,
};

/*
 * Immutable once made. Behind the structure lie a struct event_exe_ext, if PROGRAM_HAS_EXE_EXT, and
 * the texts, one after the other.
 */
struct program {
	uint64_t stamp;
	uint32_t refs;
	uint32_t flags;			  /* PROGRAM_* */
	uint32_t argc;			  /* 0: unknown */
	uint32_t args_total;		  /* bytes of argv at exec, NULs included */
	uint32_t ends[_PROGRAM_TEXT_MAX]; /* of the texts: each begins where the one before ends */
};

#define IMAGE_EXITED 0x1  /* its process has ended, or went on to another image */
#define IMAGE_KTHREAD 0x2 /* a kernel thread, or a helper that has not exec'ed: emits no records */
#define IMAGE_STUB 0x4	  /* only the identity is known */
#define IMAGE_NEVER_EXEC 0x8 /* a clone: program is its forker's */
#define IMAGE_INDEXED 0x10   /* proc/table's: findable though it is not current */
#define IMAGE_WRITTEN 0x20   /* proc/state's, while it writes */
#define IMAGE_ENTRY 0x40     /* of the process that its container began with */
#define IMAGE_ENTERED 0x80   /* came into its container from outside, later; or descends from it */
#define IMAGE_INSIDE 0x100   /* in its container's own mount namespace, not only in its group */

/* Immutable for readers, but for flags. */
struct image {
	struct image_key key;
	uint32_t refs;
	uint16_t flags; /* IMAGE_* */
	uint16_t depth; /* proc/table's: a bound for the images above this one */
	uint64_t stamp;
	const struct event_cred *cred; /* never NULL */
	const struct user *user;       /* NULL: unknown */
	const struct cgroup *cgroup;   /* NULL: unknown */
	struct program *program;       /* NULL: unknown */
	struct image *parent;	       /* NULL: none or unknown */
	struct event_task_ext *ext;    /* NULL: not collected */
	struct list lru;	       /* proc/table's */
	uint32_t n_children;	       /* proc/table's: images that have it as their parent */
	uint32_t mnt_ns;	       /* as struct event_cgroup has it */
};

/* The credentials of which nothing is known. */
extern const struct event_cred cred_unknown;

/* As its own user namespace has it; EVENT_UID_UNKNOWN where that has none, or nobody knows. */
static inline uint32_t cred_euid_inner(const struct event_cred *cred)
{
	return cred->euid + cred->euid_shift;
}

/* NULL where it was not collected. */
static inline const struct event_exe_ext *program_exe_ext(const struct program *p)
{
	return p->flags & PROGRAM_HAS_EXE_EXT ? (const struct event_exe_ext *)(p + 1) : NULL;
}

/* The container that an image is in; NULL: none, or unknown. */
static inline const struct container *image_container(const struct image *image)
{
	return image->cgroup ? image->cgroup->container : NULL;
}

static inline size_t program_head_bytes(const struct program *p)
{
	return sizeof(*p) + (p->flags & PROGRAM_HAS_EXE_EXT ? sizeof(struct event_exe_ext) : 0);
}

static inline struct str program_text(const struct program *p, enum program_text which)
{
	uint32_t begin = which ? p->ends[which - 1] : 0;

	return (struct str){ .p = (const char *)p + program_head_bytes(p) + begin,
			     .n = p->ends[which] - begin };
}

/* Of all of it. */
static inline size_t program_bytes(const struct program *p)
{
	return program_head_bytes(p) + p->ends[_PROGRAM_TEXT_MAX - 1];
}

/* Of one with these texts and, unless it is NULL, this extension. */
size_t program_bytes_for(const struct str texts[_PROGRAM_TEXT_MAX],
			 const struct event_exe_ext *ext);
/* Makes one in as many bytes, aligned to 8, with one reference; all else in it is 0. */
void program_init(struct program *p, const struct str texts[_PROGRAM_TEXT_MAX],
		  const struct event_exe_ext *ext);
