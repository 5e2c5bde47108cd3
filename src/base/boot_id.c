/* SPDX-License-Identifier: Apache-2.0 */
#include "base/boot_id.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

int boot_id_read_text(char ret[BOOT_ID_TEXT])
{
	_cleanup_(fclosep) FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");
	char text[BOOT_ID_TEXT] = "";

	if (!f)
		return -errno;
	if (!fgets(text, sizeof(text), f))
		return -EBADMSG;
	memset(ret, 0, BOOT_ID_TEXT);
	memcpy(ret, text, strcspn(text, "\n"));
	return 0;
}

int boot_id_parse(const char *text, uint8_t ret[BOOT_ID_BYTES])
{
	uint8_t id[BOOT_ID_BYTES];

	for (size_t n = 0; n < sizeof(id); n++) {
		text += *text == '-';
		if (sscanf(text, "%2hhx", &id[n]) != 1)
			return -EBADMSG;
		text += 2;
	}
	memcpy(ret, id, sizeof(id));
	return 0;
}

int boot_id_read(uint8_t ret[BOOT_ID_BYTES])
{
	char text[BOOT_ID_TEXT] = "";
	int r = boot_id_read_text(text);

	return r < 0 ? r : boot_id_parse(text, ret);
}
