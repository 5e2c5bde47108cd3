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
	FIELD_OF_EVENT,	    /* anything */
	FIELD_OF_NOTHING,   /* the same in all records */
	FIELD_OF_CALL,	    /* the call alone */
	FIELD_OF_EXIT,	    /* the same, but anything of an exit */
	FIELD_OF_SECOND,    /* the second in which it happened: see event_second() */
	FIELD_OF_IMAGE,	    /* the image: all that its stamp stands for */
	FIELD_OF_OWNER,	    /* the image's credentials, user and control group, and IMAGE_STUB */
	FIELD_OF_PROGRAM,   /* the image's program alone */
	FIELD_OF_PARENT,    /* the image's parent, as FIELD_OF_IMAGE */
	FIELD_OF_CONTAINER, /* the container: all that its stamp stands for */
};
#define FIELD_SCOPES (FIELD_OF_CONTAINER + 1)

/* Which of the events without an image have a field; all others have it in any case. */
#define FIELD_IN_LOST 0x1
#define FIELD_IN_CONTAINER 0x2

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
	uint32_t in;	   /* FIELD_IN_* */
	field_get_fn *get; /* see field_get() */
	const char *doc;   /* a full sentence; Markdown */
};

/* The FIELD_IN_* that a field must have for such a call; 0: any field has it. */
static inline uint32_t field_in_call(enum call call)
{
	return call == CALL_LOST ? FIELD_IN_LOST : call == CALL_CONTAINER ? FIELD_IN_CONTAINER : 0;
}

/* What the key holds for any event. Some have no image to look at. */
static inline struct value field_get(const struct field *field, const struct event *ev,
				     const struct field_view *view)
{
	if (!call_has_image(ev->call) && !(field->in & field_in_call(ev->call)))
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
