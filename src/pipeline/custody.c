/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file is made in its full size, so that no store can meet a file system that is full. Slots
 * fill from the first on; an empty name ends the search.
 */
#include "pipeline/custody.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/crc32c.h"
#include "base/log.h"

#define LOG_UNIT "custody"
#define VERSION 1
#define NAME_MAX_BYTES 192

static const char file_magic[8] = "PTCUSTDY";

struct header {
	char magic[8];
	uint32_t version;
	uint32_t slot_bytes;
	uint8_t boot_id[16];
	uint64_t reserved[4];
};
_Static_assert(sizeof(struct header) == 64, "header is file format");

struct mark {
	_Atomic uint64_t position, complement;
};

struct kept_loss {
	uint64_t exec, exit, fork, other;
	int64_t since_ns;
	uint64_t check;
};

struct custody_slot {
	struct mark marks[_CUSTODY_MARK_MAX];
	struct kept_loss lost[_DROP_MAX];
	char name[NAME_MAX_BYTES]; /* pipeline/flusher; ended by NUL; empty: free */
};
_Static_assert(sizeof(struct custody_slot) == 384, "custody_slot is file format");

struct file {
	struct header header;
	struct custody_slot slots[CUSTODY_SLOTS];
};

struct custody {
	struct file *file;
	bool is_claimed[CUSTODY_SLOTS];
	bool is_full_said;
};

static struct header header_of(const uint8_t boot_id[16])
{
	struct header h = { .version = VERSION, .slot_bytes = sizeof(struct custody_slot) };

	memcpy(h.magic, file_magic, sizeof(h.magic));
	memcpy(h.boot_id, boot_id, sizeof(h.boot_id));
	return h;
}

static bool is_name_whole(const struct custody_slot *slot)
{
	return memchr(slot->name, '\0', sizeof(slot->name));
}

/* Whether what is there can be gone on with; says so where it is damaged. */
static bool is_usable(const struct file *file, off_t size, const uint8_t boot_id[16])
{
	const struct header want = header_of(boot_id);
	bool is_whole = size == sizeof(*file) &&
			memcmp(file->header.magic, want.magic, sizeof(want.magic)) == 0;

	for (size_t i = 0; is_whole && i < CUSTODY_SLOTS; i++)
		is_whole = is_name_whole(&file->slots[i]);
	if (!is_whole)
		log_warn("the marks of what the flushers have delivered are damaged and begun "
			 "anew; what was read just before the agent died may come twice");
	return is_whole && memcmp(&file->header, &want, sizeof(want)) == 0;
}

/* The header comes last: a file that is half made is not usable. */
static void begin_anew(struct file *file, const uint8_t boot_id[16])
{
	memset(file, 0, sizeof(*file));
	atomic_thread_fence(memory_order_release);
	file->header = header_of(boot_id);
}

static int map(struct custody *c, int fd)
{
	void *p = mmap(NULL, sizeof(struct file), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		return -errno;
	c->file = p;
	return 0;
}

int custody_open(const char *folder, const uint8_t boot_id[16], struct custody **ret)
{
	_cleanup_(custody_closep) struct custody *c = calloc(1, sizeof(*c));
	_cleanup_(freep) char *path = NULL;
	_cleanup_(closep) int fd = -1;
	struct stat st;
	int r;

	if (!c || asprintf(&path, "%s/custody", folder) < 0)
		return -ENOMEM;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size > (off_t)sizeof(struct file) && ftruncate(fd, sizeof(struct file)) < 0)
		return -errno;
	r = -posix_fallocate(fd, 0, sizeof(struct file));
	if (r == 0)
		r = map(c, fd);
	if (r < 0)
		return r;
	if (!st.st_size || !is_usable(c->file, st.st_size, boot_id))
		begin_anew(c->file, boot_id);

	*ret = TAKE_PTR(c);
	return 0;
}

struct custody *custody_close(struct custody *c)
{
	if (!c)
		return NULL;
	if (c->file)
		munmap(c->file, sizeof(*c->file));
	free(c);
	return NULL;
}

