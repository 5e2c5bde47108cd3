/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a configuration: through the parser, the options and the checks of all plugins. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/pipeline.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
	return 0;
}
