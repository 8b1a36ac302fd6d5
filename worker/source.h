/*
 * source.h
 *	  The bytes of one object in S3, from its first or any later byte on.
 *
 * A small object is one GET.  A larger one is read in ranges of
 * SOURCE_PART_BYTES, one of which is fetched while the one before is worked
 * on: memory does not grow with the object, and a range that fails is asked
 * for again by itself.  All ranges are of one state of the object: of the
 * version that was asked for, and of the ETag that the first answer had.
 *
 * The whole object's checksum, where S3 keeps one, is compared when it was
 * read from its first byte to its last; so a difference shows at the end,
 * when the bytes have been given out.
 */
#ifndef SOURCE_H
#define SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../aws/client.h"
#include "../aws/s3.h"
#include "deadline.h"

#define SOURCE_PART_BYTES ((int64_t) 2 << 20)

typedef struct Source Source;

/* Strings are borrowed until source_free. */
typedef struct SourceOptions
{
	AwsxClient *client;
	const AwsxService *service;
	const Deadline *deadline;
	const char *bucket;
	const char *key;			/* raw bytes */
	const char *version_id;		/* "" = the newest */
	const char *etag;			/* it must be this one, without quotes; "" = any */
	int64_t		size;			/* as the event had it; -1 = not known */
	int64_t		start;			/* first byte to read, from 0 */
} SourceOptions;

typedef enum SourceStep
{
	SOURCE_BYTES,				/* *bytes and *len, until the next call */
	SOURCE_END,
	SOURCE_FAILED				/* *error says why */
} SourceStep;

/* What a failure means for the object. */
typedef enum SourceFailure
{
	SOURCE_FAULT,				/* of the infrastructure: it may be read later */
	SOURCE_MISSING,				/* this state of the object is not there (any more) */
	SOURCE_ARCHIVED,			/* it would have to be restored first */
	SOURCE_DENIED,
	SOURCE_THROTTLED
} SourceFailure;

/* Null and *error (MEMORY); nothing is asked for yet. */
extern Source *source_create(const SourceOptions *options, AwsxError *error);
extern void source_free(Source *source);	/* null allowed; stops what is under way */

/* After the first SOURCE_BYTES or SOURCE_END the object's description is there. */
extern SourceStep source_next(Source *source, const char **bytes, size_t *len, AwsxError *error);

/* ETag and version as the first answer had them; total is the object's size. */
extern const AwsxS3Object *source_about(const Source *source);

/* Bytes that were given out. */
extern int64_t source_bytes(const Source *source);

extern SourceFailure source_failure(const AwsxError *error);

#endif							/* SOURCE_H */
