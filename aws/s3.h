/*
 * s3.h
 *	  Amazon S3: a function that makes each request and one that reads its
 *	  answer.  No I/O here; client.h carries both.
 *
 * Keys are bytes of any content but NUL, in UTF-8; they are percent-encoded
 * here, once, and never normalised ("a//b", "./c" are keys like others).
 */
#ifndef AWSX_S3_H
#define AWSX_S3_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client.h"
#include "error.h"
#include "http.h"
#include "s3_checksum.h"
#include "service.h"

/*
 * awsx_service_init for s3, with path style where an endpoint is configured.
 * Its calls are redirected once to the region of their bucket, and a GET into
 * memory whose bytes do not have S3's checksum is repeated once.
 */
extern bool awsx_s3_service(AwsxService *service, const AwsxServiceOptions *options,
							AwsxError *error);

typedef struct AwsxS3Get
{
	const char *bucket;
	const char *key;
	const char *version_id;		/* null or "" = the newest */
	const char *if_match;		/* ETag without quotes; null = none */
	int64_t		range_start;	/* -1 = whole object */
	int64_t		range_end;		/* inclusive; -1 = to the end */
	size_t		max_bytes;		/* cap when the body is kept in memory; 0 = 1 MiB */
} AwsxS3Get;

/* What GET and HEAD say of an object. Strings are copies. */
typedef struct AwsxS3Object
{
	int64_t		size;			/* of the body of this answer; -1 = unknown */
	int64_t		range_start;	/* where in the object the body begins, when only a
								 * range was answered; else -1 */
	int64_t		total;			/* size of the whole object; -1 = unknown */
	AwsxS3Checksum checksum;	/* of the whole object */
	char		etag[136];		/* without quotes */
	char		version_id[1025];
	char		content_type[256];
} AwsxS3Object;

/* With if_match, an object that was replaced meanwhile is an error of status 412. */
extern bool awsx_s3_get_request(const AwsxService *service, const AwsxS3Get *get,
								AwsxHttpRequest *out, AwsxError *error);
extern bool awsx_s3_head_request(const AwsxService *service, const AwsxS3Get *get,
								 AwsxHttpRequest *out, AwsxError *error);

/*
 * Of a successful GET or HEAD; a body that is not as long as Content-Length
 * and Content-Range say, or has another checksum than S3 keeps, is an error.
 * A body that went to a sink is the transport's to count and the sink's to
 * sum up.
 */
extern bool awsx_s3_object_answer(const AwsxHttpResponse *answer, AwsxS3Object *object,
								  AwsxError *error);

/* Is it the range that was asked for?  A server may ignore it and send all. */
extern bool awsx_s3_range_check(const AwsxS3Get *get, const AwsxS3Object *object,
								AwsxError *error);

typedef struct AwsxS3Meta
{
	const char *name;			/* without "x-amz-meta-" */
	const char *value;			/* printable ASCII */
} AwsxS3Meta;

typedef struct AwsxS3Put
{
	const char *bucket;
	const char *key;
	const char *body;			/* null when there are no bytes */
	size_t		body_len;
	const char *content_type;	/* null = application/octet-stream */
	const AwsxS3Meta *metadata;
	int			metadata_count;
	bool		only_new;		/* an object of that key is an error of status 412: also
								 * our own, when its answer was lost and it was repeated */
} AwsxS3Put;

/* Copies the body. */
extern bool awsx_s3_put_request(const AwsxService *service, const AwsxS3Put *put,
								AwsxHttpRequest *out, AwsxError *error);

/*
 * Deleting what is not there is a success.  Without a version (null or "") a
 * bucket with versions keeps them, behind a delete marker.
 */
extern bool awsx_s3_delete_request(const AwsxService *service, const char *bucket,
								   const char *key, const char *version_id,
								   AwsxHttpRequest *out, AwsxError *error);

typedef struct AwsxS3List
{
	const char *bucket;
	const char *prefix;			/* null = all keys */
	const char *start_after;	/* keys behind this one; null = from the first */
	const char *continuation;	/* of the page before; null = the first page */
	int			max_keys;		/* 0 = 1000 */
} AwsxS3List;

typedef struct AwsxS3Entry
{
	char	   *key;			/* raw bytes, decoded */
	int64_t		size;
	char	   *etag;			/* without quotes */
	char	   *last_modified;	/* ISO 8601 as S3 gave it */
} AwsxS3Entry;

typedef struct AwsxS3Listing
{
	int			count;			/* may be 0 although more pages follow */
	AwsxS3Entry *entries;		/* by the bytes of their keys */
	char	   *continuation;	/* for the next page; null at the end */
} AwsxS3Listing;

extern bool awsx_s3_list_request(const AwsxService *service, const AwsxS3List *list,
								 AwsxHttpRequest *out, AwsxError *error);
extern AwsxS3Listing *awsx_s3_list_answer(const AwsxHttpResponse *answer, AwsxError *error);
extern void awsx_s3_listing_free(AwsxS3Listing *listing);

#endif							/* AWSX_S3_H */
