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

/* A size as S3 writes it; -1 when it is none. */
extern int64_t awsx_s3_size(const char *text);

#endif							/* AWSX_S3_WIRE_H */
