/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names to fields and constants, and the numbers that these are compared with. Pure but for marks.
 */
#include "match/key.h"

#include <errno.h>

#include "conf/scalar.h"

#define finding(in, at, path, ...) diag_error((in)->reterr, (at), (path), __VA_ARGS__)

/* The number that a canonical decimal text is. */
static bool read_number(const char *text, struct value *ret)
{
	bool is_negative = *text == '-';
	const char *digits = text + is_negative;
	size_t n = strlen(digits);
	condition_number number = 0;

	if (!n || n > 20 || strspn(digits, "0123456789") != n || (n > 1 && *digits == '0'))
		return false;
	for (; *digits; digits++)
		number = number * 10 + (*digits - '0');
	if (is_negative && (number == 0 || number > (condition_number)INT64_MAX + 1))
		return false;
	if (!is_negative && number > UINT64_MAX)
		return false;
	if (is_negative)
		*ret = (struct value){ .kind = VALUE_I64, .i64 = (int64_t)-number };
	else
		*ret = (struct value){ .kind = VALUE_U64, .u64 = (uint64_t)number };
	return true;
}

static bool is_number(const struct field *field, const char *text)
{
	struct value unused;

	if (field)
		return field->type == FIELD_NUMBER || field->type == FIELD_TIME;
	return read_number(text, &unused);
}

/* NULL where nothing is near. */
static const char *nearest_key(const struct shape *shape, const char *name)
{
	const char *near = shape_nearest(shape, name);
	const struct field *field;

	if (near)
		return near;
	field = field_nearest(str_from(name));
	return field ? field->name : NULL;
}

int key_find(const struct syntax *in, const struct syntax_key *named, struct key *ret)
{
	const struct shape_key *key = shape_lookup(in->shape, named->name);
	const struct field *field = key ? key->field : field_lookup(str_from(named->name));
	const char *near;

	if (key || field) {
		*ret = (struct key){
			.name = named->name,
			.field = field,
			.text = key ? key->text : NULL,
			.is_number = is_number(field, key ? key->text : NULL),
			.is_known = true,
		};
		if (field)
			shape_read(in->shape, field);
		return 0;
	}
	near = nearest_key(in->shape, named->name);
	if (near)
		return finding(in, named->at, named->path, "unknown field '%s'; did you mean '%s'?",
			       named->name, near);
	return finding(in, named->at, named->path,
		       "unknown field '%s'; 'proctrail fields' lists them", named->name);
}

int key_apply(const struct key *key, struct condition *to)
{
	char *copy;

	to->field = key->field;
	if (!key->text || read_number(key->text, &to->otherwise))
		return 0;
	copy = strdup(key->text);
	if (!copy)
		return -ENOMEM;
	to->otherwise = (struct value){ .kind = VALUE_TEXT, .text = str_from(copy) };
	return 0;
}

static bool counts_bytes(const struct key *key)
{
	return key->field && str_ends_with(str_from(key->field->name), STR("bytes"));
}

static bool counts_ns(const struct key *key)
{
	return key->field && str_ends_with(str_from(key->field->name), STR("_ns"));
}

bool key_read_amount(const struct key *key, const char *text, struct value *ret)
{
	uint64_t amount;

	if (read_number(text, ret))
		return true;
	if (counts_bytes(key) && scalar_parse_size(text, &amount) == 0) {
		*ret = (struct value){ .kind = VALUE_U64, .u64 = amount };
		return true;
	}
	if (counts_ns(key) && scalar_parse_duration(text, &amount) == 0) {
		*ret = (struct value){ .kind = VALUE_U64, .u64 = amount };
		return true;
	}
	return false;
}

const char *key_amount_hint(const struct key *key)
{
	if (counts_bytes(key))
		return ", or a size such as 10MiB";
	return counts_ns(key) ? ", or a duration such as 500ms" : "";
}
