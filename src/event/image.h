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
 *     │   └─► user, cgroup: shared by all images with that user id, in that control group
 *     └─────► parent    the image that forked this one, or the previous image of the same process
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "abi/event.h"
#include "base/list.h"
#include "base/str.h"

/* Bytes of base64("node:ktime:pid"), at most: node 64, ktime 20, pid 10, two colons. */
#define EXEC_ID_MAX 136

struct image_key {
	uint64_t start_ns;   /* of the process, boot time */
	uint64_t exec_count; /* task_struct.self_exec_id */
	uint32_t pid;	     /* tgid in the initial pid namespace */
};

/* Immutable once made, but for refs: a changed name makes another one. */
struct user {
	uint32_t refs;
	uint32_t uid;
	struct str name; /* "" where the id has none */
};

struct cgroup {
	uint32_t refs;
	uint32_t hierarchy;
	uint64_t id;
	char container_id[64]; /* hex digits, no NUL */
	bool has_container;
};

#define PROGRAM_ARGS_CUT 0x1 /* args is shorter than argv was */
#define PROGRAM_CWD_CUT 0x2
#define PROGRAM_EXE_DELETED 0x4
#define PROGRAM_EXE_MEMFD 0x8
#define PROGRAM_HAS_EXE_EXT 0x10 /* exe_ext is filled */
#define PROGRAM_HAS_EXE 0x20	 /* exe is filled */

/* Immutable once made. The strings lie behind the structure. */
struct program {
	uint32_t refs;
	uint32_t flags;	     /* PROGRAM_* */
	uint32_t argc;	     /* 0: unknown */
	uint32_t args_total; /* bytes of argv at exec, NULs included */
	uint64_t stamp;
	struct str binary;	/* as the spec's `binary` */
	struct str cwd;		/* as the spec's `cwd` */
	struct str args;	/* argv from argv[0] on, each with its NUL but perhaps the last */
	struct str interpreter; /* "" where none */
	struct str env; /* the variables that somebody asks for: NAME=value, each with its NUL */
	struct str exe; /* the resolved executable; see PROGRAM_HAS_EXE */
	struct event_exe_ext exe_ext;
	uint32_t bytes; /* of this allocation */
};

#define IMAGE_EXITED 0x1  /* its process has ended, or went on to another image */
#define IMAGE_KTHREAD 0x2 /* a kernel thread, or a helper that has not exec'ed: emits no records */
#define IMAGE_STUB 0x4	  /* only the identity is known */
#define IMAGE_NEVER_EXEC 0x8 /* a clone: program is its forker's */
#define IMAGE_INDEXED 0x10   /* proc/table's: findable though it is not current */

/* Immutable for readers, but for flags. */
struct image {
	struct image_key key;
	uint32_t refs;
	uint32_t flags; /* IMAGE_* */
	uint64_t stamp;
	struct event_cred cred;
	const struct user *user;     /* NULL: unknown */
	const struct cgroup *cgroup; /* NULL: unknown */
	struct program *program;     /* NULL: unknown */
	struct image *parent;	     /* NULL: none or unknown */
	struct event_task_ext *ext;  /* NULL: not collected */
	struct list lru;	     /* proc/table's */
	uint32_t depth;		     /* proc/table's: a bound for the images above this one */
};
