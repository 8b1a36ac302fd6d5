/*
 * text.c
 *	  Bytes as text: ASCII classes by comparison, UTF-8 by its own table.
 */
#include "text.h"

char
awsx_text_upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char) (c - 'a' + 'A') : c;
}

bool
awsx_text_equal(const char *a, const char *b)
{
	while (*a != '\0' && awsx_text_lower(*a) == awsx_text_lower(*b))
	{
		a++;
		b++;
	}
	return awsx_text_lower(*a) == awsx_text_lower(*b);
}

bool
awsx_text_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool
awsx_text_is_alnum(char c)
{
	char		lower = awsx_text_lower(c);

	return (lower >= 'a' && lower <= 'z') || awsx_text_is_digit(c);
}

int
awsx_text_hex_value(char c)
{
	char		lower = awsx_text_lower(c);

	if (awsx_text_is_digit(c))
		return c - '0';
	if (lower >= 'a' && lower <= 'f')
		return lower - 'a' + 10;
	return -1;
}

size_t
awsx_text_utf8_sequence(const char *bytes, size_t len)
{
	const unsigned char *u = (const unsigned char *) bytes;
	unsigned char low = 0x80;
	unsigned char high = 0xBF;
	size_t		need;

	if (len == 0)
		return 0;
	if (u[0] < 0x80)
		return 1;
	if (u[0] < 0xC2 || u[0] > 0xF4)
		return 0;
	need = u[0] < 0xE0 ? 2 : u[0] < 0xF0 ? 3 : 4;
	if (len < need)
		return 0;

	/* The second byte's range excludes overlong forms and surrogates. */
	if (u[0] == 0xE0)
		low = 0xA0;
	else if (u[0] == 0xED)
		high = 0x9F;
	else if (u[0] == 0xF0)
		low = 0x90;
	else if (u[0] == 0xF4)
		high = 0x8F;
	if (u[1] < low || u[1] > high)
		return 0;
	for (size_t i = 2; i < need; i++)
	{
		if (u[i] < 0x80 || u[i] > 0xBF)
			return 0;
	}
	return need;
}

static bool
is_plain(char c)
{
	return c >= ' ' && (unsigned char) c < 0x80 && c != '"' && c != '\\';
}

size_t
awsx_text_plain_run(const char *bytes, size_t len)
{
	size_t		at = 0;

	while (at + 8 <= len)
	{
		int			plain = awsx_text_plain_of_eight(bytes + at);

		at += (size_t) plain;
		if (plain < 8)
			return at;
	}
	while (at < len && is_plain(bytes[at]))
		at++;
	return at;
}
