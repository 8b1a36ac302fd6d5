/*
 * test_s3_checksum.c
 *	  The checksums of S3 against known answers, in pieces of every size, and
 *	  which of an answer's headers count.
 */
#include "answer.h"
#include "base64.h"
#include "digest.h"
#include "s3.h"
#include "s3_crc.h"
#include "tap.h"

#define DIGITS "123456789"
#define CRC32 "x-amz-checksum-crc32"
#define CRC32C "x-amz-checksum-crc32c"
#define CRC64 "x-amz-checksum-crc64nvme"
#define SHA1 "x-amz-checksum-sha1"
#define SHA256 "x-amz-checksum-sha256"
#define TYPE "x-amz-checksum-type"

/* The check values of the catalogue of CRCs are of "123456789". */
static void
test_crc(void)
{
	is_int((long long) awsx_crc(AWSX_CRC32, 0, DIGITS, 9), 0xCBF43926LL, "CRC-32");
	is_int((long long) awsx_crc(AWSX_CRC32C, 0, DIGITS, 9), 0xE3069283LL, "CRC-32C");
	ok(awsx_crc(AWSX_CRC64NVME, 0, DIGITS, 9) == UINT64_C(0xAE8B14860A799888), "CRC-64/NVME");
	is_int((long long) awsx_crc(AWSX_CRC32, 0, "", 0), 0, "CRC-32 of nothing");
	ok(awsx_crc(AWSX_CRC64NVME, 0, "", 0) == 0, "CRC-64 of nothing");
}

/* Bit by bit, without tables. */
static uint64_t
slow_crc(uint64_t polynomial, uint64_t ones, const unsigned char *bytes, size_t len)
{
	uint64_t	crc = ones;

	for (size_t i = 0; i < len; i++)
	{
		crc ^= bytes[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc & 1 ? (crc >> 1) ^ polynomial : crc >> 1;
	}
	return crc ^ ones;
}

static void
test_crc_pieces(void)
{
	static const struct
	{
		AwsxCrcKind kind;
		uint64_t	polynomial;
		uint64_t	ones;
	}			all[] = {
		{AWSX_CRC32, 0xEDB88320, UINT32_MAX},
		{AWSX_CRC32C, 0x82F63B78, UINT32_MAX},
		{AWSX_CRC64NVME, UINT64_C(0x9A6C9329AC4BC9B5), UINT64_MAX}
	};
	unsigned char bytes[1000];
	uint32_t	seed = 1;
	int			wrong = 0;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char) ((seed = seed * 1103515245 + 12345) >> 16);
	for (size_t k = 0; k < 3; k++)
	{
		for (size_t len = 0; len < 100; len++)
			wrong += awsx_crc(all[k].kind, 0, bytes + len % 7, len) != slow_crc(all[k].polynomial, all[k].ones, bytes + len % 7, len);
		for (size_t piece = 1; piece < 40; piece++)
		{
			uint64_t	crc = 0;

			for (size_t at = 0; at < sizeof(bytes); at += piece)
				crc = awsx_crc(all[k].kind, crc, bytes + at, at + piece > sizeof(bytes) ? sizeof(bytes) - at : piece);
			wrong += crc != slow_crc(all[k].polynomial, all[k].ones, bytes, sizeof(bytes));
		}
	}
	is_int(wrong, 0, "every length, alignment and size of pieces");
}

/*
 * What botocore's httpchecksum (crc32, sha1, sha256) and the check values
 * above make of "123456789", in base64.
 */
static const struct
{
	const char *header;
	const char *value;
	AwsxS3ChecksumKind kind;
}			known[] = {
	{CRC32, "y/Q5Jg==", AWSX_S3_CRC32},
	{CRC32C, "4waSgw==", AWSX_S3_CRC32C},
	{CRC64, "rosUhgp5mIg=", AWSX_S3_CRC64NVME},
	{SHA1, "98O8HYCOBHMq32eZZczDTKeuNEE=", AWSX_S3_SHA1},
	{SHA256, "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU=", AWSX_S3_SHA256}
};

static bool
answer_is_taken(const char *header, const char *value, const char *type, const char *body, AwsxS3Object *object, AwsxError *error)
{
	AwsxHttpResponse answer = make_answer(body, strlen(body));
	bool		taken;

	awsx_error_clear(error);
	awsx_headers_set(&answer.headers, header, value);
	awsx_headers_set(&answer.headers, "Content-Length", "9");
	if (type != NULL)
		awsx_headers_set(&answer.headers, TYPE, type);
	taken = awsx_s3_object_answer(&answer, object, error);
	awsx_http_response_free(&answer);
	return taken;
}

