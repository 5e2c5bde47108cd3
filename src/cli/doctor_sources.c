/* SPDX-License-Identifier: Apache-2.0 */
/* Who is asked about containers: each source, started as the agent starts it, and let go again. */
#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/container_list.h"
#include "cli/doctor.h"
#include "cli/source_trial.h"

#define WAIT_S 2

/* What it looked for and found, or did not. */
static void put_places(const struct source_places *places, bool is_there, const char *before,
		       struct buf *out)
{
	for (size_t i = 0; i < places->n; i++) {
		if (places->items[i].is_there != is_there)
			continue;
		buf_printf(out, "%s%s", before, places->items[i].text);
		before = ", ";
	}
}

static void put_ready(const struct source_tried *one, const struct source_state *state,
		      struct buf *out)
{
	buf_put_str(out, STR("ready"));
	if (state->items)
		buf_printf(out, ", %" PRIu64 " known", state->items);
	put_places(&one->places, true, ": ", out);
	put_places(&one->places, false, "; not there: ", out);
}

static void put_off(const struct source_tried *one, struct buf *out)
{
	if (!one->is_wanted) {
		buf_put_str(out, STR("left out by ContainerSources"));
		return;
	}
	buf_put_str(out, STR("off"));
	put_places(&one->places, true, ": nobody to ask at ", out);
	put_places(&one->places, false, "; not there: ", out);
}

static void put_error(const struct source_tried *one, const struct source_state *state,
		      struct buf *out)
{
	buf_put_str(out,
		    str_from(state->status == SOURCE_OFF ? "cannot be asked" : "does not answer"));
	put_places(&one->places, true, ": ", out);
	buf_printf(out, ": %s", state->error ? strerror(-state->error) : "still connecting");
}

/* One that is not there is none of the agent's needs; one that is there should answer. */
void doctor_source(struct diagnosis *d, const struct source_tried *one,
		   const struct source_state *state)
{
	_cleanup_(buf_done) struct buf text = { 0 };
	bool is_wrong = state->status == SOURCE_CONNECTING ||
			(state->status == SOURCE_OFF && state->error);

	if (is_wrong)
		put_error(one, state, &text);
	else if (state->status == SOURCE_OFF)
		put_off(one, &text);
	else
		put_ready(one, state, &text);
	diagnosis_add(d, is_wrong ? FINDING_WARNING : FINDING_OK, one->kind->title,
		      "see its log and who may use it, or take it out of ContainerSources", "%.*s",
		      buf_failed(&text) ? 0 : (int)text.len, text.data);
}

void doctor_sources(struct diagnosis *d, const struct agent_settings *settings)
{
	_cleanup_(container_list_freep) struct container_list *list = container_list_new();
	_cleanup_(source_trial_done) struct source_trial trial = { 0 };

	if (!list || source_trial_start(&trial, settings, list) < 0) {
		diagnosis_add(d, FINDING_FAILURE, "container sources", "give it more memory",
			      "cannot be tried: out of memory or of threads");
		return;
	}
	source_trial_wait(&trial, list, WAIT_S);
	for (size_t i = 0; i < SOURCE_KINDS; i++) {
		struct source_state state;

		source_trial_state(&trial.items[i], &state);
		doctor_source(d, &trial.items[i], &state);
	}
}
