/*
 * json.h
 *	  A strict look at one JSON object in a text, and a writer of JSON
 *	  strings.
 *
 * jq's parser takes more than JSON (leading zeros, "nan", ".5") and tells
 * little of where a text is wrong; a record is therefore checked here first,
 * and jq sees only what is JSON by RFC 8259.  No memory is allocated.
 */
#ifndef JSON_H
#define JSON_H

#include <stdbool.h>
#include <stddef.h>

#include "../aws/buf.h"

/* What every supported jq can parse: 1.6 needs two of its 256 levels an object. */
#define JSON_MAX_DEPTH 128

/* Where and why a text is not one JSON object. */
typedef struct JsonProblem
{
	const char *code;			/* EmptyObject, InvalidJson, NotAnObject, TooDeep */
	size_t		byte;			/* from 1 */
	size_t		line;			/* from 1 */
	size_t		column;			/* from 1, in characters */
	char		reason[256];	/* one sentence with the place, without payload */
} JsonProblem;

/* Called for each number literal; false stops the scan. */
typedef bool (*JsonNumberFound) (void *arg, size_t offset, size_t len);

typedef struct JsonObject
{
	size_t		offset;			/* of '{' in the text */
	size_t		len;			/* to the closing '}', included */
} JsonObject;

/*
 * Find the one JSON object that the text holds.  A UTF-8 byte order mark
 * before it and white space around it are tolerated; anything else (another
 * type, a second value, bytes that are no UTF-8, a lone surrogate, nesting
 * beyond JSON_MAX_DEPTH) is a problem.  found may be null.  When found
 * returns false the scan ends with false and problem->code null.
 */
extern bool json_find_object(const char *text, size_t len, JsonNumberFound found, void *arg,
							 JsonObject *object, JsonProblem *problem);

/* Fill the place of a byte offset (from 0) of the text, and the sentence. */
extern void json_problem_at(JsonProblem *problem, const char *code, const char *text,
							size_t offset, const char *what);

extern bool json_utf8_valid(const char *bytes, size_t len);

/*
 * Append the bytes as a JSON string with its quotes, escaping only what JSON
 * or SQS's character set demands.  A byte that is no UTF-8 becomes U+FFFD.
 */
extern bool json_put_string(AwsxBuf *buf, const char *bytes, size_t len);

/* "name":"text" after a comma (unless the buffer ends with '{'). */
extern bool json_put_member(AwsxBuf *buf, const char *name, const char *text);

#endif							/* JSON_H */
