/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Passes of the task iterator. The object is loaded with the others, unloaded after the first
 * passes, since its scratch is large and passes are rare, and loaded once more for each later one.
 * Runs on the reader thread.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>

#include "base/log.h"
#include "probe/internal.h"
#include "snapshot.skel.h"

#define LOG_UNIT "snapshot"

static struct bpf_link *link_close(struct bpf_link *link)
{
	bpf_link__destroy(link);
	return NULL;
}
DEFINE_CLEANUP(struct bpf_link *, link_close)

static const char *const programs[] = { "pt_snapshot_old", "pt_snapshot" }; /* by is_sleepable */

/* The stream of the iterator goes on where it was, when it is loaded once more. */
static int share_maps(const struct probe *p, struct bpf_object *o)
{
	int r = probe_share_maps(p, o);

	if (r < 0 || p->snapshot_stream_fd < 0)
		return r;
	return bpf_map__reuse_fd(bpf_object__find_map_by_name(o, "pt_snap_stream"),
				 p->snapshot_stream_fd);
}

static int load(const struct probe *p, bool is_sleepable, struct bpf_object **ret)
{
	_cleanup_(probe_object_closep) struct bpf_object *o = NULL;
	const void *elf;
	size_t n;
	int r;

	elf = snapshot_bpf__elf_bytes(&n);
	o = bpf_object__open_mem(elf, n, NULL);
	if (!o)
		return -errno;
	bpf_program__set_autoload(bpf_object__find_program_by_name(o, programs[!is_sleepable]),
				  false);
	r = share_maps(p, o);
	if (r == 0)
		r = bpf_object__load(o);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(o);
	return 0;
}

/* Reading drives the iterator; -EAGAIN says that the program waits for the ring to be drained. */
static int run(int fd, probe_drain_fn *drain, void *ctx)
{
	char none[64];
	ssize_t n;
	int r;

	for (;;) {
		n = read(fd, none, sizeof(none));
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		if (n == 0)
			return drain(ctx);
		r = drain(ctx);
		if (r < 0)
			return r;
	}
}

int probe_snapshot_load(struct probe *p)
{
	int r;

	if (p->snapshot)
		return 0;
	p->is_sleepable = true;
	r = load(p, p->is_sleepable, &p->snapshot);
	if (r < 0) {
		p->is_sleepable = false;
		r = load(p, p->is_sleepable, &p->snapshot);
	}
	if (r < 0)
		return log_err_errno(r, "cannot load the task iterator");
	if (p->snapshot_stream_fd >= 0)
		return 0;
	r = bpf_object__find_map_fd_by_name(p->snapshot, "pt_snap_stream");
	p->snapshot_stream_fd = fcntl(r, F_DUPFD_CLOEXEC, 0);
	return p->snapshot_stream_fd < 0 ? -errno : 0;
}

int probe_snapshot(struct probe *p, probe_drain_fn *drain, void *ctx, bool *ret_has_args)
{
	_cleanup_(link_closep) struct bpf_link *link = NULL;
	_cleanup_(closep) int fd = -1;
	int r;

	r = probe_snapshot_load(p);
	if (r < 0)
		return r;
	link = bpf_program__attach_iter(
		bpf_object__find_program_by_name(p->snapshot, programs[p->is_sleepable]), NULL);
	if (!link)
		return log_err_errno(-errno, "cannot attach the task iterator");
	fd = bpf_iter_create(bpf_link__fd(link));
	if (fd < 0)
		return log_err_errno(-errno, "cannot open the task iterator");
	*ret_has_args = p->is_sleepable;
	r = run(fd, drain, ctx);
	return r < 0 ? log_err_errno(r, "the task iterator stopped") : 0;
}

void probe_snapshot_unload(struct probe *p)
{
	p->snapshot = probe_object_close(p->snapshot);
}
