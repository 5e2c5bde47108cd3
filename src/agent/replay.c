/* SPDX-License-Identifier: Apache-2.0 */
/* A recording instead of the kernel's stream: the same fold, the same pipelines. */
#include <errno.h>
#include <inttypes.h>

#include "agent/life.h"
#include "base/log.h"

#define LOG_UNIT "agent"

/* One record of the recording; 1 at its end. */
static int replay_next(struct agent *a)
{
	const struct event_head *record;
	uint64_t seq;

	switch (recording_next(a->recording, &record, &seq)) {
	case RECORDING_RECORD:
		return reader_replay(&a->reader, record, record->size, seq);
	case RECORDING_BATCH:
		return life_is_told_to_stop(a) ? 1 : reader_deliver(&a->reader);
	case RECORDING_END:
		return 1;
	case RECORDING_TORN:
		log_warn("'%s' ends within a batch, at byte %" PRIu64
			 ": everything before the tear was folded",
			 a->options->replay, recording_offset(a->recording));
		return 1;
	case RECORDING_BAD:
		log_err("'%s' is damaged at byte %" PRIu64 ": everything before it was folded",
			a->options->replay, recording_offset(a->recording));
		return -EBADMSG;
	}
	return -EBADMSG;
}

int life_replay(struct agent *a)
{
	const char *why = "cannot read it";
	int r, rest;

	r = life_load_pipelines(a);
	if (r == 0)
		r = life_start_pipelines(a);
	if (r < 0)
		return r;
	r = recording_reader_new(a->options->replay, &a->recording, &why);
	if (r < 0) {
		log_err("'%s': %s", a->options->replay, why);
		return r;
	}
	r = life_start_reader(a);
	if (r < 0)
		return r;
	life_set_demand(a);
	while (r == 0)
		r = replay_next(a);
	rest = reader_end_replay(&a->reader);
	life_stop_pipelines(a, rest);
	if (r == -EBADMSG)
		return r;
	return life_end(r < 0 ? r : rest);
}
