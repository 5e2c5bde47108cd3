/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Passes of the task iterator. It is loaded with the other programs, unloaded after the first
 * passes, since its scratch is large and passes are rare, and loaded once more for each later one.
 * Runs on the reader thread.
 */
#include <bpf/bpf.h>
#include <errno.h>

#include "base/log.h"
#include "probe/internal.h"

#define LOG_UNIT "snapshot"

static struct bpf_link *link_close(struct bpf_link *link)
{
	bpf_link__destroy(link);
	return NULL;
}
DEFINE_CLEANUP(struct bpf_link *, link_close)

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

int probe_snapshot(struct probe *p, probe_drain_fn *drain, void *ctx, bool *ret_has_args)
{
	_cleanup_(link_closep) struct bpf_link *link = NULL;
	_cleanup_(closep) int fd = -1;
	int r;

	r = probe_load_iterator(p);
	if (r < 0)
		return r;
	link = bpf_program__attach_iter(probe_iterator(p), NULL);
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
	p->object = probe_object_close(p->object);
}
