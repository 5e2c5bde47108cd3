/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of a generation: reading, pinning, letting go. Nothing that is found pinned is trusted
 * before its kind, its sizes and what belongs together have been looked at. Reader thread.
 */
#include "probe/generation.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/membarrier.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#include "abi/knobs.h"
#include "base/cleanup.h"
#include "base/log.h"

#define LOG_UNIT "pins"

#define VALUE_MAX 4096 /* of what another version may have in its maps */
#define MAPS_MAX 64    /* of a program */
#define GONE_POLL_NS 500000
#define GONE_POLLS 2000
#define GRACE_NS 20000000

static const char *const part_names[] = {
	[PART_RING] = "ring",	  [PART_KNOBS] = "knobs", [PART_STREAMS] = "streams",
	[PART_CLAIM] = "claim",	  [PART_EXIT] = "exit",	  [PART_EXEC] = "exec",
	[PART_CGROUP] = "cgroup", [PART_FORK] = "fork",
};
_Static_assert(ARRAY_SIZE(part_names) == _PART_MAX, "each part has a name");

static const char *format_path(char to[PATH_MAX], const char *folder, uint16_t number,
			       const char *name)
{
	snprintf(to, PATH_MAX, "%s/g%" PRIu16 "%s%s", folder, number, name ? "/" : "",
		 name ? name : "");
	return to;
}

void generation_init(struct generation *g, uint16_t number)
{
	*g = (struct generation){ .number = number };
	for (int i = 0; i < _PART_MAX; i++)
		g->fds[i] = -1;
}

static void close_part(struct generation *g, enum generation_part part)
{
	if (g->fds[part] >= 0)
		close(g->fds[part]);
	g->fds[part] = -1;
}

void generation_done(struct generation *g)
{
	for (int i = 0; i < _PART_MAX; i++)
		close_part(g, i);
}

/*
 * All are "files" of an anonymous inode, which says what they are. Links have two names, by how the
 * file was opened (kernel/bpf/syscall.c: bpf_link_prime(), bpf_link_new_fd()).
 */
static bool is_kind(int fd, const char *kind)
{
	char path[64], is[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, is, sizeof(is) - 1);
	if (n < 0)
		return false;
	is[n] = '\0';
	return strstr(is, kind) != NULL;
}

static int open_part(const char *folder, struct generation *g, enum generation_part part)
{
	char path[PATH_MAX];
	int fd = bpf_obj_get(format_path(path, folder, g->number, part_names[part]));

	if (fd >= 0)
		g->fds[part] = fd;
	else if (errno == EACCES || errno == EINVAL || errno == ELOOP || errno == EISDIR)
		return -EBADMSG;
	else if (errno != ENOENT)
		return -errno;
	return 0;
}

static int map_info(int fd, struct bpf_map_info *ret)
{
	uint32_t size = sizeof(*ret);

	memset(ret, 0, sizeof(*ret));
	return bpf_obj_get_info_by_fd(fd, ret, &size);
}

static bool is_map(int fd, uint32_t type, uint32_t value_min, struct bpf_map_info *ret)
{
	if (!is_kind(fd, "bpf-map") || map_info(fd, ret) < 0 || ret->type != type)
		return false;
	if (type == BPF_MAP_TYPE_RINGBUF)
		return true;
	return ret->key_size == sizeof(uint32_t) && ret->max_entries == 1 &&
	       ret->value_size >= value_min && ret->value_size <= VALUE_MAX;
}

int generation_describe(struct generation *g)
{
	struct bpf_map_info info;
	int r = map_info(g->fds[PART_RING], &info);

	if (r < 0)
		return r;
	g->ring_id = info.id;
	r = map_info(g->fds[PART_STREAMS], &info);
	if (r < 0)
		return r;
	g->streams_size = (info.value_size + 7) / 8 * 8;
	return 0;
}

