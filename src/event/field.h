/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one table of all fields: the encoders, the filters, `proctrail fields`, the reference page
 * and the tests read it. Its order is the order of the keys in a record.
 */
#pragma once

#include "base/buf.h"
#include "event/event.h"

enum field_set {
	FIELD_SET_SPEC,	    /* always there, where it applies */
	FIELD_SET_EXTENDED, /* when a pipeline asks for it */
};

enum field_type {
	FIELD_STRING,
	FIELD_NUMBER,  /* printed as a string in JSON, compared as a number by filters */
	FIELD_BOOLEAN, /* "true", or the key is not there */
	FIELD_LIST,
	FIELD_TIME, /* __time__ alone: an integer, or a string for flusher_stdout */
};

/*
 * What a value is made from, besides the node and the view: as long as that is the same, the value
 * is. So an encoder may keep what it has written of it. Of a lost record it is anything.
 */
enum field_scope {
	FIELD_OF_EVENT,	  /* anything */
	FIELD_OF_NOTHING, /* the same in all records */
	FIELD_OF_CALL,	  /* the call alone */
	FIELD_OF_EXIT,	  /* the same, but anything of an exit */
	FIELD_OF_SECOND,  /* the second in which it happened: see event_second() */
	FIELD_OF_IMAGE,	  /* the image: all that its stamp stands for */
	FIELD_OF_OWNER,	  /* the image's credentials, user and control group, and IMAGE_STUB */
	FIELD_OF_PROGRAM, /* the image's program alone */
	FIELD_OF_PARENT,  /* the image's parent, as FIELD_OF_IMAGE */
};

enum value_kind {
	VALUE_ABSENT, /* the key does not apply to this record */
	VALUE_TEXT,   /* any bytes */
	VALUE_SAFE,   /* printable ASCII without " and \: needs no escaping */
	VALUE_U64,
	VALUE_I64,
	VALUE_ARGV, /* text holds arguments, each with its NUL but perhaps the last */
};

struct value {
	enum value_kind kind;
	union {
		struct str text;
		uint64_t u64;
		int64_t i64;
	};
};

/* How one pipeline wants its records. */
struct field_view {
	uint32_t max_args;		/* MaxArgumentBytes */
	const char *const *environment; /* names of variables, ended by NULL; NULL: none */
	struct buf *scratch; /* values that have to be made live here until the next field */
};

typedef struct value field_get_fn(const struct event *ev, const struct field_view *view);

struct field {
	const char *name;
	enum field_type type;
	enum field_set set;
	enum field_scope scope;
	bool of_loss;	   /* a lost record has it; the others it does not have */
	field_get_fn *get; /* see field_get() */
	const char *doc;   /* a full sentence; Markdown */
};

/* What the key holds for any event. A lost record has no image to look at. */
static inline struct value field_get(const struct field *field, const struct event *ev,
				     const struct field_view *view)
{
	if (ev->call == CALL_LOST && !field->of_loss)
		return (struct value){ .kind = VALUE_ABSENT };
	return field->get(ev, view);
}

extern const struct field fields[];
extern const size_t n_fields;

/* NULL where there is none of that name. */
const struct field *field_lookup(struct str name);
/* The known name that is nearest to what somebody wrote, or NULL where none is near. */
const struct field *field_nearest(struct str name);
const char *field_type_to_string(enum field_type type);
const char *field_set_to_string(enum field_set set);
