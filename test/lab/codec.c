/*
 * codec.c
 *		Hex, base64, percent encoding, UTF-8, digests, ids and dates.
 *
 * Written for the lab alone: the programs under test have their own, and two
 * that agree prove more than one that is used twice.
 */
#define _GNU_SOURCE

#include "codec.h"

#include <string.h>
#include <sys/random.h>
#include <time.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

static const char base64_digits[] =
"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void
hex_encode(const void *data, size_t len, char *out)
{
	const unsigned char *byte = data;

	for (size_t i = 0; i < len; i++)
	{
		*out++ = "0123456789abcdef"[byte[i] >> 4];
		*out++ = "0123456789abcdef"[byte[i] & 15];
	}
	*out = '\0';
}

void
base64_encode(Buf *out, const void *data, size_t len)
{
	const unsigned char *byte = data;

	for (size_t i = 0; i < len; i += 3)
	{
		uint32_t	bits = (uint32_t) byte[i] << 16;
		char		quad[4];

		if (i + 1 < len)
			bits |= (uint32_t) byte[i + 1] << 8;
		if (i + 2 < len)
			bits |= byte[i + 2];
		quad[0] = base64_digits[bits >> 18];
		quad[1] = base64_digits[bits >> 12 & 63];
		quad[2] = i + 1 < len ? base64_digits[bits >> 6 & 63] : '=';
		quad[3] = i + 2 < len ? base64_digits[bits & 63] : '=';
		buf_add(out, quad, 4);
	}
}

static int
base64_value(char c)
{
	static signed char values[256];

	if (values['A'] == values['B'])
	{
		memset(values, -1, sizeof(values));
		for (int i = 0; i < 64; i++)
			values[(unsigned char) base64_digits[i]] = (signed char) i;
	}
	return values[(unsigned char) c];
}

bool
base64_decode(Buf *out, const char *text, size_t len)
{
	size_t		start = out->len;

	if (len % 4 != 0)
		return false;
	for (size_t i = 0; i < len; i += 4)
	{
		size_t		pad = i + 4 < len || text[i + 3] != '=' ? 0 : text[i + 2] == '=' ? 2 : 1;
		uint32_t	bits = 0;
		char		bytes[3];

		for (size_t k = 0; k < 4; k++)
		{
			int			value = k >= 4 - pad ? 0 : base64_value(text[i + k]);

			if (value < 0)
			{
				out->len = start;
				return false;
			}
			bits = bits << 6 | (uint32_t) value;
		}
		bytes[0] = (char) (bits >> 16);
		bytes[1] = (char) (bits >> 8);
		bytes[2] = (char) bits;
		buf_add(out, bytes, 3 - pad);
	}
	return true;
}

static bool
is_unreserved(unsigned char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
		c == '-' || c == '_' || c == '.' || c == '~';
}

void
percent_encode(Buf *out, const char *data, size_t len, const char *keep)
{
	for (size_t i = 0; i < len; i++)
	{
		unsigned char c = (unsigned char) data[i];

		if (is_unreserved(c) || (c != '\0' && strchr(keep, c) != NULL))
			buf_add(out, &data[i], 1);
		else
			buf_addf(out, "%%%02X", c);
	}
}

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

bool
percent_decode(Buf *out, const char *text, size_t len, bool plus_is_space)
{
	for (size_t i = 0; i < len; i++)
	{
		char		c = text[i];

		if (c == '%')
		{
			int			high = i + 2 < len ? hex_value(text[i + 1]) : -1;
			int			low = i + 2 < len ? hex_value(text[i + 2]) : -1;

			if (high < 0 || low < 0)
				return false;
			c = (char) (high << 4 | low);
			i += 2;
		}
		else if (c == '+' && plus_is_space)
			c = ' ';
		buf_add(out, &c, 1);
	}
	return true;
}

