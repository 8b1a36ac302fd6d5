/*
 * partitions.c
 *	  The table of AWS's partitions, as partitions.json of AWS's SDKs has it.
 *
 * A region's partition is told by its prefix, so that a region that AWS
 * opens tomorrow works.
 */
#include "partitions.h"

#include <string.h>

/* The first prefix that fits counts; the last one is empty. */
static const AwsxPartition partitions[] = {
	{"aws-cn", "cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn"},
	{"aws-us-gov", "us-gov-", "amazonaws.com", "api.aws"},
	{"aws-eusc", "eusc-", "amazonaws.eu", "api.amazonwebservices.eu"},
	{"aws-iso", "us-iso-", "c2s.ic.gov", "api.aws.ic.gov"},
	{"aws-iso-b", "us-isob-", "sc2s.sgov.gov", "api.aws.scloud"},
	{"aws-iso-e", "eu-isoe-", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"},
	{"aws-iso-f", "us-isof-", "csp.hci.ic.gov", "api.aws.hci.ic.gov"},
	{"aws", "", "amazonaws.com", "api.aws"}
};

const AwsxPartition *
awsx_partition_of(const char *region)
{
	const AwsxPartition *partition = partitions;

	while (strncmp(region, partition->prefix, strlen(partition->prefix)) != 0)
		partition++;
	return partition;
}
