/*
 * service.h
 *	  Where a service lives: region and endpoint, from what the caller was
 *	  given, the environment, the shared files and AWS's naming rules.
 *
 * The names are those of AWS's SDKs:
 * https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html
 */
#ifndef AWSX_SERVICE_H
#define AWSX_SERVICE_H

#include <stdbool.h>

#include "client.h"
#include "error.h"
#include "profile.h"

/* What a service is looked for with.  Borrowed; all zero = only what is given. */
typedef struct AwsxServiceOptions
{
	const char *region;			/* null or "" = not given */
	const char *endpoint;		/* scheme://host[:port]; null or "" = not given */
	bool		use_environment;	/* the AWS_... variables count */
	const AwsxProfiles *profiles;	/* the chosen profile counts; null = there is none */
	const char *fallback_region;	/* where nobody names one; null = that is an error */
	bool		fips;			/* a FIPS endpoint, whatever the others say */
	bool		dual_stack;		/* an endpoint with IPv6, likewise */
	bool		allow_plain;	/* http also to other hosts than loopback */
} AwsxServiceOptions;

/* What they say together. Borrowed from the options and the environment. */
typedef struct AwsxServicePlace
{
	const char *region;			/* null = nobody says */
	const char *fallback_region;
	const char *endpoint;		/* null = nobody configured one */
	bool		fips;
	bool		dual_stack;
	bool		legacy_sts;		/* old regions use STS's global endpoint */
	bool		allow_plain;
} AwsxServicePlace;

/*
 * Ask for
 *
 * region: the option, AWS_REGION, AWS_DEFAULT_REGION, the profile's region,
 * and beside it the fallback;
 * endpoint: the option; then, unless AWS_IGNORE_CONFIGURED_ENDPOINT_URLS or
 * the profile's ignore_configured_endpoint_urls is true,
 * AWS_ENDPOINT_URL_<SERVICE>, AWS_ENDPOINT_URL, the profile's services
 * section, the profile's endpoint_url;
 * FIPS and dual stack: the options, AWS_USE_FIPS_ENDPOINT and
 * AWS_USE_DUALSTACK_ENDPOINT, the profile's use_..._endpoint;
 * STS: AWS_STS_REGIONAL_ENDPOINTS, the profile's sts_regional_endpoints.
 *
 * name is the service's signing name: "sqs", "s3", "sts", "redshift-data".
 * False, with *error (CONFIG), when a setting has a value that is none.
 */
extern bool awsx_service_find(const char *name, const AwsxServiceOptions *options,
							  AwsxServicePlace *place, AwsxError *error);

/*
 * Fill a service from that: without an endpoint the region's own one.  A
 * configured endpoint together with FIPS or dual stack is refused, as is
 * http where it is not allowed.  A RAW service needs no region.
 */
extern bool awsx_service_fill(AwsxService *service, const char *name, AwsxDialect dialect,
							  const AwsxServicePlace *place, AwsxError *error);

/* Both; options may be null. */
extern bool awsx_service_init(AwsxService *service, const char *name, AwsxDialect dialect,
							  const AwsxServiceOptions *options, AwsxError *error);

#endif							/* AWSX_SERVICE_H */
