/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each function reads one thing of the system and writes one record. Runs on the reader thread;
 * nothing here blocks or asks the network.
 */
#include "agent/facts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <sys/utsname.h>

#include "base/boot_id.h"
#include "base/clock.h"
#include "enrich/cgroup_paths.h"
#include "enrich/user_names.h"

#define CLOCK_SLACK_NS 1000000 /* smaller changes of the offset are noise of the two readings */
#define TOLD_MAX 65536 /* uids; a name that changes for one beyond stays as it was told first */

struct facts {
	char node[65];
	char address[INET6_ADDRSTRLEN];
	char boot_id[BOOT_ID_TEXT];
	int64_t clock_offset_ns;
	bool has_clock;
	uint64_t seq;
	char *passwd;
	struct user_names *users;
	bool users_changed; /* since somebody was told */
	uint32_t *told;	    /* the uids whose names were told */
	size_t n_told, cap_told;
	struct cgroup_paths *cgroups;
};

/*
 * The first address of an interface that is up and no loopback: IPv4 before IPv6, link-local ones
 * not.
 */
static void read_address(char *to, size_t size)
{
	struct ifaddrs *all = NULL;

	if (getifaddrs(&all) < 0)
		return;
	for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
		if (!i->ifa_addr || (i->ifa_flags & IFF_LOOPBACK) || !(i->ifa_flags & IFF_UP))
			continue;
		if (i->ifa_addr->sa_family == AF_INET) {
			inet_ntop(AF_INET, &((struct sockaddr_in *)i->ifa_addr)->sin_addr, to,
				  (socklen_t)size);
			break;
		}
		if (i->ifa_addr->sa_family == AF_INET6 && !to[0]) {
			const struct sockaddr_in6 *a = (struct sockaddr_in6 *)i->ifa_addr;

			if (!IN6_IS_ADDR_LINKLOCAL(&a->sin6_addr))
				inet_ntop(AF_INET6, &a->sin6_addr, to, (socklen_t)size);
		}
	}
	freeifaddrs(all);
}

int facts_new(const char *node_name, const char *passwd, struct facts **ret)
{
	_cleanup_(facts_freep) struct facts *f = calloc(1, sizeof(*f));
	struct utsname uts;
	int r;

	if (!f)
		return -ENOMEM;
	if (!node_name && uname(&uts) < 0)
		return -errno;
	snprintf(f->node, sizeof(f->node), "%s", node_name ? node_name : uts.nodename);
	read_address(f->address, sizeof(f->address));
	(void)boot_id_read_text(f->boot_id); /* or it stays empty: unknown */
	f->passwd = strdup(passwd);
	if (!f->passwd)
		return -ENOMEM;
	r = user_names_new(f->passwd, &f->users);
	if (r < 0)
		return r;
	user_names_refresh(f->users);
	r = cgroup_paths_new(&f->cgroups);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(f);
	return 0;
}

struct facts *facts_free(struct facts *f)
{
	if (!f)
		return NULL;
	user_names_free(f->users);
	free(f->passwd);
	free(f->told);
	cgroup_paths_free(f->cgroups);
	free(f);
	return NULL;
}

const char *facts_node_name(const struct facts *f)
{
	return f->node;
}

static void fill_head(struct facts *f, struct event_head *h, uint8_t type, size_t size)
{
	*h = (struct event_head){
		.size = (uint32_t)size,
		.layout = EVENT_LAYOUT,
		.type = type,
		.cpu = EVENT_CPU_AGENT,
		.seq = ++f->seq,
		.time_ns = clock_now_ns(CLOCK_BOOTTIME),
	};
}

size_t facts_node(struct facts *f, void *to, size_t size)
{
	size_t n_name = strlen(f->node), n_address = strlen(f->address);
	struct event_node e = { .name_len = (uint16_t)n_name, .address_len = (uint16_t)n_address };

	if (sizeof(e) + n_name + n_address > size)
		return 0;
	fill_head(f, &e.head, EVENT_NODE, sizeof(e) + n_name + n_address);
	memcpy(e.boot_id, f->boot_id, sizeof(e.boot_id));
	memcpy(to, &e, sizeof(e));
	memcpy((char *)to + sizeof(e), f->node, n_name);
	memcpy((char *)to + sizeof(e) + n_name, f->address, n_address);
	return e.head.size;
}

