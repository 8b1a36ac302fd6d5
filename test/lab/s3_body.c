/*
 * s3_body.c
 *		Payloads of uploads: the aws-chunked form, digests and checksums.
 *
 * SDKs send an upload either plain or as aws-chunked: chunks with their size
 * in hex (and, when signed, a signature that the lab does not verify, since
 * the first one is bound to the verified header), then trailing headers.
 * Whatever digest comes in a header or a trailer is computed anew and
 * compared; checksums are kept with the object.
 */
#define _GNU_SOURCE

#include "s3.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/evp.h>

typedef struct Algorithm
{
	const char *header;
	const char *digest;			/* NULL: a CRC */
	unsigned int len;			/* in bytes */
	uint64_t	polynomial;		/* bit-reversed */
} Algorithm;

static const Algorithm algorithms[] = {
	{"content-md5", "MD5", 16, 0},
	{"x-amz-checksum-crc32", NULL, 4, 0xEDB88320},
	{"x-amz-checksum-crc32c", NULL, 4, 0x82F63B78},
	{"x-amz-checksum-crc64nvme", NULL, 8, 0x9A6C9329AC4BC9B5},
	{"x-amz-checksum-sha1", "SHA1", 20, 0},
	{"x-amz-checksum-sha256", "SHA256", 32, 0},
};

#define MD5				(&algorithms[0])
#define WHEN_NONE_CAME	(&algorithms[3])	/* what S3 computes by itself */
#define N_ALGORITHMS	(sizeof(algorithms) / sizeof(algorithms[0]))

/* What one byte does to the remainder; made at first use. */
static const uint64_t *
crc_table(const Algorithm *algorithm)
{
	static uint64_t tables[N_ALGORITHMS][256];
	uint64_t   *table = tables[algorithm - algorithms];

	for (uint64_t byte = 0; table[255] == 0 && byte < 256; byte++)
	{
		uint64_t	entry = byte;

		for (int bit = 0; bit < 8; bit++)
			entry = entry >> 1 ^ (entry & 1 ? algorithm->polynomial : 0);
		table[byte] = entry;
	}
	return table;
}

static uint64_t
crc(const Algorithm *algorithm, const Buf *data)
{
	const uint64_t *table = crc_table(algorithm);
	uint64_t	ones = algorithm->len == 8 ? UINT64_MAX : UINT32_MAX;
	uint64_t	value = ones;

	for (size_t i = 0; i < data->len; i++)
		value = table[(value ^ (unsigned char) data->data[i]) & 255] ^ value >> 8;
	return value ^ ones;
}

/* As it stands in headers: base64 of the digest, or of the CRC's big-endian bytes. */
static void
compute(const Algorithm *algorithm, const Buf *data, Buf *out)
{
	unsigned char bytes[EVP_MAX_MD_SIZE];
	uint64_t	value;

	if (algorithm->digest != NULL)
		EVP_Digest(data->data, data->len, bytes, NULL, EVP_get_digestbyname(algorithm->digest), NULL);
	else
	{
		value = crc(algorithm, data);
		for (unsigned int i = algorithm->len; i-- > 0; value >>= 8)
			bytes[i] = (unsigned char) value;
	}
	base64_encode(out, bytes, algorithm->len);
}

typedef struct Upload
{
	Exchange   *x;
	Buf		   *payload;
	json_t	   *checksums;
} Upload;

/* A header or trailer; if it is a digest, it must be the payload's. */
static void
check_digest(void *arg, const char *name, const char *value)
{
	Upload	   *upload = arg;
	Buf			computed = {0};
	size_t		i = 0;

	while (i < N_ALGORITHMS && strcasecmp(algorithms[i].header, name) != 0)
		i++;
	if (i == N_ALGORITHMS || upload->x->answered)
		return;
	compute(&algorithms[i], upload->payload, &computed);
	if (strlen(value) != computed.len)
		s3_error(upload->x, &algorithms[i] == MD5 ? "InvalidDigest" : "InvalidRequest", NULL);
	else if (strcmp(computed.data, value) != 0)
		s3_error(upload->x, "BadDigest", NULL);
	else if (&algorithms[i] != MD5)
		json_object_set_new(upload->checksums, algorithms[i].header, json_string(value));
	buf_free(&computed);
}

/* The line at *at without its CRLF, ended by a NUL instead; NULL when it is not ended. */
static char *
take_line(char **at, const char *end)
{
	char	   *line = *at;
	char	   *stop = memmem(line, (size_t) (end - line), "\r\n", 2);

	if (stop == NULL)
		return NULL;
	*stop = '\0';
	*at = stop + 2;
	return line;
}

/* Chunks up to and including the empty one; *at is left at the trailer. */
static bool
take_chunks(char **at, const char *end, Buf *payload)
{
	char	   *line;

	while ((line = take_line(at, end)) != NULL)
	{
		char	   *stop;
		unsigned long long size = strtoull(line, &stop, 16);

		if (stop == line || (*stop != '\0' && *stop != ';'))
			return false;
		if (size == 0)
			return true;
		if ((size_t) (end - *at) < 2 || size > (size_t) (end - *at) - 2 || memcmp(*at + size, "\r\n", 2) != 0)
			return false;
		buf_add(payload, *at, (size_t) size);
		*at += size + 2;
	}
	return false;
}

static void
read_chunked(Upload *upload)
{
	const char *decoded_length = http_header(upload->x, "x-amz-decoded-content-length");
	const char *announced = http_header(upload->x, "x-amz-trailer");
	char	   *at = upload->x->body.data;
	char	   *end = at + upload->x->body.len;
	char	   *line;
	char	   *colon;

	if (at == NULL || !take_chunks(&at, end, upload->payload) ||
		(decoded_length != NULL && strtoull(decoded_length, NULL, 10) != upload->payload->len))
	{
		s3_error(upload->x, "IncompleteBody", NULL);
		return;
	}
	while ((line = take_line(&at, end)) != NULL && (colon = strchr(line, ':')) != NULL)
	{
		*colon = '\0';
		check_digest(upload, line, colon + 1 + strspn(colon + 1, " "));
	}
	if (!upload->x->answered && announced != NULL && json_object_get(upload->checksums, announced) == NULL)
		s3_error(upload->x, "MalformedTrailerError", NULL);
}

bool
s3_read_payload(Exchange *x, Buf *payload, json_t *checksums)
{
	const char *kind = http_header(x, "x-amz-content-sha256");
	Upload		upload = {x, payload, checksums};
	Buf			computed = {0};

	buf_adds(payload, "");
	if (kind != NULL && strncmp(kind, "STREAMING-", 10) == 0)
		read_chunked(&upload);
	else
		buf_add(payload, x->body.data, x->body.len);
	http_headers(x, &upload, check_digest);
	if (json_object_size(checksums) == 0)
	{
		compute(WHEN_NONE_CAME, payload, &computed);
		json_object_set_new(checksums, WHEN_NONE_CAME->header, json_string(computed.data));
		buf_free(&computed);
	}
	json_object_set_new(checksums, "x-amz-checksum-type", json_string("FULL_OBJECT"));
	return !x->answered;
}
