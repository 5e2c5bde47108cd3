/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a configuration: through the parser, the options and the checks of all plugins. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/set.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What a right configuration comes to is a right configuration that comes to the same. */
static void check_dump(const struct pipeline *p)
{
	_cleanup_(diag_done) struct diag findings = { 0 };
	_cleanup_(pipeline_freep) struct pipeline *again = NULL;
	_cleanup_(buf_done) struct buf once = { 0 }, twice = { 0 };

	if (pipeline_dump(p, OPTION_SECRETS_SHOWN, &once) < 0)
		return;
	buf_put_char(&once, '\0');
	if (pipeline_load_text("fuzz", once.data, &findings, &again) == -EINVAL) {
		diag_print(&findings, stderr);
		abort();
	}
	if (!again || pipeline_dump(again, OPTION_SECRETS_SHOWN, &twice) < 0)
		return;
	once.len--;
	if (!str_eq(buf_str(&once), buf_str(&twice)))
		abort();
}

/* The parser takes bytes; pipelines take text, which is what there is before the first NUL. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(freep) char *text = strndup((const char *)data, size);
	_cleanup_(pipeline_freep) struct pipeline *p = NULL;
	_cleanup_(conf_node_freep) struct conf_node *tree = NULL;
	_cleanup_(diag_done) struct diag findings = { 0 };
	_cleanup_(fclosep) FILE *sink = fopen("/dev/null", "we");
	int r;

	if (!text || !sink)
		return 0;
	(void)conf_parse_text("fuzz", (const char *)data, size, &findings, &tree);
	r = pipeline_load_text("fuzz", text, &findings, &p);
	diag_print(&findings, sink);
	if ((r == 0) != (p != NULL) || (r == -EINVAL && !findings.n_errors))
		abort();
	if (p)
		check_dump(p);
	return 0;
}
