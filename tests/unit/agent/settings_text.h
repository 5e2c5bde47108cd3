/* SPDX-License-Identifier: Apache-2.0 */
/* Settings as a test writes them. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/settings.h"
#include "base/cleanup.h"

#define FILE_NAME "settings.yaml" /* in a folder of its own */

#define SOURCES "files, docker, podman, cri, kubernetes or none"

static inline int load(const char *text, const struct agent_flag *flags, size_t n_flags,
		       struct agent_settings *ret, char *findings, size_t size)
{
	_cleanup_(diag_done) struct diag d = { 0 };
	char folder[] = "/tmp/proctrail-test-XXXXXX";
	_cleanup_(fclosep) FILE *f = NULL;
	FILE *said = fmemopen(findings, size, "w");
	int r;

	memset(findings, 0, size);
	assert_non_null(mkdtemp(folder));
	assert_int_equal(chdir(folder), 0);
	f = fopen(FILE_NAME, "we");
	assert_non_null(f);
	fputs(text, f);
	fflush(f);
	r = agent_settings_load(FILE_NAME, flags, n_flags, &d, ret);
	diag_print(&d, said);
	fclose(said);
	unlink(FILE_NAME);
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(rmdir(folder), 0);
	return r;
}
