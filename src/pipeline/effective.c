/* SPDX-License-Identifier: Apache-2.0 */
/* What a pipeline's configuration comes to, as YAML and as one number. Pure. */
#include <errno.h>

#include "base/hash.h"
#include "pipeline/parts.h"
#include "pipeline/set.h"

static void dump_part(const struct part *part, enum option_secrets secrets, struct buf *out)
{
	const struct instance *self = &part->instance;

	buf_printf(out, "  - Type: %s\n", self->plugin->name);
	options_dump(self->plugin->options, self->conf, 4, secrets, out);
}

int pipeline_dump(const struct pipeline *p, enum option_secrets secrets, struct buf *out)
{
	buf_printf(out, "enable: %s\ninputs:\n", p->is_enabled ? "true" : "false");
	for (size_t i = 0; i < p->n_inputs; i++)
		dump_part(&p->inputs[i], secrets, out);
	if (p->n_stages)
		buf_put_str(out, STR("processors:\n"));
	for (size_t i = 0; i < p->n_stages; i++)
		dump_part(&p->stages[i], secrets, out);
	buf_put_str(out, STR("flushers:\n"));
	for (size_t i = 0; i < p->n_outlets; i++)
		dump_part(&p->outlets[i].part, secrets, out);
	return buf_failed(out) ? -ENOMEM : 0;
}

/* FNV-1a; the texts are an operator's own, nobody looks for collisions. */
static uint64_t hash_text(struct str text)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < text.n; i++)
		h = (h ^ (unsigned char)text.p[i]) * 0x100000001b3u;
	return hash_mix(h);
}

int pipeline_fingerprint(const struct pipeline *p, uint64_t *ret)
{
	_cleanup_(buf_done) struct buf text = { 0 };
	int r;

	r = pipeline_dump(p, OPTION_SECRETS_SHOWN, &text);
	if (r < 0)
		return r;
	*ret = hash_text(buf_str(&text));
	return 0;
}

const char *pipeline_path(const struct pipeline *p)
{
	return p->tree->at.file;
}