size_t facts_clock(struct facts *f, void *to, size_t size)
{
	struct event_clock e = { .offset_ns = (int64_t)(clock_now_ns(CLOCK_REALTIME) -
							clock_now_ns(CLOCK_BOOTTIME)) };

	if (sizeof(e) > size)
		return 0;
	if (f->has_clock && llabs(e.offset_ns - f->clock_offset_ns) < CLOCK_SLACK_NS)
		return 0;
	f->has_clock = true;
	f->clock_offset_ns = e.offset_ns;
	fill_head(f, &e.head, EVENT_CLOCK, sizeof(e));
	memcpy(to, &e, sizeof(e));
	return sizeof(e);
}

size_t facts_mark(struct facts *f, uint32_t mark, void *to, size_t size)
{
	struct event_mark e = { .mark = mark };

	if (sizeof(e) > size)
		return 0;
	fill_head(f, &e.head, EVENT_MARK, sizeof(e));
	memcpy(to, &e, sizeof(e));
	return sizeof(e);
}

size_t facts_stream(struct facts *f, const struct probe_stream *stream, void *to, size_t size)
{
	struct event_stream e = { 0 };

	if (sizeof(e) > size)
		return 0;
	fill_head(f, &e.head, EVENT_STREAM, sizeof(e));
	e.head.generation = stream->generation;
	e.head.cpu = stream->cpu;
	e.head.seq = stream->seq;
	e.head.lost_exec = stream->lost_exec;
	e.head.lost_exit = stream->lost_exit;
	e.head.lost_fork = stream->lost_fork;
	e.head.lost_other = stream->lost_other;
	e.head.lost_budget = stream->lost_budget;
	memcpy(to, &e, sizeof(e));
	return sizeof(e);
}

size_t facts_gap(struct facts *f, enum event_gap_reason reason, uint16_t generation,
		 uint64_t since_ns, void *to, size_t size)
{
	struct event_gap e = { .since_ns = since_ns, .reason = reason };

	if (sizeof(e) > size)
		return 0;
	fill_head(f, &e.head, EVENT_GAP, sizeof(e));
	e.head.generation = generation;
	e.until_ns = e.head.time_ns;
	memcpy(to, &e, sizeof(e));
	return sizeof(e);
}

int facts_container(struct facts *f, const struct container_facts *known, uint32_t bits,
		    struct buf *to)
{
	struct event_container e = { .started_ns = known->started_ns, .bits = known->bits | bits };
	size_t size = sizeof(e);

	memcpy(e.id, known->id, sizeof(e.id));
	for (int i = 0; i < _CONTAINER_TEXT_MAX; i++) {
		e.lens[i] = (uint16_t)(known->texts[i] ? strlen(known->texts[i]) : 0);
		size += e.lens[i];
	}
	fill_head(f, &e.head, EVENT_CONTAINER, size);
	buf_clear(to);
	buf_put(to, &e, sizeof(e));
	for (int i = 0; i < _CONTAINER_TEXT_MAX; i++)
		if (e.lens[i])
			buf_put(to, known->texts[i], e.lens[i]);
	return buf_failed(to) ? -ENOMEM : 0;
}

/* The user who is asked for may have been made a moment ago. */
static void refresh_users(struct facts *f)
{
	f->users_changed |= user_names_refresh(f->users);
}

struct str facts_user_name(struct facts *f, uint32_t uid)
{
	struct str name;

	refresh_users(f);
	name = user_names_lookup(f->users, uid);
	return name.n <= UINT16_MAX ? name : STR_EMPTY;
}

