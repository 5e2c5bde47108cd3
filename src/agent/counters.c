/* SPDX-License-Identifier: Apache-2.0 */
/* The table, and where its numbers come from. On the reader thread. */
#include "agent/counters.h"

#define AGENT(m) .offset = offsetof(struct agent_counters, m)
#define LOST_HELP "Records that are missing from the stream, by what they would have been."
#define REASON_HELP "Records that are missing from the stream, by why."
#define LOST(kind, m)                                                                          \
	{                                                                                      \
		"lost_records_total", METRIC_COUNTER, AGENT(m), .help = LOST_HELP,             \
								.label = "type", .value = kind \
	}
#define REASON(name, m)                                                       \
	{                                                                     \
		"lost_records_by_reason_total", METRIC_COUNTER, AGENT(m),     \
			.help = REASON_HELP, .label = "reason", .value = name \
	}
#define EVICTED_HELP "Images that the process table let go of to stay within its limits."
#define EVICTED(kind, m)                                                                         \
	{                                                                                        \
		"table_evicted_total", METRIC_COUNTER, AGENT(m), .help = EVICTED_HELP,           \
								 .label = "state", .value = kind \
	}

const struct metric agent_metrics[] = {
	LOST("execve", lost_exec),
	LOST("exit", lost_exit),
	LOST("clone", lost_fork),
	LOST("other", lost_other),
	REASON("ring_full", lost_ring_full),
	REASON("budget", lost_budget),
	REASON("skipped", lost_skipped),
	REASON("unreadable", lost_unreadable),
	{ "ring_size_bytes", METRIC_GAUGE, AGENT(ring_bytes), .help = "Size of the ring." },
	{ "ring_fill_bytes", METRIC_GAUGE, AGENT(ring_fill_bytes),
	  .help = "Bytes of the ring that are not given back yet: not read, or not in every flusher's custody." },
	{ "table_processes", METRIC_GAUGE, AGENT(processes),
	  .help = "Living processes in the table." },
	{ "table_images", METRIC_GAUGE, AGENT(images),
	  .help = "Images in the table: of living processes, and of ended ones that are still somebody's parent." },
	{ "table_bytes", METRIC_GAUGE, AGENT(table_bytes),
	  .help = "Memory of the images and their strings." },
	EVICTED("exited", evicted_exited),
	EVICTED("living", evicted_living),
	{ "unknown_parent_records_total", METRIC_COUNTER, AGENT(unknown_parent),
	  .help = "Records whose parent image the table did not know." },
	{ "unknown_process_records_total", METRIC_COUNTER, AGENT(unknown_process),
	  .help = "Records of a process that the table did not know." },
	{ "twin_records_total", METRIC_COUNTER, AGENT(twins),
	  .help = "Records that came a second time and were folded away." },
	{ "malformed_records_total", METRIC_COUNTER, AGENT(malformed),
	  .help = "Records that were refused because their lengths do not add up." },
	{ "reloads_total", METRIC_COUNTER, AGENT(reloads),
	  .help = "Times that the pipelines were loaded anew.", .label = "outcome",
	  .value = "applied" },
	{ "reloads_total", METRIC_COUNTER, AGENT(reloads_failed),
	  .help = "Times that the pipelines were loaded anew.", .label = "outcome",
	  .value = "partly_refused" },
	{ "pipelines", METRIC_GAUGE, AGENT(pipelines), .help = "Pipelines that run." },
	{ "journal_size_bytes", METRIC_GAUGE, AGENT(journal_bytes),
	  .help = "Size of the journal, on a tmpfs." },
	{ "journal_batches_total", METRIC_COUNTER, AGENT(journal_batches),
	  .help = "Batches of the stream that were appended to the journal." },
	{ "journal_rewrites_total", METRIC_COUNTER, AGENT(journal_rewrites),
	  .help = "Times that the journal was written anew from the process table." },
	{ "journal_failures_total", METRIC_COUNTER, AGENT(journal_failures),
	  .help = "Times that the journal could not be written." },
	{ "probe_pinned", METRIC_GAUGE, AGENT(is_pinned),
	  .help = "1: the probe goes on recording when the agent dies." },
	{ "probe_adopted", METRIC_GAUGE, AGENT(is_adopted),
	  .help = "1: this agent took over from one before, and lost nothing in between." },
	{ .type = METRIC_END },
};

static void update_losses(struct agent_counters *c, const struct reader *r)
{
	struct fold_losses losses;

	reader_losses(r, &losses);
	metric_set(&c->lost_exec, losses.exec);
	metric_set(&c->lost_exit, losses.exit);
	metric_set(&c->lost_fork, losses.fork);
	metric_set(&c->lost_other, losses.other);
	metric_set(&c->lost_ring_full, losses.by_reason[LOSS_RING_FULL]);
	metric_set(&c->lost_budget, losses.by_reason[LOSS_BUDGET]);
	metric_set(&c->lost_skipped, losses.by_reason[LOSS_SKIPPED]);
	metric_set(&c->lost_unreadable, losses.by_reason[LOSS_UNREADABLE]);
}

static void update_store(struct agent_counters *c, const struct store *store)
{
	const struct journal_counters *journal = store_counters(store);

	if (!journal)
		return;
	metric_set(&c->journal_bytes, journal->size);
	metric_set(&c->journal_batches, journal->batches);
	metric_set(&c->journal_rewrites, journal->rewrites);
	metric_set(&c->journal_failures, journal->failures);
}

void agent_counters_update(struct agent_counters *c, const struct reader *r)
{
	struct proc_counters proc;

	fold_counters(r->fold, &proc);
	metric_set(&c->processes, proc.processes);
	metric_set(&c->images, proc.images);
	metric_set(&c->table_bytes, proc.bytes);
	metric_set(&c->evicted_exited, proc.evicted_exited);
	metric_set(&c->evicted_living, proc.evicted_living);
	metric_set(&c->unknown_parent, proc.unknown_parent);
	metric_set(&c->unknown_process, proc.unknown_process);
	metric_set(&c->twins, proc.twins);
	metric_set(&c->malformed, proc.malformed);
	metric_set(&c->pipelines, r->pipelines ? r->pipelines->n : 0);
	update_losses(c, r);
	update_store(c, r->store);
	if (!r->probe)
		return;
	metric_set(&c->ring_fill_bytes, ring_fill(probe_ring(r->probe)));
	metric_set(&c->is_pinned, probe_is_pinned(r->probe));
	metric_set(&c->is_adopted, probe_is_adopted(r->probe));
}

uint64_t agent_counters_n_lost(const struct agent_counters *c)
{
	return metric_get(&c->lost_exec) + metric_get(&c->lost_exit) + metric_get(&c->lost_fork) +
	       metric_get(&c->lost_other);
}
