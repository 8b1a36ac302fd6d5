/*
 * s3_body.c
 *		Payloads of uploads: the aws-chunked form, digests and checksums.
 *
 * SDKs send an upload either plain or as aws-chunked: chunks with their size
 * in hex (and, when signed, a signature that the lab does not verify, since
 * the first one is bound to the verified header), then trailing headers, of
 * which a checksum is the only one known.  Whatever digest a client sends,
 * in a header or a trailer, is computed anew and compared.
 */
#define _GNU_SOURCE

#include "s3.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/evp.h>

#include "codec.h"

typedef struct Algorithm
{
	const char *header;
	int			crc_bits;		/* 0: a digest */
	uint64_t	polynomial;		/* bit-reversed */
	const char *digest;
} Algorithm;

static const Algorithm algorithms[] = {
	{"x-amz-checksum-crc32", 32, 0xEDB88320, NULL},
	{"x-amz-checksum-crc32c", 32, 0x82F63B78, NULL},
	{"x-amz-checksum-crc64nvme", 64, 0x9A6C9329AC4BC9B5, NULL},
	{"x-amz-checksum-sha1", 0, 0, "SHA1"},
	{"x-amz-checksum-sha256", 0, 0, "SHA256"},
};

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
	uint64_t	ones = algorithm->crc_bits == 64 ? UINT64_MAX : UINT32_MAX;
	uint64_t	value = ones;

	for (size_t i = 0; i < data->len; i++)
		value = table[(value ^ (unsigned char) data->data[i]) & 255] ^ value >> 8;
	return value ^ ones;
}

/* The checksum as it stands in headers: base64 of big-endian bytes. */
static void
checksum(const Algorithm *algorithm, const Buf *data, Buf *out)
{
	unsigned char bytes[EVP_MAX_MD_SIZE];
	unsigned int len = (unsigned int) algorithm->crc_bits / 8;
	uint64_t	value;

	if (algorithm->crc_bits > 0)
	{
		value = crc(algorithm, data);
		for (unsigned int i = len; i-- > 0; value >>= 8)
			bytes[i] = (unsigned char) value;
	}
	else
		EVP_Digest(data->data, data->len, bytes, &len, EVP_get_digestbyname(algorithm->digest), NULL);
	base64_encode(out, bytes, len);
}

/* Compares, and keeps the value with the object. */
static bool
check_checksum(Exchange *x, const Algorithm *algorithm, const char *claimed, const Buf *payload,
			   json_t *headers)
{
	Buf			computed = {0};
	bool		same;

	checksum(algorithm, payload, &computed);
	same = strcmp(computed.data, claimed) == 0;
	if (same)
		json_object_set_new(headers, algorithm->header, json_string(computed.data));
	buf_free(&computed);
	if (!same)
		s3_error(x, "BadDigest");
	return same;
}

static bool
check_md5(Exchange *x, const Buf *payload)
{
	const char *claimed = http_header(x, "Content-MD5");
	unsigned char digest[MD5_LEN];
	Buf			sent = {0};
	bool		sound;

	if (claimed == NULL)
		return true;
	md5_bytes(payload->data, payload->len, digest);
	sound = base64_decode(&sent, claimed, strlen(claimed)) && sent.len == MD5_LEN;
	if (!sound)
		s3_error(x, "InvalidDigest");
	else if (memcmp(sent.data, digest, MD5_LEN) != 0)
		s3_error(x, "BadDigest");
	buf_free(&sent);
	return !x->answered;
}

/* The line at *at without its CRLF; false when it is not ended. */
static bool
take_line(const char **at, const char *end, const char **line, size_t *len)
{
	const char *stop = memmem(*at, (size_t) (end - *at), "\r\n", 2);

	if (stop == NULL)
		return false;
	*line = *at;
	*len = (size_t) (stop - *at);
	*at = stop + 2;
	return true;
}

/* Chunks up to and including the empty one; *at is left at the trailer. */
static bool
take_chunks(const char **at, const char *end, Buf *payload)
{
	const char *line;
	size_t		len;

	while (take_line(at, end, &line, &len))
	{
		char	   *stop;
		unsigned long long size = strtoull(line, &stop, 16);

		if (stop == line || stop > line + len || (stop < line + len && *stop != ';'))
			return false;
		if (size == 0)
			return true;
		if (size > (unsigned long long) (end - *at) || (size_t) (end - *at) - size < 2 ||
			memcmp(*at + size, "\r\n", 2) != 0)
			return false;
		buf_add(payload, *at, (size_t) size);
		*at += size + 2;
	}
	return false;
}

/* Trailing headers: "name:value" lines, up to an empty one or the end. */
static bool
check_trailer(Exchange *x, const char *at, const char *end, const Buf *payload, json_t *headers)
{
	const char *line;
	size_t		len;

	while (take_line(&at, end, &line, &len) && len > 0)
	{
		for (size_t i = 0; i < N_ALGORITHMS; i++)
		{
			size_t		name_len = strlen(algorithms[i].header);
			char	   *value;
			bool		sound;

			if (len <= name_len || line[name_len] != ':' ||
				strncasecmp(line, algorithms[i].header, name_len) != 0)
				continue;
			value = mem_strndup(line + name_len + 1, len - name_len - 1);
			sound = check_checksum(x, &algorithms[i], value + strspn(value, " "), payload, headers);
			free(value);
			if (!sound)
				return false;
		}
	}
	return true;
}

static bool
read_chunked(Exchange *x, Buf *payload, json_t *headers)
{
	const char *decoded_length = http_header(x, "x-amz-decoded-content-length");
	const char *at = x->body.data;
	const char *end = at + x->body.len;

	if (!take_chunks(&at, end, payload) ||
		(decoded_length != NULL && strtoull(decoded_length, NULL, 10) != payload->len))
	{
		s3_error(x, "IncompleteBody");
		return false;
	}
	return check_trailer(x, at, end, payload, headers);
}

bool
s3_read_payload(Exchange *x, Buf *payload, json_t *headers)
{
	const char *kind = http_header(x, "x-amz-content-sha256");
	bool		sound = true;

	buf_adds(payload, "");
	if (kind != NULL && strncmp(kind, "STREAMING-", 10) == 0)
		sound = read_chunked(x, payload, headers);
	else
		buf_add(payload, x->body.data, x->body.len);
	sound = sound && check_md5(x, payload);
	for (size_t i = 0; sound && i < N_ALGORITHMS; i++)
	{
		const char *claimed = http_header(x, algorithms[i].header);

		sound = claimed == NULL || check_checksum(x, &algorithms[i], claimed, payload, headers);
	}
	if (!sound)
		buf_free(payload);
	return sound;
}