static void
test_known(void)
{
	AwsxS3Object object;
	AwsxError	error;

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
	{
		const char *header = known[i].header;

		ok(answer_is_taken(header, known[i].value, "FULL_OBJECT", DIGITS, &object, &error) && object.checksum.kind == known[i].kind,
		   "%s is right", header);
		ok(answer_is_taken(header, known[i].value, NULL, DIGITS, &object, &error) && object.checksum.kind == known[i].kind,
		   "... also without a type");
		ok(!answer_is_taken(header, known[i].value, "FULL_OBJECT", "123456780", &object, &error) && error.kind == AWSX_ERR_INTEGRITY &&
		   error.retryable && strstr(error.message, header) != NULL, "... one bit is wrong: %s", error.message);
		ok(answer_is_taken(header, known[i].value, "COMPOSITE", "123456780", &object, &error) && object.checksum.kind == AWSX_S3_NO_CHECKSUM,
		   "... a composite one says nothing of the bytes");
		ok(!answer_is_taken(header, "AAAA", "FULL_OBJECT", DIGITS, &object, &error) && error.kind == AWSX_ERR_PROTOCOL, "... too short");
		ok(!answer_is_taken(header, "", "FULL_OBJECT", DIGITS, &object, &error) && error.kind == AWSX_ERR_PROTOCOL, "... empty");
		ok(answer_is_taken(header, known[i].value, "FULL_OBJECT", "", &object, &error) && object.checksum.kind == known[i].kind,
		   "... of a HEAD it is only read");
	}
	ok(answer_is_taken(SHA256, "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU=-3", NULL, "123456780", &object, &error) &&
	   object.checksum.kind == AWSX_S3_NO_CHECKSUM, "three parts are composite, too");
	ok(!answer_is_taken(CRC32, "y/Q5J!==", NULL, DIGITS, &object, &error) && error.kind == AWSX_ERR_PROTOCOL, "no base64");
	ok(!answer_is_taken(CRC32, "y/Q5Jh==", NULL, DIGITS, &object, &error) && error.kind == AWSX_ERR_PROTOCOL, "bits behind the end");
	ok(!answer_is_taken(SHA1, known[4].value, NULL, DIGITS, &object, &error) && error.kind == AWSX_ERR_PROTOCOL, "another kind's length");
	ok(answer_is_taken("x-amz-checksum-md5", "x", NULL, DIGITS, &object, &error) && object.checksum.kind == AWSX_S3_NO_CHECKSUM, "a kind that is not known");
}

/* A range's own bytes are never compared; the checksum of a whole one is read. */
static void
is_range(const char *range, AwsxS3ChecksumKind kind, bool taken, const char *name)
{
	AwsxHttpResponse answer = make_answer("", 0);
	AwsxS3Checksum checksum;
	AwsxS3Object object;
	AwsxError	error;

	answer.status = 206;
	if (range != NULL)
		awsx_headers_set(&answer.headers, "Content-Range", range);
	awsx_headers_set(&answer.headers, CRC32, "y/Q5Jg==");
	ok(awsx_s3_checksum_read(&answer, &checksum, &error) && checksum.kind == kind, "%s", name);
	ok(awsx_s3_object_answer(&answer, &object, &error) == taken, "... taken or not");
	awsx_http_response_free(&answer);
}

static void
test_ranges(void)
{
	is_range("bytes 0-8/9", AWSX_S3_CRC32, true, "a range of all");
	is_range("bytes 0-7/9", AWSX_S3_NO_CHECKSUM, true, "the first eight of nine");
	is_range("bytes 1-8/9", AWSX_S3_NO_CHECKSUM, true, "the last eight of nine");
	is_range("bytes 0-8/*", AWSX_S3_NO_CHECKSUM, true, "of an unknown total");
	is_range("bytes 0-9/9", AWSX_S3_NO_CHECKSUM, false, "beyond the end");
	is_range("bytes 8-0/9", AWSX_S3_NO_CHECKSUM, false, "backwards");
	is_range("bytes 0-8", AWSX_S3_NO_CHECKSUM, false, "no total");
	is_range("bytes -8/9", AWSX_S3_NO_CHECKSUM, false, "no start");
	is_range("bytes 0-/9", AWSX_S3_NO_CHECKSUM, false, "no end");
	is_range("items 0-8/9", AWSX_S3_NO_CHECKSUM, false, "another unit");
	is_range("bytes 0-8/9x", AWSX_S3_NO_CHECKSUM, false, "a tail");
	is_range("bytes 0-99999999999999999999999/9", AWSX_S3_NO_CHECKSUM, false, "a very large number");
	is_range("", AWSX_S3_NO_CHECKSUM, false, "an empty one");
	is_range(NULL, AWSX_S3_NO_CHECKSUM, false, "none at all");
}

