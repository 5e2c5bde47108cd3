/* SPDX-License-Identifier: Apache-2.0 */
/* The programs: each tried alone, then what the agent does with them at its start. */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "abi/event.h"
#include "base/cleanup.h"
#include "cli/doctor.h"
#include "probe/probe.h"
#include "probe/trial.h"

/* What a pass of the iterator showed. */
struct pass {
	struct probe *probe;
	uint64_t n;
	bool saw_init;
};

static const char *advice_for(int r)
{
	if (r == -EPERM || r == -EACCES)
		return "run it as root; where that is so, lockdown, seccomp or a container forbids BPF";
	if (r == -ENOENT || r == -ESRCH)
		return "the kernel lacks this hook, or BTF: use a kernel of a distribution, 5.17 or newer";
	return "proctrail run --log-level debug shows what the kernel says to it";
}

/* Returns whether all of them work. */
static bool try_programs(struct diagnosis *d)
{
	struct trial trials[TRIAL_MAX];
	bool are_all = true;

	trial_run(trials);
	for (int i = 0; i < TRIAL_MAX; i++) {
		are_all = are_all && trials[i].r == 0;
		if (trials[i].r == 0)
			diagnosis_add(d, FINDING_OK, trials[i].hook, NULL, "%s", trials[i].kind);
		else
			diagnosis_add(d, FINDING_FAILURE, trials[i].hook, advice_for(trials[i].r),
				      "cannot be attached: %s", strerror(-trials[i].r));
	}
	return are_all;
}

static int drain(void *ctx)
{
	struct pass *pass = ctx;
	struct ring *ring = probe_ring(pass->probe);
	const struct event_head *head;
	uint64_t position;
	size_t size;

	while ((head = ring_next(ring, &size, &position))) {
		if (size < sizeof(*head) || head->type != EVENT_PROCESS)
			continue;
		pass->n++;
		pass->saw_init |= head->tgid == 1;
	}
	ring_commit(ring, ring_position(ring));
	return 0;
}

static void try_pass(struct diagnosis *d, struct probe *probe)
{
	struct pass pass = { .probe = probe };
	bool has_args;
	int r = probe_snapshot(probe, drain, &pass, &has_args);

	if (r < 0)
		diagnosis_add(d, FINDING_FAILURE, "snapshot", advice_for(r),
			      "the task iterator stopped: %s", strerror(-r));
	else if (!pass.saw_init)
		diagnosis_add(
			d, FINDING_WARNING, "snapshot",
			"run it in the host's pid namespace; where that is so, a security policy hides it: what /proc tells is used instead",
			"%" PRIu64 " processes, but not process 1", pass.n);
	else
		diagnosis_add(d, FINDING_OK, "snapshot", NULL, "%" PRIu64 " processes, argv %s",
			      pass.n, has_args ? "from the kernel" : "from /proc");
}

void doctor_bpf(struct diagnosis *d, uint64_t ring_bytes)
{
	const struct probe_options options = { .ring_bytes = ring_bytes };
	_cleanup_(probe_freep) struct probe *probe = NULL;
	int r;

	if (!try_programs(d))
		return;
	r = probe_new(&options, &probe);
	if (r < 0) {
		diagnosis_add(d, FINDING_FAILURE, "ring",
			      "choose a smaller --ring-size, or give the service more memory",
			      "%.4g MiB cannot be had: %s", (double)ring_bytes / (1 << 20),
			      strerror(-r));
		return;
	}
	diagnosis_add(d, FINDING_OK, "ring", NULL, "%.4g MiB", (double)ring_bytes / (1 << 20));
	try_pass(d, probe);
}
