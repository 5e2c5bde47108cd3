/* SPDX-License-Identifier: Apache-2.0 */
/* `proctrail version`. */
#include <stdio.h>

#include "cli/cli.h"

int cli_version(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	puts("proctrail " PROCTRAIL_VERSION);
	return CLI_OK;
}