static void
is_asked(int64_t start, int64_t end, const AwsxS3Object *object, bool expected, const char *name)
{
	AwsxS3Get	get = {.bucket = "b",.key = "k",.range_start = start,.range_end = end};
	AwsxError	error;

	ok(awsx_s3_range_check(&get, object, &error) == expected, "%s", name);
}

static void
test_range_check(void)
{
	AwsxS3Object whole = {.size = 9,.range_start = -1,.total = 9};
	AwsxS3Object middle = {.size = 3,.range_start = 2,.total = 9};
	AwsxS3Object tail = {.size = 4,.range_start = 5,.total = 9};
	AwsxS3Object unknown = {.size = 4,.range_start = 5,.total = -1};

	is_asked(-1, -1, &whole, true, "all was asked for, and came");
	is_asked(2, 4, &whole, false, "the range was ignored");
	is_asked(0, 8, &whole, false, "also when it is all");
	is_asked(-1, -1, &middle, false, "a range without being asked");
	is_asked(2, 4, &middle, true, "the range");
	is_asked(2, 5, &middle, false, "a shorter one");
	is_asked(1, 3, &middle, false, "another one");
	is_asked(5, -1, &tail, true, "to the end");
	is_asked(5, 99, &tail, true, "beyond the end");
	is_asked(5, 7, &tail, false, "a longer one");
	is_asked(5, 8, &unknown, true, "of an unknown total");
	is_asked(5, 99, &unknown, false, "a shorter one of an unknown total");
	is_asked(5, -1, &unknown, true, "to an end that is not known");
}

/* As the reader of a large object does it: HEAD, then pieces. */
static void
test_pieces(void)
{
	static const char body[] = "The quick brown fox jumps over the lazy dog";
	AwsxHttpResponse head = make_answer("", 0);
	unsigned char sha[AWSX_SHA256_LEN];
	AwsxS3Digest digest;
	AwsxS3Object object;
	AwsxError	error;
	AwsxBuf		text;

	awsx_sha256(body, sizeof(body) - 1, sha);
	awsx_buf_init(&text, 0);
	awsx_base64_encode(&text, sha, sizeof(sha));
	awsx_headers_set(&head.headers, "Content-Length", "43");
	awsx_headers_set(&head.headers, SHA256, text.data);
	ok(awsx_s3_object_answer(&head, &object, &error) && object.checksum.kind == AWSX_S3_SHA256, "HEAD gives it");
	ok(awsx_s3_digest_init(&digest, &object.checksum, &error), "begun");
	for (size_t at = 0; at < sizeof(body) - 1; at++)
		awsx_s3_digest_update(&digest, body + at, 1);
	ok(awsx_s3_digest_check(&digest, &error), "the same in pieces");
	awsx_s3_digest_free(&digest);
	ok(awsx_s3_digest_init(&digest, &object.checksum, &error), "begun again");
	awsx_s3_digest_update(&digest, body, sizeof(body) - 2);
	ok(!awsx_s3_digest_check(&digest, &error) && error.kind == AWSX_ERR_INTEGRITY, "not without the last byte");
	awsx_s3_digest_free(&digest);
	ok(awsx_s3_digest_init(&digest, &object.checksum, &error), "begun and given up");
	awsx_s3_digest_free(&digest);
	awsx_s3_digest_free(&digest);
	object.checksum.kind = AWSX_S3_NO_CHECKSUM;
	ok(awsx_s3_digest_init(&digest, &object.checksum, &error), "nothing to compare with");
	awsx_s3_digest_update(&digest, body, sizeof(body));
	ok(awsx_s3_digest_check(&digest, &error), "all is right");
	awsx_buf_free(&text);
	awsx_http_response_free(&head);
}

int
main(void)
{
	test_crc();
	test_crc_pieces();
	test_known();
	test_ranges();
	test_range_check();
	test_pieces();
	return tap_done();
}
