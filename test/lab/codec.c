/*
 * codec.c
 *		Hex, base64, percent encoding, UTF-8, digests, ids and dates.
 *
 * Written for the lab alone: the programs under test have their own, and two
 * that agree prove more than one that is used twice.
 */
#define _GNU_SOURCE

#include "codec.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include <openssl/evp.h>

#define SHA256_BLOCK	64

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
	buf_reserve(out, (len + 2) / 3 * 4);
	out->len += (size_t) EVP_EncodeBlock((unsigned char *) out->data + out->len, data, (int) len);
}

bool
base64_decode(Buf *out, const char *text, size_t len)
{
	size_t		digits = strspn(text, ALPHANUMERIC "+/");
	size_t		pad = len - digits;

	/* the library takes blanks, and a "=" anywhere */
	if (digits > len || pad > 2 || len % 4 != 0 || strspn(text + digits, "=") < pad)
		return false;
	buf_reserve(out, len / 4 * 3);
	EVP_DecodeBlock((unsigned char *) out->data + out->len, (const unsigned char *) text, (int) len);
	out->len += len / 4 * 3 - pad;
	out->data[out->len] = '\0';
	return true;
}

void
percent_encode(Buf *out, const char *data, size_t len, const char *keep)
{
	for (size_t i = 0; i < len; i++)
	{
		unsigned char c = (unsigned char) data[i];

		if (c != '\0' && (strchr(ALPHANUMERIC "-_.~", c) != NULL || strchr(keep, c) != NULL))
			buf_add(out, &data[i], 1);
		else
			buf_addf(out, "%%%02X", c);
	}
}

bool
percent_decode(Buf *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
	{
		char		c = text[i];

		if (c == '%')
		{
			char		digits[3] = {i + 2 < len ? text[i + 1] : '\0', i + 2 < len ? text[i + 2] : '\0', '\0'};

			if (!isxdigit((unsigned char) digits[0]) || !isxdigit((unsigned char) digits[1]))
				return false;
			c = (char) strtoul(digits, NULL, 16);
			i += 2;
		}
		buf_add(out, &c, 1);
	}
	return true;
}

size_t
plain_run(const char *text, size_t len)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	size_t		at = 0;

	for (uint64_t word; at + sizeof(word) <= len; at += sizeof(word))
	{
		memcpy(&word, text + at, sizeof(word));
		/* in each byte: not ASCII, a quote, a backslash, or below a blank */
		if (((word | ((word ^ ones * '"') - ones) | ((word ^ ones * '\\') - ones) | (word - ones * ' ')) &
			 ones * 0x80) != 0)
			break;
	}
	while (at < len && text[at] >= ' ' && (unsigned char) text[at] < 0x80 && text[at] != '"' && text[at] != '\\')
		at++;
	return at;
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
utf8_valid(const char *text)
{
	size_t		len = strlen(text);
	uint32_t	point;

	for (size_t size = 1; len > 0 && size > 0; text += size, len -= size)
		size = utf8_char(text, len, &point);
	return len == 0;
}

/* Fetched once: looking an algorithm up costs more than hashing a short text. */
static const EVP_MD *
fetched(EVP_MD **algorithm, const char *name)
{
	if (*algorithm == NULL)
		*algorithm = EVP_MD_fetch(NULL, name, NULL);
	return *algorithm;
}

static EVP_MD *md5;
static EVP_MD *sha256;

/* Likewise the context.  Of two texts, one after the other. */
static unsigned int
digest(const EVP_MD *algorithm, const void *first, size_t first_len, const void *data, size_t len,
	   unsigned char out[EVP_MAX_MD_SIZE])
{
	static EVP_MD_CTX *context;
	unsigned int size = 0;

	if (context == NULL)
		context = EVP_MD_CTX_new();
	if (context == NULL || EVP_DigestInit_ex(context, algorithm, NULL) != 1 ||
		EVP_DigestUpdate(context, first, first_len) != 1 ||
		EVP_DigestUpdate(context, data, len) != 1 || EVP_DigestFinal_ex(context, out, &size) != 1)
		abort();
	return size;
}

static void
digest_hex(const EVP_MD *algorithm, const void *data, size_t len, char *out)
{
	unsigned char bytes[EVP_MAX_MD_SIZE];

	hex_encode(bytes, digest(algorithm, "", 0, data, len, bytes), out);
}

void
md5_hex(const void *data, size_t len, char out[MD5_HEX])
{
	digest_hex(fetched(&md5, "MD5"), data, len, out);
}

void
sha256_hex(const void *data, size_t len, char out[SHA256_HEX])
{
	digest_hex(fetched(&sha256, "SHA256"), data, len, out);
}

/* RFC 2104; the library's own takes five times as long to begin. */
void
hmac_sha256(const void *key, size_t key_len, const void *data, size_t len,
			unsigned char out[SHA256_LEN])
{
	const EVP_MD *algorithm = fetched(&sha256, "SHA256");
	unsigned char pad[SHA256_BLOCK] = {0};
	unsigned char inner[EVP_MAX_MD_SIZE];
	unsigned char outer[EVP_MAX_MD_SIZE];

	if (key_len > sizeof(pad))
		digest(algorithm, "", 0, key, key_len, pad);
	else
		memcpy(pad, key, key_len);
	for (size_t i = 0; i < sizeof(pad); i++)
		pad[i] ^= 0x36;
	digest(algorithm, pad, sizeof(pad), data, len, inner);
	for (size_t i = 0; i < sizeof(pad); i++)
		pad[i] ^= 0x36 ^ 0x5C;
	digest(algorithm, pad, sizeof(pad), inner, SHA256_LEN, outer);
	memcpy(out, outer, SHA256_LEN);
}

/* The last steps of splitmix64. */
uint64_t
mix_u64(uint64_t z)
{
	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
	z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
	return z ^ (z >> 31);
}

/* splitmix64 from a random start: ids must differ, not be secret. */
uint64_t
random_u64(void)
{
	static uint64_t state;

	if (state == 0 && getrandom(&state, sizeof(state), 0) != sizeof(state))
		state = (uint64_t) time(NULL);
	return mix_u64(state += 0x9E3779B97F4A7C15u);
}

void
random_uuid(char out[UUID_TEXT])
{
	uint64_t	half[2] = {random_u64(), random_u64()};
	char		hex[33];

	hex_encode(half, sizeof(half), hex);
	hex[12] = '4';
	hex[16] = "89ab"[half[0] & 3];
	for (int i = 0; i < 32; i++)
	{
		if (i == 8 || i == 12 || i == 16 || i == 20)
			*out++ = '-';
		*out++ = hex[i];
	}
	*out = '\0';
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
	char		seconds[24];

	format_time(seconds, sizeof(seconds), "%Y-%m-%dT%H:%M:%S", epoch_ms);
	snprintf(out, 32, "%s.%03uZ", seconds, (unsigned) (epoch_ms % 1000));
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
