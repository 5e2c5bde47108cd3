/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a map has counted is folded when it is more than what was told of it before: that the
 * records of the ring may have told it, too, does not matter, since the fold accounts for
 * differences.
 *
 * A pass of the iterator costs some ten milliseconds, and fills the ring with its own records: it
 * waits until the storm that caused the loss is over, or for so long that the table must not be
 * wrong any longer.
 */
#include "agent/losses.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "agent/snapshot.h"
#include "base/clock.h"
#include "base/log.h"

#define LOG_UNIT "losses"

#define LOOK_NS 1000000000ULL	       /* between two looks at the counters */
#define LOOK_MAX_NS 1500000000ULL      /* the same while the ring does not come to rest */
#define PASS_MIN_NS 1000000000ULL      /* between two passes */
#define PASS_MAX_NS 5000000000ULL      /* a pass waits this long for the ring to come to rest */
#define PASS_CROWDED_NS 20000000000ULL /* between two passes while it does not */
#define BUDGET_SAY_NS 10000000000ULL
#define STREAMS_MAX 16384

void losses_done(struct losses *l)
{
	free(l->told);
	*l = (struct losses){ 0 };
}

static struct probe_stream *find(struct losses *l, const struct probe_stream *stream)
{
	for (size_t i = 0; i < l->n_told; i++)
		if (l->told[i].generation == stream->generation && l->told[i].cpu == stream->cpu)
			return &l->told[i];
	return NULL;
}

static bool has_lost_more(const struct probe_stream *now, const struct probe_stream *before)
{
	return now->lost_exec != before->lost_exec || now->lost_exit != before->lost_exit ||
	       now->lost_fork != before->lost_fork || now->lost_other != before->lost_other;
}

/* Told from now on; without memory for it, or beyond the bound, once more at each look: no harm. */
static void remember(struct losses *l, struct probe_stream *told, const struct probe_stream *now)
{
	struct probe_stream *grown = NULL;

	if (!told && l->n_told < STREAMS_MAX)
		grown = reallocarray(l->told, l->n_told + 1, sizeof(*grown));
	if (grown) {
		l->told = grown;
		told = &grown[l->n_told++];
	}
	if (told)
		*told = *now;
}

/* Without it a crash may tell twice what is told now. */
static int prepare(struct reader *r)
{
	int ret = reader_deliver(r);

	(void)reader_secure(r);
	return ret;
}

struct look {
	struct losses *losses;
	struct reader *reader;
	bool has_told;
};

static int tell(void *ctx, const struct probe_stream *now)
{
	static const struct probe_stream none = { 0 };
	_Alignas(8) char record[sizeof(struct event_stream)];
	struct look *look = ctx;
	struct probe_stream *told = find(look->losses, now);
	size_t n;
	int r = 0;

	if (!has_lost_more(now, told ? told : &none))
		return 0;
	if (!TAKE(look->has_told, true))
		r = prepare(look->reader);
	if (r < 0)
		return r;
	n = facts_stream(look->reader->facts, now, record, sizeof(record));
	r = reader_fold(look->reader, record, n);
	if (r == 0)
		remember(look->losses, told, now);
	return r;
}

static int look(struct losses *l, struct reader *r)
{
	struct look look = { .losses = l, .reader = r };
	int ret;

	ret = probe_streams(r->probe, tell, &look);
	return ret < 0 ? log_err_errno(ret, "cannot tell how many records were lost")
		       : reader_tell(r);
}

struct noisy {
	uint64_t cgroup, dropped;
};

static int find_noisiest(void *ctx, uint64_t cgroup, uint64_t dropped)
{
	struct noisy *noisy = ctx;

	if (dropped > noisy->dropped)
		*noisy = (struct noisy){ .cgroup = cgroup, .dropped = dropped };
	return 0;
}

/* Who it was that was over its budget: once in a while, and only while it goes on. */
static void tell_budget(struct losses *l, const struct reader *r, uint64_t now)
{
	struct noisy noisy = { 0 };
	struct fold_losses losses;
	uint64_t n;

	reader_losses(r, &losses);
	n = losses.by_reason[LOSS_BUDGET];
	if (n == l->n_budget || (l->budget_ns && now - l->budget_ns < BUDGET_SAY_NS))
		return;
	if (probe_budget_each(r->probe, find_noisiest, &noisy) == 0 && noisy.dropped)
		log_warn(
			"%" PRIu64
			" records were left out of what was over CgroupBudget, most of control group %" PRIu64
			" (find /sys/fs/cgroup -inum %" PRIu64 ")",
			n - l->n_budget, noisy.cgroup, noisy.cgroup);
	l->n_budget = n;
	l->budget_ns = now;
}

static bool is_pass_due(struct losses *l, const struct reader *r, uint64_t now)
{
	const struct ring *ring = probe_ring(r->probe);
	bool is_crowded = ring_fill(ring) > ring_size(ring) / 4;

	if (!fold_wants_pass(r->fold)) {
		l->wanted_ns = 0;
		return false;
	}
	if (!l->wanted_ns)
		l->wanted_ns = now;
	if (now - l->passed_ns < (is_crowded ? PASS_CROWDED_NS : PASS_MIN_NS))
		return false;
	return !is_crowded || now - l->wanted_ns >= PASS_MAX_NS;
}

int losses_turn(struct losses *l, struct reader *r, bool is_drained)
{
	uint64_t now = clock_now_ns(CLOCK_MONOTONIC);
	int ret = 0;

	if (now - l->looked_ns >= (is_drained ? LOOK_NS : LOOK_MAX_NS)) {
		ret = look(l, r);
		tell_budget(l, r, now);
		l->looked_ns = now;
	}
	if (ret < 0 || !is_pass_due(l, r, now) || !snapshot_sees_all())
		return ret;
	log_info("repairing the process table after a loss");
	ret = snapshot_again(r);
	l->passed_ns = clock_now_ns(CLOCK_MONOTONIC);
	l->wanted_ns = 0;
	return ret;
}
