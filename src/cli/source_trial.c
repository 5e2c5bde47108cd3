/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/source_trial.h"

#include <errno.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "base/clock.h"
#include "base/json_text.h"
#include "cli/container_list.h"

#define LOOK_MS 20
#define QUIET_MS 150 /* without anything new, all has been told */

static int start_one(struct source_tried *one, struct source_start *start)
{
	int r = source_look(one->kind, start->settings, &one->places);

	one->is_wanted = source_is_wanted(one->kind, start->settings);
	if (r < 0 || !one->is_wanted)
		return r;
	one->r = one->kind->start(start, &one->self);
	return one->r == -ENOMEM ? one->r : 0;
}

int source_trial_start(struct source_trial *t, const struct agent_settings *settings,
		       struct container_list *list)
{
	struct utsname uts = { 0 };
	struct source_start start = { .settings = settings, .node_name = settings->node_name };
	int r = 0;

	*t = (struct source_trial){ 0 };
	uname(&uts);
	if (!start.node_name)
		start.node_name = uts.nodename;
	for (unsigned int i = 0; r == 0 && i < SOURCE_KINDS; i++) {
		start.kind = t->items[i].kind = &source_kinds[i];
		start.sink = container_list_sink(list, i, source_kinds[i].source->name);
		r = start_one(&t->items[i], &start);
	}
	return r;
}

void source_trial_done(struct source_trial *t)
{
	for (size_t i = 0; i < SOURCE_KINDS; i++) {
		struct source_tried *one = &t->items[i];

		if (one->self)
			one->self = one->kind->source->free(one->self);
		source_places_done(&one->places);
	}
}

void source_trial_state(const struct source_tried *one, struct source_state *ret)
{
	*ret = (struct source_state){ .status = SOURCE_OFF, .error = one->r };
	if (one->self)
		one->kind->source->state(one->self, ret);
}

static bool have_settled(const struct source_trial *t)
{
	for (size_t i = 0; i < SOURCE_KINDS; i++) {
		struct source_state state;

		source_trial_state(&t->items[i], &state);
		if (state.status == SOURCE_CONNECTING && !state.error)
			return false;
	}
	return true;
}

static uint64_t now_ms(void)
{
	return clock_now_ns(CLOCK_MONOTONIC) / 1000000u;
}

void source_trial_wait(const struct source_trial *t, struct container_list *list,
		       unsigned int seconds)
{
	uint64_t end = now_ms() + (uint64_t)seconds * 1000;

	while (now_ms() < end && (!have_settled(t) || !container_list_is_quiet(list, QUIET_MS)))
		nanosleep(&(struct timespec){ .tv_nsec = LOOK_MS * 1000000 }, NULL);
}

static void put_places(const char *key, const struct source_places *places, bool only_found,
		       struct buf *out)
{
	const char *comma = "";

	buf_printf(out, ",\"%s\":[", key);
	for (size_t i = 0; i < places->n; i++) {
		if (only_found && !places->items[i].is_there)
			continue;
		buf_put_str(out, str_from(comma));
		json_text_put(out, str_from(places->items[i].text));
		comma = ",";
	}
	buf_put_char(out, ']');
}

static void format_one(const struct source_tried *one, struct buf *out)
{
	static const char *const words[_SOURCE_STATUS_MAX] = {
		[SOURCE_OFF] = "off",
		[SOURCE_CONNECTING] = "connecting",
		[SOURCE_READY] = "ready",
	};
	struct source_state state;

	source_trial_state(one, &state);
	buf_printf(out, "{\"source\":\"%s\",\"status\":\"%s\",\"wanted\":%s",
		   one->kind->source->name, words[state.status], one->is_wanted ? "true" : "false");
	put_places("looked_for", &one->places, false, out);
	put_places("found", &one->places, true, out);
	if (state.error) {
		buf_put_str(out, STR(",\"error\":"));
		json_text_put(out, str_from(strerror(-state.error)));
	}
	buf_printf(out, ",\"items\":%llu,\"failures\":%llu}\n", (unsigned long long)state.items,
		   (unsigned long long)state.failures);
}

void source_trial_format(const struct source_trial *t, struct buf *out)
{
	for (size_t i = 0; i < SOURCE_KINDS; i++)
		format_one(&t->items[i], out);
}
