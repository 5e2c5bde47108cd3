/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counters are taken over once a second, so that the parts of the reader may count as they like and
 * a page is never asked of them. Its owner is the reader thread.
 */
#include "agent/observer.h"

#include <errno.h>
#include <inttypes.h>

#include "base/clock.h"
#include "base/json_text.h"
#include "base/log.h"

#define LOG_UNIT "observer"

#define UPDATE_NS 1000000000ULL

int observer_init(struct observer *o, struct reader *r)
{
	int ret;

	health_init(&o->health);
	delivery_init(&o->delivery, &o->health);
	o->has_health = true;
	ret = metrics_new(&o->metrics);
	if (ret < 0)
		return ret;
	ret = metrics_add(o->metrics, agent_metrics, &o->counters, NULL, 0, &o->agent_set);
	if (ret == 0)
		ret = metrics_add(o->metrics, reader_metrics, &r->counters, NULL, 0,
				  &o->reader_set);
	return ret < 0 ? ret : process_metrics_add(o->metrics, &o->process);
}

void observer_done(struct observer *o)
{
	o->control = control_free(o->control);
	o->metrics = metrics_free(o->metrics);
	delivery_done(&o->delivery);
	if (o->has_health)
		health_done(&o->health);
	o->has_health = false;
}

int observer_listen(struct observer *o, const struct agent_settings *settings)
{
	const struct control_options options = {
		.socket = settings->control_socket,
		.listen = settings->metrics_listen,
		.allow_remote = settings->metrics_remote,
		.instance = settings->instance,
	};

	int r;

	if (!options.socket && !options.listen)
		return 0;
	r = control_new(&options, o->metrics, &o->health, &o->control);
	if (r == 0 || options.listen)
		return r;
	log_warn("going on without a control socket: `proctrail status` cannot ask this agent");
	return 0;
}

static void judge_losses(struct observer *o, uint64_t before, uint64_t now)
{
	uint64_t lost = agent_counters_n_lost(&o->counters) - before;

	if (!lost)
		return;
	health_lose(&o->health, lost, now);
	log_warn("%" PRIu64 " records were lost (see call_name: lost)", lost);
}

void observer_turn(struct observer *o, const struct reader *r)
{
	uint64_t now = clock_now_ns(CLOCK_MONOTONIC);
	uint64_t n_lost = agent_counters_n_lost(&o->counters);

	health_turn(&o->health, now);
	if (now - o->updated_ns < UPDATE_NS)
		return;
	o->updated_ns = now;
	agent_counters_update(&o->counters, r);
	if (o->sources)
		sources_count(o->sources);
	if (o->naming)
		naming_count(o->naming);
	if (r->pipelines)
		delivery_judge(&o->delivery, r->pipelines, now);
	judge_losses(o, n_lost, now);
}

static void put_pipeline(struct buf *out, const struct pipeline *p)
{
	buf_put_str(out, STR("{\"name\":"));
	json_text_put(out, str_from(pipeline_name(p)));
	buf_put_str(out, STR(",\"path\":"));
	json_text_put(out, str_from(pipeline_path(p)));
	buf_put_str(out, STR(",\"state\":\"running\"}"));
}

void observer_describe(struct observer *o, const struct reader *r, const char *node)
{
	struct buf out = { 0 };

	if (r->pipelines && delivery_follow(&o->delivery, r->pipelines) < 0)
		log_warn("no memory to judge the flushers: /healthz does not tell of them");
	if (!o->control)
		return;
	buf_put_str(&out, STR("{\"node\":"));
	json_text_put(&out, str_from(node));
	buf_printf(&out, ",\"hooks\":\"%s\",\"ring_bytes\":%llu,\"pipelines\":[",
		   probe_hooks_name(r->probe),
		   (unsigned long long)metric_get(&o->counters.ring_bytes));
	for (size_t i = 0; i < r->pipelines->n; i++) {
		if (i)
			buf_put_char(&out, ',');
		put_pipeline(&out, r->pipelines->items[i].pipeline);
	}
	buf_put_str(&out, STR("]}"));
	if (buf_failed(&out) || control_set_state(o->control, buf_str(&out)) < 0)
		log_warn("no memory to describe the agent: /status shows what was before");
	buf_done(&out);
}
