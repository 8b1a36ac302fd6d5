/*
 * partitions.h
 *	  AWS's partitions: groups of regions with host names of their own;
 *	  inside aws/ only.
 */
#ifndef AWSX_PARTITIONS_H
#define AWSX_PARTITIONS_H

typedef struct AwsxPartition
{
	const char *name;			/* "aws", "aws-cn", ... */
	const char *prefix;			/* of its regions' names */
	const char *dns_suffix;
	const char *dual_stack_suffix;
} AwsxPartition;

/* The partition of a region; one that is not known counts to "aws". Never null. */
extern const AwsxPartition *awsx_partition_of(const char *region);

#endif							/* AWSX_PARTITIONS_H */
