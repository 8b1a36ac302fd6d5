/*
 * endpoints.c
 *	  AWS's own endpoint of a service in a region.
 *
 * The rules are those that botocore has for each service
 * (endpoint-rule-set-1.json); test/vectors/endpoints holds what it makes of
 * them for every region.
 */
#include "endpoints.h"

#include <stdio.h>
#include <string.h>

#include "partitions.h"

/*
 * Services whose hosts in GovCloud are FIPS endpoints by their plain names;
 * over dual stack they have names of the usual form.
 */
static bool
is_fips_by_nature(const char *service, const AwsxPartition *partition)
{
	return strcmp(partition->name, "aws-us-gov") == 0 &&
		(strcmp(service, "sqs") == 0 || strcmp(service, "sts") == 0);
}

bool
awsx_endpoint_of(const char *service, const char *region, bool fips, bool dual_stack,
				 char *out, size_t size, AwsxError *error)
{
	const AwsxPartition *partition = awsx_partition_of(region);
	bool		s3 = strcmp(service, "s3") == 0;
	int			len;

	if (fips && s3 && strcmp(partition->name, "aws-cn") == 0)
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "S3 has no FIPS endpoint in the region \"%s\": do without use_fips_endpoint", region);
	if (fips && !dual_stack && is_fips_by_nature(service, partition))
		fips = false;

	/* S3 tells dual stack by a label of its own, before the usual suffix. */
	len = snprintf(out, size, "https://%s%s%s.%s.%s", service, fips ? "-fips" : "",
				   s3 && dual_stack ? ".dualstack" : "", region,
				   dual_stack && !s3 ? partition->dual_stack_suffix : partition->dns_suffix);
	if (len < 0 || (size_t) len >= size)
		return awsx_error_set(error, AWSX_ERR_CONFIG, "the endpoint of \"%.40s\" is longer than %zu bytes",
							  service, size - 1);
	return true;
}

bool
awsx_endpoint_sts_is_global(const char *region)
{
	static const char *const regions[] = {
		"ap-northeast-1", "ap-south-1", "ap-southeast-1", "ap-southeast-2", "ca-central-1",
		"eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3", "sa-east-1",
		"us-east-1", "us-east-2", "us-west-1", "us-west-2"
	};

	for (size_t i = 0; i < sizeof(regions) / sizeof(regions[0]); i++)
	{
		if (strcmp(region, regions[i]) == 0)
			return true;
	}
	return false;
}
