/*
 * jsontext.h
 *	  Looking into JSON text without changing a byte of it.
 *
 * A value is a slice of the text it was found in, so a number keeps its
 * literal and a nested document its spelling.  The text must have passed
 * jsontext_check: the rest trusts its syntax.
 */
#ifndef PG_SQS_JSONTEXT_H
#define PG_SQS_JSONTEXT_H

#include "postgres.h"

#include "jsonscan.h"

typedef struct JsonTextCursor
{
	const char *at;
} JsonTextCursor;

/*
 * Check the syntax of a NUL-terminated text in the server's encoding and
 * find its value.  Raises 22P02 as the type json does, 54001 when nested
 * too deeply.
 */
extern void jsontext_check(const char *text, JsonText *value);

/* The same for a text whose syntax is known to be right. */
extern void jsontext_open(const char *text, JsonText *value);

/* Walk through the members of an object or the elements of an array. */
extern void jsontext_first(JsonTextCursor *cursor, const JsonText *container);

/* False at the end.  key is null for arrays, else gets the quoted string. */
extern bool jsontext_next(JsonTextCursor *cursor, JsonText *key, JsonText *value);

/*
 * A string without quotes and escapes, palloc'd and NUL-terminated.  Raises
 * 22P05 for \u0000 and for characters the server's encoding lacks, 22P02 for
 * half a surrogate pair.
 */
extern char *jsontext_string(const JsonText *string);

/* As above, for a key: null where the other raises, since nothing is named like that. */
extern char *jsontext_name(const JsonText *string);

/* The slice, palloc'd and NUL-terminated. */
extern char *jsontext_raw(const JsonText *value);

/* Does the string have escapes, so that its bytes are not its content? */
extern bool jsontext_escaped(const JsonText *string);

/* Is the string this one? */
extern bool jsontext_equals(const JsonText *string, const char *content);

#endif							/* PG_SQS_JSONTEXT_H */