/* The maps, and what the switches say of the ring. */
static const char *check_maps(struct generation *g)
{
	_Alignas(struct knobs) char value[VALUE_MAX];
	const struct knobs *knobs = (const struct knobs *)value;
	struct bpf_map_info ring, other;
	uint32_t zero = 0;

	if (!is_map(g->fds[PART_RING], BPF_MAP_TYPE_RINGBUF, 0, &ring))
		return "'ring' is no ring buffer";
	if (!is_map(g->fds[PART_STREAMS], BPF_MAP_TYPE_PERCPU_ARRAY, sizeof(struct stream_counters),
		    &other))
		return "'streams' is not the map of the counters";
	if (!is_map(g->fds[PART_KNOBS], BPF_MAP_TYPE_ARRAY, KNOBS_STABLE_BYTES, &other))
		return "'knobs' is not the map of the switches";
	if (g->fds[PART_CLAIM] >= 0 &&
	    !is_map(g->fds[PART_CLAIM], BPF_MAP_TYPE_PERCPU_ARRAY, sizeof(struct claim), &other))
		return "'claim' is not the map of what was taken up";
	if (bpf_map_lookup_elem(g->fds[PART_KNOBS], &zero, value) < 0)
		return "'knobs' cannot be read";
	if (knobs->ring_bytes != ring.max_entries || knobs->ring_base % 8 != 0)
		return "'knobs' and 'ring' do not belong together";
	if (knobs->generation != g->number)
		return "'knobs' is another generation's";
	g->ring_bytes = knobs->ring_bytes;
	g->ring_base = knobs->ring_base;
	return NULL;
}

/* Whether the program writes into this ring; also true where we may not ask (CAP_SYS_ADMIN). */
static bool uses_ring(uint32_t prog_id, uint32_t ring_id)
{
	_cleanup_(closep) int fd = bpf_prog_get_fd_by_id(prog_id);
	uint32_t ids[MAPS_MAX], size = sizeof(struct bpf_prog_info);
	struct bpf_prog_info info = { .map_ids = (uintptr_t)ids, .nr_map_ids = MAPS_MAX };

	if (fd < 0)
		return errno == EPERM;
	if (bpf_obj_get_info_by_fd(fd, &info, &size) < 0)
		return false;
	for (uint32_t i = 0; i < info.nr_map_ids && i < MAPS_MAX; i++)
		if (ids[i] == ring_id)
			return true;
	return false;
}

static int link_info(int fd, struct bpf_link_info *ret)
{
	uint32_t size = sizeof(*ret);

	memset(ret, 0, sizeof(*ret));
	return bpf_obj_get_info_by_fd(fd, ret, &size);
}

/* BTF tracepoints and raw ones have the same type of link. */
static bool is_our_link(int fd, uint32_t ring_id)
{
	struct bpf_link_info info;

	return (is_kind(fd, "bpf-link") || is_kind(fd, "bpf_link")) && link_info(fd, &info) == 0 &&
	       (info.type == BPF_LINK_TYPE_RAW_TRACEPOINT || info.type == BPF_LINK_TYPE_TRACING) &&
	       uses_ring(info.prog_id, ring_id);
}

static int check(struct generation *g, const char **reterr)
{
	bool has_maps = true;
	int r;

	for (int i = 0; i < PART_CLAIM; i++)
		has_maps &= g->fds[i] >= 0;
	if (!has_maps && !generation_is_attached(g))
		return -ENODATA;
	*reterr = has_maps ? check_maps(g) : "programs are there without their maps";
	if (*reterr)
		return -EBADMSG;
	r = generation_describe(g);
	if (r < 0)
		return r;
	*reterr = "a program is another's, or none";
	for (int i = PART_LINKS; i < _PART_MAX; i++)
		if (g->fds[i] >= 0 && !is_our_link(g->fds[i], g->ring_id))
			return -EBADMSG;
	return 0;
}

int generation_read(const char *folder, uint16_t number, struct generation *ret,
		    const char **reterr)
{
	struct generation g;
	int r = 0;

	generation_init(&g, number);
	*reterr = "something is there that is no pin";
	for (int i = 0; r == 0 && i < _PART_MAX; i++)
		r = open_part(folder, &g, i);
	if (r == 0)
		r = check(&g, reterr);
	if (r < 0) {
		generation_done(&g);
		return r;
	}
	*ret = g;
	return 0;
}

bool generation_is_complete(const struct generation *g)
{
	for (int i = PART_LINKS; i < _PART_MAX; i++)
		if (g->fds[i] < 0)
			return false;
	return true;
}

bool generation_is_attached(const struct generation *g)
{
	for (int i = PART_LINKS; i < _PART_MAX; i++)
		if (g->fds[i] >= 0)
			return true;
	return false;
}

static int misses_of(int program_fd, uint64_t *ret)
{
	struct bpf_prog_info info = { 0 };
	uint32_t size = sizeof(info);

	if (bpf_obj_get_info_by_fd(program_fd, &info, &size) < 0)
		return -errno;
	*ret = info.recursion_misses;
	return 0;
}