size_t
utf8_char(const char *data, size_t len, uint32_t *point)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned char lead = (unsigned char) data[0];
	size_t		size = lead < 0x80 ? 1 : (lead & 0xE0) == 0xC0 ? 2 : (lead & 0xF0) == 0xE0 ? 3 :
		(lead & 0xF8) == 0xF0 ? 4 : 0;

	if (size == 0 || size > len)
		return 0;
	*point = size == 1 ? lead : lead & (0x7Fu >> size);
	for (size_t i = 1; i < size; i++)
	{
		if (((unsigned char) data[i] & 0xC0) != 0x80)
			return 0;
		*point = *point << 6 | ((unsigned char) data[i] & 0x3F);
	}
	if (*point < least[size] || *point > 0x10FFFF || (*point >= 0xD800 && *point < 0xE000))
		return 0;
	return size;
}

bool
utf8_valid(const char *data, size_t len)
{
	uint32_t	point;
	size_t		size;

	for (size_t i = 0; i < len; i += size)
	{
		if ((size = utf8_char(data + i, len - i, &point)) == 0)
			return false;
	}
	return true;
}

/* Fetched once: looking an algorithm up costs more than hashing a short text. */
static const EVP_MD *
digest_md5(void)
{
	static EVP_MD *md5;

	if (md5 == NULL)
		md5 = EVP_MD_fetch(NULL, "MD5", NULL);
	return md5;
}

static const EVP_MD *
digest_sha256(void)
{
	static EVP_MD *sha256;

	if (sha256 == NULL)
		sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	return sha256;
}

void
md5_bytes(const void *data, size_t len, unsigned char out[MD5_LEN])
{
	EVP_Digest(data, len, out, NULL, digest_md5(), NULL);
}

void
md5_hex(const void *data, size_t len, char out[MD5_HEX])
{
	unsigned char digest[MD5_LEN];

	md5_bytes(data, len, digest);
	hex_encode(digest, sizeof(digest), out);
}

void
sha256_bytes(const void *data, size_t len, unsigned char out[SHA256_LEN])
{
	EVP_Digest(data, len, out, NULL, digest_sha256(), NULL);
}

void
sha256_hex(const void *data, size_t len, char out[SHA256_HEX])
{
	unsigned char digest[SHA256_LEN];

	sha256_bytes(data, len, digest);
	hex_encode(digest, sizeof(digest), out);
}

void
hmac_sha256(const void *key, size_t key_len, const void *data, size_t len,
			unsigned char out[SHA256_LEN])
{
	HMAC(digest_sha256(), key, (int) key_len, data, len, out, NULL);
}

/* splitmix64 from a random start: ids must differ, not be secret. */
uint64_t
random_u64(void)
{
	static uint64_t state;
	uint64_t	z;

	if (state == 0 && getrandom(&state, sizeof(state), 0) != sizeof(state))
		state = (uint64_t) time(NULL);
	z = (state += 0x9E3779B97F4A7C15u);
	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
	z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
	return z ^ (z >> 31);
}

void
random_uuid(char out[UUID_TEXT])
{
	uint64_t	half[2] = {random_u64(), random_u64()};
	char		hex[33];

	hex_encode(half, sizeof(half), hex);
	hex[12] = '4';
	hex[16] = "89ab"[half[0] & 3];
	for (int i = 0, k = 0; i < 32; i++)
	{
		if (i == 8 || i == 12 || i == 16 || i == 20)
			out[k++] = '-';
		out[k++] = hex[i];
	}
	out[UUID_TEXT - 1] = '\0';
}

void
format_time(char *out, size_t size, const char *format, int64_t epoch_ms)
{
	time_t		seconds = (time_t) (epoch_ms / 1000);
	struct tm	parts;

	gmtime_r(&seconds, &parts);
	if (strftime(out, size, format, &parts) == 0)
		out[0] = '\0';
}

void
format_iso_ms(char out[32], int64_t epoch_ms)
{
	static const char digits[] = "0123456789";
	int			ms = (int) (epoch_ms % 1000);

	format_time(out, 26, "%Y-%m-%dT%H:%M:%S.000Z", epoch_ms);
	out[20] = digits[ms / 100];
	out[21] = digits[ms / 10 % 10];
	out[22] = digits[ms % 10];
}

int64_t
parse_amz_date(const char *text)
{
	struct tm	parts = {0};
	const char *end = strptime(text, "%Y%m%dT%H%M%SZ", &parts);

	if (end == NULL || *end != '\0' || strlen(text) != 16)
		return -1;
	return (int64_t) timegm(&parts) * 1000;
}
