/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An encoding of a shape, and what it made of the stride that goes through the pipelines: those
 * that want the same share it, and each event is encoded once, by the first that wants it, into a
 * sheet that all of them show. So what filters leave of it may differ. Reader thread only.
 */
#pragma once

#include "base/buf.h"
#include "base/cleanup.h"
#include "codec/json.h"
#include "pipeline/sheet.h"
#include "plugin/plugin.h"

struct encoder;

/* What it makes depends on these alone. 0 or -ENOMEM. Made with one reference. */
int encoder_new(const struct shape *shape, const struct encoding *encoding,
		const struct demand *demand, struct encoder **ret);
struct encoder *encoder_ref(struct encoder *e);
struct encoder *encoder_unref(struct encoder *e); /* returns NULL */
DEFINE_CLEANUP(struct encoder *, encoder_unref)

/* Whether two make the same of all events. */
bool encoder_is_same(const struct encoder *a, const struct encoder *b);

/*
 * Event i of a stride, and a line feed; the view is that of the demand. Where it lies is constant
 * until the next call. False when memory ran out.
 */
bool encoder_take(struct encoder *e, uint64_t stride_id, size_t i, const struct event *ev,
		  const struct field_view *view, struct text *ret);
/*
 * Whoever shows what was written so far may read it in another thread from now on: what is written
 * next comes into another sheet.
 */
void encoder_turn(struct encoder *e);

/* Appends an event that nobody else is shown; on lack of memory out turns failed. */
void encoder_put(struct encoder *e, const struct event *ev, const struct field_view *view,
		 struct buf *out);

/* Of all who share it; borrowed. */
const struct json_counters *encoder_counters(const struct encoder *e);
