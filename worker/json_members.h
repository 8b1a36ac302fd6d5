/*
 * json_members.h
 *	  The members of a JSON object, as slices of its text.
 *
 * A number keeps its literal and a nested document its spelling.  The text
 * must have been checked (json_find_object): this reader trusts its syntax.
 * No memory is allocated but for strings without their escapes.
 */
#ifndef JSON_MEMBERS_H
#define JSON_MEMBERS_H

#include <stdbool.h>
#include <stddef.h>

#include "../aws/buf.h"

typedef enum JsonValueKind
{
	JSON_VALUE_NULL,
	JSON_VALUE_STRING,
	JSON_VALUE_NUMBER,
	JSON_VALUE_BOOLEAN,
	JSON_VALUE_OBJECT,
	JSON_VALUE_ARRAY
} JsonValueKind;

/* Not NUL-terminated; of a string what is between its quotes, escapes included. */
typedef struct JsonValue
{
	const char *start;
	size_t		len;
	JsonValueKind kind;
	bool		escaped;		/* a string with escapes */
} JsonValue;

typedef struct JsonMembers
{
	const char *at;
	const char *end;
} JsonMembers;

/* Before the first member of the object, from its '{' to its '}'. */
extern JsonMembers json_members(const char *object, size_t len);

/* False at the end.  The name is a string. */
extern bool json_members_next(JsonMembers *members, JsonValue *name, JsonValue *value);

/*
 * The last member of that name.  False: there is none, or the value is no
 * object.  Out of memory is told by buf, which is scratch, and also false.
 */
extern bool json_members_find(const JsonValue *object, const char *name, size_t len,
							  AwsxBuf *scratch, JsonValue *value);

/* Append a string's characters; \u0000 becomes a NUL. */
extern bool json_unescape(const JsonValue *string, AwsxBuf *out);

#endif							/* JSON_MEMBERS_H */
