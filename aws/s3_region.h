/*
 * s3_region.h
 *	  In which region a bucket is, as S3 told; inside aws/ only.
 */
#ifndef AWSX_S3_REGION_H
#define AWSX_S3_REGION_H

#include "client.h"

/*
 * The S3 service's AwsxRedirect: turn the request round to the region that
 * an answer named, or, without a region, to the one that is remembered for
 * its bucket, if any.
 */
extern bool awsx_s3_redirect(AwsxService *service, AwsxHttpRequest *request,
							 const char *region, AwsxError *error);

/* The request succeeded there: what it was redirected to may be remembered. */
extern void awsx_s3_region_proved(const AwsxService *service, const AwsxHttpRequest *request);

/* Forget all regions, as a new process would. */
extern void awsx_s3_regions_forget(void);

#endif							/* AWSX_S3_REGION_H */
