/*
 * base64.c
 *	  Base64 both ways, strict where it reads: what does not come back to the
 *	  same text when encoded again is refused.
 */
#include "base64.h"

#include <stdint.h>
#include <string.h>

static const char alphabet[] =
"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

bool
awsx_base64_encode(AwsxBuf *out, const void *bytes, size_t len)
{
	const unsigned char *in = bytes;

	for (size_t i = 0; i < len; i += 3)
	{
		size_t		rest = len - i;
		uint32_t	word = (uint32_t) in[i] << 16;
		char		quad[4];

		if (rest > 1)
			word |= (uint32_t) in[i + 1] << 8;
		if (rest > 2)
			word |= in[i + 2];
		quad[0] = alphabet[word >> 18];
		quad[1] = alphabet[(word >> 12) & 63];
		quad[2] = rest > 1 ? alphabet[(word >> 6) & 63] : '=';
		quad[3] = rest > 2 ? alphabet[word & 63] : '=';
		awsx_buf_append(out, quad, 4);
	}
	return !out->failed;
}

/* The value of a letter of the alphabet, or -1. */
static int
letter_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

/* Decode one quad that carries 1..3 bytes, the rest being padding. */
static bool
decode_quad(const char *quad, int bytes, unsigned char *out)
{
	uint32_t	word = 0;

	for (int i = 0; i < 4; i++)
	{
		int			value = i <= bytes ? letter_value(quad[i]) : 0;

		if (value < 0)
			return false;
		word = word << 6 | (uint32_t) value;
	}
	for (int i = 0; i < bytes; i++)
		out[i] = (unsigned char) (word >> (16 - 8 * i));
	return (word & (0xffffffu >> (8 * bytes))) == 0;
}

bool
awsx_base64_decode(const char *text, size_t len, unsigned char *out, size_t *out_len)
{
	size_t		used = 0;

	if (len % 4 != 0)
		return false;
	for (size_t i = 0; i < len; i += 4)
	{
		int			bytes = 3;

		if (i + 4 == len && text[i + 3] == '=')
			bytes = text[i + 2] == '=' ? 1 : 2;
		if (!decode_quad(text + i, bytes, out + used))
			return false;
		used += (size_t) bytes;
	}
	*out_len = used;
	return true;
}