const uint8_t *custody_boot_id(const struct custody *c)
{
	return c->file->header.boot_id;
}

/* The slot of that name, else the first free one, else one that nobody claimed; NULL: none. */
static struct custody_slot *find(struct custody *c, const char *name)
{
	struct custody_slot *unclaimed = NULL;

	for (size_t i = 0; i < CUSTODY_SLOTS; i++) {
		struct custody_slot *slot = &c->file->slots[i];

		if (c->is_claimed[i])
			continue;
		if (!slot->name[0] || strcmp(slot->name, name) == 0)
			return slot;
		unclaimed = slot;
	}
	return unclaimed;
}

static struct custody_slot *refuse(struct custody *c, const char *pipeline, const char *flusher)
{
	if (!TAKE(c->is_full_said, true))
		log_warn("%s: %s: no mark is kept of what it has delivered (%u flushers may have "
			 "one, of names up to %u bytes); after a crash records may come twice",
			 pipeline, flusher, CUSTODY_SLOTS, NAME_MAX_BYTES - 2);
	return NULL;
}

struct custody_slot *custody_claim(struct custody *c, const char *pipeline, const char *flusher)
{
	char name[NAME_MAX_BYTES];
	int n = snprintf(name, sizeof(name), "%s/%s", pipeline, flusher);
	struct custody_slot *slot = n < NAME_MAX_BYTES ? find(c, name) : NULL;

	if (!slot)
		return refuse(c, pipeline, flusher);
	if (strcmp(slot->name, name) != 0) {
		memset(slot, 0, sizeof(*slot));
		atomic_thread_fence(memory_order_release); /* a kill leaves it without a name */
		memcpy(slot->name, name, (size_t)n);
	}
	c->is_claimed[slot - c->file->slots] = true;
	return slot;
}

void custody_release(struct custody *c, struct custody_slot *slot)
{
	if (slot)
		c->is_claimed[slot - c->file->slots] = false;
}

void custody_store(struct custody_slot *slot, enum custody_mark mark, uint64_t position)
{
	struct mark *m = &slot->marks[mark];

	if (position <= custody_load(slot, mark))
		return;
	atomic_store_explicit(&m->position, position, memory_order_relaxed);
	atomic_store_explicit(&m->complement, ~position, memory_order_release);
}

uint64_t custody_load(const struct custody_slot *slot, enum custody_mark mark)
{
	const struct mark *m = &slot->marks[mark];
	uint64_t position = atomic_load_explicit(&m->position, memory_order_relaxed);

	return atomic_load_explicit(&m->complement, memory_order_relaxed) == ~position ? position
										       : 0;
}

/* Never 0: that is a slot without a loss. */
static uint64_t check_of(const struct kept_loss *k)
{
	return 1ULL << 32 | crc32c(0, k, offsetof(struct kept_loss, check));
}

void custody_store_loss(struct custody_slot *slot, enum drop why, const struct loss *loss)
{
	struct kept_loss k = {
		.exec = loss->exec,
		.exit = loss->exit,
		.fork = loss->fork,
		.other = loss->other,
		.since_ns = loss->since_ns,
	};

	k.check = check_of(&k) ^ !loss->is_counted;
	if (!loss->exec && !loss->exit && !loss->fork && !loss->other && loss->is_counted)
		k = (struct kept_loss){ 0 };
	slot->lost[why] = k;
}

bool custody_load_loss(const struct custody_slot *slot, enum drop why, struct loss *ret)
{
	static const struct kept_loss nothing = { 0 };
	const struct kept_loss *k = &slot->lost[why];

	*ret = (struct loss){ 0 };
	if (memcmp(k, &nothing, sizeof(*k)) == 0)
		return false;
	ret->is_counted = k->check == check_of(k);
	ret->exec = k->exec;
	ret->exit = k->exit;
	ret->fork = k->fork;
	ret->other = k->other;
	ret->since_ns = k->since_ns;
	return true;
}
