/*
 * jsonscan.h
 *	  An object's members, checked and found in one pass.
 *
 * Knows nothing of PostgreSQL, so that a fuzz target can hold it against
 * PostgreSQL's own parser.
 */
#ifndef PG_SQS_JSONSCAN_H
#define PG_SQS_JSONSCAN_H

#include <stdbool.h>
#include <stddef.h>

typedef enum JsonTextKind
{
	JSONTEXT_NULL,
	JSONTEXT_BOOLEAN,
	JSONTEXT_NUMBER,
	JSONTEXT_STRING,
	JSONTEXT_OBJECT,
	JSONTEXT_ARRAY
} JsonTextKind;

/* A value as a slice of the text it was found in. */
typedef struct JsonText
{
	const char *start;			/* in the text; not NUL-terminated */
	size_t		len;
	JsonTextKind kind;
} JsonText;

typedef struct JsonScan
{
	const char *at;
	const char *end;			/* the text's terminating NUL */
	bool		begun;			/* a member has been given */
} JsonScan;

typedef enum JsonScanStep
{
	JSONSCAN_MEMBER,			/* one more; what follows it may still be refused */
	JSONSCAN_END,				/* the whole text is one object, as the type json takes it */
	JSONSCAN_REFUSED			/* no object, not JSON, or nested deeper than is followed here */
} JsonScanStep;

/* The kind of the value that begins with this byte. */
extern JsonTextKind jsonscan_kind(char first);

/*
 * Begin with a text that ends with a NUL and has none before, in UTF-8 or
 * another encoding that uses ASCII for nothing else.  False when it is not
 * an object.
 */
extern bool jsonscan_open(JsonScan *scan, const char *text);

/* The next member: the key with its quotes, the value as it is spelled. */
extern JsonScanStep jsonscan_next(JsonScan *scan, JsonText *key, JsonText *value);

/*
 * Is the text JSON?  False also for what is nested too deeply to be followed
 * here, so the last word belongs to PostgreSQL's parser.
 */
extern bool jsonscan_valid(const char *text);

#endif							/* PG_SQS_JSONSCAN_H */
