/*
 * s3_checksum.h
 *	  The checksum that S3 keeps with an object: read from an answer, and
 *	  computed over bytes as they pass.
 *
 * S3 tells it when asked (x-amz-checksum-mode, which every GET and HEAD made
 * here sends).  Only one of the whole object can be compared with bytes; the
 * "composite" one of a multipart upload is a checksum of checksums, and is
 * not read.
 *
 * A body in memory is checked by awsx_s3_object_answer.  For a body that
 * goes to a sink, or an object that is read in several ranges, ask with HEAD
 * first and sum up what arrives:
 *
 *		awsx_s3_digest_init(&digest, &head.checksum, &error)
 *		awsx_s3_digest_update(&digest, bytes, len)			piece by piece
 *		awsx_s3_digest_check(&digest, &error)				when all is there
 *		awsx_s3_digest_free(&digest)						in any case
 */
#ifndef AWSX_S3_CHECKSUM_H
#define AWSX_S3_CHECKSUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "http.h"

typedef enum AwsxS3ChecksumKind
{
	AWSX_S3_NO_CHECKSUM,
	AWSX_S3_CRC64NVME,
	AWSX_S3_CRC32C,
	AWSX_S3_CRC32,
	AWSX_S3_SHA256,
	AWSX_S3_SHA1
} AwsxS3ChecksumKind;

#define AWSX_S3_CHECKSUM_MAX 32 /* bytes of the longest */

typedef struct AwsxS3Checksum
{
	AwsxS3ChecksumKind kind;
	unsigned char bytes[AWSX_S3_CHECKSUM_MAX];	/* a CRC: the highest byte first */
} AwsxS3Checksum;

/*
 * The checksum of the whole object in the answer to a GET or HEAD; none when
 * S3 gives none, a composite one, or one of a kind that is not known here.
 * The answer to a range gives none either, unless the range is all of the
 * object: S3 may tell a part's there.  False when it is malformed.
 */
extern bool awsx_s3_checksum_read(const AwsxHttpResponse *answer, AwsxS3Checksum *checksum,
								  AwsxError *error);

/* A sum that grows; the fields are the implementation's. */
typedef struct AwsxS3Digest
{
	AwsxS3Checksum expected;
	uint64_t	crc;
	void	   *context;		/* of libcrypto; null for a CRC */
	bool		failed;
} AwsxS3Digest;

/*
 * Begin to sum up what should have the expected checksum; with none of it
 * every function does nothing and all is right.  Where libcrypto refuses
 * SHA-1 (FIPS) nothing is compared either.  False: no memory.
 */
extern bool awsx_s3_digest_init(AwsxS3Digest *digest, const AwsxS3Checksum *expected,
								AwsxError *error);
extern void awsx_s3_digest_update(AwsxS3Digest *digest, const void *bytes, size_t len);

/*
 * Were these the bytes?  Otherwise false with AWSX_ERR_INTEGRITY, retryable:
 * reading once more may help, twice will not.  Ends the sum.
 */
extern bool awsx_s3_digest_check(AwsxS3Digest *digest, AwsxError *error);
extern void awsx_s3_digest_free(AwsxS3Digest *digest);	/* also twice */

/* The value of x-amz-checksum-crc32, 8 characters of base64; false: no memory. */
extern bool awsx_s3_crc32_text(const void *bytes, size_t len, char out[9]);

#endif							/* AWSX_S3_CHECKSUM_H */
