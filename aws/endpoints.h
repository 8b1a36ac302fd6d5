/*
 * endpoints.h
 *	  AWS's own endpoint of a service in a region; inside aws/ only.
 */
#ifndef AWSX_ENDPOINTS_H
#define AWSX_ENDPOINTS_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"

/*
 * Write https://<host> of a service ("sqs", "s3", "sts", "redshift-data") in
 * a region, as the endpoint rules of AWS's SDKs have it.  False, with
 * *error (CONFIG), when there is none of that kind or it does not fit.
 */
extern bool awsx_endpoint_of(const char *service, const char *region, bool fips, bool dual_stack,
							 char *out, size_t size, AwsxError *error);

/*
 * Is the region one of those that are as old as the global endpoint of STS,
 * and so call it where the legacy way is asked for?
 */
extern bool awsx_endpoint_sts_is_global(const char *region);

#endif							/* AWSX_ENDPOINTS_H */
