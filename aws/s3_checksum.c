/*
 * s3_checksum.c
 *	  Which checksum an answer of S3 carries, and whether bytes have it.
 *
 * Where S3 gives several, the first of the kinds below is taken: the CRCs
 * cost the least, and what is looked for are accidents, not forgeries (the
 * connection is authenticated).
 */
#include "s3_checksum.h"

#include <openssl/evp.h>
#include <string.h>

#include "base64.h"
#include "s3_crc.h"
#include "s3_wire.h"
#include "text.h"

static const struct
{
	const char *header;
	size_t		size;
	AwsxCrcKind crc;
	const EVP_MD *(*algorithm) (void);	/* null: a CRC */
}			kinds[] = {
	[AWSX_S3_NO_CHECKSUM] = {NULL, 0, AWSX_CRC32, NULL},
	[AWSX_S3_CRC64NVME] = {"x-amz-checksum-crc64nvme", 8, AWSX_CRC64NVME, NULL},
	[AWSX_S3_CRC32C] = {"x-amz-checksum-crc32c", 4, AWSX_CRC32C, NULL},
	[AWSX_S3_CRC32] = {"x-amz-checksum-crc32", 4, AWSX_CRC32, NULL},
	[AWSX_S3_SHA256] = {"x-amz-checksum-sha256", 32, AWSX_CRC32, EVP_sha256},
	[AWSX_S3_SHA1] = {"x-amz-checksum-sha1", 20, AWSX_CRC32, EVP_sha1}
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* Is it the answer to a request for all of the object, or as good as that? */
static bool
is_whole(const AwsxHttpResponse *answer)
{
	AwsxS3Range range;
	AwsxError	error;

	return awsx_s3_content_range(answer, &range, &error) && (range.start < 0 || range.size == range.total);
}

/* One that covers the object's parts: "<checksum>-<number of parts>". */
static bool
is_composite(const AwsxHttpResponse *answer, const char *value)
{
	const char *type = awsx_headers_get(&answer->headers, "x-amz-checksum-type");

	return (type != NULL && !awsx_text_equal(type, "FULL_OBJECT")) || strchr(value, '-') != NULL;
}

static bool
decode(const char *value, size_t size, unsigned char *out)
{
	unsigned char room[AWSX_BASE64_ROOM(44)];
	size_t		text_len = strlen(value);
	size_t		len;

	if (text_len != (size + 2) / 3 * 4 || !awsx_base64_decode(value, text_len, room, &len) || len != size)
		return false;
	memcpy(out, room, size);
	return true;
}

bool
awsx_s3_checksum_read(const AwsxHttpResponse *answer, AwsxS3Checksum *checksum, AwsxError *error)
{
	memset(checksum, 0, sizeof(*checksum));
	if (!is_whole(answer))
		return true;
	for (size_t kind = 1; kind < KINDS; kind++)
	{
		const char *value = awsx_headers_get(&answer->headers, kinds[kind].header);

		if (value == NULL || is_composite(answer, value))
			continue;
		if (!decode(value, kinds[kind].size, checksum->bytes))
			return awsx_error_set(error, AWSX_ERR_PROTOCOL, "the header %s in the answer of S3 is not a checksum",
								  kinds[kind].header);
		checksum->kind = (AwsxS3ChecksumKind) kind;
		return true;
	}
	return true;
}

bool
awsx_s3_digest_init(AwsxS3Digest *digest, const AwsxS3Checksum *expected, AwsxError *error)
{
	memset(digest, 0, sizeof(*digest));
	digest->expected = *expected;
	if (kinds[expected->kind].algorithm == NULL)
		return true;
	digest->context = EVP_MD_CTX_new();
	if (digest->context == NULL)
		return awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory for the checksum of an object");
	if (EVP_DigestInit_ex(digest->context, kinds[expected->kind].algorithm(), NULL) == 1)
		return true;
	awsx_s3_digest_free(digest);
	if (expected->kind == AWSX_S3_SHA1)
		return true;			/* FIPS: not comparable here, which is no fault of the object */
	return awsx_error_set(error, AWSX_ERR_MEMORY, "libcrypto gives no SHA-256");
}

void
awsx_s3_digest_update(AwsxS3Digest *digest, const void *bytes, size_t len)
{
	if (digest->expected.kind == AWSX_S3_NO_CHECKSUM || len == 0)
		return;
	if (digest->context == NULL)
		digest->crc = awsx_crc(kinds[digest->expected.kind].crc, digest->crc, bytes, len);
	else if (EVP_DigestUpdate(digest->context, bytes, len) != 1)
		digest->failed = true;
}

/* A CRC as S3 writes it: the highest byte first. */
static void
put_crc(uint64_t crc, size_t size, unsigned char *out)
{
	for (size_t i = 0; i < size; i++)
		out[i] = (unsigned char) (crc >> (8 * (size - 1 - i)));
}

bool
awsx_s3_digest_check(AwsxS3Digest *digest, AwsxError *error)
{
	AwsxS3ChecksumKind kind = digest->expected.kind;
	unsigned char computed[EVP_MAX_MD_SIZE];
	bool		same;

	if (kind == AWSX_S3_NO_CHECKSUM)
		return true;
	if (digest->context == NULL)
		put_crc(digest->crc, kinds[kind].size, computed);
	else if (digest->failed || EVP_DigestFinal_ex(digest->context, computed, NULL) != 1)
		return awsx_error_set(error, AWSX_ERR_MEMORY, "libcrypto could not compute the checksum of an object");
	same = memcmp(computed, digest->expected.bytes, kinds[kind].size) == 0;
	awsx_s3_digest_free(digest);
	if (same)
		return true;
	return awsx_error_set(error, AWSX_ERR_INTEGRITY,
						  "the object's bytes do not have the checksum that S3 keeps with it (%s): they were changed on the way",
						  kinds[kind].header);
}

void
awsx_s3_digest_free(AwsxS3Digest *digest)
{
	EVP_MD_CTX_free(digest->context);
	memset(digest, 0, sizeof(*digest));
}

bool
awsx_s3_crc32_text(const void *bytes, size_t len, char out[9])
{
	unsigned char crc[4];
	AwsxBuf		text;
	bool		done;

	put_crc(awsx_crc(AWSX_CRC32, 0, bytes, len), sizeof(crc), crc);
	awsx_buf_init(&text, 8);
	done = awsx_base64_encode(&text, crc, sizeof(crc));
	if (done)
		memcpy(out, text.data, text.len + 1);
	awsx_buf_free(&text);
	return done;
}
