/*
 * s3_wire.h
 *	  What the files of the S3 service share.  Not for users of the service.
 */
#ifndef AWSX_S3_WIRE_H
#define AWSX_S3_WIRE_H

#include "s3.h"

/*
 * Start a request to a bucket, or to a key in it (key null: the bucket):
 * endpoint and path are set.  On failure *out is empty.
 */
extern bool awsx_s3_begin(const AwsxService *service, const char *method, const char *bucket,
						  const char *key, AwsxHttpRequest *out, AwsxError *error);

/* Give the request up for want of memory: leaves *out empty, returns false. */
extern bool awsx_s3_no_memory(AwsxHttpRequest *out, AwsxError *error);

/* "name=value" percent-encoded, after a '&' where one is due. */
extern void awsx_s3_put_query(AwsxBuf *query, const char *name, const char *value);

/* Add ?versionId= unless it is null or empty; gives the request up without memory. */
extern bool awsx_s3_put_version(AwsxHttpRequest *out, const char *version_id, AwsxError *error);

/* A size as S3 writes it; -1 when it is none. */
extern int64_t awsx_s3_size(const char *text);

/* What Content-Range says; start and size are -1 for the whole object. */
typedef struct AwsxS3Range
{
	int64_t		start;
	int64_t		size;
	int64_t		total;			/* -1 = unknown */
} AwsxS3Range;

/* False when it is malformed, or missing where the status promises it. */
extern bool awsx_s3_content_range(const AwsxHttpResponse *answer, AwsxS3Range *range,
								  AwsxError *error);

/* The S3 service's AwsxAccept: length and checksum of what came. */
extern bool awsx_s3_accept(const AwsxService *service, const AwsxHttpRequest *request,
						   const AwsxHttpResponse *answer, AwsxError *error);

#endif							/* AWSX_S3_WIRE_H */
