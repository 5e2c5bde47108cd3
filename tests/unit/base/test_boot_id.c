/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's text as bytes; what is none is refused and changes nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/boot_id.h"

static void test_parse(void **state)
{
	static const struct {
		const char *text;
		int r;
	} rows[] = {
		{ "00112233-4455-6677-8899-aabbccddeeff", 0 },
		{ "00112233-4455-6677-8899-aabbccddeeff\n", 0 },
		{ "", -EBADMSG },
		{ "00112233-4455-6677-8899-aabbccddee", -EBADMSG },
		{ "00112233-4455-6677-8899-aabbccddeexx", -EBADMSG },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t id[BOOT_ID_BYTES];

		memset(id, 7, sizeof(id));
		assert_int_equal(boot_id_parse(rows[i].text, id), rows[i].r);
		for (uint8_t k = 0; k < sizeof(id); k++)
			assert_int_equal(id[k], rows[i].r < 0 ? 7 : k * 0x11);
	}
}

/* Both ways say the same, and it is the same each time. */
static void test_read(void **state)
{
	uint8_t id[BOOT_ID_BYTES], again[BOOT_ID_BYTES];
	char text[BOOT_ID_TEXT];

	(void)state;
	assert_int_equal(boot_id_read(id), 0);
	assert_int_equal(boot_id_read_text(text), 0);
	assert_int_equal(strlen(text), 36);
	for (size_t i = 36; i < sizeof(text); i++)
		assert_int_equal(text[i], 0);
	assert_int_equal(boot_id_parse(text, again), 0);
	assert_memory_equal(id, again, sizeof(id));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_parse),
					    cmocka_unit_test(test_read) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