int generation_count_misses(const int programs[_PART_MAX], struct probe_misses *ret)
{
	uint64_t n[_PART_MAX] = { 0 };
	int r = 0;

	for (int part = PART_LINKS; part < _PART_MAX && r == 0; part++)
		if (programs[part] >= 0)
			r = misses_of(programs[part], &n[part]);
	if (r == 0)
		*ret = (struct probe_misses){ .exec = n[PART_EXEC],
					      .exit = n[PART_EXIT],
					      .fork = n[PART_FORK],
					      .other = n[PART_CGROUP] };
	return r;
}

/* Who has no CAP_SYS_ADMIN gets -EPERM (kernel/bpf/syscall.c: bpf_prog_get_fd_by_id()). */
static int program_of(int link_fd)
{
	struct bpf_link_info link;
	int fd = link_info(link_fd, &link) < 0 ? -1 : bpf_prog_get_fd_by_id(link.prog_id);

	return fd < 0 ? -errno : fd;
}

int generation_read_misses(const struct generation *g, struct probe_misses *ret)
{
	int programs[_PART_MAX], r = 0;

	for (int part = 0; part < _PART_MAX; part++)
		programs[part] = -1;
	for (int part = PART_LINKS; part < _PART_MAX && r == 0; part++) {
		if (g->fds[part] < 0)
			continue;
		programs[part] = program_of(g->fds[part]);
		r = programs[part] < 0 ? programs[part] : 0;
	}
	if (r == 0)
		r = generation_count_misses(programs, ret);
	for (int part = 0; part < _PART_MAX; part++)
		closep(&programs[part]);
	return r;
}

int generation_pin(const struct generation *g, const char *folder, enum generation_part part)
{
	char path[PATH_MAX];

	if (mkdir(format_path(path, folder, g->number, NULL), 0700) < 0 && errno != EEXIST)
		return -errno;
	return bpf_obj_pin(g->fds[part], format_path(path, folder, g->number, part_names[part])) < 0
		       ? -errno
		       : 0;
}

/* Removes the pin of a link and closes it; returns its id, or 0. */
static uint32_t drop_link(struct generation *g, const char *folder, enum generation_part part)
{
	struct bpf_link_info info = { 0 };
	char path[PATH_MAX];

	if (g->fds[part] < 0)
		return 0;
	(void)link_info(g->fds[part], &info);
	if (folder && unlink(format_path(path, folder, g->number, part_names[part])) < 0 &&
	    errno != ENOENT)
		log_warn_errno(-errno, "cannot remove '%s': the program stays attached", path);
	close_part(g, part);
	return info.id;
}

/*
 * The kernel lets go of what was pinned after a grace period, in a worker (bpf_free_inode(),
 * bpf_link_put()); the id is gone just before. Where we may not ask (CAP_SYS_ADMIN) it gets time.
 */
static void wait_until_gone(uint32_t link_id)
{
	const struct timespec pause = { .tv_nsec = GONE_POLL_NS }, grace = { .tv_nsec = GRACE_NS };

	for (int i = 0; link_id && i < GONE_POLLS; i++) {
		_cleanup_(closep) int fd = bpf_link_get_fd_by_id(link_id);

		if (fd < 0) {
			if (errno == EPERM)
				nanosleep(&grace, NULL);
			return;
		}
		nanosleep(&pause, NULL);
	}
}

/* Whatever program was running when it was let go has ended: this waits for a grace period. */
static void wait_for_programs(void)
{
	const struct timespec grace = { .tv_nsec = GRACE_NS };

	if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) < 0)
		nanosleep(&grace, NULL);
}

void generation_let_go(struct generation *gs, size_t n, const char *folder)
{
	bool any = false;

	for (int part = PART_LINKS; part < _PART_MAX; part++) {
		for (size_t i = 0; i < n; i++) {
			uint32_t id = drop_link(&gs[i], folder, part);

			any |= id != 0;
			if (folder)
				wait_until_gone(id);
		}
	}
	if (any)
		wait_for_programs();
}

/* What no agent has put there goes as well. */
static void remove_rest(const char *path)
{
	_cleanup_(closedirp) DIR *dir = opendir(path);
	const struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			(void)unlinkat(dirfd(dir), entry->d_name,
				       entry->d_type == DT_DIR ? AT_REMOVEDIR : 0);
}

void generation_remove(const char *folder, uint16_t number)
{
	char path[PATH_MAX];

	for (int part = 0; part < _PART_MAX; part++) {
		const char *name = part_names[(part + PART_LINKS) % _PART_MAX];

		(void)unlink(format_path(path, folder, number, name));
	}
	format_path(path, folder, number, NULL);
	remove_rest(path);
	if (rmdir(path) < 0 && errno != ENOENT)
		log_warn_errno(-errno, "cannot remove '%s'", path);
}