size_t facts_inner_user(struct facts *f, const struct inner_user_question *q, struct str name,
			uint32_t bits, void *to, size_t size)
{
	struct event_inner_user e = {
		.mnt_ns = q->mnt_ns, .uid = q->uid, .bits = bits, .name_len = (uint16_t)name.n
	};

	if (sizeof(e) + name.n > size)
		return 0;
	memcpy(e.container, q->container, CONTAINER_ID_LEN);
	fill_head(f, &e.head, EVENT_INNER_USER, sizeof(e) + name.n);
	memcpy(to, &e, sizeof(e));
	memcpy((char *)to + sizeof(e), name.p, name.n);
	return e.head.size;
}

static size_t put_user(struct facts *f, uint32_t uid, void *to, size_t size)
{
	struct event_user e = { .uid = uid };
	struct str name = user_names_lookup(f->users, uid);

	if (sizeof(e) > size)
		return 0;
	if (name.n > UINT16_MAX || sizeof(e) + name.n > size)
		name = STR_EMPTY;
	e.name_len = (uint16_t)name.n;
	fill_head(f, &e.head, EVENT_USER, sizeof(e) + name.n);
	memcpy(to, &e, sizeof(e));
	memcpy((char *)to + sizeof(e), name.p, name.n);
	return e.head.size;
}

static void remember_told(struct facts *f, uint32_t uid)
{
	for (size_t i = 0; i < f->n_told; i++)
		if (f->told[i] == uid)
			return;
	if (f->n_told == f->cap_told) {
		size_t cap = f->cap_told ? 2 * f->cap_told : 64;
		uint32_t *p = cap <= TOLD_MAX ? realloc(f->told, cap * sizeof(*p)) : NULL;

		if (!p)
			return;
		f->told = p;
		f->cap_told = cap;
	}
	f->told[f->n_told++] = uid;
}

static size_t answer_user(struct facts *f, uint32_t uid, void *to, size_t size)
{
	refresh_users(f);
	remember_told(f, uid);
	return put_user(f, uid, to, size);
}

/* With a path of n bytes, which stands behind it. */
static size_t put_cgroup(struct facts *f, uint64_t id, uint32_t hierarchy, size_t n, void *to)
{
	struct event_cgroup_made e = { .cgroup = { .id = id, .hierarchy = hierarchy },
				       .path_len = (uint32_t)n };

	fill_head(f, &e.head, EVENT_CGROUP, sizeof(e) + n);
	memcpy(to, &e, sizeof(e));
	return e.head.size;
}

/* One that is gone, or hidden, is told of with no path: it is not to be asked for again. */
static size_t answer_cgroup(struct facts *f, uint64_t id, uint32_t hierarchy, void *to, size_t size)
{
	const size_t n_head = sizeof(struct event_cgroup_made);
	int n;

	if (size < n_head)
		return 0;
	n = cgroup_paths_lookup(f->cgroups, hierarchy, id, (char *)to + n_head, size - n_head);
	return put_cgroup(f, id, hierarchy, n < 0 ? 0 : (size_t)n, to);
}

bool facts_group_is_gone(const struct facts *f, uint32_t hierarchy, uint64_t id)
{
	return cgroup_paths_is_gone(f->cgroups, hierarchy, id);
}

size_t facts_group_gone(struct facts *f, uint32_t hierarchy, uint64_t id, void *to, size_t size)
{
	return size < sizeof(struct event_cgroup_made) ? 0 : put_cgroup(f, id, hierarchy, 0, to);
}

size_t facts_answer(void *facts, enum need need, uint64_t key, uint32_t hierarchy, void *to,
		    size_t size)
{
	switch (need) {
	case NEED_USER:
		return answer_user(facts, (uint32_t)key, to, size);
	case NEED_CGROUP:
		return answer_cgroup(facts, key, hierarchy, to, size);
	}
	return 0;
}

bool facts_users_changed(struct facts *f)
{
	bool changed = user_names_refresh(f->users) || f->users_changed;

	f->users_changed = false;
	return changed;
}

size_t facts_next_user(struct facts *f, size_t *cursor, void *to, size_t size)
{
	return *cursor < f->n_told ? put_user(f, f->told[(*cursor)++], to, size) : 0;
}
