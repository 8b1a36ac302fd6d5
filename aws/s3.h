/*
 * s3.h
 *	  Amazon S3: a function that makes each request and one that reads its
 *	  answer.  No I/O here; client.h carries both.
 *
 * Keys are raw UTF-8 bytes of any content; they are percent-encoded here,
 * once, and never normalised ("a//b", "./c" are keys like others).
 */
#ifndef AWSX_S3_H
#define AWSX_S3_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client.h"
#include "error.h"
#include "http.h"

/* awsx_service_init for s3, with path style where an endpoint is configured. */
extern bool awsx_s3_service(AwsxService *service, const char *region, const char *endpoint,
							bool use_environment, AwsxError *error);

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
	char		etag[136];		/* without quotes */
	char		version_id[1025];
	char		content_type[256];
} AwsxS3Object;

extern bool awsx_s3_get_request(const AwsxService *service, const AwsxS3Get *get,
								AwsxHttpRequest *out, AwsxError *error);
extern bool awsx_s3_head_request(const AwsxService *service, const AwsxS3Get *get,
								 AwsxHttpRequest *out, AwsxError *error);

/*
 * Of a successful GET or HEAD; a body shorter than Content-Length is an
 * error.  A body that went to a sink is the transport's to count.
 */
extern bool awsx_s3_object_answer(const AwsxHttpResponse *answer, AwsxS3Object *object,
								  AwsxError *error);

/* Copies the body; content_type may be null. */
extern bool awsx_s3_put_request(const AwsxService *service, const char *bucket, const char *key,
								const char *body, size_t body_len, const char *content_type,
								AwsxHttpRequest *out, AwsxError *error);

typedef struct AwsxS3Entry
{
	char	   *key;			/* raw bytes, decoded */
	int64_t		size;
	char	   *etag;			/* without quotes */
	char	   *last_modified;	/* ISO 8601 as S3 gave it */
} AwsxS3Entry;

typedef struct AwsxS3Listing
{
	int			count;
	AwsxS3Entry *entries;
	char	   *continuation;	/* for the next page; null at the end */
} AwsxS3Listing;

/* prefix and continuation may be null. max_keys 0 = 1000. */
extern bool awsx_s3_list_request(const AwsxService *service, const char *bucket,
								 const char *prefix, const char *continuation, int max_keys,
								 AwsxHttpRequest *out, AwsxError *error);
extern AwsxS3Listing *awsx_s3_list_answer(const AwsxHttpResponse *answer, AwsxError *error);
extern void awsx_s3_listing_free(AwsxS3Listing *listing);

#endif							/* AWSX_S3_H */
