/*
 * s3_crc.h
 *	  The three cyclic redundancy checks of S3; inside aws/ only.
 */
#ifndef AWSX_S3_CRC_H
#define AWSX_S3_CRC_H

#include <stddef.h>
#include <stdint.h>

typedef enum AwsxCrcKind
{
	AWSX_CRC32,					/* as in gzip */
	AWSX_CRC32C,				/* Castagnoli's */
	AWSX_CRC64NVME
} AwsxCrcKind;

/* Add bytes to a CRC that begins with 0. */
extern uint64_t awsx_crc(AwsxCrcKind kind, uint64_t crc, const void *bytes, size_t len);

#endif							/* AWSX_S3_CRC_H */
